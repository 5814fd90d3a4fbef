// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package local

import (
	"context"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/fold"
	"aof.dev/operator/pkg/ledger"
)

// The kinds of the documents that hold tallies, by namespace and name.
const (
	tallyBinding = "tally/flowbinding"
	tallyFlow    = "tally/agentflow"
	tallyAgent   = "tally/agent"
)

// foldBatch is how many runs are counted in one transaction.
const foldBatch = 100

// fold counts every run that is over and not yet counted, each exactly once.
func (s *Server) fold(ctx context.Context) error {
	for {
		n, err := s.store.Fold(ctx, foldBatch, foldRun)
		if err != nil {
			return fmt.Errorf("fold: %w", err)
		}
		if n < foldBatch {
			return nil
		}
	}
}

func foldRun(docs ledger.Documents, run *aofv1.FlowRun) error {
	counted := fold.RunOf(run)
	if b := run.Spec.Binding; b != nil {
		if err := add(docs, tallyBinding, b.NamespacedName(run.Namespace), counted); err != nil {
			return err
		}
	}
	if err := add(docs, tallyFlow, run.Spec.Flow.NamespacedName(run.Namespace), counted); err != nil {
		return err
	}
	for i := range run.Status.Nodes {
		name, turn, ok := agentTurn(&run.Status.Nodes[i])
		if !ok {
			continue
		}
		if err := add(docs, tallyAgent, types.NamespacedName{Namespace: run.Spec.Flow.NamespacedName(run.Namespace).Namespace, Name: name}, turn); err != nil {
			return err
		}
	}
	return nil
}

func add(docs ledger.Documents, kind string, key types.NamespacedName, run fold.Run) error {
	var tally fold.Tally
	if _, err := docs.Load(kind, key.String(), &tally); err != nil {
		return err
	}
	tally.Add(run)
	return docs.Save(kind, key.String(), &tally)
}

// agentTurn is one agent's part in a run, read from its node's output.
func agentTurn(n *aofv1.NodeStatus) (name string, turn fold.Run, ok bool) {
	if n.Type != string(flow.KindAgent) || n.EndTime == nil || n.Output == nil {
		return "", turn, false
	}
	var output struct {
		Agent string `json:"agent"`
	}
	if json.Unmarshal(n.Output.Raw, &output) != nil || output.Agent == "" {
		return "", turn, false
	}
	turn.Ended = n.EndTime.Time
	if n.StartTime != nil {
		turn.Duration = n.EndTime.Sub(n.StartTime.Time)
	}
	return output.Agent, turn, true
}
