// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/flow"
)

// noon is when everything in the tests happens, unless a test says otherwise.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// answer is what a scripted executor makes of a node. The zero answer succeeds
// without output.
type answer struct {
	output  any
	exports map[string]string
	fail    string // a reason: fails for good
	wait    bool   // waits and is never answered
}

// node and edge keep flows in tests short.
func node(id string, kind flow.Kind, config ...any) flow.Node {
	n := flow.Node{ID: id, Kind: kind}
	for i := 0; i+1 < len(config); i += 2 {
		if n.Config == nil {
			n.Config = map[string]any{}
		}
		key, _ := config[i].(string)
		n.Config[key] = config[i+1]
	}
	return n
}

func work(id string) flow.Node { return node(id, flow.KindTransform, "script", "true") }

func edge(from, to string, when ...string) flow.Edge {
	e := flow.Edge{From: from, To: to}
	if len(when) > 0 {
		e.When = when[0]
	}
	return e
}

func compile(tb testing.TB, f flow.Flow) *flow.Plan {
	tb.Helper()
	p, err := flow.Compile(f)
	require.NoError(tb, err)
	return p
}

// play runs a flow to where it ends or waits, each node with its answer.
func play(tb testing.TB, p *flow.Plan, facts flow.Facts, answers map[string]answer) flow.State {
	tb.Helper()
	s, commands := p.Step(flow.State{}, flow.Start{Facts: facts, At: noon})
	for len(commands) > 0 {
		next := commands[0]
		commands = commands[1:]
		run, ok := next.(flow.Run)
		if !ok {
			assert.Empty(tb, commands, "Finish must come last")
			break
		}
		var more []flow.Command
		switch a := answers[run.Node]; {
		case a.fail != "":
			s, more = p.Step(s, flow.Failed{Node: run.Node, Attempt: run.Attempt, Reason: a.fail, At: noon})
		case a.wait:
			s, more = p.Step(s, flow.Waiting{Node: run.Node, Attempt: run.Attempt, Wait: flow.Wait{Kind: flow.WaitApproval}, At: noon})
		default:
			s, more = p.Step(s, flow.Done{Node: run.Node, Attempt: run.Attempt, Output: a.output, Exports: a.exports, At: noon})
		}
		commands = append(commands, more...)
	}
	return s
}

// phases is the outcome of each node.
func phases(s flow.State) map[string]flow.Phase {
	out := map[string]flow.Phase{}
	for _, n := range s.Nodes {
		out[n.ID] = n.Phase
	}
	return out
}

func encode(tb testing.TB, v any) string {
	tb.Helper()
	text, err := json.Marshal(v)
	require.NoError(tb, err)
	return string(text)
}

const (
	ok   = flow.PhaseSucceeded
	bad  = flow.PhaseFailed
	skip = flow.PhaseSkipped
)
