// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/flow"
)

func TestCompileNamesEveryFault(t *testing.T) {
	t.Parallel()
	one := func(kind flow.Kind, config ...any) flow.Flow {
		return flow.Flow{Nodes: []flow.Node{node("a", kind, config...)}}
	}
	tests := []struct {
		name string
		flow flow.Flow
		want []string // path reason
	}{
		{"no nodes", flow.Flow{}, []string{"nodes NoNodes"}},
		{"no id", flow.Flow{Nodes: []flow.Node{work("")}}, []string{"nodes[0].id InvalidID"}},
		{"an id that no reference could name", flow.Flow{Nodes: []flow.Node{work("a.b"), work("-x"), work("a b")}}, []string{"nodes[0].id InvalidID", "nodes[1].id InvalidID", "nodes[2].id InvalidID"}},
		{"a reserved id", flow.Flow{Nodes: []flow.Node{work("trigger"), work("start")}}, []string{"nodes[0].id ReservedID", "nodes[1].id ReservedID"}},
		{"a duplicate id", flow.Flow{Nodes: []flow.Node{work("a"), work("b"), work("a")}}, []string{"nodes[2].id DuplicateID"}},
		{"no type", one(""), []string{"nodes[0].type Missing"}},
		{"an unknown type", one("Teleport"), []string{"nodes[0].type UnknownKind"}},
		{"a Loop over nothing", one("loop", "node", map[string]any{"type": "Agent"}), []string{"nodes[0].config Missing"}},
		{"a Loop of nothing", one("Loop", "for_each", "${event.items}"), []string{"nodes[0].config.node Missing"}},
		{"a Loop of what waits", one("Loop", "items", []any{1}, "node", map[string]any{"type": "Approval"}), []string{"nodes[0].config.node.type Invalid"}},
		{"a Loop of Loops", one("Loop", "items", []any{1}, "node", map[string]any{"type": "loop"}), []string{"nodes[0].config.node.type Invalid"}},
		{"a Loop with wrong settings", one("Loop", "while", "x ==", "node", map[string]any{"type": "Script", "config": "ls"}), []string{"nodes[0].config.while Invalid", "nodes[0].config.node.config Invalid"}},
		{"unknown ends", flow.Flow{Nodes: []flow.Node{work("a")}, Edges: []flow.Edge{edge("trigger", "b"), edge("c", "a"), edge("a", "")}}, []string{"connections[0].to UnknownNode", "connections[1].from UnknownNode", "connections[2].to UnknownNode"}},
		{"an edge to the trigger", flow.Flow{Nodes: []flow.Node{work("a")}, Edges: []flow.Edge{edge("a", "start")}}, []string{"connections[0].to UnknownNode"}},
		{"an edge to itself", flow.Flow{Nodes: []flow.Node{work("a")}, Edges: []flow.Edge{edge("a", "a")}}, []string{"connections[0].to SelfReference"}},
		{"a condition that does not parse", flow.Flow{Nodes: []flow.Node{work("a"), work("b")}, Edges: []flow.Edge{edge("a", "b", "x ==")}}, []string{"connections[0].when Syntax"}},
		{"a cycle", flow.Flow{Nodes: []flow.Node{work("a"), work("b"), work("c")}, Edges: []flow.Edge{edge("start", "a"), edge("a", "b"), edge("b", "c"), edge("c", "b")}}, []string{"connections[3].to Cycle"}},
		{"a node that never runs", flow.Flow{Nodes: []flow.Node{work("a"), work("b"), work("c")}, Edges: []flow.Edge{edge("start", "a"), edge("b", "c")}}, []string{"nodes[1] Unreachable"}},
		{"dependencies that are not there", flow.Flow{Nodes: []flow.Node{{ID: "a", Kind: flow.KindTransform, Config: map[string]any{"script": "x"}, DependsOn: []string{"b", "a"}, Conditions: []flow.NodeCondition{{From: "z"}, {From: "trigger", When: "("}}}}}, []string{"nodes[0].conditions[1].when Syntax", "nodes[0].depends_on[0] UnknownNode", "nodes[0].depends_on[1] SelfReference", "nodes[0].conditions[0].from UnknownNode"}},
		{"an Agent without an agent", one("Agent", "input", "x"), []string{"nodes[0].config Missing"}},
		{"a Fleet without a fleet", one("Fleet"), []string{"nodes[0].config Missing"}},
		{"a Transform without a script", one("Transform", "script", " "), []string{"nodes[0].config Missing"}},
		{"a Script without a command", one("Script", "scriptConfig", map[string]any{"timeoutSeconds": 3}), []string{"nodes[0].config.scriptConfig Missing"}},
		{"a Script whose settings are a text", one("Script", "script_config", "ls"), []string{"nodes[0].config.script_config Invalid"}},
		{"a Script with wrong settings", one("Script", "command", "echo", "args", []any{"${a.b"}, "parse", "xml", "pattern", "(", "timeoutSeconds", "soon"), []string{"nodes[0].config.parse Invalid", "nodes[0].config.timeoutSeconds Invalid", "nodes[0].config.pattern Syntax", "nodes[0].config.args[0] Syntax"}},
		{"a message without text", one("Response"), []string{"nodes[0].config Missing"}},
		{"HTTP without a url", one("http", "method", "GET"), []string{"nodes[0].config Missing"}},
		{"a Wait without an end", one("Wait"), []string{"nodes[0].config Missing"}},
		{"a Wait with a wrong duration", one("Wait", "duration", "a while"), []string{"nodes[0].config.duration Invalid"}},
		{"a Join with an unknown strategy", one("Join", "strategy", "most"), []string{"nodes[0].config.strategy Invalid"}},
		{"an Approval with wrong settings", one("HumanApproval", "timeoutMinutes", -1, "fallback", "maybe"), []string{"nodes[0].config.fallback Invalid", "nodes[0].config.timeoutMinutes Invalid"}},
		{"Parallel branches that are not there", one("Parallel", "branches", []any{"b", 3, "a"}), []string{"nodes[0].config.branches[0] UnknownNode", "nodes[0].config.branches[1] Invalid", "nodes[0].config.branches[2] SelfReference"}},
		{"a template that does not parse", one("Response", "message", "hi ${event.text", "blocks", []any{map[string]any{"text": "${"}}), []string{"nodes[0].config.blocks[0].text Syntax", "nodes[0].config.message Syntax"}},
		{"a Conditional without a question", one("Conditional"), []string{"nodes[0].config Missing"}},
		{"a Conditional with two", one("Conditional", "condition", "x", "routes", []any{1}), []string{"nodes[0].config.routes Invalid"}},
		{"a Conditional that does not parse", one("Conditional", "condition", "a AND"), []string{"nodes[0].config.condition Syntax"}},
		{"cases that are none", one("Conditional", "conditions", []any{1, map[string]any{"name": "x"}, map[string]any{"name": "result", "expression": "y"}}), []string{"nodes[0].config.conditions[0] Invalid", "nodes[0].config.conditions[1] Missing", "nodes[0].config.conditions[2] Invalid"}},
		{"targets that are not there", one("Conditional", "expression", "x", "trueTarget", "b", "false_target", "a"), []string{"nodes[0].config.trueTarget UnknownNode", "nodes[0].config.false_target SelfReference"}},
		{"two spellings of one setting", one("Wait", "duration", "1s", "timeout_seconds", 1, "timeoutSeconds", 2), []string{"nodes[0].config.timeout_seconds DuplicateKey"}},
		{"a policy out of bounds", flow.Flow{Nodes: []flow.Node{work("a")}, Defaults: flow.Policy{MaxAttempts: 101}}, []string{"config.retry.max_attempts Invalid"}},
		{"more nodes than the flow's own limit", flow.Flow{Nodes: []flow.Node{work("a"), work("b")}, Limits: flow.Limits{Nodes: 1}}, []string{"nodes TooLarge"}},
		{"more text than a flow may have", flow.Flow{Nodes: []flow.Node{node("a", flow.KindResponse, "blocks", slices.Repeat([]any{strings.Repeat("x", 60_000)}, 40))}}, []string{"nodes[0].config.blocks[34] TooLarge"}},
		{"more edges than the flow's own limit", flow.Flow{Nodes: []flow.Node{work("a"), work("b")}, Edges: []flow.Edge{edge("a", "b"), edge("a", "b", "x")}, Limits: flow.Limits{Edges: 1}}, []string{"connections TooLarge"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := flow.Compile(tt.flow)
			var errs flow.Errors
			require.ErrorAs(t, err, &errs)
			var got []string
			for _, e := range errs {
				got = append(got, e.Path+" "+e.Reason)
				assert.NotEmpty(t, e.Message)
			}
			assert.Equal(t, tt.want, got, "%v", err)
		})
	}
}

