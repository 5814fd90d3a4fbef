// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/flow"
)

func text(s string) *string { return &s }

func TestRun(t *testing.T) {
	t.Parallel()
	type phase = flow.Phase
	tests := []struct {
		name    string
		flow    flow.Flow
		facts   flow.Facts
		answers map[string]answer
		want    map[string]phase
		phase   phase
	}{
		{
			name:  "nodes without an edge into them start when nothing leads from the trigger",
			flow:  flow.Flow{Nodes: []flow.Node{work("a"), work("b"), work("c")}, Edges: []flow.Edge{edge("a", "c")}},
			want:  map[string]phase{"a": ok, "b": ok, "c": ok},
			phase: ok,
		},
		{
			name: "a diamond waits for both sides",
			flow: flow.Flow{
				Nodes: []flow.Node{work("a"), work("b"), work("c"), work("d")},
				Edges: []flow.Edge{edge("trigger", "a"), edge("a", "b"), edge("a", "c"), edge("b", "d"), edge("c", "d")},
			},
			answers: map[string]answer{"c": {wait: true}},
			want:    map[string]phase{"a": ok, "b": ok, "c": flow.PhaseWaiting, "d": flow.PhasePending},
			phase:   flow.PhaseWaiting,
		},
		{
			name: "a dead side does not hold up the join",
			flow: flow.Flow{
				Nodes: []flow.Node{work("a"), work("b"), work("c"), work("d")},
				Edges: []flow.Edge{
					edge("start", "a"), edge("a", "b", "side == 'left'"), edge("a", "c", "side == 'right'"), edge("b", "d"), edge("c", "d"),
				},
			},
			answers: map[string]answer{"a": {output: map[string]any{"side": "left"}}},
			want:    map[string]phase{"a": ok, "b": ok, "c": skip, "d": ok},
			phase:   ok,
		},
		{
			name: "a failure skips what follows and lets the rest finish",
			flow: flow.Flow{
				Nodes: []flow.Node{work("a"), work("b"), work("c"), work("d"), work("e")},
				Edges: []flow.Edge{edge("start", "a"), edge("start", "b"), edge("a", "c"), edge("b", "d"), edge("c", "e"), edge("d", "e")},
			},
			answers: map[string]answer{"a": {fail: "Broken"}},
			want:    map[string]phase{"a": bad, "b": ok, "c": skip, "d": ok, "e": skip},
			phase:   bad,
		},
		{
			name: "a Join any goes on past a failed branch, and the flow fails in the end",
			flow: flow.Flow{
				Nodes: []flow.Node{work("a"), work("b"), node("j", "Merge", "strategy", "Any"), work("c")},
				Edges: []flow.Edge{edge("a", "j"), edge("b", "j"), edge("j", "c")},
			},
			answers: map[string]answer{"a": {fail: "Broken"}},
			want:    map[string]phase{"a": bad, "b": ok, "j": ok, "c": ok},
			phase:   bad,
		},
		{
			name: "a Join majority that too few branches reach is skipped",
			flow: flow.Flow{
				Nodes: []flow.Node{work("a"), work("b"), work("c"), node("j", flow.KindJoin, "strategy", "majority")},
				Edges: []flow.Edge{edge("a", "j"), edge("b", "j", "go == true"), edge("c", "j", "go == true")},
			},
			want:  map[string]phase{"a": ok, "b": ok, "c": ok, "j": skip},
			phase: ok,
		},
		{
			name: "half is no majority",
			flow: flow.Flow{
				Nodes: []flow.Node{work("a"), work("b"), node("j", flow.KindJoin, "strategy", "majority"), node("p", flow.KindParallel), node("q", flow.KindParallel)},
				Edges: []flow.Edge{edge("a", "j"), edge("b", "j"), edge("p", "j", "no"), edge("q", "j", "no")},
			},
			want:  map[string]phase{"a": ok, "b": ok, "j": skip, "p": ok, "q": ok},
			phase: ok,
		},
		{
			name: "more than half is",
			flow: flow.Flow{
				Nodes: []flow.Node{work("a"), work("b"), node("j", flow.KindJoin, "strategy", "majority"), work("c")},
				Edges: []flow.Edge{edge("a", "j"), edge("b", "j"), edge("c", "j")},
			},
			answers: map[string]answer{"b": {wait: true}},
			want:    map[string]phase{"a": ok, "b": flow.PhaseWaiting, "j": ok, "c": ok},
			phase:   flow.PhaseWaiting,
		},
		{
			name: "a failed node that only a condition looks at leaves the other alternatives",
			flow: flow.Flow{
				Nodes: []flow.Node{work("a"), work("b"), {ID: "c", Kind: flow.KindTransform, Config: map[string]any{"script": "true"}, Conditions: []flow.NodeCondition{{From: "b"}, {From: "a"}}}},
				Edges: []flow.Edge{edge("a", "c")},
			},
			answers: map[string]answer{"b": {fail: "Broken"}},
			want:    map[string]phase{"a": ok, "b": bad, "c": ok},
			phase:   bad,
		},
		{
			name: "edges between the same nodes are alternatives",
			flow: flow.Flow{
				Nodes: []flow.Node{work("a"), work("b")},
				Edges: []flow.Edge{edge("start", "a"), edge("a", "b", "x == 1"), edge("a", "b", "x == 2")},
			},
			answers: map[string]answer{"a": {output: map[string]any{"x": 2}}},
			want:    map[string]phase{"a": ok, "b": ok},
			phase:   ok,
		},
		{
			name: "an edge from the trigger looks at the event",
			flow: flow.Flow{
				Nodes: []flow.Node{work("a"), work("b")},
				Edges: []flow.Edge{edge("trigger", "a", "severity == 'high'"), edge("trigger", "b", "${event.severity} != 'high'")},
			},
			facts: flow.Facts{Event: map[string]any{"severity": "high"}},
			want:  map[string]phase{"a": ok, "b": skip},
			phase: ok,
		},
		{
			name: "a node's own when skips it, and that is no failure",
			flow: flow.Flow{
				Nodes: []flow.Node{work("a"), {ID: "b", Kind: flow.KindTransform, Config: map[string]any{"script": "true"}, When: "${a.output.n} > 3"}, work("c")},
				Edges: []flow.Edge{edge("start", "a"), edge("a", "b"), edge("b", "c")},
			},
			answers: map[string]answer{"a": {output: map[string]any{"n": 3}}},
			want:    map[string]phase{"a": ok, "b": skip, "c": skip},
			phase:   ok,
		},
		{
			name: "depends_on beside an edge only puts in order",
			flow: flow.Flow{
				Nodes: []flow.Node{work("a"), work("b"), {ID: "c", Kind: flow.KindTransform, Config: map[string]any{"script": "true"}, DependsOn: []string{"b"}}},
				Edges: []flow.Edge{edge("start", "a"), edge("start", "b"), edge("a", "c", "go == true")},
			},
			want:  map[string]phase{"a": ok, "b": ok, "c": skip},
			phase: ok,
		},
		{
			name: "depends_on alone leads to the node",
			flow: flow.Flow{Nodes: []flow.Node{
				{ID: "b", Kind: flow.KindTransform, Config: map[string]any{"script": "true"}, DependsOn: []string{"a"}}, work("a"),
			}},
			answers: map[string]answer{"a": {fail: "Broken"}},
			want:    map[string]phase{"a": bad, "b": skip},
			phase:   bad,
		},
		{
			name: "a reaction chooses between alternatives",
			flow: flow.Flow{
				Nodes: []flow.Node{
					node("ask", flow.KindSlack, "message", "go?"),
					{ID: "yes", Kind: flow.KindTransform, Config: map[string]any{"script": "true"}, Conditions: []flow.NodeCondition{{From: "ask", Reaction: text("white_check_mark")}}},
					{ID: "no", Kind: flow.KindTransform, Config: map[string]any{"script": "true"}, Conditions: []flow.NodeCondition{{From: "ask", Reaction: text("x")}, {From: "ask", When: "timeout == true"}}},
				},
				Edges: []flow.Edge{edge("start", "ask")},
			},
			answers: map[string]answer{"ask": {output: map[string]any{"reaction": ":x:", "timeout": false}}},
			want:    map[string]phase{"ask": ok, "yes": skip, "no": ok},
			phase:   ok,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := play(t, compile(t, tt.flow), tt.facts, tt.answers)
			assert.Equal(t, tt.want, phases(s))
			assert.Equal(t, tt.phase, s.Phase)
		})
	}
}

