// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"slices"
	"time"
)

// What a model call is taken to use at most.
const (
	// ReplyTokens is how long a reply may be in a Context with a limit of tokens,
	// when the agent does not say.
	ReplyTokens = 4096
	// messageTokens is what a message costs beside its text: its role and marks.
	messageTokens = 16
	// share and part bound what is taken ahead: of the whole day, and of what is
	// left of it.
	share, part = 64, 4
)

// Day is what models used on one day, in UTC.
type Day struct {
	Day string `json:"day"` // like 2026-11-23
	// Used is what was used, Held what replicas hold for calls they make.
	Used int64 `json:"used"`
	Held int64 `json:"held,omitempty"`
}

// CallTokens is the most that a call can use: no token is shorter than a byte.
func CallTokens(inputBytes, messages, reply int) int64 {
	return int64(inputBytes) + int64(messages+1)*messageTokens + int64(reply)
}

// Reservation is the answer to a replica that wants tokens.
type Reservation struct {
	// Granted is what was given, at least what was asked for; 0 is a refusal.
	Granted int64
	// Days are those that it counts for: two of them around midnight.
	Days []string
	// Used of Allowed, with what others hold, on the day that has least left.
	Used, Allowed int64
	// Never says that so much can't be had on any day.
	Never bool
	// Opens is when to ask again.
	Opens time.Time
}

// Reserve takes tokens ahead of a call, or a few calls.
func (q *Quota) Reserve(l Limits, need int64, now time.Time) Reservation {
	t, _ := q.begin(l, now)
	out := Reservation{Days: days(t), Allowed: l.TokensPerDay, Never: need > l.TokensPerDay}
	left := l.TokensPerDay
	for _, day := range out.Days {
		d := q.day(day)
		if rest := l.TokensPerDay - d.Used - d.Held; rest <= left {
			left, out.Used = rest, d.Used+d.Held
		}
		if opens := q.tokensOpen(l, *d, need, t); opens.After(out.Opens) {
			out.Opens = opens
		}
	}
	q.forget(out.Days[0])
	if need > left || need <= 0 {
		return out
	}
	q.touch(t)
	out.Opens = time.Time{}
	out.Granted = max(need, min(l.TokensPerDay/share, left/part))
	for _, day := range out.Days {
		q.day(day).Held += out.Granted
	}
	return out
}

// tokensOpen is when a day's budget may have room for a need: the next day, or
// soon when all that is missing is held by others and may come back.
func (q *Quota) tokensOpen(l Limits, d Day, need int64, t time.Time) time.Time {
	if d.Used+d.Held+need <= l.TokensPerDay {
		return time.Time{}
	}
	if d.Used+need <= l.TokensPerDay {
		return t.Add(firstLook)
	}
	day, err := time.Parse(time.DateOnly, d.Day)
	if err != nil {
		return t.Add(longestLook)
	}
	return day.AddDate(0, 0, 1).Add(Skew)
}

// Settle says what became of tokens that were granted on days: so many were used,
// and the others are given back.
func (q *Quota) Settle(on []string, granted, used int64) {
	for i := range q.Days {
		d := &q.Days[i]
		if !slices.Contains(on, d.Day) {
			continue
		}
		d.Held = max(0, d.Held-granted)
		d.Used += max(0, used)
	}
}

// DaysAt are the days that a call at a time counts for.
func (q *Quota) DaysAt(now time.Time) []string { return days(q.at(now)) }

// days are the days that it may be for anybody.
func days(t time.Time) []string {
	first, last := t.Add(-Skew).UTC().Format(time.DateOnly), t.Add(Skew).UTC().Format(time.DateOnly)
	if first == last {
		return []string{first}
	}
	return []string{first, last}
}

func (q *Quota) day(day string) *Day {
	for i := range q.Days {
		if q.Days[i].Day == day {
			return &q.Days[i]
		}
	}
	q.Days = append(q.Days, Day{Day: day})
	return &q.Days[len(q.Days)-1]
}

// forget leaves out days that are over: their last calls have been settled, or
// never will be.
func (q *Quota) forget(day string) {
	const kept = 2 // yesterday's calls may still be settled
	q.Days = slices.DeleteFunc(q.Days, func(d Day) bool {
		a, errA := time.Parse(time.DateOnly, d.Day)
		b, errB := time.Parse(time.DateOnly, day)
		return errA != nil || errB != nil || b.Sub(a) >= kept*24*time.Hour
	})
}