func TestACycleIsShownWithItsPath(t *testing.T) {
	t.Parallel()
	_, err := flow.Compile(flow.Flow{
		Nodes: []flow.Node{work("in"), work("a"), work("b"), work("c")},
		Edges: []flow.Edge{edge("in", "a"), edge("a", "b"), edge("b", "c"), edge("c", "a")},
	})
	require.ErrorContains(t, err, "cycle: ")
	assert.Contains(t, []string{"a -> b -> c -> a", "b -> c -> a -> b", "c -> a -> b -> c"}, strings.SplitN(err.Error(), "cycle: ", 2)[1])
	var one flow.Error
	assert.ErrorAs(t, err, &one)
}

func TestErrorsAreBounded(t *testing.T) {
	t.Parallel()
	var f flow.Flow
	for range 1000 {
		f.Nodes = append(f.Nodes, flow.Node{ID: strings.Repeat("x", 10_000) + "!", Kind: "Nothing"})
	}
	_, err := flow.Compile(f)
	var errs flow.Errors
	require.ErrorAs(t, err, &errs)
	assert.Len(t, errs, flow.MaxErrors)
	assert.Less(t, len(err.Error()), 100_000)
	assert.Contains(t, errs[flow.MaxErrors-1].Message, "more errors")
}

func TestTheLargestFlowsAreRefusedOrRun(t *testing.T) {
	t.Parallel()
	var huge, chain, fan flow.Flow
	for i := range 2 * flow.MaxNodes {
		huge.Nodes = append(huge.Nodes, work(fmt.Sprintf("n%d", i)))
	}
	_, err := flow.Compile(huge)
	require.EqualError(t, err, "nodes: 10000 nodes, at most 5000 are allowed")

	for i := range flow.MaxNodes {
		n := node(fmt.Sprintf("n%d", i), flow.KindConditional, "condition", "${event.go} == true")
		chain.Nodes = append(chain.Nodes, n)
		if i > 0 {
			chain.Edges = append(chain.Edges, edge(fmt.Sprintf("n%d", i-1), n.ID, "nobody_has_this != 1"))
		}
	}
	s := play(t, compile(t, chain), flow.Facts{Event: map[string]any{"go": true}}, nil)
	assert.Equal(t, ok, s.Phase)
	assert.Equal(t, ok, s.Nodes[flow.MaxNodes-1].Phase)

	fan.Nodes = []flow.Node{work("first"), node("last", flow.KindJoin)}
	for i := range flow.MaxNodes - 2 {
		n := work(fmt.Sprintf("n%d", i))
		fan.Nodes = append(fan.Nodes, n)
		fan.Edges = append(fan.Edges, edge("first", n.ID), edge(n.ID, "last"))
	}
	s = play(t, compile(t, fan), flow.Facts{}, nil)
	assert.Equal(t, ok, s.Phase)
	assert.Equal(t, ok, phases(s)["last"])

	chain.Edges = append(chain.Edges, edge("n4999", "n0"))
	_, err = flow.Compile(chain)
	require.ErrorContains(t, err, "(5000 nodes)")
	assert.Less(t, len(err.Error()), 500)
}

