// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"strconv"
	"strings"

	"aof.dev/operator/pkg/expr"
)

// trigger is the place of the trigger in links: it is before every node.
const trigger int32 = -1

// link is everything that leads from one node to another: all edges between the
// two, the targets of a Conditional, the branches of a Parallel, dependencies.
type link struct {
	from, to int32
	role     role
	guards   []guard // alternatives; none means that the link is always taken
	path     string  // where the user wrote the first of it
}

// role says what a link does for its target.
type role byte

const (
	// leads is an ordinary link: the target runs when it is taken.
	leads role = iota
	// depends only puts in order, but a failure reaches through it.
	depends
	// awaits only puts in order.
	awaits
)

// guard is one alternative of a link.
type guard struct {
	cond *expr.Condition // decides, unless one of the others is set
	// result is what a Conditional has to come to: "when: true" on its edges.
	result *bool
	// choice is the case a Conditional has to choose.
	choice *string
	path   string // of the condition, for messages
}

// outcome of a link. The letters stand in the JSON form of a State.
type outcome = byte

const (
	open     outcome = '.' // from is not over yet
	taken    outcome = 't'
	dead     outcome = 'd' // from was skipped, or the condition is false
	ordered  outcome = 'o' // a dependency that is over
	denied   outcome = 'n' // an Approval without a yes
	poisoned outcome = 'p' // from failed, or was skipped for that reason
	broken   outcome = 'e' // the condition could not be evaluated
)

// isTrigger reports whether a name in an edge means the trigger.
func isTrigger(name string) bool { return name == "trigger" || name == "start" }

// linker collects the links of a flow. Nodes go by their place in Flow.Nodes.
type linker struct {
	c     *compiler
	links []link
	byEnd map[[2]int32]int32 // from, to -> place in links
}

// build makes the links out of everything in the flow that relates nodes.
func (l *linker) build() {
	l.byEnd = map[[2]int32]int32{}
	for i, e := range l.c.flow.Edges {
		l.edge(i, e)
	}
	for i := range l.c.nodes {
		l.targets(int32(i))
		l.branches(int32(i))
	}
	for i := range l.c.nodes {
		l.dependencies(int32(i))
	}
	l.handler()
	l.promote()
	l.start()
}

// add returns the link between two nodes, making one when there is none.
func (l *linker) add(from, to int32, r role, path string) (found *link, isNew bool) {
	if i, ok := l.byEnd[[2]int32{from, to}]; ok {
		return &l.links[i], false
	}
	l.byEnd[[2]int32{from, to}] = int32(len(l.links))
	l.links = append(l.links, link{from: from, to: to, role: r, path: path})
	return &l.links[len(l.links)-1], true
}

// edge adds an edge; with others between the same nodes it is an alternative.
func (l *linker) edge(i int, e Edge) {
	path := "connections[" + strconv.Itoa(i) + "]"
	from, okFrom := l.end(e.From, path+".from", true)
	to, okTo := l.end(e.To, path+".to", false)
	g, okWhen := l.guard(e.When, path+".when", from, okFrom)
	if !okFrom || !okTo || !okWhen {
		return
	}
	if from == to {
		l.c.report(path+".to", ReasonSelfReference, "node "+quote(e.To)+" can't lead to itself")
		return
	}
	k, isNew := l.add(from, to, leads, path)
	switch {
	case g == nil:
		k.guards = nil
	case isNew || len(k.guards) > 0:
		k.guards = append(k.guards, *g)
	}
}

// end looks up a node that something refers to.
func (l *linker) end(name, path string, mayTrigger bool) (int32, bool) {
	if isTrigger(name) {
		if mayTrigger {
			return trigger, true
		}
		l.c.report(path, ReasonUnknownNode, "nothing can lead to the "+name)
		return 0, false
	}
	i, ok := l.c.index[name]
	if !ok {
		message := "there is no node " + quote(name)
		if name == "" {
			message = "is empty: name a node"
		}
		l.c.report(path, ReasonUnknownNode, message)
	}
	return i, ok
}

// guard compiles the condition of an edge; nil means there is none. On an edge
// out of a Conditional a bare true or false speaks of its result.
func (l *linker) guard(when, path string, from int32, known bool) (g *guard, ok bool) {
	when = strings.TrimSpace(when)
	if when == "" {
		return nil, true
	}
	if known && from >= 0 && l.c.nodes[from].Kind == KindConditional {
		switch strings.ToLower(when) {
		case "true", "false":
			want := strings.EqualFold(when, "true")
			return &guard{result: &want, path: path}, true
		}
	}
	cond := l.c.condition(when, path, edgeOwner(from))
	return &guard{cond: cond, path: path}, cond != nil
}

