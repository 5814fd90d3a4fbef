// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import "aof.dev/operator/pkg/expr"

// conditionScope resolves what a condition may name. Where a template means a
// variable, a condition means first of all the output it follows on.
type conditionScope struct {
	scope *scope
	from  int32 // the node that the condition is about, trigger or none
}

// Resolve finds a value by its path. Names of several parts belong to the facts
// and the nodes first, so that no output can take their place.
func (cs *conditionScope) Resolve(path expr.Path) (any, bool) {
	if len(path) == 0 {
		return nil, false
	}
	sc := cs.scope
	if len(path) > 1 {
		if v, ok := sc.root(path); ok {
			return v, true
		}
		if v, ok := sc.node(path); ok {
			return v, true
		}
	}
	if v, ok := cs.subject(path); ok {
		return v, true
	}
	if v, ok := sc.variable(path); ok {
		return v, true
	}
	if v, ok := cs.decided(path); ok {
		return v, true
	}
	if v, ok := cs.ancestor(path); ok {
		return v, true
	}
	if v, ok := sc.relative(path); ok {
		return v, true
	}
	if len(path) > 1 {
		return nil, false
	}
	return cs.bare(path)
}

// subject resolves a path in the output of the node that the condition is about.
func (cs *conditionScope) subject(path expr.Path) (any, bool) {
	switch cs.from {
	case none:
		return nil, false
	case trigger:
		return cs.scope.event(path)
	default:
		n := cs.scope.done(cs.from)
		if n == nil {
			return nil, false
		}
		if v, ok := nodeField(n, path); ok {
			return v, true
		}
		if len(path) == 1 && path[0] == fieldResult {
			return nodeOutput(n), true
		}
		return nil, false
	}
}

// ancestor resolves a path in the nearest output that has it.
func (cs *conditionScope) ancestor(path expr.Path) (any, bool) {
	if cs.scope.names.lack(path[0]) {
		return nil, false
	}
	return cs.scope.nearest(func(n *NodeState) (any, bool) {
		if n.Phase != PhaseSucceeded {
			return nil, false
		}
		return outputField(n, path)
	})
}

// bare resolves what is left for a single name: a node, the event and so on as a
// whole, the Context's environment, and at last what a Conditional came to.
func (cs *conditionScope) bare(path expr.Path) (any, bool) {
	sc := cs.scope
	if v, ok := sc.node(path); ok {
		return v, true
	}
	if v, ok := sc.root(path); ok {
		return v, true
	}
	if v, ok := sc.environment(path); ok {
		return v, true
	}
	if n := sc.done(cs.from); n != nil && n.Kind == KindConditional {
		return outputField(n, expr.Path{fieldResult})
	}
	return nil, false
}

// decided resolves what flows call the answer of the nearest Approval. It comes
// before other outputs: what people decided is not a model's to say.
func (cs *conditionScope) decided(path expr.Path) (any, bool) {
	wanted := ""
	switch path[0] {
	case "approval_granted", "approved":
		wanted = "approved"
	case "approval_denied", "rejected", "denied":
		wanted = "denied"
	}
	if wanted == "" || len(path) > 1 {
		return nil, false
	}
	status, found := cs.scope.relative(expr.Path{"approval", "status"})
	return status == wanted, found
}

// subjectOf picks the node that a condition on a node itself is about: the only
// one that led there.
func (p *Plan) subjectOf(i int32, sc *scope) int32 {
	subject := none
	for _, l := range p.steps[i].in {
		k := &p.links[l]
		if k.role != leads || k.from != trigger && sc.done(k.from) == nil {
			continue
		}
		if subject != none {
			return none
		}
		subject = k.from
	}
	return subject
}
