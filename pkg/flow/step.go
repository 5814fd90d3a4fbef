// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"fmt"
	"time"
)

// Step moves the state forward by one input and returns what is to be done. It
// consumes s as append does: use only the returned state afterwards. Inputs that
// are late, repeated or illegal change nothing and give no commands.
func (p *Plan) Step(s State, in Input) (State, []Command) {
	m := machine{plan: p, state: &s}
	if start, ok := in.(Start); ok {
		if s.Phase == "" {
			m.start(start)
		}
		return s, m.commands
	}
	if s.Phase == "" || s.Phase.Finished() || !p.fits(&s) {
		return s, nil
	}
	if s.tally == nil {
		p.count(&s)
	}
	switch in := in.(type) {
	case Done:
		m.done(in)
	case Failed:
		m.failed(in)
	case Waiting:
		m.waiting(in)
	case Resume:
		m.resume(in)
	case Cancel:
		m.cancel(in)
	}
	return s, m.commands
}

// fits reports whether a state has the shape of this plan. One that has not is
// another plan's, or nobody's.
func (p *Plan) fits(s *State) bool {
	return len(s.Nodes) == len(p.nodes) && len(s.links) == len(p.links)
}

// count derives the tallies from the links and the nodes.
func (p *Plan) count(s *State) {
	s.tally = make([]tally, len(p.nodes))
	s.counts, s.names = counts{}, names{}
	for l := range p.links {
		k := &p.links[l]
		t := &s.tally[k.to]
		switch s.links[l] {
		case open:
			t.open++
			if k.role != leads {
				t.hold++
			}
		case taken:
			t.taken++
		case broken:
			s.counts.broken++
		}
	}
	for i := range s.Nodes {
		phase := s.Nodes[i].Phase
		if phase == PhaseSucceeded {
			s.names.take(&s.Nodes[i])
		}
		if !phase.Finished() {
			s.counts.left++
		}
		switch phase {
		case PhaseRunning:
			s.counts.running++
		case PhaseWaiting:
			s.counts.waiting++
		case PhaseFailed:
			s.counts.failed++
		case PhasePending, PhaseSucceeded, PhaseSkipped, PhaseCancelled:
		default:
		}
	}
}

// machine carries out one input on a state.
type machine struct {
	plan     *Plan
	state    *State
	at       time.Time
	commands []Command
	over     []int32              // nodes that are over, whose links are to be followed
	journal  map[int32]*NodeState // what is to be put in place, only while restoring
}

// accept takes the time of an input that counts.
func (m *machine) accept(at time.Time) {
	m.at = canonicalTime(at)
	if m.at.After(m.state.updatedAt) {
		m.state.updatedAt = m.at
	}
}

// working returns the place of a node that can be told something: it runs or
// waits, and the attempt is the current one.
func (m *machine) working(id string, attempt int) (i int32, ok bool) {
	i, ok = m.plan.index[id]
	if !ok {
		return 0, false
	}
	n := &m.state.Nodes[i]
	return i, (n.Phase == PhaseRunning || n.Phase == PhaseWaiting) && n.Attempt == attempt
}

func (m *machine) start(in Start) {
	p, s := m.plan, m.state
	m.accept(in.At)
	s.StartedAt = m.at
	s.Nodes = make([]NodeState, len(p.nodes))
	for i := range s.Nodes {
		s.Nodes[i] = NodeState{ID: p.nodes[i].ID, Kind: p.nodes[i].Kind, Phase: PhasePending}
	}
	s.links = make([]outcome, len(p.links))
	for l := range s.links {
		s.links[l] = open
	}
	p.count(s)
	facts, err := in.Facts.canonical()
	if err != nil {
		m.abort(PhaseFailed, RunError{Reason: ReasonInvalidFacts, Message: err.Error()}, ReasonUpstreamFailed)
		return
	}
	s.Facts = facts
	s.Phase = PhaseRunning
	cs := m.after(trigger)
	for _, l := range p.begin {
		m.arrive(l, m.decide(&p.links[l], cs))
	}
	m.settle()
}

