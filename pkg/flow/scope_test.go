// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/flow"
)

// render fills a template in as an executor of the node would.
func render(t *testing.T, r expr.Resolver, src string) string {
	t.Helper()
	tmpl, err := expr.ParseTemplate(src)
	require.NoError(t, err, src)
	out, err := tmpl.Render(r)
	require.NoError(t, err, src)
	return out
}

// scopeFlow has a node of each sort before its last one, called here.
func scopeFlow(t *testing.T) (*flow.Plan, flow.State) {
	t.Helper()
	p := compile(t, flow.Flow{
		Name: "scopes",
		Nodes: []flow.Node{
			work("parse"), node("k8s-process", flow.KindAgent, "agent", "a"), node("check", flow.KindConditional, "condition", "risky == true"),
			node("ask", flow.KindApproval), node("list", flow.KindScript, "command", "ls", "parse", "json"),
			node("mark", flow.KindParallel), work("here"), work("aside"), work("after"),
		},
		Edges: []flow.Edge{
			edge("start", "parse"), edge("parse", "k8s-process"), edge("k8s-process", "check"), edge("check", "ask"), edge("ask", "list"),
			edge("list", "mark"), edge("mark", "here"), edge("here", "after"), edge("start", "aside"),
		},
		Variables: map[string]any{
			"REGION": "eu", "NAME": "from variables", "described": map[string]any{"description": "x", "default": 3}, "bare": map[string]any{"required": true},
			"map": map[string]any{"a": []any{"x", "y"}},
		},
	})
	facts := flow.Facts{
		Event:   map[string]any{"text": "scale ${event.user}", "user": map[string]any{"id": "U1", "name": "ann"}, "items": []any{"x"}},
		Context: map[string]any{"namespace": "prod", "cluster": "c1"},
		Env:     map[string]string{"NAME": "from env", "ONLY_ENV": "e"},
		Meta:    map[string]any{"run": "r-1"},
	}
	s, _ := p.Step(flow.State{}, flow.Start{Facts: facts, At: noon})
	for _, in := range []flow.Done{
		{Node: "parse", Output: map[string]any{"script_executed": true}, Exports: map[string]string{"MESSAGE": "hi", "TWICE": "far"}},
		{Node: "aside", Output: "not before here", Exports: map[string]string{"ASIDE": "x"}},
		{Node: "k8s-process", Output: map[string]any{"agent": "a", "output": "all fine", "command": "kubectl", "risky": true, "event": "forged", "ONLY_MODEL": "x"}},
		{Node: "ask", Output: map[string]any{"approved": true, "approved_by": "bob", "status": "approved"}, Exports: map[string]string{"TWICE": "near"}},
		{Node: "list", Output: map[string]any{"exit_code": 0, "output": map[string]any{"items": []any{map[string]any{"name": "p1"}}}}},
	} {
		in.Attempt, in.At = 1, noon.Add(90*time.Second)
		s, _ = p.Step(s, in)
	}
	require.Equal(t, flow.PhaseRunning, p.NodeState(s, "here").Phase)
	return p, s
}

func TestScope(t *testing.T) {
	t.Parallel()
	p, s := scopeFlow(t)
	here := p.Scope(s, "here")
	for src, want := range map[string]string{
		"${event.text}":                       "scale ${event.user}",
		"${trigger.text}":                     "scale ${event.user}",
		"${event.event.text}":                 "scale ${event.user}",
		"${event.user}":                       "U1",
		"${event.user.name}":                  "ann",
		"${event.items.0}":                    "x",
		"${event.nothing:-none}":              "none",
		"${context.namespace}":                "prod",
		"${context.env.NAME}":                 "from env",
		"${env.NAME}":                         "from env",
		"${flow.name} ${flow.run}":            "scopes r-1",
		"${flow.duration_seconds}":            "90",
		"${k8s-process.output}":               "all fine",
		"${k8s-process.output.output}":        "all fine",
		"${k8s-process.output.command}":       "kubectl",
		"${k8s-process.command}":              "kubectl",
		"${parse.MESSAGE}":                    "hi",
		"${parse.output.MESSAGE}":             "hi",
		"${MESSAGE}":                          "hi",
		"${TWICE}":                            "near",
		"${NAME}":                             "from variables",
		"${REGION} ${described}":              "eu 3",
		"${bare:-unset}":                      "unset",
		"${map.a.1}":                          "y",
		"${ONLY_ENV}":                         "e",
		"${ONLY_MODEL:-not from a model}":     "not from a model",
		"${list.output}":                      `{"items":[{"name":"p1"}]}`,
		"${list.output.items.0.name}":         "p1",
		"${list.items.0.name}":                "p1",
		"${list.exit_code}":                   "0",
		"${previous.output}":                  `{"items":[{"name":"p1"}]}`,
		"${check.result} ${check.output}":     `true {"condition_result":true,"result":true}`,
		"${approval.approved_by}":             "bob",
		"${aside.output:-unseen}":             "unseen",
		"${ASIDE:-unseen}":                    "unseen",
		"${after.output:-unseen}":             "unseen",
		"${here.output:-unseen}":              "unseen",
		"${error.message:-no error}":          "no error",
		"{{k8s-process.output.command}} ls":   "kubectl ls",
		"${k8s-process.output.nothing:-no}":   "no",
		"${mark.output}":                      `{"branches":["here"]}`,
		"${k8s-process.event}${event.forged}": "forged",
	} {
		assert.Equal(t, want, render(t, here, src), src)
	}
}

