// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"time"

	"aof.dev/operator/pkg/expr"
)

// settle follows the links of the nodes that are over until nothing moves any
// more, and then says where the run as a whole stands. It works through a list:
// a chain of nodes that the engine evaluates itself may be as long as a flow.
func (m *machine) settle() {
	p, s := m.plan, m.state
	for next := 0; next < len(m.over); next++ { //nolint:intrange // the list grows while it is worked through
		var cs *conditionScope // made when something is to be evaluated
		for _, l := range p.steps[m.over[next]].out {
			k := &p.links[l]
			if cs == nil && len(k.guards) > 0 {
				cs = m.after(k.from)
			}
			m.arrive(l, m.decide(k, cs))
		}
	}
	m.over = nil
	switch {
	case s.counts.left == 0:
		m.finish()
	case s.counts.running == 0 && s.counts.waiting > 0:
		s.Phase = PhaseWaiting
	default:
		s.Phase = PhaseRunning
	}
}

// after is the scope of the conditions on the links out of a node, or out of the
// trigger.
func (m *machine) after(i int32) *conditionScope {
	if i == trigger {
		return &conditionScope{scope: m.scope(none, nil), from: trigger}
	}
	sc := m.scope(i, m.plan.steps[i].sure)
	sc.self = i
	return &conditionScope{scope: sc, from: i}
}

// scope is what the engine itself may see from a node: only what is sure to be
// over, so that no result depends on the order of things.
func (m *machine) scope(at int32, visible bitset) *scope {
	s := m.state
	return &scope{plan: m.plan, nodes: s.Nodes, facts: &s.Facts, at: at, self: none, visible: visible, names: s.names, elapsed: s.elapsed()}
}

// decide returns what becomes of a link whose source is over.
func (m *machine) decide(k *link, cs *conditionScope) outcome {
	if k.from == trigger {
		return m.test(k, cs)
	}
	n := &m.state.Nodes[k.from]
	switch {
	case n.Phase == PhaseFailed, n.Phase == PhaseSkipped && n.Reason == ReasonUpstreamFailed:
		if k.role == awaits {
			return ordered
		}
		return poisoned
	case k.role != leads && n.Phase == PhaseSkipped:
		return ordered
	case n.Phase == PhaseSkipped:
		return dead
	case n.Kind == KindApproval && k.role != awaits && len(k.guards) == 0 && !approved(n):
		return denied
	case k.role != leads:
		return ordered
	default:
		return m.test(k, cs)
	}
}

// test evaluates the guards of a link: alternatives, in the user's order.
func (m *machine) test(k *link, cs *conditionScope) outcome {
	if len(k.guards) == 0 {
		return taken
	}
	for i := range k.guards {
		ok, err := k.guards[i].holds(cs)
		switch {
		case err != nil:
			return broken
		case ok:
			return taken
		}
	}
	return dead
}

// holds evaluates one guard.
func (g *guard) holds(cs *conditionScope) (bool, error) {
	if g.cond != nil {
		return g.cond.Eval(cs)
	}
	output := cs.scope.nodes[cs.from].Output
	if g.result != nil {
		v, _ := expr.Get(output, expr.Path{fieldResult})
		return expr.Truthy(v) == *g.result, nil
	}
	return g.choice != nil && chosenCase(output) == *g.choice, nil
}

// arrive enters what became of a link, and lets its target begin or be skipped
// when that decides it.
func (m *machine) arrive(l int32, o outcome) {
	s, k := m.state, &m.plan.links[l]
	if s.links[l] != open {
		return
	}
	s.links[l] = o
	t := &s.tally[k.to]
	t.open--
	if k.role != leads {
		t.hold--
	}
	switch o {
	case taken:
		t.taken++
	case broken:
		s.counts.broken++
	}
	need := m.plan.steps[k.to].need
	met := need > 0 && t.taken >= need && t.hold == 0
	if s.Nodes[k.to].Phase == PhasePending && (met || t.open == 0) {
		m.enter(k.to, met)
	}
}

// enter decides a node that has waited for long enough. met says that it is a
// Join which enough branches reached; then only what it depends on can stop it.
func (m *machine) enter(i int32, met bool) {
	p, s := m.plan, m.state
	if i == p.handler {
		if s.counts.failed > 0 || s.counts.broken > 0 {
			m.activate(i)
		} else {
			m.skip(i, ReasonNotTaken)
		}
		return
	}
	var no, yes, failed, bad *link
	for _, l := range p.steps[i].in {
		k := &p.links[l]
		if met && k.role == leads {
			continue
		}
		switch s.links[l] {
		case denied:
			no = k
		case taken:
			yes = k
		case poisoned:
			if failed == nil {
				failed = k
			}
		case broken:
			if bad == nil {
				bad = k
			}
		}
	}
	join := p.steps[i].need > 0
	switch {
	case bad != nil:
		m.fail(i, ReasonConditionFailed, m.complaint(bad))
	case failed != nil:
		n := &s.Nodes[i]
		n.Error = s.Nodes[failed.from].Error
		if s.Nodes[failed.from].Phase == PhaseFailed {
			n.Error = upstream(s.Nodes[failed.from].ID)
		}
		m.skip(i, ReasonUpstreamFailed)
	case no != nil && (met || !join):
		m.skip(i, ReasonDenied)
	case met, yes != nil && !join:
		m.activate(i)
	case yes != nil:
		m.skip(i, ReasonJoinNotMet)
	default:
		m.skip(i, ReasonNotTaken)
	}
}

