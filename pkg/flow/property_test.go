// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"aof.dev/operator/pkg/flow"
)

// outcome is what the world makes of a node, attempt by attempt. It depends on
// the node alone, so that two runs of a flow differ only in the order of things.
type outcome struct {
	failures int // attempts that fail and may be repeated
	fatal    bool
	waits    int // times the node waits before it goes on
	output   any
	exports  map[string]string
}

// randomFlow is a flow with what its nodes will come to.
type randomFlow struct {
	flow     flow.Flow
	outcomes map[string]outcome
}

var conditions = []string{
	"", "", "", "x == 1", "x == 2", "x != 1", "true", "false", "flag == true", "flag == false", "approved", "y =~ x",
	"far == 1 or x == 1", "event.go == true", "event.stop == true", "VAR == 'v'", "EXP == 'e'",
}

func genCondition(t *rapid.T, ids []string, label string) string {
	c := rapid.SampledFrom(conditions).Draw(t, label)
	if len(ids) > 0 && rapid.IntRange(0, 4).Draw(t, label+" of a node") == 0 {
		c = fmt.Sprintf("${%s.output.x} == 1", rapid.SampledFrom(ids).Draw(t, label+" node"))
	}
	return c
}

func genFlow(t *rapid.T) randomFlow {
	n := rapid.IntRange(1, 9).Draw(t, "nodes")
	out := randomFlow{outcomes: map[string]outcome{}}
	out.flow.Variables = map[string]any{"VAR": "v"}
	out.flow.Defaults = flow.Policy{MaxAttempts: rapid.IntRange(1, 3).Draw(t, "attempts")}
	var ids []string
	explicit := rapid.Bool().Draw(t, "explicit start")
	for i := range n {
		id := fmt.Sprintf("n%d", i)
		nd := genNode(t, id, ids)
		entered := genEdges(t, &out.flow, &nd, ids)
		if explicit && (!entered || rapid.IntRange(0, 7).Draw(t, "start") == 0) {
			out.flow.Edges = append(out.flow.Edges, edge("trigger", id, genCondition(t, nil, "start when")))
		}
		out.flow.Nodes = append(out.flow.Nodes, nd)
		out.outcomes[id] = genOutcome(t, nd)
		ids = append(ids, id)
	}
	if rapid.IntRange(0, 3).Draw(t, "handler") == 0 {
		out.flow.ErrorHandler = rapid.SampledFrom(ids).Draw(t, "error handler")
	}
	// The user's order must not have to be the order of the graph.
	out.flow.Nodes = rapid.Permutation(out.flow.Nodes).Draw(t, "order")
	return out
}

// compile drops an error handler that has nothing to handle.
func (rf randomFlow) compile(t *rapid.T) *flow.Plan {
	p, err := flow.Compile(rf.flow)
	if err != nil && rf.flow.ErrorHandler != "" {
		require.ErrorContains(t, err, "config.error_handler: there is nothing before")
		rf.flow.ErrorHandler = ""
		p, err = flow.Compile(rf.flow)
	}
	require.NoError(t, err)
	return p
}

func genNode(t *rapid.T, id string, before []string) flow.Node {
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0:
		return node(id, flow.KindConditional, "condition", "x == 1 or event.stop == true")
	case 1:
		return node(id, flow.KindConditional, "conditions", []any{
			map[string]any{"name": "one", "expression": "x == 1"}, map[string]any{"name": "two", "expression": "y =~ x"},
		})
	case 2, 3:
		return node(id, flow.KindJoin, "strategy", rapid.SampledFrom([]string{"all", "any", "majority"}).Draw(t, "strategy"))
	case 4:
		return node(id, flow.KindApproval)
	case 5:
		config := []any{}
		if len(before) > 0 {
			config = []any{"output", fmt.Sprintf("${%s.output}/${EXP}/${previous.output}", rapid.SampledFrom(before).Draw(t, "end of"))}
		}
		return node(id, flow.KindEnd, config...)
	case 6:
		return node(id, flow.KindParallel)
	default:
		nd := work(id)
		nd.When = genCondition(t, before, "when")
		return nd
	}
}

// genEdges leads to a node from some before it and reports whether anything does.
func genEdges(t *rapid.T, f *flow.Flow, nd *flow.Node, before []string) (entered bool) {
	if len(before) == 0 {
		return false
	}
	for range rapid.IntRange(0, 3).Draw(t, "edges") {
		from := rapid.SampledFrom(before).Draw(t, "from")
		f.Edges = append(f.Edges, edge(from, nd.ID, genCondition(t, before, "edge when")))
		entered = true
	}
	if rapid.IntRange(0, 5).Draw(t, "depends") == 0 {
		nd.DependsOn = []string{rapid.SampledFrom(before).Draw(t, "depends on")}
		entered = true
	}
	if rapid.IntRange(0, 5).Draw(t, "conditions") == 0 {
		for range 2 {
			c := flow.NodeCondition{From: rapid.SampledFrom(before).Draw(t, "condition from")}
			switch rapid.IntRange(0, 3).Draw(t, "condition") {
			case 0:
				c.Value = text(rapid.SampledFrom([]string{"one", "true", "false"}).Draw(t, "value"))
			case 1:
				c.Reaction = text("ok")
			case 2:
				c.When = genCondition(t, before, "condition when")
			}
			nd.Conditions = append(nd.Conditions, c)
			entered = true
		}
	}
	return entered
}