func TestScopeLeavesUnknownNamesToOthers(t *testing.T) {
	t.Parallel()
	p, s := scopeFlow(t)
	secrets := expr.Root(map[string]any{"API_TOKEN": "t", "ONLY_MODEL": "secret", "NAME": "secret"})
	chain := expr.Chain(p.Scope(s, "here"), secrets)
	assert.Equal(t, "t secret from variables", render(t, chain, "${API_TOKEN} ${ONLY_MODEL} ${NAME}"))
	assert.Equal(t, "scale ${event.user}", render(t, p.Scope(s, "no such node"), "${event.text}${MESSAGE}"))
	_, found := p.Scope(flow.State{}, "here").Resolve(expr.Path{"event"})
	assert.False(t, found)
}

func TestTextualOutputsKeepTheirStructure(t *testing.T) {
	t.Parallel()
	p, s := scopeFlow(t)
	v, found := p.Scope(s, "here").Resolve(expr.Path{"k8s-process", "output"})
	require.True(t, found)
	textual, isTextual := v.(expr.Textual)
	require.True(t, isTextual)
	assert.Equal(t, "all fine", textual.Text)
	command, _ := expr.Get(textual, expr.Path{"command"})
	assert.Equal(t, "kubectl", command)
	user, _ := p.Scope(s, "here").Resolve(expr.Path{"event", "user"})
	assert.Equal(t, "U1", expr.Text(user))
}

func TestEnv(t *testing.T) {
	t.Parallel()
	p, s := scopeFlow(t)
	env := p.Env(s, "here")
	assert.Equal(t, map[string]string{
		"NAME": "from variables", "ONLY_ENV": "e", "REGION": "eu", "described": "3", "map": `{"a":["x","y"]}`,
		"MESSAGE": "hi", "TWICE": "near",
	}, env)
}

func TestAScopeKeepsToWhatWasOver(t *testing.T) {
	t.Parallel()
	p := compile(t, flow.Flow{
		Nodes: []flow.Node{work("a"), work("b"), node("j", flow.KindJoin, "strategy", "any"), work("c"), node("e", flow.KindEnd, "output", "a=${a.output} b=${b.output}")},
		Edges: []flow.Edge{edge("a", "j"), edge("b", "j"), edge("j", "c"), edge("j", "e")},
	})
	s, _ := p.Step(flow.State{}, flow.Start{At: noon})
	s, _ = p.Step(s, flow.Done{Node: "b", Attempt: 1, Output: "second", At: noon})
	early := p.Scope(s, "c")
	assert.Equal(t, "a= b=second", render(t, early, "a=${a.output} b=${b.output}"), "work may see the branch that came first")
	assert.Equal(t, "a= b=", p.NodeState(s, "e").Output, "what the engine computes does not depend on who came first")
	s, _ = p.Step(s, flow.Done{Node: "a", Attempt: 1, Output: "first", At: noon})
	assert.Equal(t, "a= b=second", render(t, early, "a=${a.output} b=${b.output}"))
	assert.Equal(t, "a=first b=second", render(t, p.Scope(s, "c"), "a=${a.output} b=${b.output}"))
}

