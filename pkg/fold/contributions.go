// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package fold

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/types"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/flow"
)

// The kinds that have tallies.
const (
	KindBinding = "flowbinding"
	KindFlow    = "agentflow"
	KindAgent   = "agent"
)

// Target is an object that runs are counted for.
type Target struct {
	Kind string
	types.NamespacedName
}

// Contributions is what a run that is over adds to which tally: one execution to
// those of its binding and its flow, and a turn of every agent that was asked.
func Contributions(run *aofv1.FlowRun) map[Target][]Run {
	out := map[Target][]Run{}
	whole := RunOf(run)
	if b := run.Spec.Binding; b != nil {
		out[Target{KindBinding, b.NamespacedName(run.Namespace)}] = []Run{whole}
	}
	flowName := run.Spec.Flow.NamespacedName(run.Namespace)
	out[Target{KindFlow, flowName}] = []Run{whole}
	for i := range run.Status.Nodes {
		if name, turn, ok := agentTurn(&run.Status.Nodes[i]); ok {
			t := Target{KindAgent, types.NamespacedName{Namespace: flowName.Namespace, Name: name}}
			out[t] = append(out[t], turn)
		}
	}
	return out
}

// agentTurn is one agent's part in a run, read from its node's output. One that
// was taken over from another run is counted with that.
func agentTurn(n *aofv1.NodeStatus) (name string, turn Run, ok bool) {
	if n.Type != string(flow.KindAgent) || n.EndTime == nil || n.Output == nil || n.TakenFrom != "" {
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