func TestDeniedApprovalBlocksWhatFollowsWithoutAWord(t *testing.T) {
	t.Parallel()
	f := flow.Flow{
		Nodes: []flow.Node{work("build"), node("ask", flow.KindApproval), work("deploy"), work("tell"), work("last")},
		Edges: []flow.Edge{
			edge("start", "build"), edge("build", "ask"), edge("build", "deploy"), edge("ask", "deploy"),
			edge("ask", "tell", "status == 'timeout'"), edge("tell", "last"), edge("deploy", "last"),
		},
	}
	for name, tt := range map[string]struct {
		output any
		want   map[string]flow.Phase
	}{
		"approved": {
			output: map[string]any{"approved": true, "status": "approved"},
			want:   map[string]flow.Phase{"build": ok, "ask": ok, "deploy": ok, "tell": skip, "last": ok},
		},
		"timed out": {
			output: map[string]any{"approved": false, "status": "timeout"},
			want:   map[string]flow.Phase{"build": ok, "ask": ok, "deploy": skip, "tell": ok, "last": ok},
		},
		"no answer that could be a yes": {
			output: "approved",
			want:   map[string]flow.Phase{"build": ok, "ask": ok, "deploy": skip, "tell": skip, "last": skip},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := play(t, compile(t, f), flow.Facts{}, map[string]answer{"ask": {output: tt.output}})
			assert.Equal(t, tt.want, phases(s))
			assert.Equal(t, ok, s.Phase)
		})
	}
}

