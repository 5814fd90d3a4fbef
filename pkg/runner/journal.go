// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/flow"
)

// readJournal turns the nodes in a run's status into the engine's entries.
func readJournal(run *aofv1.FlowRun) ([]flow.NodeState, error) {
	entries := make([]flow.NodeState, 0, len(run.Status.Nodes))
	for i := range run.Status.Nodes {
		n := &run.Status.Nodes[i]
		entry := flow.NodeState{
			ID: n.ID, Kind: flow.Kind(n.Type), Phase: flow.Phase(n.Phase), Attempt: int(n.Attempt), Exports: n.Exports,
			Grant: n.Grant, NotBefore: timeOf(n.NotBefore), StartedAt: timeOf(n.StartTime), EndedAt: timeOf(n.EndTime), TakenFrom: n.TakenFrom,
		}
		if entry.Phase == flow.PhasePending && entry.Attempt > 0 {
			entry.Phase = flow.PhaseRunning // for the engine it is; the executor has not begun
		}
		if n.Output != nil && len(n.Output.Raw) > 0 {
			if err := decodeOutput(n.Output.Raw, &entry.Output); err != nil {
				return nil, fmt.Errorf("status.nodes[%d].output: %w", i, err)
			}
		}
		if n.Error != nil {
			entry.Error = &flow.NodeError{Reason: n.Error.Reason, Message: n.Error.Message}
		}
		if n.Usage != nil {
			entry.Usage = flow.Usage{InputTokens: n.Usage.InputTokens, OutputTokens: n.Usage.OutputTokens}
		}
		if n.Wait != nil {
			entry.Wait = &flow.Wait{
				Kind: flow.WaitKind(n.Wait.Kind), Message: n.Wait.Message, Until: timeOf(n.Wait.Until), Details: n.Wait.Details,
			}
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

// journalled gives the entry that the ledger has for each node.
func journalled(run *aofv1.FlowRun) map[string]mark {
	marks := make(map[string]mark, len(run.Status.Nodes))
	for i := range run.Status.Nodes {
		n := &run.Status.Nodes[i]
		marks[n.ID] = mark{phase: flow.Phase(n.Phase), attempt: int(n.Attempt)}
	}
	return marks
}

// decodeOutput keeps integers that a float64 can't hold; the engine knows what
// to do with a json.Number.
func decodeOutput(raw []byte, into *any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return d.Decode(into)
}

// writeJournal puts the engine's state into a run's status: what was begun or
// skipped, in plan order, without secrets. An attempt that is due and has not
// begun is Pending: whoever goes on may begin it.
func writeJournal(status *aofv1.FlowRunStatus, s flow.State, begun map[string]bool, secrets *Secrets) error {
	status.Nodes = status.Nodes[:0]
	status.Waiting = nil
	for i := range s.Nodes {
		if s.Nodes[i].Phase == flow.PhasePending {
			continue
		}
		n := secrets.redactNode(s.Nodes[i])
		if n.Phase == flow.PhaseRunning && !begun[n.ID] {
			n.Phase = flow.PhasePending
		}
		entry, err := nodeStatus(&n)
		if err != nil {
			return err
		}
		status.Nodes = append(status.Nodes, entry)
		if n.Phase == flow.PhaseWaiting && entry.Wait != nil {
			status.Waiting = append(status.Waiting, *entry.Wait)
		}
	}
	if usage := s.Usage(); usage != (flow.Usage{}) {
		status.Usage = tokenUsage(usage)
	}
	return nil
}

func nodeStatus(n *flow.NodeState) (aofv1.NodeStatus, error) {
	out := aofv1.NodeStatus{
		ID: n.ID, Type: string(n.Kind), Phase: aofv1.NodePhase(n.Phase), Attempt: int64(n.Attempt), Exports: n.Exports,
		Grant: n.Grant, NotBefore: microTime(n.NotBefore), StartTime: microTime(n.StartedAt), EndTime: microTime(n.EndedAt), TakenFrom: n.TakenFrom,
	}
	if !n.StartedAt.IsZero() && !n.EndedAt.IsZero() {
		out.Duration = aofv1.ShortDuration(n.EndedAt.Sub(n.StartedAt))
	}
	if n.Output != nil {
		raw, err := json.Marshal(n.Output)
		if err != nil {
			return out, fmt.Errorf("node %s: output: %w", n.ID, err)
		}
		out.Output = &runtime.RawExtension{Raw: raw}
	}
	switch {
	case n.Error != nil:
		out.Error = &aofv1.RunError{Node: n.ID, Reason: n.Error.Reason, Message: n.Error.Message}
	case n.Reason != "":
		out.Error = &aofv1.RunError{Node: n.ID, Reason: n.Reason}
	}
	if n.Usage != (flow.Usage{}) {
		out.Usage = tokenUsage(n.Usage)
	}
	if n.Wait != nil {
		out.Wait = &aofv1.WaitStatus{Node: n.ID, Kind: string(n.Wait.Kind), Message: n.Wait.Message, Until: microTime(n.Wait.Until), Details: n.Wait.Details}
	}
	return out, nil
}

func tokenUsage(u flow.Usage) *aofv1.TokenUsage {
	return &aofv1.TokenUsage{InputTokens: u.InputTokens, OutputTokens: u.OutputTokens}
}

func timeOf(t *metav1.MicroTime) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}

func microTime(t time.Time) *metav1.MicroTime {
	if t.IsZero() {
		return nil
	}
	m := metav1.NewMicroTime(t)
	return &m
}
