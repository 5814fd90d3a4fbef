// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/cli/remote"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/plan"
)

// shape is how the nodes of a run hang together, which its journal does not say.
// The zero value is a shape nobody knows.
type shape struct {
	nodes  []flow.Node
	before map[string][]string // the nodes that lead to a node
}

// shapeOf asks for the plan of a run, or on aof dev for its flow. It is a help to
// the reader: when it can't be had the run is shown without.
func shapeOf(ctx context.Context, c *remote.Client, u *unstructured.Unstructured) *shape {
	run, err := readRun(u)
	if err != nil {
		return nil
	}
	definition, ok := planFlow(ctx, c, run)
	if !ok {
		definition, ok = presentFlow(ctx, c, run)
	}
	if !ok {
		return nil
	}
	s := &shape{nodes: definition.Nodes, before: map[string][]string{}}
	known := map[string]bool{}
	for _, n := range definition.Nodes {
		known[n.ID] = true
		s.before[n.ID] = append(s.before[n.ID], n.DependsOn...)
	}
	for _, e := range definition.Edges {
		if known[e.From] && !slices.Contains(s.before[e.To], e.From) {
			s.before[e.To] = append(s.before[e.To], e.From)
		}
	}
	for i := range run.Status.Nodes {
		if !known[run.Status.Nodes[i].ID] {
			return nil // the flow is another one by now
		}
	}
	return s
}

func planFlow(ctx context.Context, c *remote.Client, run *aofv1.FlowRun) (flow.Flow, bool) {
	if c.IsDev() || run.Spec.Plan == "" {
		return flow.Flow{}, false
	}
	u, err := c.Get(ctx, configMaps, run.Namespace, run.Spec.Plan)
	if err != nil {
		return flow.Flow{}, false
	}
	raw, _, _ := unstructured.NestedString(u.Object, "data", names.KeyPlan)
	p, err := plan.Decode([]byte(raw))
	if err != nil {
		return flow.Flow{}, false
	}
	return p.Flow, true
}

// presentFlow is the flow as it is now, which may not be what the run began with.
func presentFlow(ctx context.Context, c *remote.Client, run *aofv1.FlowRun) (flow.Flow, bool) {
	key := run.Spec.Flow.NamespacedName(run.Namespace)
	u, err := c.Get(ctx, aofResource("agentflows"), key.Namespace, key.Name)
	if err != nil {
		return flow.Flow{}, false
	}
	var f aofv1.AgentFlow
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &f); err != nil {
		return flow.Flow{}, false
	}
	f.SetDefaults(ctx)
	definition, err := f.Definition()
	return definition, err == nil
}

// inOrder gives the journal's nodes and then those that are still to come, if the
// run is not over.
func (s *shape) inOrder(run *aofv1.FlowRun) []*aofv1.NodeStatus {
	out := make([]*aofv1.NodeStatus, 0, len(s.nodes))
	begun := map[string]bool{}
	for i := range run.Status.Nodes {
		out = append(out, &run.Status.Nodes[i])
		begun[run.Status.Nodes[i].ID] = true
	}
	if run.IsDone() {
		return out
	}
	for _, n := range s.nodes {
		if !begun[n.ID] {
			out = append(out, &aofv1.NodeStatus{ID: n.ID, Type: string(n.Kind), Phase: aofv1.NodePhasePending})
		}
	}
	return out
}

// after says what leads to a node, unless it is just the node in the line before.
func (s *shape) after(id, last string) string {
	before := s.before[id]
	if len(before) == 0 || (len(before) == 1 && before[0] == last) {
		return ""
	}
	return " after " + oneLine(strings.Join(before, ", "), 80)
}