func genOutcome(t *rapid.T, nd flow.Node) outcome {
	o := outcome{
		failures: rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "failures"),
		fatal:    rapid.IntRange(0, 7).Draw(t, "fatal") == 0,
		waits:    rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "waits"),
	}
	fields := map[string]any{"x": rapid.SampledFrom([]any{1, 2, "(", nil}).Draw(t, "x"), "flag": rapid.Bool().Draw(t, "flag")}
	if rapid.IntRange(0, 3).Draw(t, "far") == 0 {
		fields["far"] = 1
	}
	if rapid.IntRange(0, 3).Draw(t, "output") == 0 {
		fields["output"] = "said " + nd.ID
	}
	fields["approved"] = rapid.Bool().Draw(t, "approved")
	fields["reaction"] = rapid.SampledFrom([]string{"ok", "no"}).Draw(t, "reaction")
	fields["y"] = "y"
	o.output = fields
	if rapid.Bool().Draw(t, "exports") {
		o.exports = map[string]string{"EXP": rapid.SampledFrom([]string{"e", "f"}).Draw(t, "exported")}
	}
	return o
}

// world plays the part of the runner: it keeps what is to be answered and hands
// in one answer after the other, in an order that pick decides.
type world struct {
	t        *rapid.T
	plan     *flow.Plan
	outcomes map[string]outcome
	pick     func(n int) int
	state    flow.State
	due      []flow.Run
	waited   map[string]int
	over     map[string]bool // nodes that were answered for good
	finished flow.Phase
	journals [][]flow.NodeState
	inputs   []flow.Input
}

func newWorld(t *rapid.T, p *flow.Plan, rf randomFlow, pick func(int) int) *world {
	return &world{t: t, plan: p, outcomes: rf.outcomes, pick: pick, waited: map[string]int{}, over: map[string]bool{}}
}

var propertyFacts = flow.Facts{Event: map[string]any{"go": true, "text": "hi"}, Env: map[string]string{"E": "e"}}

func (w *world) start() {
	w.send(flow.Start{Facts: propertyFacts, At: noon})
}

// send hands in an input and checks what has to hold after every step.
func (w *world) send(in flow.Input) {
	w.inputs = append(w.inputs, in)
	var commands []flow.Command
	w.state, commands = w.plan.Step(w.state, in)
	w.take(commands)
	w.state = reload(w.t, w.state)
	w.journals = append(w.journals, journalOf(w.state))
}

func (w *world) take(commands []flow.Command) {
	require.Empty(w.t, w.finished, "nothing comes after Finish")
	for i, c := range commands {
		switch c := c.(type) {
		case flow.Run:
			require.False(w.t, w.over[c.Node], "node %s is over", c.Node)
			n := w.plan.NodeState(w.state, c.Node)
			require.Equal(w.t, flow.PhaseRunning, n.Phase)
			require.Equal(w.t, n.Attempt, c.Attempt)
			require.False(w.t, n.Kind.Pure())
			w.due = append(w.due, c)
		case flow.Finish:
			require.Equal(w.t, len(commands)-1, i)
			w.finished = c.Phase
		}
	}
}

// next answers one of the due nodes.
func (w *world) next() {
	i := w.pick(len(w.due))
	run := w.due[i]
	w.due = slices.Delete(w.due, i, i+1)
	o := w.outcomes[run.Node]
	if w.waited[run.Node] < o.waits {
		w.waited[run.Node]++
		w.send(flow.Waiting{Node: run.Node, Attempt: run.Attempt, Wait: flow.Wait{Kind: flow.WaitEvent, Details: map[string]any{"n": w.waited[run.Node]}}, At: noon})
		if w.pick(2) == 0 {
			w.send(flow.Resume{Node: run.Node, Attempt: run.Attempt, At: noon})
		} else {
			w.due = append(w.due, run)
		}
		return
	}
	switch {
	case run.Attempt <= o.failures:
		again := run.Attempt < w.plan.Policy(run.Node).MaxAttempts
		w.over[run.Node] = !again
		w.send(flow.Failed{Node: run.Node, Attempt: run.Attempt, Reason: "Busy", Message: run.Node, Retryable: true, At: noon})
	case o.fatal:
		w.over[run.Node] = true
		w.send(flow.Failed{Node: run.Node, Attempt: run.Attempt, Reason: "Wrong", Message: run.Node, At: noon})
	default:
		w.over[run.Node] = true
		w.send(flow.Done{Node: run.Node, Attempt: run.Attempt, Output: o.output, Exports: o.exports, Usage: flow.Usage{InputTokens: 1}, At: noon})
	}
}

