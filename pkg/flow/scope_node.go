// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import "aof.dev/operator/pkg/expr"

// sees reports whether a node is among those that may be read.
func (sc *scope) sees(i int32) bool { return i == sc.self || sc.visible.has(i) }

// done returns a node that may be read and has succeeded, else nil.
func (sc *scope) done(i int32) *NodeState {
	if i < 0 || !sc.sees(i) || sc.nodes[i].Phase != PhaseSucceeded {
		return nil
	}
	return &sc.nodes[i]
}

// walk shows the visible nodes from the last in plan order to the first. A node
// comes before all that lead to it, so that of two nodes in one line the later
// one is nearer. It ends when f returns false.
func (sc *scope) walk(f func(*NodeState) bool) {
	if sc.self >= 0 && !f(&sc.nodes[sc.self]) {
		return
	}
	sc.visible.down(func(i int32) bool { return f(&sc.nodes[i]) })
}

// nearest returns what the nearest node has to say.
func (sc *scope) nearest(ask func(*NodeState) (any, bool)) (value any, found bool) {
	sc.walk(func(n *NodeState) bool {
		value, found = ask(n)
		return !found
	})
	return value, found
}

// previous returns the nearest node that succeeded, looking through the markers
// Parallel and Join, which have nothing to say; nil when there is none.
func (sc *scope) previous() *NodeState {
	var prev *NodeState
	sc.walk(func(n *NodeState) bool {
		if n.Phase == PhaseSucceeded && n.Kind != KindParallel && n.Kind != KindJoin {
			prev = n
		}
		return prev == nil
	})
	return prev
}

// nodeField resolves a path behind the ID of a node: its output, a part of that,
// or a variable it exported.
func nodeField(n *NodeState, path expr.Path) (any, bool) {
	if len(path) == 0 {
		return nodeOutput(n), true
	}
	if path[0] == "output" {
		if len(path) == 1 {
			return nodeOutput(n), true
		}
		if v, ok := outputField(n, path[1:]); ok {
			return v, true
		}
	}
	return outputField(n, path)
}

// outputField resolves a path in the output of a node: in the output itself,
// among what the node exported, and in the field called output.
func outputField(n *NodeState, path expr.Path) (any, bool) {
	if v, ok := expr.Get(n.Output, path); ok {
		return v, true
	}
	if len(path) == 1 {
		if v, ok := n.Exports[path[0]]; ok {
			return v, true
		}
	}
	if inner, ok := outputValue(n); ok {
		return expr.Get(inner, path)
	}
	return nil, false
}

// outputValue returns the field called output.
func outputValue(n *NodeState) (any, bool) {
	fields, ok := n.Output.(map[string]any)
	if !ok {
		return nil, false
	}
	v, ok := fields["output"]
	return v, ok
}

// nodeOutput is ${node.output}: where the output is a map with a text in it, the
// map that reads as this text; where it has a list or a map in it, that.
func nodeOutput(n *NodeState) any {
	v, ok := outputValue(n)
	if !ok {
		return n.Output
	}
	switch v.(type) {
	case map[string]any, []any:
		return v
	default:
		return expr.Textual{Value: n.Output, Text: expr.Text(v)}
	}
}

// errorField resolves ${error…} for a node that failed.
func errorField(n *NodeState, path expr.Path) (any, bool) {
	if n.Phase != PhaseFailed || n.Error == nil {
		return nil, false
	}
	switch path.String() {
	case "", "message":
		return n.Error.Message, true
	case "reason", "type", "error_type":
		return n.Error.Reason, true
	case "node", "node_id":
		return n.ID, true
	default:
		return nil, false
	}
}