func (m *machine) done(in Done) {
	i, ok := m.working(in.Node, in.Attempt)
	if !ok {
		return
	}
	m.accept(in.At)
	n := &m.state.Nodes[i]
	n.Usage = n.Usage.Add(in.Usage)
	output, err := canonicalValue(in.Output, m.plan.limits.OutputBytes)
	if err == nil {
		n.Exports, err = canonicalStrings(in.Exports, m.plan.limits.OutputBytes)
	}
	if err != nil {
		n.Exports = nil
		m.fail(i, outputReason(err), "the output "+err.Error())
	} else {
		m.succeed(i, output)
	}
	m.settle()
}

func (m *machine) failed(in Failed) {
	i, ok := m.working(in.Node, in.Attempt)
	if !ok {
		return
	}
	m.accept(in.At)
	n := &m.state.Nodes[i]
	n.Usage = n.Usage.Add(in.Usage)
	policy := &m.plan.steps[i].policy
	if !in.Retryable || n.Attempt >= policy.attempts() {
		m.fail(i, in.Reason, in.Message)
		m.settle()
		return
	}
	n.Attempt++
	n.Error = nodeError(in.Reason, in.Message)
	delay := policy.Delay(n.Attempt)
	if n.NotBefore = (time.Time{}); !m.at.IsZero() && delay > 0 {
		n.NotBefore = canonicalTime(m.at.Add(delay))
	}
	m.move(i, PhaseRunning)
	m.run(i, delay)
	m.settle()
}

func (m *machine) waiting(in Waiting) {
	i, ok := m.working(in.Node, in.Attempt)
	if !ok {
		return
	}
	m.accept(in.At)
	wait, err := in.Wait.canonical()
	if err != nil {
		m.fail(i, ReasonInvalidOutput, err.Error())
	} else {
		m.move(i, PhaseWaiting)
		m.state.Nodes[i].Wait = wait
	}
	m.settle()
}

func (m *machine) resume(in Resume) {
	i, ok := m.working(in.Node, in.Attempt)
	if !ok || m.state.Nodes[i].Phase != PhaseWaiting {
		return
	}
	m.accept(in.At)
	if in.Grant != "" {
		m.state.Nodes[i].Grant = cut(in.Grant)
	}
	m.move(i, PhaseRunning)
	m.run(i, 0)
	m.settle()
}

func (m *machine) cancel(in Cancel) {
	m.accept(in.At)
	m.abort(PhaseCancelled, RunError{Reason: ReasonCancelled, Message: cut(in.Reason)}, ReasonCancelled)
}

// abort ends the run where it stands.
func (m *machine) abort(phase Phase, cause RunError, reason string) {
	s := m.state
	for i := range s.Nodes {
		if n := &s.Nodes[i]; !n.Phase.Finished() {
			n.Reason = reason
			m.end(int32(i), PhaseSkipped)
		}
	}
	m.over = nil
	s.Phase, s.Error, s.EndedAt = phase, &cause, m.at
	m.commands = append(m.commands, Finish{Phase: phase})
}

// nodeError makes the error of a failed node, which always has a reason.
func nodeError(reason, message string) *NodeError {
	if reason == "" {
		reason = ReasonFailed
	}
	return &NodeError{Reason: cut(reason), Message: cut(message)}
}

func outputReason(err error) string {
	if err == errTooMuch { //nolint:errorlint // a sentinel of this package, never wrapped
		return ReasonOutputTooLarge
	}
	return ReasonInvalidOutput
}

// fatal is how a run error speaks of a node.
func fatal(id string, e *NodeError) *RunError {
	return &RunError{Node: id, Reason: e.Reason, Message: e.Message}
}

// upstream is the error of a node that was skipped because another failed.
func upstream(id string) *NodeError {
	return &NodeError{Reason: ReasonUpstreamFailed, Message: fmt.Sprintf("node %s failed", quote(id))}
}
