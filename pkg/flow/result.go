// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"strings"

	"aof.dev/operator/pkg/expr"
)

// Result is what the flow is for: the output of the last End that succeeded in
// plan order and has one, else the output of the last node that did work and
// succeeded. The text is what a person gets to read; it is empty when nothing
// succeeded.
func (p *Plan) Result(s State) (value any, text string) {
	var last *NodeState
	for i := len(s.Nodes) - 1; i >= 0; i-- {
		n := &s.Nodes[i]
		if n.Phase != PhaseSucceeded || n.Output == nil {
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
