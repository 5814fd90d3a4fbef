// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"strconv"
	"strings"

	"aof.dev/operator/pkg/expr"
)

// alternative is a compiled NodeCondition.
type alternative struct {
	from     int32 // trigger, or a node
	value    *string
	reaction string
	when     *expr.Condition
}

// alternatives compiles the conditions of a node. Their nodes are filled in by
// locate, since they may stand further down in the flow.
func (c *compiler) alternatives(i int32, n Node) {
	for a, cond := range n.Conditions {
		alt := alternative{value: cond.Value}
		if cond.Reaction != nil {
			alt.reaction = emoji(*cond.Reaction)
		}
		if strings.TrimSpace(cond.When) != "" {
			alt.when = c.condition(cond.When, c.nodes[i].path+".conditions["+strconv.Itoa(a)+"].when", nodeOwner(i))
		}
		c.parts[i].alternatives = append(c.parts[i].alternatives, alt)
	}
}

// emoji strips the colons that some people write around an emoji's name.
func emoji(name string) string { return strings.Trim(strings.TrimSpace(name), ":") }

// anyHolds decides the conditions of a node: alternatives, true when there are
// none.
func (sc *scope) anyHolds(alternatives []alternative) (bool, error) {
	for i := range alternatives {
		ok, err := sc.holds(&alternatives[i])
		if ok || err != nil {
			return ok, err
		}
	}
	return len(alternatives) == 0, nil
}

// holds decides one alternative. A denied Approval does not count as completed.
func (sc *scope) holds(a *alternative) (bool, error) {
	if a.from != trigger {
		n := sc.done(a.from)
		if n == nil {
			return false, nil
		}
		lone := a.value == nil && a.reaction == "" && a.when == nil
		if lone && n.Kind == KindApproval && !approved(n) {
			return false, nil
		}
		if a.value != nil && strings.TrimSpace(*a.value) != sc.plan.valueOf(n) {
			return false, nil
		}
		if a.reaction != "" {
			got, _ := outputField(n, expr.Path{"reaction"})
			if emoji(expr.Text(got)) != a.reaction {
				return false, nil
			}
		}
	}
	if a.when == nil {
		return true, nil
	}
	return a.when.Eval(&conditionScope{scope: sc, from: a.from})
}

// valueOf is what the value of a node condition is compared with: the case that
// a Conditional chose, else the result, the value or the text of the output.
func (p *Plan) valueOf(n *NodeState) string {
	if n.Kind == KindConditional {
		return chosenCase(n.Output)
	}
	for _, name := range []string{fieldResult, fieldValue} {
		if v, ok := outputField(n, expr.Path{name}); ok {
			return strings.TrimSpace(expr.Text(v))
		}
	}
	return strings.TrimSpace(expr.Text(nodeOutput(n)))
}

// approved reports whether an Approval got its yes. Anything unclear is a no.
func approved(n *NodeState) bool {
	v, ok := outputField(n, expr.Path{"approved"})
	return ok && expr.Truthy(v)
}
