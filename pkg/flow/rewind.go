// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"fmt"
	"strings"
)

// Rewound is what a journal leaves to a run that begins again in the middle.
type Rewound struct {
	// Kept are the entries of the nodes that succeeded or failed and do not come
	// after the nodes that run again, as they were, but for the usage: it is
	// counted once. Restore takes them.
	Kept []NodeState
	// CutOff are the IDs of nodes that had begun, had no end of their own when the
	// run ended, and do not come after the nodes that run again: they would run
	// again all the same.
	CutOff []string
	// Failed are the IDs of the kept nodes that failed: the run fails again,
	// whatever else it does.
	Failed []string
}

// RewindError says why a run can't begin again at a node.
type RewindError struct {
	// Node that was named.
	Node string
	// Known says that the plan has the node.
	Known bool
	// Candidates are the nodes that can be named, in plan order.
	Candidates []string
}

// Error names the node, and at most ten that could be named instead.
func (e *RewindError) Error() string {
	const most = 10
	text := "there is no node " + quote(e.Node)
	if e.Known {
		text = "the run did not come to node " + quote(e.Node)
	}
	if len(e.Candidates) == 0 {
		return text + "; it came to none"
	}
	shown, rest := e.Candidates, ""
	if len(shown) > most {
		shown, rest = shown[:most], fmt.Sprintf(" and %d more", len(shown)-most)
	}
	quoted := make([]string, len(shown))
	for i, id := range shown {
		quoted[i] = quote(id)
	}
	return text + "; it came to " + strings.Join(quoted, ", ") + rest
}

// Rewind says what of a journal stays when a run begins again at the nodes named:
// these and everything they lead to run anew, by whatever link, and what does not
// come after them stays. The journal is that of a run of this plan that is over.
// Nodes that were skipped are worked out again by Restore.
//
// The error is a *RewindError for a node that is not in the plan or that the run
// did not come to, or says which entry does not fit the plan.
func (p *Plan) Rewind(from []string, journal []NodeState) (Rewound, error) {
	entries := make([]*NodeState, len(p.nodes))
	for e := range journal {
		i, entry, err := p.entry(&journal[e])
		if err != nil {
			return Rewound{}, err
		}
		entries[i] = &entry
	}
	again := newBitset(int32(len(p.nodes)))
	for _, id := range from {
		i, known := p.index[id]
		if !known || !reached(entries[i]) {
			return Rewound{}, &RewindError{Node: id, Known: known, Candidates: p.reached(entries)}
		}
		again.add(i)
		for j := range p.steps {
			if p.steps[j].before.has(i) {
				again.add(int32(j))
			}
		}
	}
	var out Rewound
	for i, entry := range entries {
		switch {
		case again.has(int32(i)), !reached(entry):
		case entry.Phase == PhaseSucceeded, entry.Phase == PhaseFailed:
			if entry.Phase == PhaseFailed {
				out.Failed = append(out.Failed, entry.ID)
			}
			entry.Usage = Usage{}
			out.Kept = append(out.Kept, *entry)
		default:
			out.CutOff = append(out.CutOff, entry.ID)
		}
	}
	return out, nil
}

// reached says whether a node was begun, or failed before it could be.
func reached(entry *NodeState) bool {
	if entry == nil {
		return false
	}
	return entry.Phase == PhaseSucceeded || entry.Phase == PhaseFailed || entry.Attempt > 0
}

// reached are the IDs of the nodes that a run came to, in plan order.
func (p *Plan) reached(entries []*NodeState) []string {
	var ids []string
	for i, entry := range entries {
		if reached(entry) {
			ids = append(ids, p.nodes[i].ID)
		}
	}
	return ids
}