func TestWaitAndResume(t *testing.T) {
	t.Parallel()
	p := compile(t, flow.Flow{Nodes: []flow.Node{node("w", flow.KindWait, "duration", "1h"), work("b")}, Edges: []flow.Edge{edge("w", "b")}})
	s, _ := p.Step(flow.State{}, flow.Start{At: noon})
	until := noon.Add(time.Hour)
	s, commands := p.Step(s, flow.Waiting{Node: "w", Attempt: 1, Wait: flow.Wait{Kind: flow.WaitTimer, Until: until}, At: noon})
	assert.Empty(t, commands)
	assert.Equal(t, flow.PhaseWaiting, s.Phase)
	assert.Equal(t, until, p.NodeState(s, "w").Wait.Until)

	s, commands = p.Step(s, flow.Resume{Node: "w", Attempt: 1, At: until})
	assert.Equal(t, []flow.Command{flow.Run{Node: "w", Attempt: 1}}, commands)
	assert.Equal(t, flow.PhaseRunning, s.Phase)
	assert.Nil(t, p.NodeState(s, "w").Wait)
	s, commands = p.Step(s, flow.Resume{Node: "w", Attempt: 1, At: until})
	assert.Empty(t, commands, "it runs already")
	s, commands = p.Step(s, flow.Done{Node: "w", Attempt: 1, Output: map[string]any{"waited": "1h"}, At: until})
	assert.Equal(t, []flow.Command{flow.Run{Node: "b", Attempt: 1}}, commands)
	s, _ = p.Step(s, flow.Done{Node: "b", Attempt: 1, At: until})
	assert.Equal(t, ok, s.Phase)
	assert.Equal(t, until, s.EndedAt)
	assert.Equal(t, noon, s.StartedAt)
}

func TestCancelSkipsWhatIsNotOver(t *testing.T) {
	t.Parallel()
	p := compile(t, flow.Flow{Nodes: []flow.Node{work("a"), work("b"), work("c")}, Edges: []flow.Edge{edge("a", "b"), edge("b", "c")}})
	s, _ := p.Step(flow.State{}, flow.Start{At: noon})
	s, _ = p.Step(s, flow.Done{Node: "a", Attempt: 1, At: noon})
	s, commands := p.Step(s, flow.Cancel{Reason: "replaced by a newer run", At: noon})
	assert.Equal(t, []flow.Command{flow.Finish{Phase: flow.PhaseCancelled}}, commands)
	assert.Equal(t, map[string]flow.Phase{"a": ok, "b": skip, "c": skip}, phases(s))
	assert.Equal(t, &flow.RunError{Reason: flow.ReasonCancelled, Message: "replaced by a newer run"}, s.Error)
	before := encode(t, s)
	for _, in := range []flow.Input{flow.Done{Node: "b", Attempt: 1}, flow.Cancel{}, flow.Start{}} {
		s, commands = p.Step(s, in)
		assert.Empty(t, commands)
		assert.Equal(t, before, encode(t, s))
	}
}

func TestAnOutputOverTheLimitFailsTheNode(t *testing.T) {
	t.Parallel()
	p := compile(t, flow.Flow{Nodes: []flow.Node{work("a")}, Limits: flow.Limits{OutputBytes: 200}})
	for name, tt := range map[string]struct {
		output any
		reason string
	}{
		"too large":   {output: string(make([]byte, 201)), reason: flow.ReasonOutputTooLarge},
		"too deep":    {output: nested(flow.MaxDepth + 1), reason: flow.ReasonInvalidOutput},
		"no JSON":     {output: map[string]any{"f": func() {}}, reason: flow.ReasonInvalidOutput},
		"just enough": {output: nested(40)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := play(t, p, flow.Facts{}, map[string]answer{"a": {output: tt.output}})
			if tt.reason == "" {
				assert.Equal(t, ok, s.Phase)
				return
			}
			require.NotNil(t, s.Error)
			assert.Equal(t, tt.reason, s.Error.Reason)
		})
	}
}

