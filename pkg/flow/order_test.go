// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"aof.dev/operator/pkg/flow"
)

// finishIn finishes the running nodes in the given order and returns the state.
// After each step the state goes through JSON.
func finishIn(t *testing.T, p *flow.Plan, order []string, answers map[string]answer) flow.State {
	t.Helper()
	s, _ := p.Step(flow.State{}, flow.Start{At: noon})
	for _, id := range order {
		a := answers[id]
		s, _ = p.Step(reload(t, s), flow.Done{Node: id, Attempt: 1, Output: a.output, Exports: a.exports, At: noon})
	}
	return s
}

func TestWhoComesFirstToAJoinDecidesNothing(t *testing.T) {
	t.Parallel()
	waits := work("w")
	waits.Conditions = []flow.NodeCondition{{From: "b", When: "x == 1"}}
	join := node("j", flow.KindJoin, "strategy", "any")
	held := join
	held.DependsOn = []string{"c"}
	held.Conditions = []flow.NodeCondition{{From: "c", When: "x == 3"}}
	for _, tt := range []struct {
		name string
		flow flow.Flow
		want map[string]flow.Phase
	}{
		{
			name: "a condition behind it does not see one branch only",
			flow: flow.Flow{Nodes: []flow.Node{work("a"), work("b"), work("c"), join, work("d")}, Edges: []flow.Edge{edge("a", "j"), edge("b", "j"), edge("j", "d", "x == 1 or ${a.output.x} == 1 or ${b.output.x} == 2")}},
			want: map[string]flow.Phase{"a": ok, "b": ok, "c": ok, "j": ok, "d": skip},
		},
		{
			name: "a Join waits for what its own conditions look at",
			flow: flow.Flow{Nodes: []flow.Node{work("a"), work("b"), work("c"), held}, Edges: []flow.Edge{edge("a", "j"), edge("b", "j")}},
			want: map[string]flow.Phase{"a": ok, "b": ok, "c": ok, "j": flow.PhaseSucceeded},
		},
		{
			name: "a node waits for what its conditions look at",
			flow: flow.Flow{Nodes: []flow.Node{work("a"), work("b"), work("c"), waits}, Edges: []flow.Edge{edge("a", "w")}},
			want: map[string]flow.Phase{"a": ok, "b": ok, "c": ok, "w": skip},
		},
		{
			name: "a condition that can't be evaluated is a failure, be it the first or the last to get there",
			flow: flow.Flow{Nodes: []flow.Node{work("a"), work("b"), work("c"), join}, Edges: []flow.Edge{edge("a", "j"), edge("b", "j", "'x' =~ p")}},
			want: map[string]flow.Phase{"a": ok, "b": ok, "c": ok, "j": ok, "": bad},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := compile(t, tt.flow)
			answers := map[string]answer{
				"a": {output: map[string]any{"x": 1}}, "b": {output: map[string]any{"x": 2, "p": "("}}, "c": {output: map[string]any{"x": 3}},
			}
			want := ""
			for _, order := range [][]string{{"a", "b", "c"}, {"c", "b", "a"}, {"b", "a", "c"}} {
				s := finishIn(t, p, order, answers)
				got := phases(s)
				if tt.want[""] != "" {
					got[""] = s.Phase
				}
				assert.Equal(t, tt.want, got)
				if want == "" {
					want = encode(t, s)
				}
				assert.Equal(t, want, encode(t, s), "%v", order)
			}
		})
	}
}

func TestTheNearestIsTheLastInPlanOrder(t *testing.T) {
	t.Parallel()
	p := compile(t, flow.Flow{
		Nodes: []flow.Node{work("a"), work("b"), work("c"), node("e", flow.KindEnd, "output", "${X} ${Y} ${Z}")},
		Edges: []flow.Edge{edge("b", "e"), edge("a", "e"), edge("b", "c"), edge("c", "e")},
	})
	s := finishIn(t, p, []string{"b", "a", "c"}, map[string]answer{
		"a": {exports: map[string]string{"X": "a", "Y": "a"}}, "b": {exports: map[string]string{"X": "b", "Z": "b"}}, "c": {exports: map[string]string{"Z": "c"}},
	})
	assert.Equal(t, "b a c", p.NodeState(s, "e").Output)
	assert.Equal(t, map[string]string{"X": "b", "Y": "a", "Z": "c"}, p.Env(s, "e"))
}