// targets adds the links that a Conditional declares in its configuration. An
// edge without a condition to the same node is taken to draw the same link; an
// edge with one decides for itself.
func (l *linker) targets(i int32) {
	ch := l.c.choices[i]
	if ch == nil {
		return
	}
	for _, t := range ch.targets {
		to, ok := l.end(t.node, t.path, false)
		if !ok {
			continue
		}
		if to == i {
			l.c.report(t.path, ReasonSelfReference, "node "+quote(t.node)+" can't lead to itself")
			continue
		}
		k, isNew := l.add(i, to, leads, t.path)
		if isNew || len(k.guards) == 0 || k.guards[0].choice != nil {
			choice := t.choice
			k.guards = append(k.guards, guard{choice: &choice, path: t.path})
		}
	}
}

// branches adds the links that a Parallel declares in its configuration.
func (l *linker) branches(i int32) {
	if l.c.nodes[i].Kind != KindParallel {
		return
	}
	path := l.c.config[i].at("branches")
	list, _ := l.c.config[i].values["branches"].([]any)
	for b, v := range list {
		at := path + "[" + strconv.Itoa(b) + "]"
		name, ok := v.(string)
		if !ok {
			l.c.report(at, ReasonInvalid, "must be the id of a node")
			continue
		}
		to, ok := l.end(name, at, false)
		switch {
		case ok && to == i:
			l.c.report(at, ReasonSelfReference, "node "+quote(name)+" can't lead to itself")
		case ok:
			l.add(i, to, leads, at)
		}
	}
}

// dependencies adds depends_on and the nodes that node conditions look at.
func (l *linker) dependencies(i int32) {
	n := l.c.nodes[i]
	for d, name := range n.DependsOn {
		l.dependency(i, name, n.path+".depends_on["+strconv.Itoa(d)+"]", depends)
	}
	for d, cond := range n.Conditions {
		l.dependency(i, cond.From, n.path+".conditions["+strconv.Itoa(d)+"].from", awaits)
	}
}

func (l *linker) dependency(i int32, name, path string, r role) {
	from, ok := l.end(name, path, true)
	switch {
	case !ok, from == trigger:
	case from == i:
		l.c.report(path, ReasonSelfReference, "node "+quote(name)+" can't wait for itself")
	default:
		if k, isNew := l.add(from, i, r, path); !isNew && k.role == awaits {
			k.role = r
		}
	}
}

// handler lets the error handler wait for every node that does not come after it.
func (l *linker) handler() {
	const path = "config.error_handler"
	name := l.c.flow.ErrorHandler
	if name == "" {
		return
	}
	handler, ok := l.end(name, path, false)
	if !ok {
		return
	}
	for _, k := range l.links {
		if k.to == handler && k.role != awaits {
			l.c.doubts = append(l.c.doubts, Error{
				Path: path, Reason: ReasonInvalid, Message: "node " + quote(name) + " runs in the order of the flow, since something leads to it: it is no error handler",
			})
			return
		}
	}
	after := l.after(handler)
	waits := false
	for i := range l.c.nodes {
		if !after.has(int32(i)) {
			l.add(int32(i), handler, awaits, path)
			waits = true
		}
	}
	if !waits {
		l.c.report(path, ReasonInvalid, "there is nothing before node "+quote(name)+" that could fail")
	}
	l.c.handler = handler
}

// after returns a node with all that it leads to, directly or not.
func (l *linker) after(node int32) bitset {
	from := make([]int32, len(l.links))
	for i, k := range l.links {
		from[i] = k.from
	}
	out := adjacency(len(l.c.nodes), from)
	seen := newBitset(int32(len(l.c.nodes)))
	seen.add(node)
	for todo := []int32{node}; len(todo) > 0; {
		next := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, e := range out.of(next) {
			if to := l.links[e].to; !seen.has(to) {
				seen.add(to)
				todo = append(todo, to)
			}
		}
	}
	return seen
}

// promote makes dependencies lead to nodes that nothing else leads to.
func (l *linker) promote() {
	strongest := make([]role, len(l.c.nodes))
	for i := range strongest {
		strongest[i] = awaits
	}
	for i := range l.links {
		strongest[l.links[i].to] = min(strongest[l.links[i].to], l.links[i].role)
	}
	for i := range l.links {
		if k := &l.links[i]; k.role == strongest[k.to] && k.to != l.c.handler {
			k.role = leads
		}
	}
}

// start lets the trigger lead to the nodes without anything before them, unless
// the flow itself says where it begins.
func (l *linker) start() {
	entered := make([]bool, len(l.c.nodes))
	explicit := false
	for _, k := range l.links {
		entered[k.to] = true
		explicit = explicit || k.from == trigger
	}
	for i, in := range entered {
		switch {
		case in, int32(i) == l.c.handler:
		case explicit:
			l.c.report(l.c.nodes[i].path, ReasonUnreachable,
				"node "+quote(l.c.nodes[i].ID)+" never runs: nothing leads to it, and the flow starts elsewhere")
		default:
			l.add(trigger, int32(i), leads, l.c.nodes[i].path)
		}
	}
}
