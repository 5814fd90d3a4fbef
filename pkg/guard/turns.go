// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"slices"
	"time"
)

// Policy says what becomes of a run that comes while another of the same binding
// and key is not over.
type Policy string

// The policies.
const (
	Parallel  Policy = "parallel"
	Serialize Policy = "serialize"
	Skip      Policy = "skip"
	Replace   Policy = "replace"
)

// LimitOverrun is what the overrun policy is called among the limits.
const LimitOverrun = "overrun"

// Turns is which runs of a binding are at it, by key. Its JSON is what all
// replicas share. The zero value is nobody's turn.
type Turns struct {
	Keys map[string]*Turn `json:"keys,omitempty"`
}

// Turn is whose turn it is among the runs of one key.
type Turn struct {
	Holder *Place `json:"holder,omitempty"`
	// Line are those that wait, in the order they were claimed.
	Line []Ticket `json:"line,omitempty"`
}

// Entry is the answer to a run that wants its turn.
type Entry struct {
	// State is whether the run may begin, has to wait or has to end.
	State EntryState
	// Other is the run that is in the way, or takes this one's place.
	Other Place
	// Replaced are the runs that are to be cancelled for this one.
	Replaced []Place
	// Opens is when to look again.
	Opens time.Time
	// Changed says that the turns are others than before.
	Changed bool
}

// EntryState is what a run that wants its turn is told.
type EntryState string

// What a run is told.
const (
	Yours   EntryState = "yours"
	Waits   EntryState = "waits"
	Skipped EntryState = "skipped"
)

// Blocker is the run that is in a run's way: who has the turn, or who is next
// while nobody has it. The zero Place is nobody.
func (t *Turns) Blocker(key, id string) Place {
	turn := t.Keys[key]
	switch {
	case turn == nil:
	case turn.Holder != nil && turn.Holder.ID != id:
		return *turn.Holder
	case turn.Holder == nil && len(turn.Line) > 0 && turn.Line[0].ID != id:
		return turn.Line[0].Place
	}
	return Place{}
}

// Enter asks for a run's turn.
func (t *Turns) Enter(policy Policy, key string, run Place, now time.Time) Entry {
	turn := t.Keys[key]
	if turn == nil {
		turn = &Turn{}
	}
	blocker := t.Blocker(key, run.ID)
	if blocker.ID == "" {
		return t.take(key, turn, run, now)
	}
	switch policy {
	case Skip:
		return Entry{State: Skipped, Other: blocker, Changed: t.Leave(run.ID)}
	case Replace:
		return t.replace(key, turn, run, now)
	case Parallel, Serialize:
	}
	return t.wait(key, turn, run, blocker, now)
}

func (t *Turns) take(key string, turn *Turn, run Place, now time.Time) Entry {
	if turn.Holder != nil {
		return Entry{State: Yours}
	}
	run.At = now.UnixMilli()
	turn.Holder = &run
	turn.Line = slices.DeleteFunc(turn.Line, func(x Ticket) bool { return x.ID == run.ID })
	t.keep(key, turn)
	return Entry{State: Yours, Changed: true}
}

// replace lets the newest of all that came have the next turn.
func (t *Turns) replace(key string, turn *Turn, run Place, now time.Time) Entry {
	newer := func(p Place) bool { return p.ID != run.ID && p.Claimed > run.Claimed }
	if turn.Holder != nil && newer(*turn.Holder) {
		return Entry{State: Skipped, Other: *turn.Holder, Changed: t.Leave(run.ID)}
	}
	for i := range turn.Line {
		if newer(turn.Line[i].Place) {
			return Entry{State: Skipped, Other: turn.Line[i].Place, Changed: t.Leave(run.ID)}
		}
	}
	var out []Place
	for i := range turn.Line {
		if turn.Line[i].ID != run.ID {
			out = append(out, turn.Line[i].Place)
		}
	}
	turn.Line = slices.DeleteFunc(turn.Line, func(x Ticket) bool { return x.ID != run.ID })
	if turn.Holder == nil {
		e := t.take(key, turn, run, now)
		e.Replaced = out
		return e
	}
	e := t.wait(key, turn, run, *turn.Holder, now)
	e.Replaced = slices.Concat(out, []Place{*turn.Holder})
	e.Changed = e.Changed || len(out) > 0
	return e
}

func (t *Turns) wait(key string, turn *Turn, run, blocker Place, now time.Time) Entry {
	out := Entry{State: Waits, Other: blocker}
	if at := slices.IndexFunc(turn.Line, func(x Ticket) bool { return x.ID == run.ID }); at >= 0 {
		known := &turn.Line[at]
		if due := time.UnixMilli(known.Due); due.After(now) {
			out.Opens = due
			return out
		}
		out.Opens = later(now, time.UnixMilli(known.At))
		known.Due, out.Changed = out.Opens.UnixMilli(), true
		return out
	}
	run.At = now.UnixMilli()
	out.Opens = later(now, now)
	if t.waiting() >= MaxLine {
		return out
	}
	place := len(turn.Line)
	for place > 0 && turn.Line[place-1].Claimed > run.Claimed {
		place--
	}
	turn.Line = slices.Insert(turn.Line, place, Ticket{Place: run, Due: out.Opens.UnixMilli()})
	t.keep(key, turn)
	out.Changed = true
	return out
}

// Leave ends a run's turn and takes it out of all lines. It says whether there
// was anything.
func (t *Turns) Leave(id string) (changed bool) {
	for key, turn := range t.Keys {
		if turn.Holder != nil && turn.Holder.ID == id {
			turn.Holder, changed = nil, true
		}
		n := len(turn.Line)
		turn.Line = slices.DeleteFunc(turn.Line, func(x Ticket) bool { return x.ID == id })
		if len(turn.Line) != n {
			changed = true
		}
		t.keep(key, turn)
	}
	return changed
}

// Vacate ends the turns of runs of whom gone says that they are over, and takes
// those out of their lines.
func (t *Turns) Vacate(gone func(Place) bool) (changed bool) {
	for _, p := range t.Places() {
		if gone(p) {
			changed = t.Leave(p.ID) || changed
		}
	}
	return changed
}

// Next are the runs whose turn it is and who have not taken it.
func (t *Turns) Next() []string {
	var out []string
	for _, turn := range t.Keys {
		if turn.Holder == nil && len(turn.Line) > 0 {
			out = append(out, turn.Line[0].ID)
		}
	}
	slices.Sort(out)
	return out
}

// Places are all runs that have a turn, or are next.
func (t *Turns) Places() []Place {
	var out []Place
	for _, turn := range t.Keys {
		if turn.Holder != nil {
			out = append(out, *turn.Holder)
		}
		for i := range turn.Line {
			out = append(out, turn.Line[i].Place)
		}
	}
	return out
}

func (t *Turns) waiting() (n int) {
	for _, turn := range t.Keys {
		n += len(turn.Line)
	}
	return n
}

// keep keeps a turn as long as there is anybody.
func (t *Turns) keep(key string, turn *Turn) {
	if turn.Holder == nil && len(turn.Line) == 0 {
		delete(t.Keys, key)
		return
	}
	if t.Keys == nil {
		t.Keys = map[string]*Turn{}
	}
	t.Keys[key] = turn
}
