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

func journalFlow(t *testing.T) *flow.Plan {
	t.Helper()
	return compile(t, flow.Flow{
		Nodes: []flow.Node{work("a"), node("c", flow.KindConditional, "condition", "a.go == true"), work("b"), node("ask", flow.KindApproval), work("d"), work("no")},
		Edges: []flow.Edge{edge("start", "a"), edge("a", "c"), edge("c", "b", "true"), edge("c", "no", "false"), edge("b", "ask"), edge("ask", "d")},
	})
}

func TestRestore(t *testing.T) {
	t.Parallel()
	a := flow.NodeState{ID: "a", Kind: flow.KindTransform, Phase: ok, Attempt: 2, Output: map[string]any{"go": true}, StartedAt: noon.Add(-time.Hour), EndedAt: noon}
	b := flow.NodeState{ID: "b", Kind: flow.KindTransform, Phase: ok, Attempt: 1, Output: "x", Usage: flow.Usage{InputTokens: 3}, StartedAt: noon, EndedAt: noon}
	ask := flow.NodeState{ID: "ask", Kind: flow.KindApproval, Phase: flow.PhaseWaiting, Attempt: 1, Wait: &flow.Wait{Kind: flow.WaitApproval, Message: "go?"}, StartedAt: noon}
	later := noon.Add(time.Minute)
	for _, tt := range []struct {
		name     string
		entries  []flow.NodeState
		phase    flow.Phase
		commands []flow.Command
	}{
		{"an empty journal begins anew", nil, flow.PhaseRunning, []flow.Command{flow.Run{Node: "a", Attempt: 1}}},
		{"a finished node is not run again, pure nodes are worked out", []flow.NodeState{a}, flow.PhaseRunning, []flow.Command{flow.Run{Node: "b", Attempt: 1}}},
		{"a running node runs again in the same attempt", []flow.NodeState{a, {ID: "b", Phase: flow.PhaseRunning, Attempt: 2}}, flow.PhaseRunning, []flow.Command{flow.Run{Node: "b", Attempt: 2}}},
		{"and not before its time", []flow.NodeState{a, {ID: "b", Phase: flow.PhaseRunning, Attempt: 2, NotBefore: later.Add(3 * time.Second)}}, flow.PhaseRunning, []flow.Command{flow.Run{Node: "b", Attempt: 2, Delay: 3 * time.Second}}},
		{"a waiting node waits on, in any order of entries", []flow.NodeState{ask, b, a}, flow.PhaseWaiting, nil},
		{"a journal of everything is a finished run", []flow.NodeState{a, b, {ID: "ask", Phase: bad, Error: &flow.NodeError{Reason: "Denied"}}, {ID: "d", Phase: skip}}, bad, []flow.Command{flow.Finish{Phase: bad}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := journalFlow(t)
			s, commands, err := p.Restore(flow.Facts{}, later, tt.entries)
			require.NoError(t, err)
			assert.Equal(t, tt.phase, s.Phase)
			assert.Equal(t, tt.commands, commands)
			reload(t, s)
			if len(tt.entries) > 0 && tt.entries[0].ID == "a" {
				assert.Equal(t, a, p.NodeState(s, "a"))
				assert.Equal(t, a.StartedAt, s.StartedAt)
			}
			if tt.phase == flow.PhaseWaiting {
				assert.Equal(t, ask, p.NodeState(s, "ask"))
				assert.Equal(t, flow.Usage{InputTokens: 3}, s.Usage())
				s, commands = p.Step(s, flow.Done{Node: "ask", Attempt: 1, Output: map[string]any{"approved": true}, At: later})
				assert.Equal(t, []flow.Command{flow.Run{Node: "d", Attempt: 1}}, commands)
				assert.Equal(t, flow.PhaseRunning, s.Phase)
			}
		})
	}
}

func TestRestoreRefusesAJournalOfAnotherPlan(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		entries []flow.NodeState
		want    string
	}{
		"an unknown node":       {[]flow.NodeState{{ID: "zz", Phase: ok}}, `journal: the plan has no node "zz"`},
		"another type":          {[]flow.NodeState{{ID: "a", Kind: flow.KindAgent, Phase: ok}}, `journal: node "a" is of type Transform, not "Agent"`},
		"a node twice":          {[]flow.NodeState{{ID: "a", Phase: ok}, {ID: "a", Phase: ok}}, `journal: node "a" has two entries`},
		"no phase":              {[]flow.NodeState{{ID: "a"}}, `journal: node "a" can't be in phase ""`},
		"out of order":          {[]flow.NodeState{{ID: "b", Phase: ok}}, `journal: node "b" is Succeeded, but it could not have begun`},
		"on the other side":     {[]flow.NodeState{{ID: "a", Phase: ok}, {ID: "b", Phase: flow.PhaseWaiting}}, `journal: node "b" is Waiting, but it could not have begun`},
		"an output without end": {[]flow.NodeState{{ID: "a", Phase: ok, Output: nested(flow.MaxDepth + 1)}}, `journal: node "a": output nests deeper than 64 levels`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := journalFlow(t).Restore(flow.Facts{}, noon, tt.entries)
			assert.EqualError(t, err, tt.want)
		})
	}
}
