// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

// parallelOutput names the nodes that a Parallel leads to, in the order of the
// flow.
func (p *Plan) parallelOutput(i int32) any {
	branches := make([]any, 0, len(p.steps[i].out))
	for _, l := range p.steps[i].out {
		if k := &p.links[l]; k.role == leads {
			branches = append(branches, p.nodes[k.to].ID)
		}
	}
	return map[string]any{"branches": branches}
}
