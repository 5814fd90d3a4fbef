// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/flow"
)

// The flows of the tests, each with something else between its beginning and its
// end.
func rewoundFlows() map[string]flow.Flow {
	return map[string]flow.Flow{
		"a chain": {
			Nodes: []flow.Node{work("a"), work("b"), work("c")},
			Edges: []flow.Edge{edge("a", "b"), edge("b", "c")},
		},
		"a diamond": {
			Nodes: []flow.Node{work("a"), work("b"), work("c"), work("d"), work("e")},
			Edges: []flow.Edge{edge("a", "b"), edge("a", "c"), edge("b", "d"), edge("c", "d"), edge("d", "e")},
		},
		"a choice and its dead side": {
			Nodes: []flow.Node{work("a"), node("c", flow.KindConditional, "condition", "a.go == true"), work("yes"), work("no"), work("d")},
			Edges: []flow.Edge{edge("a", "c"), edge("c", "yes", "true"), edge("c", "no", "false"), edge("yes", "d"), edge("no", "d")},
		},
		"branches and a join": {
			Nodes: []flow.Node{work("a"), node("p", flow.KindParallel), work("b1"), work("b2"), work("b3"), node("j", flow.KindJoin), work("d")},
			Edges: []flow.Edge{edge("a", "p"), edge("p", "b1"), edge("p", "b2"), edge("p", "b3"), edge("b1", "j"), edge("b2", "j"), edge("b3", "j"), edge("j", "d")},
		},
		"a join that does not wait": {
			Nodes: []flow.Node{work("b1"), work("b2"), node("j", flow.KindJoin, "strategy", "any"), work("d")},
			Edges: []flow.Edge{edge("b1", "j"), edge("b2", "j"), edge("j", "d")},
		},
		"a loop": {
			Nodes: []flow.Node{
				work("a"),
				node("l", flow.KindLoop, "items", []any{1.0, 2.0}, "node", map[string]any{"type": "Transform", "config": map[string]any{"script": "true"}}),
				work("d"),
			},
			Edges: []flow.Edge{edge("a", "l"), edge("l", "d")},
		},
		"dependencies and an error handler": {
			Nodes:        []flow.Node{work("a"), work("b"), {ID: "c", Kind: flow.KindTransform, Config: map[string]any{"script": "true"}, DependsOn: []string{"b"}}, work("h"), work("after")},
			Edges:        []flow.Edge{edge("start", "a"), edge("start", "b"), edge("a", "c"), edge("h", "after")},
			ErrorHandler: "h",
		},
	}
}

func ids(entries []flow.NodeState) []string {
	out := []string{}
	for i := range entries {
		out = append(out, entries[i].ID)
	}
	slices.Sort(out)
	return out
}

func TestRewindKeepsWhatDoesNotComeAfter(t *testing.T) {
	t.Parallel()
	goes := map[string]answer{"a": {output: map[string]any{"go": true}}}
	for _, tt := range []struct {
		flow, fails string
		from        []string
		kept        []string
		failed      []string
	}{
		{"a chain", "c", []string{"c"}, []string{"a", "b"}, nil},
		{"a chain", "c", []string{"b"}, []string{"a"}, nil},
		{"a chain", "c", []string{"a"}, []string{}, nil},
		{"a diamond", "d", []string{"d"}, []string{"a", "b", "c"}, nil},
		{"a diamond", "d", []string{"b"}, []string{"a", "c"}, nil},
		{"a diamond", "c", []string{"b"}, []string{"a", "c"}, []string{"c"}},
		{"a diamond", "c", []string{"b", "c"}, []string{"a"}, nil},
		{"a choice and its dead side", "yes", []string{"yes"}, []string{"a", "c"}, nil},
		{"a choice and its dead side", "d", []string{"c"}, []string{"a"}, nil},
		{"branches and a join", "b2", []string{"b2"}, []string{"a", "b1", "b3", "p"}, nil},
		{"branches and a join", "d", []string{"j"}, []string{"a", "b1", "b2", "b3", "p"}, nil},
		{"branches and a join", "d", []string{"p"}, []string{"a"}, nil},
		{"a join that does not wait", "d", []string{"d"}, []string{"b1", "b2", "j"}, nil},
		{"a join that does not wait", "b1", []string{"b1"}, []string{"b2"}, nil},
		{"a loop", "l", []string{"l"}, []string{"a"}, nil},
		{"a loop", "d", []string{"d"}, []string{"a", "l"}, nil},
		{"dependencies and an error handler", "b", []string{"b"}, []string{"a"}, nil},
		{"dependencies and an error handler", "b", []string{"after"}, []string{"a", "b", "h"}, []string{"b"}},
	} {
		p := compile(t, rewoundFlows()[tt.flow])
		answers := map[string]answer{"a": goes["a"]}
		answers[tt.fails] = answer{fail: "Broken"}
		s := play(t, p, flow.Facts{}, answers)
		require.Equal(t, bad, s.Phase, tt.flow)
		got, err := p.Rewind(tt.from, s.Nodes)
		require.NoError(t, err, tt.flow)
		assert.Equal(t, tt.kept, ids(got.Kept), "%s from %v", tt.flow, tt.from)
		assert.Equal(t, tt.failed, got.Failed, "%s from %v", tt.flow, tt.from)
		assert.Empty(t, got.CutOff, tt.flow)
	}
}

