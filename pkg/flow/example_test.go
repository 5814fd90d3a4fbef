// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow_test

import (
	"fmt"
	"time"

	"aof.dev/operator/pkg/flow"
)

// A flow is compiled once; then every input gives the next state and what is to
// be done.
func Example() {
	plan, err := flow.Compile(flow.Flow{
		Name: "greet",
		Nodes: []flow.Node{
			{ID: "parse", Kind: flow.KindTransform, Config: map[string]any{"script": `export NAME="${event.user}"`}},
			{ID: "polite", Kind: flow.KindConditional, Config: map[string]any{"condition": `${event.text} =~ "please"`}},
			{ID: "reply", Kind: flow.KindEnd, Config: map[string]any{"output": "At once, ${NAME}."}},
			{ID: "refuse", Kind: flow.KindEnd, Config: map[string]any{"output": "Ask nicely."}},
		},
		Edges: []flow.Edge{
			{From: "trigger", To: "parse"},
			{From: "parse", To: "polite"},
			{From: "polite", To: "reply", When: "true"},
			{From: "polite", To: "refuse", When: "false"},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	event := map[string]any{"text": "restart it, please", "user": map[string]any{"id": "U1"}}
	state, commands := plan.Step(flow.State{}, flow.Start{Facts: flow.Facts{Event: event}, At: now})
	fmt.Printf("%+v\n", commands)

	state, commands = plan.Step(state, flow.Done{Node: "parse", Attempt: 1, Exports: map[string]string{"NAME": "U1"}, At: now})
	fmt.Printf("%+v\n", commands)
	for _, n := range state.Nodes {
		fmt.Println(n.ID, n.Phase)
	}
	_, text := plan.Result(state)
	fmt.Println(text)
	// Output:
	// [{Node:parse Attempt:1 Delay:0s}]
	// [{Phase:Succeeded}]
	// parse Succeeded
	// polite Succeeded
	// reply Succeeded
	// refuse Skipped
	// At once, U1.
}

// Everything that is wrong with a flow is said at once, each with its place.
func ExampleCompile() {
	_, err := flow.Compile(flow.Flow{
		Nodes: []flow.Node{
			{ID: "ask", Kind: "Approval", Config: map[string]any{"timeout": "soon"}},
			{ID: "run", Kind: "Shell"},
		},
		Edges: []flow.Edge{{From: "ask", To: "rum"}, {From: "ask", To: "run", When: "approved =="}},
	})
	if errs, isList := err.(flow.Errors); isList { //nolint:errorlint // Compile returns the list itself
		for _, e := range errs {
			fmt.Printf("%s: %s\n", e.Path, e.Reason)
		}
	}
	// Output:
	// nodes[0].config.timeout: Invalid
	// nodes[1].config: Missing
	// connections[0].to: UnknownNode
	// connections[1].when: Syntax
}

// A run goes on after a crash from the nodes that its journal holds.
func ExamplePlan_Restore() {
	plan, err := flow.Compile(flow.Flow{
		Nodes: []flow.Node{
			{ID: "check", Kind: flow.KindScript, Config: map[string]any{"command": "kubectl get pods"}},
			{ID: "ask", Kind: flow.KindApproval},
			{ID: "scale", Kind: flow.KindScript, Config: map[string]any{"command": "kubectl scale"}},
		},
		Edges: []flow.Edge{{From: "check", To: "ask"}, {From: "ask", To: "scale"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	state, commands, err := plan.Restore(flow.Facts{}, now, []flow.NodeState{
		{ID: "check", Phase: flow.PhaseSucceeded, Attempt: 1},
		{ID: "ask", Phase: flow.PhaseWaiting, Attempt: 1, Wait: &flow.Wait{Kind: flow.WaitApproval}},
	})
	fmt.Println(state.Phase, commands, err)
	_, commands = plan.Step(state, flow.Done{Node: "ask", Attempt: 1, Output: map[string]any{"approved": true}, At: now})
	fmt.Printf("%+v\n", commands)
	// Output:
	// Waiting [] <nil>
	// [{Node:scale Attempt:1 Delay:0s}]
}
