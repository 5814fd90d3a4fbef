// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"strings"

	"aof.dev/operator/pkg/expr"
)

// Result is what the flow is for: the output of the last End that succeeded in
// plan order and has one, else the output of the last node that did work and
// succeeded. What a run had done before it failed or was cancelled is no result,
// since nobody should take it for one; it is in the journal. Only the error
// handler, and what comes after it, speak for such a run. The text is what a person
// gets to read; it is empty when there is no result.
func (p *Plan) Result(s State) (value any, text string) {
	var last *NodeState
	failed := s.Phase == PhaseFailed || s.Phase == PhaseCancelled
	for i := len(s.Nodes) - 1; i >= 0; i-- {
		n := &s.Nodes[i]
		if n.Phase != PhaseSucceeded || n.Output == nil || failed && !p.handles(n.ID) {
			continue
		}
		if n.Kind == KindEnd {
			return n.Output, outputText(n)
		}
		if last == nil && works(n.Kind) {
			last = n
		}
	}
	if last == nil {
		return nil, ""
	}
	return last.Output, outputText(last)
}

// handles says whether a node is the error handler or comes after it.
func (p *Plan) handles(id string) bool {
	i, ok := p.index[id]
	return ok && p.handler != none && (i == p.handler || p.steps[i].before.has(p.handler))
}

// works tells the nodes that produce something from those that steer.
func works(k Kind) bool {
	switch k {
	case KindWait, KindApproval:
		return false
	default:
		return !k.Pure()
	}
}

// outputText is what of an output a person gets to read.
func outputText(n *NodeState) string {
	fields, ok := n.Output.(map[string]any)
	if !ok {
		return expr.Text(n.Output)
	}
	for _, name := range []string{"output", "response", "text", "message"} {
		if v, ok := fields[name]; ok {
			if text := expr.Text(v); strings.TrimSpace(text) != "" {
				return text
			}
		}
	}
	return expr.Text(n.Output)
}
