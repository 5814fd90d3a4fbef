// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package dedupe

import "time"

const (
	// Grace is how long the run of an entry may take to come to be. After that
	// another event takes the entry over: whoever wrote it has died, and the
	// sender of his event, who was not told that it was taken, sends it again or
	// has given it up.
	Grace = time.Minute
	// Haste is how long after writing an entry its run may still be created by
	// whoever wrote it. What is left of Grace is for a request that is on its way,
	// and for clocks that differ.
	Haste = Grace / 3
)

// Entry is what is kept of a key.
type Entry struct {
	// Run is the name of the run that the first event of the key started, or is to
	// start.
	Run string `json:"run"`
	// First is when that event came; the window begins then and is over at Until.
	First time.Time `json:"first"`
	Until time.Time `json:"until"`
	// Claimed is when somebody last set out to create the run.
	Claimed time.Time `json:"claimed"`
	// Made says that the run was in the ledger. It may be gone again: the entry
	// outlives it.
	Made bool `json:"made,omitempty"`
	// Duplicates is how many other events of the key were counted here.
	Duplicates int64 `json:"duplicates,omitempty"`
}

// Seen is what is known of the run of an entry.
type Seen int

// Nobody looked, the run is there, or it is not.
const (
	Unknown Seen = iota
	There
	Absent
)

// Step is what is to be done about an event.
type Step string

const (
	// Take writes the entry that comes with it, on condition that nobody has
	// written in between, and then creates the run.
	Take Step = "Take"
	// Mine says that the run of this very event was made before.
	Mine Step = "Mine"
	// Duplicate says that another event of the key started a run.
	Duplicate Step = "Duplicate"
	// Look says that it depends on whether the run of the entry is there.
	Look Step = "Look"
	// Wait says that another event of the key is about to start a run, and nobody knows yet
	// whether it will.
	Wait Step = "Wait"
)

// Decide says what is to be done about an event whose run would be called run,
// and with which entry. Have is the entry that is kept for its key, nil when there
// is none; seen what is known of that entry's run.
func Decide(have *Entry, run string, window time.Duration, seen Seen, now time.Time) (Step, Entry) {
	fresh := Entry{Run: run, First: now, Until: now.Add(window), Claimed: now}
	switch {
	case have == nil:
		return Take, fresh
	case have.Run == run && have.Made:
		return Mine, *have
	case have.Run == run:
		again := *have // the window counts from when the event came first
		again.Claimed = now
		return Take, again
	case !now.Before(have.Until):
		return Take, fresh
	case have.Made:
		return Duplicate, *have
	}
	switch seen {
	case Unknown:
		return Look, *have
	case There:
		made := *have
		made.Made = true
		return Duplicate, made
	case Absent:
	}
	if now.Before(have.Claimed.Add(Grace)) {
		return Wait, *have
	}
	return Take, fresh
}

// Expired says whether an entry is of no use any more: its window is over, and
// so is the time in which its run may come to be.
func (e *Entry) Expired(now time.Time) bool {
	return !now.Before(e.Until) && !now.Before(e.Claimed.Add(Grace))
}