// complaint evaluates a link again to say what is wrong with its condition.
func (m *machine) complaint(k *link) string {
	cs := m.after(k.from)
	for i := range k.guards {
		if ok, err := k.guards[i].holds(cs); err != nil {
			return k.guards[i].path + ": " + err.Error()
		} else if ok {
			break
		}
	}
	return k.path + ": the condition could not be evaluated"
}

// activate begins a node: its own conditions first, then its work.
func (m *machine) activate(i int32) {
	p, s := m.plan, m.state
	if m.restored(i) {
		return
	}
	st, kind := &p.steps[i], p.nodes[i].Kind
	if st.when != nil || len(st.alternatives) > 0 {
		ok, err := m.admits(i, m.scope(i, st.sure))
		switch {
		case err != nil:
			m.fail(i, ReasonConditionFailed, err.Error())
			return
		case !ok:
			m.skip(i, ReasonConditionFalse)
			return
		}
	}
	n := &s.Nodes[i]
	n.Attempt = 1
	n.StartedAt = m.at
	switch kind {
	case KindConditional:
		sc := m.scope(i, st.sure)
		output, err := st.choice.evaluate(&conditionScope{scope: sc, from: p.subjectOf(i, sc)})
		m.pure(i, output, err, ReasonConditionFailed)
	case KindEnd:
		output, err := st.output.evaluate(m.scope(i, st.sure))
		m.pure(i, output, err, ReasonTemplateFailed)
	case KindJoin:
		m.succeed(i, joinOutput(p.nodes[i]))
	case KindParallel:
		m.succeed(i, p.parallelOutput(i))
	default:
		m.move(i, PhaseRunning)
		m.run(i, 0)
	}
}

// admits evaluates when and conditions of a node.
func (m *machine) admits(i int32, sc *scope) (bool, error) {
	st := &m.plan.steps[i]
	if ok, err := sc.anyHolds(st.alternatives); !ok || err != nil {
		return false, err
	}
	if st.when == nil {
		return true, nil
	}
	return st.when.Eval(&conditionScope{scope: sc, from: m.plan.subjectOf(i, sc)})
}

// pure ends a node that the engine evaluated itself.
func (m *machine) pure(i int32, output any, err error, reason string) {
	if err != nil {
		m.fail(i, reason, err.Error())
		return
	}
	output, err = canonicalValue(output, m.plan.limits.OutputBytes)
	if err != nil {
		m.fail(i, outputReason(err), "the output "+err.Error())
		return
	}
	m.succeed(i, output)
}

func (m *machine) succeed(i int32, output any) {
	n := &m.state.Nodes[i]
	n.Output, n.Error = output, nil
	m.end(i, PhaseSucceeded)
}

func (m *machine) fail(i int32, reason, message string) {
	m.state.Nodes[i].Error = nodeError(reason, message)
	m.end(i, PhaseFailed)
}

func (m *machine) skip(i int32, reason string) {
	m.state.Nodes[i].Reason = reason
	m.end(i, PhaseSkipped)
}

// end brings a node to its last phase.
func (m *machine) end(i int32, phase Phase) {
	m.move(i, phase)
	n := &m.state.Nodes[i]
	if phase == PhaseSucceeded {
		m.state.names.take(n)
	}
	n.EndedAt = m.at
	n.NotBefore = time.Time{}
	m.over = append(m.over, i)
}

// move changes the phase of a node and keeps the counts.
func (m *machine) move(i int32, phase Phase) {
	s := m.state
	n, c := &s.Nodes[i], &s.counts
	switch n.Phase {
	case PhaseRunning:
		c.running--
	case PhaseWaiting:
		c.waiting--
		n.Wait = nil
	case PhasePending, PhaseSucceeded, PhaseFailed, PhaseSkipped, PhaseCancelled:
	default:
	}
	switch phase {
	case PhaseRunning:
		c.running++
	case PhaseWaiting:
		c.waiting++
	case PhaseFailed:
		c.failed++
		c.left--
	case PhaseSucceeded, PhaseSkipped:
		c.left--
	case PhasePending, PhaseCancelled:
	default:
	}
	n.Phase = phase
}

// run gives the command for the current attempt of a node.
func (m *machine) run(i int32, delay time.Duration) {
	n := &m.state.Nodes[i]
	m.commands = append(m.commands, Run{Node: n.ID, Attempt: n.Attempt, Delay: delay})
}

// finish ends the run when every node is over.
func (m *machine) finish() {
	s := m.state
	s.Phase, s.EndedAt = PhaseSucceeded, m.at
	if s.counts.failed > 0 || s.counts.broken > 0 {
		s.Phase, s.Error = PhaseFailed, m.cause()
	}
	m.commands = append(m.commands, Finish{Phase: s.Phase})
}

// cause is the first failed node in plan order, else the first link whose
// condition could not be evaluated.
func (m *machine) cause() *RunError {
	s := m.state
	if s.counts.failed > 0 {
		for i := range s.Nodes {
			if n := &s.Nodes[i]; n.Phase == PhaseFailed && n.Error != nil {
				return fatal(n.ID, n.Error)
			}
		}
	}
	for l := range m.plan.links {
		if k := &m.plan.links[l]; s.links[l] == broken {
			return &RunError{Node: s.Nodes[k.to].ID, Reason: ReasonConditionFailed, Message: cut(m.complaint(k))}
		}
	}
	return &RunError{Reason: ReasonFailed}
}
