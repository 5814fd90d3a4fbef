// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"slices"
	"time"
)

// What the arithmetic of quotas assumes and bounds.
const (
	// Skew is how far the clocks of two replicas may be apart.
	Skew = 2 * time.Second
	// Drift is how much later than one's own clock a time may be that somebody
	// wrote. Whoever wrote one that is further ahead was wrong, and is not believed.
	Drift = 5 * time.Minute
	// Grace is how long a run has to come once its turn is due. One that does not
	// loses its place in line.
	Grace = time.Minute
	// Settling is how long a run may hold something before what is known of the run
	// is held against it.
	Settling = 10 * time.Second
	// MaxLine bounds how many runs stand in one line. Those beyond come again
	// later, in no order.
	MaxLine = 512
	// maxAdmitted bounds how many runs are remembered as admitted just now.
	maxAdmitted = 64
	// Pauses before a run looks again that waits for something without a time.
	firstLook, longestLook = time.Minute, 10 * time.Minute
)

// The names of limits, as they stand in a Context.
const (
	LimitRequests   = "max_requests_per_minute"
	LimitTokens     = "max_tokens_per_day" //nolint:gosec // a name
	LimitConcurrent = "max_concurrent"
	LimitTime       = "max_execution_time_seconds"
)

// Limits are what the runs of a Context may use together; 0 is no limit.
type Limits struct {
	RequestsPerMinute int64 `json:"requestsPerMinute,omitempty"`
	TokensPerDay      int64 `json:"tokensPerDay,omitempty"`
	Concurrent        int64 `json:"concurrent,omitempty"`
}

// Quota is what all replicas together have used of a Context's limits. Its JSON
// is what they share. The zero value is an unused one.
type Quota struct {
	// Limits are those in force when it was last used.
	Limits Limits `json:"limits,omitzero"`
	// Seen is the latest time that anybody wrote, in Unix milliseconds.
	Seen int64 `json:"seen,omitempty"`
	// Minute is how many runs were admitted in which second, oldest first.
	Minute []Second `json:"minute,omitempty"`
	// Working are the runs that are at work.
	Working []Place `json:"working,omitempty"`
	// Admitted are runs that were admitted within Settling and hold no place, the
	// latest of them, oldest first: two processes that take up the same run at once
	// both ask for it.
	Admitted []Place `json:"admitted,omitempty"`
	// Line are the runs that wait to be admitted, first come first.
	Line []Ticket `json:"line,omitempty"`
	// Days is what models used, oldest first.
	Days []Day `json:"days,omitempty"`
}

// Second counts the runs that were admitted in one second.
type Second struct {
	At int64 `json:"at"` // Unix seconds
	N  int64 `json:"n"`
}

// Place is what a run holds.
type Place struct {
	// ID is the run's UID.
	ID string `json:"id"`
	// Name of the run, where whoever reads this may know it.
	Name string `json:"name,omitempty"`
	// At is since when, in Unix milliseconds.
	At int64 `json:"at,omitempty"`
	// Claimed is when the run came to be, in Unix milliseconds.
	Claimed int64 `json:"claimed,omitempty"`
}

// Fresh says whether the place was taken less than Settling ago.
func (p Place) Fresh(now time.Time) bool { return now.Sub(time.UnixMilli(p.At)) < Settling }

// Ticket is a run's place in a line.
type Ticket struct {
	Place
	// Due is when the run comes to look again, in Unix milliseconds.
	Due int64 `json:"due"`
	// Counted says that the run was admitted before, and waits for a place only.
	Counted bool `json:"counted,omitempty"`
}

// Admission is the answer to a run that wants to begin.
type Admission struct {
	Admitted bool
	// Limit is the one that keeps the run out, Used what is used of Allowed.
	Limit         string
	Used, Allowed int64
	// Opens is when to ask again.
	Opens time.Time
	// Ahead is how many runs stand before this one in line.
	Ahead int
	// Changed says that the quota is another than before.
	Changed bool
}

// Admit asks for a run to begin, or to go on when it was counted before. Wait
// says that a run that is not admitted stands in line.
func (q *Quota) Admit(l Limits, run Place, counted, wait bool, now time.Time) Admission {
	t, before := q.begin(l, now)
	out := Admission{Changed: before}
	if holds(q.Working, run.ID) || l.Concurrent == 0 && q.justAdmitted(run.ID, t) {
		out.Admitted = true
		return out
	}
	at := slices.IndexFunc(q.Line, func(x Ticket) bool { return x.ID == run.ID })
	ahead := q.Line
	if at >= 0 {
		ahead = q.Line[:at]
	}
	out.Ahead = len(ahead)
	asking := 0 // of those ahead, who will be counted
	for i := range ahead {
		if !ahead[i].Counted {
			asking++
		}
	}
	used := q.used(t)
	switch {
	case l.Concurrent > 0 && int64(len(q.Working)+len(ahead)) >= l.Concurrent:
		out.Limit, out.Used, out.Allowed = LimitConcurrent, int64(len(q.Working)), l.Concurrent
	case l.RequestsPerMinute > 0 && !counted && used+int64(asking) >= l.RequestsPerMinute:
		out.Limit, out.Used, out.Allowed = LimitRequests, used, l.RequestsPerMinute
	default:
		q.enter(l, run, counted, at, t)
		out.Admitted, out.Changed = true, true
		return out
	}
	return q.refuse(out, Ticket{Place: run, Counted: counted}, at, wait, t)
}

