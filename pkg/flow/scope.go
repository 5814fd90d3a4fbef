// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"maps"
	"time"

	"aof.dev/operator/pkg/expr"
)

// none is the absence of a node, beside trigger.
const none int32 = -2

// scope resolves what a template of a node may name. It reads nothing of the
// state but the nodes it may see, and those are over and never change again.
type scope struct {
	plan    *Plan
	nodes   []NodeState
	facts   *Facts
	at      int32 // whose scope it is; none sees the facts only
	visible bitset
	self    int32 // a node that is visible beside those, or none
	names   names // of all nodes; nil where Step may go on meanwhile
	elapsed time.Duration
}

// isRoot reports whether a name means a part of the facts wherever it stands
// first in a path of several parts.
func isRoot(name string) bool {
	switch name {
	case "event", "trigger", "context", "env", "flow":
		return true
	default:
		return false
	}
}

// Scope says what ${…} may name for a node: event, trigger, context, env, flow,
// the nodes before it by their ID, previous, approval, error, exported variables,
// flow variables and the Context's environment, as ADR 0004 lists them. A name
// it does not know is not found, so that other resolvers can be chained behind
// it. The resolver keeps to what was finished when Scope was called and may be
// used while Step goes on. The node is an ID; an unknown one sees the facts only.
func (p *Plan) Scope(s State, node string) expr.Resolver {
	return p.scopeOf(s, node)
}

func (p *Plan) scopeOf(s State, node string) *scope {
	facts := s.Facts
	sc := &scope{plan: p, nodes: s.Nodes, facts: &facts, at: none, self: none, elapsed: s.elapsed()}
	i, ok := p.index[node]
	if !ok || !p.fits(&s) {
		return sc
	}
	sc.at = i
	sc.visible = p.steps[i].before
	if phase := s.Nodes[i].Phase; p.racy || phase == PhasePending {
		over := newBitset(i)
		sc.visible.each(func(j int32) {
			if s.Nodes[j].Phase.Finished() {
				over.add(j)
			}
		})
		sc.visible = over
	}
	return sc
}

// Resolve finds a value by its path.
func (sc *scope) Resolve(path expr.Path) (any, bool) {
	if len(path) == 0 {
		return nil, false
	}
	if v, ok := sc.root(path); ok {
		return v, true
	}
	if v, ok := sc.node(path); ok {
		return v, true
	}
	if v, ok := sc.relative(path); ok {
		return v, true
	}
	if len(path) == 1 {
		if v, ok := sc.exported(path[0]); ok {
			return v, true
		}
	}
	if v, ok := sc.variable(path); ok {
		return v, true
	}
	return sc.environment(path)
}

// root resolves the parts of the facts.
func (sc *scope) root(path expr.Path) (any, bool) {
	rest := path[1:]
	switch path[0] {
	case "event", "trigger":
		return sc.event(rest)
	case "context":
		if v, ok := expr.Get(sc.facts.Context, rest); ok && sc.facts.Context != nil {
			return v, true
		}
		if len(rest) == 2 && rest[0] == "env" {
			v, ok := sc.facts.Env[rest[1]]
			return v, ok
		}
	case "env":
		if len(rest) == 1 {
			v, ok := sc.facts.Env[rest[0]]
			return v, ok
		}
	case "flow":
		if v, ok := expr.Get(sc.facts.Meta, rest); ok && sc.facts.Meta != nil {
			return v, true
		}
		if len(rest) == 1 {
			switch rest[0] {
			case "name":
				return sc.plan.flow.Name, true
			case "duration_seconds":
				return sc.elapsed.Seconds(), true
			}
		}
	}
	return nil, false
}

// event resolves a part of the event. The user is an object that reads as its id,
// and ${trigger.event.text} means ${event.text}.
func (sc *scope) event(rest expr.Path) (any, bool) {
	if sc.facts.Event == nil {
		return nil, false
	}
	v, ok := expr.Get(sc.facts.Event, rest)
	if !ok {
		if len(rest) == 0 || rest[0] != "event" {
			return nil, false
		}
		return sc.event(rest[1:])
	}
	if user, isMap := v.(map[string]any); isMap && len(rest) == 1 && rest[0] == "user" {
		return expr.Textual{Value: user, Text: expr.Text(user["id"])}, true
	}
	return v, true
}

// node resolves a path that begins with the ID of a node.
func (sc *scope) node(path expr.Path) (any, bool) {
	i, ok := sc.plan.index[path[0]]
	if !ok {
		return nil, false
	}
	n := sc.done(i)
	if n == nil {
		return nil, false
	}
	return nodeField(n, path[1:])
}

// relative resolves the names that mean a node by where it stands.
func (sc *scope) relative(path expr.Path) (any, bool) {
	switch path[0] {
	case "previous":
		if n := sc.previous(); n != nil {
			return nodeField(n, path[1:])
		}
	case "approval":
		return sc.nearest(func(n *NodeState) (any, bool) {
			if n.Kind != KindApproval || n.Phase != PhaseSucceeded {
				return nil, false
			}
			return nodeField(n, path[1:])
		})
	case "error":
		return sc.nearest(func(n *NodeState) (any, bool) { return errorField(n, path[1:]) })
	}
	return nil, false
}

// exported resolves a variable that the nearest node before this one exported.
func (sc *scope) exported(name string) (any, bool) {
	if sc.names.lack(name) {
		return nil, false
	}
	return sc.nearest(func(n *NodeState) (any, bool) {
		v, ok := n.Exports[name]
		return v, ok && n.Phase == PhaseSucceeded
	})
}

// variable resolves a variable of the flow.
func (sc *scope) variable(path expr.Path) (any, bool) {
	v, ok := sc.plan.flow.Variables[path[0]]
	if !ok {
		return nil, false
	}
	if v, ok = sc.facts.variable(path[0], v); !ok {
		return nil, false
	}
	return expr.Get(v, path[1:])
}

// variable is the value of a variable. One that is described rather than given is
// an input of the flow: the field of the event that is called the same, else its
// default.
func (f *Facts) variable(name string, v any) (any, bool) {
	m, ok := v.(map[string]any)
	if !ok || len(m) == 0 {
		return v, true
	}
	for key := range m {
		switch key {
		case "description", "required", "default", "type":
		default:
			return v, true
		}
	}
	if given, ok := expr.Get(f.Event, expr.Path{name}); ok && given != nil && f.Event != nil {
		return given, true
	}
	v, ok = m["default"]
	return v, ok
}

// environment resolves a bare name in the Context's environment.
func (sc *scope) environment(path expr.Path) (any, bool) {
	if len(path) != 1 {
		return nil, false
	}
	v, ok := sc.facts.Env[path[0]]
	return v, ok
}

// Env returns the variables that a script of this node finds in its environment:
// the Context's environment, over it the flow's variables, over them what
// ancestors exported, the nearest last. Secrets are not among them.
func (p *Plan) Env(s State, node string) map[string]string {
	sc := p.scopeOf(s, node)
	env := make(map[string]string, len(s.Facts.Env)+len(p.flow.Variables))
	maps.Copy(env, s.Facts.Env)
	for name, v := range p.flow.Variables {
		if v, ok := s.Facts.variable(name, v); ok {
			env[name] = expr.Text(v)
		}
	}
	exported := map[string]string{}
	sc.walk(func(n *NodeState) bool {
		if n.Phase == PhaseSucceeded {
			for name, v := range n.Exports {
				if _, nearer := exported[name]; !nearer {
					exported[name] = v
				}
			}
		}
		return true
	})
	maps.Copy(env, exported)
	return env
}
