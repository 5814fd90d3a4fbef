// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"slices"
	"time"
)

// span is how long a run that was admitted at the end of a second, by a clock
// that is late, keeps others out whose clock is early.
const span = time.Minute + time.Second + Skew

// leaves is when a second is certainly more than a minute ago, for everybody.
func (s Second) leaves() time.Time { return time.Unix(s.At, 0).Add(span) }

// used is how many of the minute's admissions count at a time.
func (q *Quota) used(t time.Time) int64 {
	var n int64
	for _, s := range q.Minute {
		if t.Before(s.leaves()) {
			n += s.N
		}
	}
	return n
}

// opens is when a run may be admitted that has these ahead of it, if each of them
// comes when it is due.
func (q *Quota) opens(out Admission, ahead []Ticket, t time.Time) time.Time {
	if out.Limit != LimitRequests {
		return t
	}
	type stay struct {
		from, to time.Time
		n        int64
	}
	stays := make([]stay, 0, len(q.Minute)+len(ahead))
	for _, s := range q.Minute {
		stays = append(stays, stay{to: s.leaves(), n: s.N})
	}
	first := t
	for i := range ahead {
		if ahead[i].Counted {
			continue
		}
		due := time.UnixMilli(ahead[i].Due)
		if due.After(first) {
			first = due
		}
		stays = append(stays, stay{from: due, to: time.Unix(due.Unix(), 0).Add(span), n: 1})
	}
	times := []time.Time{first}
	for _, s := range stays {
		if s.to.After(first) {
			times = append(times, s.to)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	for _, at := range times {
		var n int64
		for _, s := range stays {
			if !s.from.After(at) && at.Before(s.to) {
				n += s.n
			}
		}
		if n < out.Allowed {
			return at.UTC()
		}
	}
	return times[len(times)-1].UTC() // not reached: all of them leave in the end
}