// enter counts a run that is admitted.
func (q *Quota) enter(l Limits, run Place, counted bool, at int, t time.Time) {
	q.touch(t)
	if at >= 0 {
		q.Line = slices.Delete(q.Line, at, at+1)
	}
	if l.RequestsPerMinute > 0 && !counted {
		second := t.Unix()
		if n := len(q.Minute); n > 0 && q.Minute[n-1].At >= second {
			q.Minute[n-1].N++
		} else {
			q.Minute = append(q.Minute, Second{At: second, N: 1})
		}
	}
	if l.Concurrent == 0 {
		q.remember(run.ID, t)
	} else {
		run.At = t.UnixMilli()
		q.Working = append(q.Working, run)
	}
}

// remember notes that a run was admitted, in place of those from too long ago.
func (q *Quota) remember(id string, t time.Time) {
	q.Admitted = slices.DeleteFunc(q.Admitted, func(p Place) bool { return !p.Fresh(t) })
	q.Admitted = append(q.Admitted, Place{ID: id, At: t.UnixMilli()})
	if n := len(q.Admitted); n > maxAdmitted {
		q.Admitted = slices.Clone(q.Admitted[n-maxAdmitted:])
	}
}

func (q *Quota) justAdmitted(id string, t time.Time) bool {
	return slices.ContainsFunc(q.Admitted, func(p Place) bool { return p.ID == id && p.Fresh(t) })
}

// refuse says when to ask again, and puts the run in line.
func (q *Quota) refuse(out Admission, run Ticket, at int, wait bool, t time.Time) Admission {
	ahead := q.Line
	if at >= 0 {
		ahead = q.Line[:at]
		if known := q.Line[at]; time.UnixMilli(known.Due).After(t) {
			out.Opens = time.UnixMilli(known.Due)
			return out
		}
		run.At = q.Line[at].At
	} else {
		run.At = t.UnixMilli()
	}
	out.Opens = q.opens(out, ahead, t)
	if out.Limit == LimitConcurrent {
		out.Opens = later(t, time.UnixMilli(run.At))
	}
	run.Due = out.Opens.UnixMilli()
	switch {
	case !wait:
	case at >= 0:
		q.touch(t)
		q.Line[at], out.Changed = run, true
	case len(q.Line) < MaxLine:
		q.touch(t)
		q.Line, out.Changed = append(q.Line, run), true
	default:
		// Nobody knows when its turn will be: not before the last one's.
		out.Opens = time.UnixMilli(q.Line[len(q.Line)-1].Due).Add(Grace)
	}
	return out
}

// Leave gives back what a run holds, and its place in line. It says whether there
// was anything.
func (q *Quota) Leave(id string) bool {
	n := len(q.Working) + len(q.Line)
	q.Working = slices.DeleteFunc(q.Working, func(p Place) bool { return p.ID == id })
	q.Line = slices.DeleteFunc(q.Line, func(t Ticket) bool { return t.ID == id })
	return len(q.Working)+len(q.Line) < n
}

// Vacate takes back what runs hold of whom gone says that they are not at work any
// more. Tickets are left alone: those nobody comes for run out.
func (q *Quota) Vacate(gone func(Place) bool) bool {
	n := len(q.Working)
	q.Working = slices.DeleteFunc(q.Working, gone)
	return len(q.Working) < n
}

// Next are the runs in line that would be admitted now.
func (q *Quota) Next(now time.Time) []string {
	t := q.at(now)
	places, requests := int64(len(q.Line)), int64(len(q.Line))
	if q.Limits.Concurrent > 0 {
		places = q.Limits.Concurrent - int64(len(q.Working))
	}
	if q.Limits.RequestsPerMinute > 0 {
		requests = q.Limits.RequestsPerMinute - q.used(t)
	}
	var out []string
	for i := range q.Line {
		if !q.Line[i].Counted {
			requests--
		}
		if places--; places < 0 || requests < 0 {
			break
		}
		out = append(out, q.Line[i].ID)
	}
	return out
}

// begin brings the quota up to date. It says whether that changed anything.
func (q *Quota) begin(l Limits, now time.Time) (t time.Time, changed bool) {
	t = q.at(now)
	if q.Limits != l {
		q.Limits, changed = l, true
	}
	if seen := time.UnixMilli(q.Seen); seen.Sub(now) > Drift {
		// Times from a clock that was wrong: what they say happened, but now.
		for i := range q.Minute {
			q.Minute[i].At = min(q.Minute[i].At, t.Unix())
		}
		for i := range q.Line {
			q.Line[i].Due = min(q.Line[i].Due, t.UnixMilli())
		}
		q.Admitted = nil
		q.Seen, changed = t.UnixMilli(), true
	}
	kept := len(q.Line)
	q.Line = slices.DeleteFunc(q.Line, func(x Ticket) bool { return t.After(time.UnixMilli(x.Due).Add(Grace)) })
	if len(q.Line) != kept {
		changed = true
	}
	q.Minute = slices.DeleteFunc(q.Minute, func(s Second) bool { return !t.Before(s.leaves()) })
	return t, changed
}

// at is the time to reckon with: it never goes back, whoever's clock does.
func (q *Quota) at(now time.Time) time.Time {
	if seen := time.UnixMilli(q.Seen); seen.After(now) && seen.Sub(now) <= Drift {
		return seen.UTC()
	}
	return now.UTC()
}

func (q *Quota) touch(t time.Time) { q.Seen = max(q.Seen, t.UnixMilli()) }

func holds(places []Place, id string) bool {
	return slices.ContainsFunc(places, func(p Place) bool { return p.ID == id })
}

// later is when to look again for something that has no time: the longer one has
// waited the later.
func later(now, since time.Time) time.Time {
	return now.Add(min(max(now.Sub(since)/2, firstLook), longestLook))
}