func nested(depth int) any {
	var v any = true
	for range depth {
		v = []any{v}
	}
	return v
}

func TestFactsWithoutJSONFormFailTheRun(t *testing.T) {
	t.Parallel()
	p := compile(t, flow.Flow{Nodes: []flow.Node{work("a")}})
	s, commands := p.Step(flow.State{}, flow.Start{Facts: flow.Facts{Event: map[string]any{"x": nested(flow.MaxDepth)}}, At: noon})
	assert.Equal(t, []flow.Command{flow.Finish{Phase: flow.PhaseFailed}}, commands)
	assert.Equal(t, flow.ReasonInvalidFacts, s.Error.Reason)
}

func TestAConditionThatCannotBeEvaluatedFailsItsTarget(t *testing.T) {
	t.Parallel()
	p := compile(t, flow.Flow{
		Nodes: []flow.Node{work("a"), work("b"), work("c"), node("j", flow.KindJoin, "strategy", "any")},
		Edges: []flow.Edge{edge("start", "a"), edge("a", "b", "'x' =~ pattern"), edge("b", "c"), edge("a", "j"), edge("a", "j", "'x' =~ pattern")},
	})
	s := play(t, p, flow.Facts{}, map[string]answer{"a": {output: map[string]any{"pattern": "("}}})
	assert.Equal(t, map[string]flow.Phase{"a": ok, "b": bad, "c": skip, "j": ok}, phases(s))
	require.NotNil(t, s.Error)
	assert.Equal(t, "b", s.Error.Node)
	assert.Equal(t, flow.ReasonConditionFailed, s.Error.Reason)
	assert.Contains(t, s.Error.Message, "connections[1].when")
	assert.Equal(t, `node "b" failed`, p.NodeState(s, "c").Error.Message)
}

func TestTheErrorHandlerRunsWhenEverythingElseIsOver(t *testing.T) {
	t.Parallel()
	f := flow.Flow{
		Nodes: []flow.Node{
			node("handle", flow.KindEnd, "output", "${error.node}: ${error.message} (${error.reason}), after ${b.output}"), work("a"), work("b"), work("c"), work("tidy"),
		},
		Edges:        []flow.Edge{edge("start", "a"), edge("start", "b"), edge("a", "c"), edge("handle", "tidy")},
		ErrorHandler: "handle",
	}
	p := compile(t, f)
	assert.Empty(t, p.Warnings())
	s := play(t, p, flow.Facts{}, nil)
	assert.Equal(t, map[string]flow.Phase{"a": ok, "b": ok, "c": ok, "handle": skip, "tidy": skip}, phases(s))
	assert.Equal(t, ok, s.Phase)

	s, _ = p.Step(flow.State{}, flow.Start{At: noon})
	s, commands := p.Step(s, flow.Failed{Node: "a", Attempt: 1, Reason: "Broken", Message: "disk full", At: noon})
	assert.Empty(t, commands, "b is not over yet")
	s, commands = p.Step(s, flow.Done{Node: "b", Attempt: 1, Output: "b", At: noon})
	assert.Equal(t, []flow.Command{flow.Run{Node: "tidy", Attempt: 1}}, commands)
	assert.Equal(t, "a: disk full (Broken), after b", p.NodeState(s, "handle").Output)
	s, commands = p.Step(s, flow.Done{Node: "tidy", Attempt: 1, At: noon})
	assert.Equal(t, []flow.Command{flow.Finish{Phase: bad}}, commands)
	assert.Equal(t, "a", s.Error.Node)

	f.Edges = append(f.Edges, edge("a", "handle"))
	assert.Equal(t, "config.error_handler", compile(t, f).Warnings()[0].Path)
	for handler, reason := range map[string]string{"nobody": flow.ReasonUnknownNode, "a": flow.ReasonInvalid} {
		_, err := flow.Compile(flow.Flow{Nodes: []flow.Node{work("a")}, ErrorHandler: handler})
		var one flow.Error
		require.ErrorAs(t, err, &one)
		assert.Equal(t, "config.error_handler "+reason, one.Path+" "+one.Reason)
	}
}

func TestAStateOfAnotherPlanIsLeftAlone(t *testing.T) {
	t.Parallel()
	small := compile(t, flow.Flow{Nodes: []flow.Node{work("a")}})
	large := compile(t, flow.Flow{Nodes: []flow.Node{work("a"), work("b")}})
	s, _ := small.Step(flow.State{}, flow.Start{At: noon})
	before := encode(t, s)
	s, commands := large.Step(s, flow.Done{Node: "a", Attempt: 1, At: noon})
	assert.Empty(t, commands)
	assert.Equal(t, before, encode(t, s))
}
