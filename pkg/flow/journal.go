// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"fmt"
	"time"
)

// Restore rebuilds a state from the journal: the entries of the nodes that were
// finished, waiting or running when they were written, in any order and at most
// one per node. Finished nodes keep their outcome, waiting nodes go on waiting,
// and everything else that is due gets a Run command; a running entry gets it
// for the same attempt. Pending and skipped entries are worked out again. The
// error says which entry does not fit the plan.
func (p *Plan) Restore(facts Facts, at time.Time, entries []NodeState) (State, []Command, error) {
	var s State
	m := machine{plan: p, state: &s, journal: make(map[int32]*NodeState, len(entries))}
	begun := at
	for e := range entries {
		i, entry, err := p.entry(&entries[e])
		if err != nil {
			return State{}, nil, err
		}
		if _, twice := m.journal[i]; twice {
			return State{}, nil, fmt.Errorf("journal: node %s has two entries", quote(entry.ID))
		}
		if entry.TakenFrom == "" && !entry.StartedAt.IsZero() && entry.StartedAt.Before(begun) {
			begun = entry.StartedAt
		}
		if entry.Phase != PhasePending && entry.Phase != PhaseSkipped {
			m.journal[i] = &entry
		}
	}
	m.start(Start{Facts: facts, At: at})
	if s.Error != nil && s.Error.Reason == ReasonInvalidFacts {
		return s, m.commands, nil
	}
	s.StartedAt = canonicalTime(begun)
	for i := range p.nodes {
		// This is not about order alone: what failed before it could begin has
		// failed again just now.
		if entry := m.journal[int32(i)]; entry != nil && entry.Phase != s.Nodes[i].Phase {
			return State{}, nil, fmt.Errorf("journal: node %s is %s, but it could not have begun", quote(entry.ID), entry.Phase)
		}
	}
	return s, m.commands, nil
}

// entry checks an entry of the journal against the plan and copies it.
func (p *Plan) entry(in *NodeState) (int32, NodeState, error) {
	i, ok := p.index[in.ID]
	entry := *in
	switch {
	case !ok:
		return 0, entry, fmt.Errorf("journal: the plan has no node %s", quote(in.ID))
	case entry.Kind != "" && entry.Kind != p.nodes[i].Kind:
		return 0, entry, fmt.Errorf("journal: node %s is of type %s, not %s", quote(in.ID), p.nodes[i].Kind, quote(string(in.Kind)))
	}
	switch entry.Phase {
	case PhasePending, PhaseRunning, PhaseWaiting, PhaseSucceeded, PhaseFailed, PhaseSkipped:
	case PhaseCancelled:
		fallthrough
	default:
		return 0, entry, fmt.Errorf("journal: node %s can't be in phase %s", quote(in.ID), quote(string(in.Phase)))
	}
	if err := entry.canonicalise(); err != nil {
		return 0, entry, fmt.Errorf("journal: node %s: %w", quote(in.ID), err)
	}
	entry.Kind = p.nodes[i].Kind
	return i, entry, nil
}

// restored puts a node that is about to begin where its entry says it was.
func (m *machine) restored(i int32) bool {
	known := m.journal[i]
	if known == nil {
		return false
	}
	n, entry := &m.state.Nodes[i], *known
	phase, ended := entry.Phase, entry.EndedAt
	entry.Phase = n.Phase
	if !phase.Finished() {
		entry.Attempt = max(1, entry.Attempt)
	}
	*n = entry
	switch phase {
	case PhaseSucceeded, PhaseFailed:
		if phase == PhaseFailed && n.Error == nil {
			n.Error = nodeError("", "")
		}
		m.end(i, phase)
		n.EndedAt = ended
	case PhaseWaiting:
		m.move(i, PhaseWaiting)
	default:
		n.Wait = nil
		m.move(i, PhaseRunning)
		var delay time.Duration
		if !n.NotBefore.IsZero() && !m.at.IsZero() {
			delay = max(0, n.NotBefore.Sub(m.at))
		}
		m.run(i, delay)
	}
	return true
}