// From wherever it goes on, what is kept can be restored, nothing that is kept is
// asked for again, and when nothing fails any more the end is that of a run in
// which nothing did.
func TestARewoundRunEndsLikeOneThatNeverFailed(t *testing.T) {
	t.Parallel()
	later := noon.Add(time.Hour)
	for name, f := range rewoundFlows() {
		p := compile(t, f)
		goes := map[string]answer{"a": {output: map[string]any{"go": true}}}
		whole := play(t, p, flow.Facts{}, goes)
		for _, fails := range p.Nodes() {
			if fails.Kind.Pure() {
				continue
			}
			s := play(t, p, flow.Facts{}, map[string]answer{"a": goes["a"], fails.ID: {fail: "Broken"}})
			for _, n := range p.Nodes() {
				rewound, err := p.Rewind([]string{n.ID}, s.Nodes)
				if err != nil {
					require.Contains(t, []flow.Phase{skip}, p.NodeState(s, n.ID).Phase, "%s: only what was not reached is refused: %s", name, n.ID)
					continue
				}
				kept := ids(rewound.Kept)
				state, commands, err := p.Restore(flow.Facts{}, later, rewound.Kept)
				require.NoError(t, err, "%s: %s failed, from %s", name, fails.ID, n.ID)
				for len(commands) > 0 {
					run, isRun := commands[0].(flow.Run)
					commands = commands[1:]
					if !isRun {
						continue
					}
					assert.NotContains(t, kept, run.Node, "%s: it was over", name)
					next, more := p.Step(state, flow.Done{Node: run.Node, Attempt: run.Attempt, Output: goes[run.Node].output, At: later})
					state, commands = next, append(commands, more...)
				}
				if len(rewound.Failed) > 0 || slices.Contains([]string{"h", "after"}, fails.ID) {
					assert.True(t, state.Phase.Finished())
					continue
				}
				assert.Equal(t, phases(whole), phases(state), "%s: %s failed, from %s", name, fails.ID, n.ID)
			}
		}
	}
}

func TestRewindSaysWhatWasCutOff(t *testing.T) {
	t.Parallel()
	p := compile(t, rewoundFlows()["branches and a join"])
	s := play(t, p, flow.Facts{}, map[string]answer{"b1": {fail: "Broken"}, "b2": {wait: true}})
	s, _ = p.Step(s, flow.Cancel{Reason: "enough", At: noon})
	require.Equal(t, skip, p.NodeState(s, "b2").Phase)

	got, err := p.Rewind([]string{"b1"}, s.Nodes)
	require.NoError(t, err)
	assert.Equal(t, []string{"b2"}, got.CutOff)
	assert.Equal(t, []string{"a", "b3", "p"}, ids(got.Kept))
	got, err = p.Rewind([]string{"b1", "b2"}, s.Nodes)
	require.NoError(t, err)
	assert.Empty(t, got.CutOff)
}

func TestRewindRefuses(t *testing.T) {
	t.Parallel()
	p := compile(t, rewoundFlows()["a chain"])
	s := play(t, p, flow.Facts{}, map[string]answer{"b": {fail: "Broken"}})
	var refused *flow.RewindError
	_, err := p.Rewind([]string{"b", "nobody"}, s.Nodes)
	require.ErrorAs(t, err, &refused)
	assert.EqualError(t, err, `there is no node "nobody"; it came to "a", "b"`)
	_, err = p.Rewind([]string{"c"}, s.Nodes)
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, &flow.RewindError{Node: "c", Known: true, Candidates: []string{"a", "b"}}, refused)
	assert.EqualError(t, err, `the run did not come to node "c"; it came to "a", "b"`)
	_, err = p.Rewind([]string{"a"}, nil)
	assert.EqualError(t, err, `the run did not come to node "a"; it came to none`)
	_, err = p.Rewind([]string{"a"}, []flow.NodeState{{ID: "x", Phase: ok}})
	require.ErrorContains(t, err, `the plan has no node "x"`)
	many := &flow.RewindError{Node: "x", Candidates: make([]string, 12)}
	assert.Contains(t, many.Error(), " and 2 more")
}

// What was taken over was used, and took its time, in another run.
func TestWhatIsKeptIsNotCountedAgain(t *testing.T) {
	t.Parallel()
	p := compile(t, rewoundFlows()["a chain"])
	journal := []flow.NodeState{
		{ID: "a", Phase: ok, Attempt: 2, Output: "x", Exports: map[string]string{"V": "1"}, Usage: flow.Usage{InputTokens: 7}, Grant: "d", StartedAt: noon.Add(-time.Hour), EndedAt: noon.Add(-time.Hour)},
		{ID: "b", Phase: bad, Attempt: 1, Error: &flow.NodeError{Reason: "Broken"}},
	}
	rewound, err := p.Rewind([]string{"b"}, journal)
	require.NoError(t, err)
	kept := rewound.Kept[0]
	assert.Equal(t, flow.Usage{}, kept.Usage)
	kept.Usage, kept.Kind = journal[0].Usage, ""
	assert.Equal(t, journal[0], kept, "the rest is as it was")

	rewound.Kept[0].TakenFrom = "old"
	s, _, err := p.Restore(flow.Facts{}, noon, rewound.Kept)
	require.NoError(t, err)
	assert.Equal(t, noon, s.StartedAt)
	assert.Equal(t, "old", p.NodeState(s, "a").TakenFrom)
	reload(t, s)
}