func TestPlanKeepsOrderAndCanonicalSettings(t *testing.T) {
	t.Parallel()
	p := compile(t, flow.Flow{
		Name: "f",
		Nodes: []flow.Node{
			node("z", "shell", "command", "ls", "args", []any{"-l"}, "timeoutSeconds", 5),
			node("y", "Script", "scriptConfig", map[string]any{"command": "ls", "failOnError": false, "env": map[string]any{"camelCase": "x"}}),
			node("x", "agent", "inline", map[string]any{"name": "i", "maxTokens": 5}, "input", "hi", "timeout", "2m"),
			node("w", "approval", "timeoutMinutes", 5),
		},
		Edges:    []flow.Edge{edge("x", "z"), edge("w", "z"), edge("start", "x"), edge("start", "y"), edge("start", "w")},
		Defaults: flow.Policy{TimeoutSeconds: 60, MaxAttempts: 2},
	})
	var ids []string
	for _, n := range p.Nodes() {
		ids = append(ids, n.ID)
	}
	assert.Equal(t, []string{"y", "x", "w", "z"}, ids)
	assert.Equal(t, []string{"x", "w"}, p.Predecessors("z"))
	assert.Empty(t, p.Predecessors("x"))

	z, found := p.Node("z")
	require.True(t, found)
	assert.Equal(t, flow.KindScript, z.Kind)
	assert.Equal(t, map[string]any{"script_config": map[string]any{"command": "ls", "args": []any{"-l"}, "timeout_seconds": 5}}, z.Config)
	y, _ := p.Node("y")
	assert.Equal(t, map[string]any{"script_config": map[string]any{"command": "ls", "fail_on_error": false, "env": map[string]any{"camelCase": "x"}}}, y.Config)
	x, _ := p.Node("x")
	assert.Equal(t, map[string]any{"name": "i", "max_tokens": 5}, x.Config["inline"])

	assert.Equal(t, flow.Policy{TimeoutSeconds: 5, MaxAttempts: 2}, p.Policy("z"))
	assert.Equal(t, flow.Policy{TimeoutSeconds: 120, MaxAttempts: 2}, p.Policy("x"))
	assert.Equal(t, flow.Policy{TimeoutSeconds: 60, MaxAttempts: 2}, p.Policy("w"), "an approval's timeout is not an attempt's")
}

