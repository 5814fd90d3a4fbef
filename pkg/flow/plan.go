// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"errors"
	"time"

	"aof.dev/operator/pkg/expr"
)

// Plan is a compiled Flow. It is immutable and safe for concurrent use.
type Plan struct {
	flow  Flow
	nodes []Node
	index map[string]int
}

// Compile checks a flow and prepares it for Step. The error is an Errors with
// everything that is wrong.
func Compile(f Flow) (*Plan, error) { return nil, errors.New("flow: not implemented") }

// Name of the flow.
func (p *Plan) Name() string { return p.flow.Name }

// Flow returns the definition that the plan was compiled from, as it was given.
func (p *Plan) Flow() Flow { return p.flow }

// Nodes returns the nodes in plan order: topological, the user's order where the
// graph leaves a choice. Config keys are in snake_case, the settings of a Script
// under script_config. The caller must not change them.
func (p *Plan) Nodes() []Node { return p.nodes }

// Node returns one node as Nodes does.
func (p *Plan) Node(id string) (Node, bool) {
	i, ok := p.index[id]
	if !ok {
		return Node{}, false
	}
	return p.nodes[i], true
}

// Predecessors returns the IDs of the nodes that lead directly to this one, in
// plan order. The trigger is not among them.
func (p *Plan) Predecessors(id string) []string { return nil }

// Policy returns the policy of a node with the flow's defaults applied, the
// timeout of its config included. Unknown nodes have the defaults.
func (p *Plan) Policy(id string) Policy { return Policy{} }

// Warnings are what is allowed but can't do what it seems to: for example a
// reference to a node that is never over when the reference is read.
func (p *Plan) Warnings() []Error { return nil }

// Step moves the state forward by one input and returns what is to be done. It
// consumes s as append does: use only the returned state afterwards. Inputs that
// are late, repeated or illegal change nothing and give no commands.
func (p *Plan) Step(s State, in Input) (State, []Command) { return s, nil }

// Restore rebuilds a state from the journal: the entries of the nodes that were
// finished, waiting or running when they were written, in any order and at most
// one per node. Finished nodes keep their outcome, waiting nodes go on waiting,
// and everything else that is due gets a Run command; a running entry gets it
// for the same attempt. The error says which entry does not fit the plan.
func (p *Plan) Restore(facts Facts, at time.Time, entries []NodeState) (State, []Command, error) {
	return State{}, nil, errors.New("flow: not implemented")
}

// Scope says what ${…} may name for a node: event, trigger, context, env, flow,
// the nodes before it by their ID, previous, approval, error, exported variables,
// flow variables and the Context's environment, as ADR 0004 lists them. A name
// it does not know is not found, so that other resolvers can be chained behind
// it. The resolver keeps to what was finished when Scope was called and may be
// used while Step goes on. The node is an ID; an unknown one sees the facts only.
func (p *Plan) Scope(s State, node string) expr.Resolver {
	return expr.ResolverFunc(func(expr.Path) (any, bool) { return nil, false })
}

// Env returns the variables that a script of this node finds in its environment:
// the Context's environment, over it the flow's variables, over them what
// ancestors exported, the nearest last. Secrets are not among them.
func (p *Plan) Env(s State, node string) map[string]string { return nil }

// Result is what the flow is for: the output of the last End that succeeded in
// plan order, else the output of the last node that did work and succeeded. The
// text is what a person gets to read.
func (p *Plan) Result(s State) (value any, text string) { return nil, "" }

// NodeState returns the state of one node; the zero value when there is none.
func (p *Plan) NodeState(s State, id string) NodeState { return NodeState{} }

// ParseDuration reads a duration as flows write it: "1s", "250ms", "5m", "1h30m",
// "2d", or a bare number of seconds as number or text. It refuses negative ones.
func ParseDuration(v any) (time.Duration, error) { return 0, errors.New("flow: not implemented") }