// finish plays to the end and checks it.
func (w *world) finish() string {
	for len(w.due) > 0 {
		require.Empty(w.t, w.finished)
		w.next()
	}
	require.NotEmpty(w.t, w.finished, "the flow must end when nothing is due")
	require.Equal(w.t, w.finished, w.state.Phase)
	failed := false
	for _, n := range w.state.Nodes {
		require.Contains(w.t, []flow.Phase{ok, bad, skip}, n.Phase)
		require.Equal(w.t, n.Phase == bad, n.Error != nil && n.Reason == "", "node %s", n.ID)
		failed = failed || n.Phase == bad
	}
	if failed {
		require.Equal(w.t, bad, w.state.Phase)
	}
	text, err := json.Marshal(w.state)
	require.NoError(w.t, err)
	return string(text)
}

// journalOf is what a ledger would keep: the nodes that did something.
func journalOf(s flow.State) []flow.NodeState {
	var entries []flow.NodeState
	for _, n := range s.Nodes {
		if n.Phase != flow.PhasePending && n.Phase != skip {
			entries = append(entries, n)
		}
	}
	return entries
}

func first(int) int { return 0 }

func last(n int) int { return n - 1 }

// checkMany is rapid.Check with more rounds than its default, which is too few for
// what needs several things to come together. -rapid.checks multiplies.
func checkMany(t *testing.T, prop func(*rapid.T)) {
	t.Helper()
	for range 3 {
		rapid.Check(t, prop)
	}
}

func TestTheEndDoesNotDependOnTheOrder(t *testing.T) {
	t.Parallel()
	checkMany(t, func(t *rapid.T) {
		rf := genFlow(t)
		p := rf.compile(t)
		inOrder := newWorld(t, p, rf, first)
		inOrder.start()
		want := inOrder.finish()

		backwards := newWorld(t, p, rf, last)
		backwards.start()
		require.Equal(t, want, backwards.finish())

		shuffled := newWorld(t, p, rf, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "pick") })
		shuffled.start()
		require.Equal(t, want, shuffled.finish())

		// The same inputs once more change nothing at all.
		for _, in := range shuffled.inputs {
			var commands []flow.Command
			shuffled.state, commands = p.Step(shuffled.state, in)
			require.Empty(t, commands)
		}
		text, err := json.Marshal(shuffled.state)
		require.NoError(t, err)
		require.Equal(t, want, string(text))
	})
}

func TestAJournalContinuesToTheSameEnd(t *testing.T) {
	t.Parallel()
	checkMany(t, func(t *rapid.T) {
		rf := genFlow(t)
		p := rf.compile(t)
		live := newWorld(t, p, rf, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "pick") })
		live.start()
		want := live.finish()

		for _, entries := range live.journals {
			restored := newWorld(t, p, rf, last)
			var commands []flow.Command
			var err error
			restored.state, commands, err = p.Restore(propertyFacts, noon, slices.Clone(entries))
			require.NoError(t, err)
			for _, n := range entries {
				restored.over[n.ID] = n.Phase.Finished()
				if n.Wait != nil {
					waits, _ := n.Wait.Details["n"].(float64)
					restored.waited[n.ID] = int(waits)
					restored.due = append(restored.due, flow.Run{Node: n.ID, Attempt: n.Attempt})
				}
			}
			restored.take(commands)
			require.Equal(t, want, restored.finish())
		}
	})
}

func TestStraySignalsChangeNothing(t *testing.T) {
	t.Parallel()
	checkMany(t, func(t *rapid.T) {
		rf := genFlow(t)
		p := rf.compile(t)
		w := newWorld(t, p, rf, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "pick") })
		w.start()
		for len(w.due) > 0 {
			before, err := json.Marshal(w.state)
			require.NoError(t, err)
			for _, n := range w.state.Nodes {
				attempt := n.Attempt
				if n.Phase == flow.PhaseRunning || n.Phase == flow.PhaseWaiting {
					attempt += rapid.SampledFrom([]int{-1, 1, 5}).Draw(t, "another attempt")
				}
				for _, in := range []flow.Input{
					flow.Done{Node: n.ID, Attempt: attempt, Output: "stray", At: noon.Add(time.Hour)},
					flow.Failed{Node: n.ID, Attempt: attempt, Retryable: true},
					flow.Waiting{Node: n.ID, Attempt: attempt},
					flow.Resume{Node: n.ID, Attempt: attempt},
					flow.Done{Node: n.ID + "?", Attempt: 1},
					flow.Start{At: noon},
					nil,
				} {
					var commands []flow.Command
					w.state, commands = p.Step(w.state, in)
					require.Empty(t, commands)
				}
			}
			after, err := json.Marshal(w.state)
			require.NoError(t, err)
			require.Equal(t, string(before), string(after))
			w.next()
		}
		w.finish()
	})
}