func TestCompileLeavesTheFlowAlone(t *testing.T) {
	t.Parallel()
	f := flow.Flow{Nodes: []flow.Node{
		node("a", "Shell", "command", "ls", "timeoutSeconds", 5),
		node("b", "Agent", "inline", map[string]any{"maxTokens": 5, "name": "x"}),
		node("c", "Join"),
	}, Edges: []flow.Edge{edge("a", "c"), edge("b", "c")}}
	before := encode(t, f)
	p := compile(t, f)
	assert.Equal(t, before, encode(t, f))
	assert.Equal(t, before, encode(t, p.Flow()))
}

func TestReferencesThatCanNeverBeReadAreWarnings(t *testing.T) {
	t.Parallel()
	p := compile(t, flow.Flow{
		Nodes: []flow.Node{work("a"), node("b", flow.KindResponse, "message", "${c.output} ${a.output} ${event.c}"), work("c")},
		Edges: []flow.Edge{edge("start", "a"), edge("a", "b", "c.output == 1 and a.x"), edge("start", "c"), edge("start", "c", "a.y == 1")},
	})
	var got []string
	for _, w := range p.Warnings() {
		got = append(got, w.Path+" "+w.Reason)
	}
	assert.ElementsMatch(t, []string{"nodes[1].config.message NeverAvailable", "connections[1].when NeverAvailable", "connections[3].when NeverAvailable"}, got)
}

func TestParseKind(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]flow.Kind{
		"Transform": flow.KindTransform, "shell": flow.KindScript, "Execute": flow.KindScript, "merge": flow.KindJoin,
		"approval": flow.KindApproval, "HumanApproval": flow.KindApproval, "NOTIFY": flow.KindNotify, "http": flow.KindHTTP, "github": flow.KindGitHub,
	} {
		got, found := flow.ParseKind(in)
		assert.True(t, found, in)
		assert.Equal(t, want, got, in)
	}
	_, found := flow.ParseKind("")
	assert.False(t, found)
}

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   any
		want time.Duration
	}{
		{"1s", time.Second},
		{"250ms", 250 * time.Millisecond},
		{"1h 30m", 90 * time.Minute},
		{"2d", 48 * time.Hour},
		{"1.5", 1500 * time.Millisecond},
		{float64(3), 3 * time.Second},
		{int64(3), 3 * time.Second},
		{0, 0},
		{time.Minute, time.Minute},
	} {
		got, err := flow.ParseDuration(tt.in)
		require.NoError(t, err, "%v", tt.in)
		assert.Equal(t, tt.want, got, "%v", tt.in)
	}
	for _, in := range []any{"", "soon", "-1s", -1, "NaN", "inf", "1e300", "1e300d", nil, []any{}, true} {
		_, err := flow.ParseDuration(in)
		assert.Error(t, err, "%v", in)
	}
}

func TestDelayGrowsUpToItsCeiling(t *testing.T) {
	t.Parallel()
	p := flow.Policy{InitialDelay: time.Second, BackoffMultiplier: 2}
	assert.Zero(t, p.Delay(1))
	assert.Equal(t, time.Second, p.Delay(2))
	assert.Equal(t, 4*time.Second, p.Delay(4))
	assert.Equal(t, flow.MaxDelay, p.Delay(90))
	assert.Equal(t, 2*time.Second, flow.Policy{}.Delay(3))
}

func TestErrorsUnwrap(t *testing.T) {
	t.Parallel()
	err := error(flow.Errors{{Path: "a", Message: "b"}, {Message: "c"}})
	assert.EqualError(t, err, "a: b; c")
	assert.ErrorIs(t, err, flow.Error{Path: "a", Message: "b"})
}