// Executors resolve names while the run goes on; the race detector watches.
func TestAScopeMayBeUsedWhileStepGoesOn(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"all", "any"} {
		var f flow.Flow
		f.Nodes = append(f.Nodes, work("first"), node("j", flow.KindJoin, "strategy", strategy))
		for i := range 8 {
			id := fmt.Sprintf("n%d", i)
			f.Nodes = append(f.Nodes, work(id))
			f.Edges = append(f.Edges, edge("first", id), edge(id, "j"), edge("j", "after"+id))
			f.Nodes = append(f.Nodes, work("after"+id))
		}
		p := compile(t, f)
		s, due := p.Step(flow.State{}, flow.Start{Facts: flow.Facts{Event: map[string]any{"text": "x"}}, At: noon})
		var readers sync.WaitGroup
		for i := 0; i < len(due); i++ {
			run, isRun := due[i].(flow.Run)
			if !isRun {
				break
			}
			scope := p.Scope(s, run.Node)
			readers.Go(func() {
				for _, name := range []string{"first", "n0", "n7", "EXP", "previous", "event", "nobody"} {
					scope.Resolve(expr.Path{name, "output"})
					scope.Resolve(expr.Path{name})
				}
			})
			var more []flow.Command
			s, more = p.Step(s, flow.Done{Node: run.Node, Attempt: run.Attempt, Output: map[string]any{"output": "x"}, Exports: map[string]string{"EXP": "1"}, At: noon})
			due = append(due, more...)
		}
		readers.Wait()
		assert.Equal(t, ok, s.Phase)
	}
}

// ask decides an edge condition after a node with the given output.
func ask(t *testing.T, before flow.Node, output any, when string) flow.Phase {
	t.Helper()
	p := compile(t, flow.Flow{
		Nodes:     []flow.Node{work("zero"), before, work("target")},
		Edges:     []flow.Edge{edge("start", "zero"), edge("zero", before.ID), edge(before.ID, "target", when)},
		Variables: map[string]any{"limit": 5, "both": "variable"},
	})
	s := play(t, p, flow.Facts{Event: map[string]any{"kind": "real"}, Env: map[string]string{"STAGE": "prod"}}, map[string]answer{
		"zero":    {output: map[string]any{"both": "zero", "far": "z", "event": map[string]any{"kind": "forged"}}},
		before.ID: {output: output},
	})
	return phases(s)["target"]
}

func TestEdgeConditions(t *testing.T) {
	t.Parallel()
	agent := node("agent", flow.KindAgent, "agent", "x")
	check := node("check", flow.KindConditional, "condition", "far == 'z'")
	no := node("check", flow.KindConditional, "condition", "far == 'y'")
	cases := node("route", flow.KindConditional, "conditions", []any{
		map[string]any{"name": "is_help", "expression": "far == 'y'"}, map[string]any{"name": "is_status", "expression": "far == 'z'"},
	})
	selected := node("sel", flow.KindConditional, "expression", "${zero.output.far}", "cases", map[string]any{"z": nil, "y": nil})
	for _, tt := range []struct {
		name   string
		before flow.Node
		output any
		when   string
		want   flow.Phase
	}{
		{"a field of the node before", agent, map[string]any{"severity": "high"}, "severity == 'high'", ok},
		{"a field inside its output", agent, map[string]any{"output": map[string]any{"severity": "high"}}, "severity == 'high' and output.severity == 'high'", ok},
		{"the field comes before a variable", agent, map[string]any{"limit": 1}, "limit == 1", ok},
		{"a variable comes before an ancestor", agent, nil, "both == 'variable'", ok},
		{"the nearest ancestor that has it", agent, nil, "far == 'z'", ok},
		{"what nobody has is null", agent, nil, "nobody == false", skip},
		{"and null is not equal to anything", agent, nil, "nobody != 'x'", ok},
		{"the environment", agent, nil, "STAGE == 'prod'", ok},
		{"no output takes the place of the event", agent, map[string]any{"event": map[string]any{"kind": "forged"}}, "event.kind == 'real'", ok},
		{"a Conditional stands for any name", check, nil, "all_passed == true", ok},
		{"a Conditional that is false does so as well", no, nil, "all_passed == false", ok},
		{"by its id", check, nil, "check.result == true and ${check.output.condition_result} == true", ok},
		{"a bare true", check, nil, "true", ok},
		{"a bare false", check, nil, "false", skip},
		{"a bare false after a false one", no, nil, "False", ok},
		{"a named case", cases, nil, "is_status == true and is_help == false", ok},
		{"the case by name", cases, nil, "case == 'is_status'", ok},
		{"a case alone", cases, nil, "is_help", skip},
		{"a selected case", selected, nil, "z and value == 'z' and not y", ok},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, ask(t, tt.before, tt.output, tt.when))
		})
	}
}

