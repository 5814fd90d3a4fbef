// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import "aof.dev/operator/pkg/expr"

// Plan is a compiled Flow. It is immutable and safe for concurrent use.
type Plan struct {
	flow     Flow
	limits   Limits
	nodes    []Node
	index    map[string]int32
	steps    []step
	links    []link
	begin    []int32 // links out of the trigger
	warnings []Error
	handler  int32 // the error handler, or none
	// racy is set when a Join goes on while branches are not over. Only then do
	// the nodes before another differ from those that are surely over.
	racy bool
}

// step is what the engine keeps for a node, by its place in the plan.
type step struct {
	in, out []int32 // places of links
	need    int32   // see need
	when    *expr.Condition
	// alternatives of the node's conditions.
	alternatives []alternative
	choice       *choice // of a Conditional
	output       *shape  // of an End
	policy       Policy
	before       bitset // all nodes from which a way leads here
	sure         bitset // those of them that are over whenever this node runs
}

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
func (p *Plan) Predecessors(id string) []string {
	i, ok := p.index[id]
	if !ok {
		return nil
	}
	var ids []string
	for _, l := range p.steps[i].in {
		if from := p.links[l].from; from != trigger {
			ids = append(ids, p.nodes[from].ID)
		}
	}
	return ids
}

// Policy returns the policy of a node with the flow's defaults applied, the
// timeout of its config included. Unknown nodes have the defaults.
func (p *Plan) Policy(id string) Policy {
	i, ok := p.index[id]
	if !ok {
		return p.flow.Defaults
	}
	return p.steps[i].policy
}

// Warnings are what is allowed but can't do what it seems to: for example a
// reference to a node that is never over when the reference is read.
func (p *Plan) Warnings() []Error { return p.warnings }

// NodeState returns the state of one node; the zero value when there is none.
func (p *Plan) NodeState(s State, id string) NodeState {
	i, ok := p.index[id]
	if !ok || int(i) >= len(s.Nodes) {
		return NodeState{}
	}
	return s.Nodes[i]
}
