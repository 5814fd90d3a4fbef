// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package fold

import (
	"slices"
	"time"
)

// maxSamples is how many of the latest durations the percentiles are taken from.
const maxSamples = 256

// Tally counts the finished runs of one object. The zero value is an empty one.
type Tally struct {
	Executions int64 `json:"executions,omitempty"`
	Successes  int64 `json:"successes,omitempty"`
	Failures   int64 `json:"failures,omitempty"`
	Cancelled  int64 `json:"cancelled,omitempty"`

	// Patterns counts which pattern let the event of a run through.
	Patterns map[string]int64 `json:"patterns,omitempty"`

	// Limited counts the runs that a limit was in the way of, by "limit/outcome".
	Limited map[string]int64 `json:"limited,omitempty"`

	// TotalDuration is the sum over all runs, Samples the latest durations in
	// the order they were folded.
	TotalDuration time.Duration   `json:"totalDuration,omitempty"`
	Samples       []time.Duration `json:"samples,omitempty"`

	// Minutes and Hours count executions by the minute and hour they ended in
	// (Unix time divided), only as far back as an hour and a day.
	Minutes map[int64]int64 `json:"minutes,omitempty"`
	Hours   map[int64]int64 `json:"hours,omitempty"`

	Last *Last `json:"last,omitempty"`
}

// Last is the run that ended latest.
type Last struct {
	Time       time.Time     `json:"time"`
	EventID    string        `json:"eventId,omitempty"`
	Successful bool          `json:"successful"`
	Duration   time.Duration `json:"duration"`
}

// Outcome is how a run ended.
type Outcome int

// The three ways a run ends.
const (
	Succeeded Outcome = iota
	Failed
	Cancelled
)

// Run is what a tally takes from one finished run.
type Run struct {
	EventID  string
	Pattern  string // "" when the event was let through without one
	Outcome  Outcome
	Ended    time.Time
	Duration time.Duration
	// Limited are the limits that were in its way, each as "limit/outcome".
	Limited []string
}

// Add counts one finished run. The caller sees to it that it does so once.
func (t *Tally) Add(r Run) {
	t.Executions++
	switch r.Outcome {
	case Succeeded:
		t.Successes++
	case Failed:
		t.Failures++
	case Cancelled:
		t.Cancelled++
	}
	if r.Pattern != "" {
		if t.Patterns == nil {
			t.Patterns = map[string]int64{}
		}
		t.Patterns[r.Pattern]++
	}
	for _, hit := range r.Limited {
		if t.Limited == nil {
			t.Limited = map[string]int64{}
		}
		t.Limited[hit]++
	}
	t.TotalDuration += r.Duration
	t.Samples = append(t.Samples, r.Duration)
	if len(t.Samples) > maxSamples {
		t.Samples = slices.Clone(t.Samples[len(t.Samples)-maxSamples:])
	}
	t.Minutes = count(t.Minutes, minuteOf(r.Ended), 60)
	t.Hours = count(t.Hours, hourOf(r.Ended), 24)
	if t.Last == nil || !r.Ended.Before(t.Last.Time) {
		t.Last = &Last{Time: r.Ended, EventID: r.EventID, Successful: r.Outcome == Succeeded, Duration: r.Duration}
	}
}

// SuccessRate is the share of executions that succeeded, 0 to 1; 0 for none.
func (t *Tally) SuccessRate() float64 {
	if t.Executions == 0 {
		return 0
	}
	return float64(t.Successes) / float64(t.Executions)
}

// Average is the mean duration over all runs ever folded.
func (t *Tally) Average() time.Duration {
	if t.Executions == 0 {
		return 0
	}
	return t.TotalDuration / time.Duration(t.Executions)
}

// Percentile is the nearest-rank percentile p (0 < p <= 1) of the latest
// durations.
func (t *Tally) Percentile(p float64) time.Duration {
	n := len(t.Samples)
	if n == 0 {
		return 0
	}
	sorted := slices.Clone(t.Samples)
	slices.Sort(sorted)
	rank := int(p*float64(n)+0.999999) - 1
	return sorted[min(max(rank, 0), n-1)]
}

// LastHour is the number of runs that ended in the 60 minutes before now.
func (t *Tally) LastHour(now time.Time) int64 { return sum(t.Minutes, minuteOf(now), 60) }

// LastDay is the number of runs that ended in the 24 hours before now.
func (t *Tally) LastDay(now time.Time) int64 { return sum(t.Hours, hourOf(now), 24) }

func minuteOf(at time.Time) int64 { return at.Unix() / 60 }
func hourOf(at time.Time) int64   { return at.Unix() / 3600 }

// count adds one to the slot and forgets slots that have left the window.
func count(slots map[int64]int64, slot, window int64) map[int64]int64 {
	if slots == nil {
		slots = map[int64]int64{}
	}
	slots[slot]++
	for s := range slots {
		if s <= slot-window {
			delete(slots, s)
		}
	}
	return slots
}

func sum(slots map[int64]int64, now, window int64) int64 {
	var n int64
	for slot, c := range slots {
		if slot > now-window && slot <= now {
			n += c
		}
	}
	return n
}