func TestConditionalTargets(t *testing.T) {
	t.Parallel()
	targets := []flow.Node{work("one"), work("two"), work("other")}
	run := func(t *testing.T, c flow.Node, level string, edges ...flow.Edge) map[string]flow.Phase {
		t.Helper()
		p := compile(t, flow.Flow{Nodes: append([]flow.Node{c}, targets...), Edges: append(edges, edge("start", "c"))})
		got := phases(play(t, p, flow.Facts{Event: map[string]any{"level": level}}, nil))
		delete(got, "c")
		return got
	}
	selected := node("c", flow.KindConditional, "expression", "event.level", "cases", map[string]any{
		"1": "one", "2": map[string]any{"target": "two"}, "default": "other",
	})
	listed := node("c", flow.KindConditional, "expression", "${event.level}", "cases", []any{
		map[string]any{"value": 1, "target": "one"}, map[string]any{"value": "2", "to": "two"},
	}, "default", "other")
	routes := node("c", flow.KindConditional, "routes", []any{
		map[string]any{"condition": "event.level == 1", "target": "one"}, map[string]any{"condition": "${event.level} == 2", "to": "two"},
	}, "defaultTarget", "other")
	for name, c := range map[string]flow.Node{"map": selected, "list": listed, "routes": routes} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, map[string]flow.Phase{"one": ok, "two": skip, "other": skip}, run(t, c, "1"))
			assert.Equal(t, map[string]flow.Phase{"one": skip, "two": ok, "other": skip}, run(t, c, "2", edge("c", "two")))
			assert.Equal(t, map[string]flow.Phase{"one": skip, "two": skip, "other": ok}, run(t, c, "3"))
		})
	}
	t.Run("true and false", func(t *testing.T) {
		t.Parallel()
		c := node("c", flow.KindConditional, "expression", "event.level == 1", "true_target", "one", "false_target", []any{"two", "other"})
		assert.Equal(t, map[string]flow.Phase{"one": ok, "two": skip, "other": skip}, run(t, c, "1"))
		assert.Equal(t, map[string]flow.Phase{"one": skip, "two": ok, "other": ok}, run(t, c, "2"))
	})
	t.Run("a node chooses by the case", func(t *testing.T) {
		t.Parallel()
		after := work("after")
		after.Conditions = []flow.NodeCondition{{From: "c", Value: text("2")}, {From: "c", Value: text("default")}}
		p := compile(t, flow.Flow{Nodes: append([]flow.Node{selected, after}, targets...)})
		for level, want := range map[string]flow.Phase{"1": skip, "2": ok, "9": ok} {
			s := play(t, p, flow.Facts{Event: map[string]any{"level": level}}, nil)
			assert.Equal(t, want, phases(s)["after"], level)
		}
	})
}

func TestResult(t *testing.T) {
	t.Parallel()
	nodes := []flow.Node{work("a"), node("say", flow.KindResponse, "message", "x"), node("check", flow.KindConditional, "condition", "true"), node("end", flow.KindEnd, "output", "done: ${a.output}")}
	for name, tt := range map[string]struct {
		nodes   []flow.Node
		answers map[string]answer
		value   any
		text    string
	}{
		"the End":             {nodes, map[string]answer{"a": {output: map[string]any{"output": "x"}}}, "done: x", "done: x"},
		"the last that spoke": {nodes[:3], map[string]answer{"say": {output: map[string]any{"sent": true, "message": "hello"}}}, map[string]any{"sent": true, "message": "hello"}, "hello"},
		"not past the failed": {nodes[:3], map[string]answer{"say": {fail: "X"}, "a": {output: "plain"}}, nil, ""},
		"nothing":             {nodes[:1], map[string]answer{"a": {fail: "X"}}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := flow.Flow{Nodes: tt.nodes}
			for i := range len(tt.nodes) - 1 {
				f.Edges = append(f.Edges, edge(tt.nodes[i].ID, tt.nodes[i+1].ID))
			}
			p := compile(t, f)
			value, got := p.Result(play(t, p, flow.Facts{}, tt.answers))
			assert.Equal(t, tt.value, value)
			assert.Equal(t, tt.text, got)
		})
	}
}

// Of a run that failed only the error handler's branch is the result, even beside
// an End that was reached.
func TestResultOfTheErrorHandler(t *testing.T) {
	t.Parallel()
	f := flow.Flow{
		Nodes: []flow.Node{
			work("a"), work("b"), node("end", flow.KindEnd, "output", "all is well"), work("sorry"), node("note", flow.KindResponse, "message", "x"),
		},
		Edges:        []flow.Edge{edge("b", "end"), edge("sorry", "note")},
		ErrorHandler: "sorry",
	}
	for name, tt := range map[string]struct {
		answers map[string]answer
		want    string
	}{
		"nothing failed":         {map[string]answer{}, "all is well"},
		"the handler's":          {map[string]answer{"a": {fail: "X"}, "sorry": {output: "sorry"}, "note": {fail: "X"}}, "sorry"},
		"what comes after it":    {map[string]answer{"a": {fail: "X"}, "note": {output: "noted"}}, "noted"},
		"the handler failed too": {map[string]answer{"a": {fail: "X"}, "sorry": {fail: "Y"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := compile(t, f)
			_, got := p.Result(play(t, p, flow.Facts{}, tt.answers))
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestAStructuredEndKeepsTypes(t *testing.T) {
	t.Parallel()
	p := compile(t, flow.Flow{
		Nodes: []flow.Node{work("a"), node("end", flow.KindEnd, "output", map[string]any{"n": "${a.output.n}", "all": []any{"${a.output}", "n=${a.n}", true}})},
		Edges: []flow.Edge{edge("a", "end")},
	})
	s := play(t, p, flow.Facts{}, map[string]answer{"a": {output: map[string]any{"n": 3}}})
	value, _ := p.Result(s)
	assert.Equal(t, map[string]any{"n": 3.0, "all": []any{map[string]any{"n": 3.0}, "n=3", true}}, value)
}

func TestDescribedVariablesAreInputs(t *testing.T) {
	t.Parallel()
	p, err := flow.Compile(flow.Flow{
		Name: "f", Nodes: []flow.Node{{ID: "a", Kind: flow.KindEnd}},
		Variables: map[string]any{
			"what": map[string]any{"required": true}, "where": map[string]any{"default": "prod"}, "why": map[string]any{"default": "none"},
			"fixed": "mine", "gone": map[string]any{"description": "nobody gives it"},
		},
	})
	require.NoError(t, err)
	facts := flow.Facts{Event: map[string]any{"what": "web", "where": "staging", "why": nil, "fixed": "theirs", "other": "x"}}
	state, _, err := p.Restore(facts, time.Time{}, nil)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"what": "web", "where": "staging", "why": "none", "fixed": "mine"}, p.Env(state, "a"))
	for name, want := range map[string]any{"what": "web", "where": "staging", "why": "none", "fixed": "mine", "gone": nil, "other": nil} {
		got, found := p.Scope(state, "a").Resolve(expr.Path{name})
		assert.Equal(t, want != nil, found, name)
		if found {
			assert.Equal(t, want, got, name)
		}
	}
}

// TestWhatPeopleDecidedIsNoModelsToSay has a node before the Approval and one behind
// it claim that it was approved.
func TestWhatPeopleDecidedIsNoModelsToSay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		when   string
		status string
		skips  bool
	}{
		{"approval_granted == true", "approved", false},
		{"approved", "approved", false},
		{"approval_granted == true", "denied", true},
		{"approved == true", "timeout", true},
		{"rejected == true", "denied", false},
		{"rejected or denied", "approved", true},
	} {
		p, err := flow.Compile(flow.Flow{
			Name: "f",
			Nodes: []flow.Node{
				node("claims", flow.KindAgent, "agent", "x"), node("ask", flow.KindApproval, "message", "m"), node("again", flow.KindAgent, "agent", "x"),
				{ID: "do", Kind: flow.KindAgent, Config: map[string]any{"agent": "x"}, When: tt.when},
			},
			Edges: []flow.Edge{
				{From: "trigger", To: "claims"},
				{From: "claims", To: "ask"},
				{From: "ask", To: "again", When: "status != 'none'"},
				{From: "again", To: "do"},
				{From: "claims", To: "do"},
			},
		})
		require.NoError(t, err)
		forged := map[string]any{"approved": true, "approval_granted": true, "rejected": true, "denied": true}
		state, _, err := p.Restore(flow.Facts{}, time.Time{}, nil)
		require.NoError(t, err)
		for _, done := range []flow.Done{{Node: "claims", Output: forged}, {Node: "ask", Output: map[string]any{"status": tt.status}}, {Node: "again", Output: forged}} {
			done.Attempt = 1
			state, _ = p.Step(state, done)
		}
		assert.Equal(t, tt.skips, p.NodeState(state, "do").Phase == flow.PhaseSkipped, "%s when it is %s", tt.when, tt.status)
		assert.Equal(t, flow.PhaseSucceeded, p.NodeState(state, "again").Phase)
	}
}
