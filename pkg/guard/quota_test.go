// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package guard_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"aof.dev/operator/pkg/guard"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func place(n int) guard.Place { return guard.Place{ID: fmt.Sprintf("run-%03d", n)} }

// Forty runs at once, ten a minute: ten begin, and the others wait for the minute
// in which ten of them can, in the order they came.
func TestTheLineMovesByMinutes(t *testing.T) {
	t.Parallel()
	q, l := &guard.Quota{}, guard.Limits{RequestsPerMinute: 10}
	opens := map[time.Duration][]int{}
	for i := range 40 {
		a := q.Admit(l, place(i), false, true, noon)
		if a.Admitted {
			opens[0] = append(opens[0], i)
			continue
		}
		assert.Equal(t, guard.LimitRequests, a.Limit)
		assert.Equal(t, i-10, a.Ahead)
		opens[a.Opens.Sub(noon)] = append(opens[a.Opens.Sub(noon)], i)
	}
	const round = 63 * time.Second // a minute, a second, and what clocks may differ
	want := map[time.Duration][]int{}
	for i := range 40 {
		want[time.Duration(i/10)*round] = append(want[time.Duration(i/10)*round], i)
	}
	require.Equal(t, want, opens)

	for k := 1; k < 4; k++ {
		now := noon.Add(time.Duration(k) * round)
		next := q.Next(now)
		assert.Len(t, next, 10)
		assert.False(t, q.Admit(l, place(99), false, false, now).Admitted, "nobody overtakes")
		for i := k * 10; i < k*10+10; i++ {
			assert.Contains(t, next, place(i).ID)
			assert.True(t, q.Admit(l, place(i), false, true, now).Admitted, "run %d at %v", i, now.Sub(noon))
		}
	}
	assert.Empty(t, q.Line)
}

func TestARunThatIsRefusedStandsInNoLine(t *testing.T) {
	t.Parallel()
	q, l := &guard.Quota{}, guard.Limits{RequestsPerMinute: 1}
	require.True(t, q.Admit(l, place(1), false, false, noon).Admitted)
	a := q.Admit(l, place(2), false, false, noon.Add(time.Second))
	assert.Equal(t, guard.Admission{
		Limit: guard.LimitRequests, Used: 1, Allowed: 1, Opens: noon.Add(63 * time.Second),
	}, a)
	assert.Empty(t, q.Line)
	assert.True(t, q.Admit(l, place(2), true, false, noon.Add(time.Second)).Admitted, "one that was counted goes on")
}

// Two processes that take up the same run at once both ask for it.
func TestARunThatIsAskedForTwiceIsCountedOnce(t *testing.T) {
	t.Parallel()
	q, l := &guard.Quota{}, guard.Limits{RequestsPerMinute: 2}
	for range 3 {
		require.True(t, q.Admit(l, place(1), false, true, noon).Admitted)
	}
	assert.True(t, q.Admit(l, place(2), false, true, noon.Add(time.Second)).Admitted, "there is room for another")
	assert.False(t, q.Admit(l, place(3), false, true, noon.Add(time.Second)).Admitted)
	assert.False(t, q.Admit(l, place(1), false, true, noon.Add(guard.Settling)).Admitted, "it comes back too late")

	q = &guard.Quota{}
	for i := range 1000 {
		require.True(t, q.Admit(guard.Limits{RequestsPerMinute: 1000}, place(i), false, true, noon).Admitted)
	}
	assert.Len(t, q.Admitted, 64)
	require.True(t, q.Admit(guard.Limits{RequestsPerMinute: 1001}, place(1000), false, true, noon.Add(guard.Settling)).Admitted)
	assert.Len(t, q.Admitted, 1, "the others are from too long ago")

	q, l = &guard.Quota{}, guard.Limits{RequestsPerMinute: 9, Concurrent: 1}
	require.True(t, q.Admit(l, place(1), false, true, noon).Admitted)
	require.True(t, q.Leave(place(1).ID), "it waits for somebody")
	require.True(t, q.Admit(l, place(2), false, true, noon).Admitted)
	assert.False(t, q.Admit(l, place(1), true, true, noon).Admitted, "that it was admitted is no place")

	q = &guard.Quota{}
	require.True(t, q.Admit(guard.Limits{RequestsPerMinute: 9}, place(1), false, true, noon).Admitted)
	require.True(t, q.Admit(l, place(2), false, true, noon).Admitted)
	assert.False(t, q.Admit(l, place(1), true, true, noon).Admitted, "not when places are limited since, either")
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	q, l := &guard.Quota{}, guard.Limits{Concurrent: 2, RequestsPerMinute: 3}
	for i := range 2 {
		require.True(t, q.Admit(l, place(i), false, true, noon).Admitted)
	}
	assert.True(t, q.Admit(l, place(1), false, true, noon).Admitted, "who has a place keeps it")
	for i := 2; i < 5; i++ {
		a := q.Admit(l, place(i), false, true, noon)
		assert.Equal(t, guard.LimitConcurrent, a.Limit)
		assert.Equal(t, noon.Add(time.Minute), a.Opens)
	}
	assert.Empty(t, q.Next(noon))
	assert.True(t, q.Leave(place(0).ID))
	assert.False(t, q.Leave(place(0).ID))
	assert.Equal(t, []string{place(2).ID}, q.Next(noon))
	assert.False(t, q.Admit(l, place(3), false, true, noon).Admitted, "it is not its turn")
	assert.True(t, q.Admit(l, place(2), false, true, noon).Admitted)
	q.Leave(place(1).ID)
	assert.Equal(t, guard.LimitRequests, q.Admit(l, place(3), false, true, noon.Add(time.Minute)).Limit, "three were counted")
	assert.True(t, q.Admit(l, place(3), true, true, noon.Add(time.Minute)).Admitted)
}

// A run that is gone does not hold up those behind it for ever.
func TestATicketNobodyComesForIsTakenBack(t *testing.T) {
	t.Parallel()
	q, l := &guard.Quota{}, guard.Limits{RequestsPerMinute: 1}
	q.Admit(l, place(0), false, true, noon)
	gone := q.Admit(l, place(1), false, true, noon).Opens
	next := q.Admit(l, place(2), false, true, noon).Opens
	require.Equal(t, noon.Add(126*time.Second), next)
	assert.False(t, q.Admit(l, place(3), false, true, gone).Admitted)
	assert.True(t, q.Admit(l, place(2), false, true, next).Admitted)
	assert.Len(t, q.Line, 1, "the one that came last")
}

func TestALineIsBounded(t *testing.T) {
	t.Parallel()
	q, l := &guard.Quota{}, guard.Limits{RequestsPerMinute: 1}
	var last guard.Admission
	for i := range guard.MaxLine + 10 {
		last = q.Admit(l, place(i), false, true, noon)
	}
	assert.Len(t, q.Line, guard.MaxLine)
	assert.False(t, last.Changed)
	assert.True(t, last.Opens.After(time.UnixMilli(q.Line[guard.MaxLine-1].Due)))
}

// world is replicas with clocks that differ, and the truth about the time.
type world struct {
	now    time.Time
	clocks []time.Duration
}

// skew is how wrong a clock is: by half of what two may differ. It jumps there.
func skew(t *rapid.T) time.Duration {
	const most = int(guard.Skew / 2 / time.Millisecond)
	return time.Duration(rapid.IntRange(-most, most).Draw(t, "skew")) * time.Millisecond
}

func (w *world) clock(i int) time.Time { return w.now.Add(w.clocks[i]) }

// Whatever the replicas do, and however their clocks jump within what they may
// differ, no minute sees more than the limit; and the limit can be used.
func TestNoMinuteSeesMoreThanTheLimit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := guard.Limits{
			RequestsPerMinute: rapid.Int64Range(1, 5).Draw(t, "limit"),
			Concurrent:        rapid.Int64Range(0, 3).Draw(t, "concurrent"),
		}
		w := world{now: noon, clocks: make([]time.Duration, 3)}
		q := &guard.Quota{}
		var admitted []time.Time
		working := map[string]bool{}
		runs := 0
		for range rapid.IntRange(10, 150).Draw(t, "steps") {
			i := rapid.IntRange(0, 2).Draw(t, "replica")
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				w.now = w.now.Add(time.Duration(rapid.SampledFrom([]int{0, 0, 20, 56, 58, 59, 60, 61, 62}).Draw(t, "s")) * time.Second)
				w.now = w.now.Add(time.Duration(rapid.IntRange(0, 1500).Draw(t, "ms")) * time.Millisecond)
			case 1:
				w.clocks[i] = skew(t)
			case 2:
				for id := range working {
					delete(working, id)
					q.Leave(id)
					break
				}
			default:
				var run guard.Place
				if next := q.Next(w.clock(i)); len(next) > 0 && rapid.Bool().Draw(t, "due") {
					run.ID = next[0]
				} else {
					runs++
					run = place(runs)
				}
				if a := q.Admit(l, run, false, rapid.Bool().Draw(t, "wait"), w.clock(i)); a.Admitted {
					admitted = append(admitted, w.now)
					working[run.ID] = true
				}
			}
			if l.Concurrent > 0 && int64(len(q.Working)) > l.Concurrent {
				t.Fatalf("%d at work, %d allowed", len(q.Working), l.Concurrent)
			}
		}
		for i, at := range admitted {
			n := int64(0)
			for _, other := range admitted[i:] {
				if other.Sub(at) < time.Minute {
					n++
				}
			}
			if n > l.RequestsPerMinute {
				t.Fatalf("%d in the minute from %v, %d allowed", n, at, l.RequestsPerMinute)
			}
		}
		w.now = w.now.Add(24 * time.Hour) // those in line did not come
		for id := range working {
			q.Leave(id)
		}
		for i := range l.RequestsPerMinute {
			if a := q.Admit(guard.Limits{RequestsPerMinute: l.RequestsPerMinute}, place(900+int(i)), false, true, w.now); !a.Admitted {
				t.Fatalf("after a long rest the limit can be used: %+v %+v", a, q)
			}
		}
	})
}

// A clock that was far ahead is not believed for long.
func TestATimeFromFarAheadIsNotBelieved(t *testing.T) {
	t.Parallel()
	q, l := &guard.Quota{}, guard.Limits{RequestsPerMinute: 1}
	require.True(t, q.Admit(l, place(0), false, true, noon.Add(time.Hour)).Admitted)
	a := q.Admit(l, place(1), false, true, noon)
	assert.False(t, a.Admitted, "it happened, though nobody knows when")
	assert.False(t, q.Admit(l, place(0), false, true, noon).Admitted, "nor whether it was just now")
	q.Leave(place(0).ID)
	assert.Equal(t, noon.Add(63*time.Second), a.Opens)
	assert.True(t, q.Admit(l, place(1), false, true, a.Opens).Admitted)
}

func TestTokens(t *testing.T) {
	t.Parallel()
	q, l := &guard.Quota{}, guard.Limits{TokensPerDay: 1000}
	first := q.Reserve(l, 600, noon)
	assert.Equal(t, guard.Reservation{Granted: 600, Days: []string{"2026-03-01"}, Allowed: 1000}, first)
	held := q.Reserve(l, 500, noon)
	assert.Zero(t, held.Granted)
	assert.EqualValues(t, 600, held.Used)
	assert.Equal(t, noon.Add(time.Minute), held.Opens, "what others hold may come back soon")
	q.Settle(first.Days, first.Granted, 550)
	spent := q.Reserve(l, 500, noon)
	assert.Zero(t, spent.Granted)
	assert.Equal(t, time.Date(2026, 3, 2, 0, 0, 2, 0, time.UTC), spent.Opens, "the day is spent")
	never := q.Reserve(l, 1001, noon)
	assert.True(t, never.Never)
	assert.EqualValues(t, 1000, q.Reserve(l, 1000, spent.Opens).Granted, "a new day")
	assert.Len(t, q.Days, 2)
	q.Reserve(l, 1, spent.Opens.AddDate(0, 0, 1))
	assert.Len(t, q.Days, 2, "what is long over is forgotten")
	many := &guard.Quota{}
	assert.EqualValues(t, 1000, many.Reserve(guard.Limits{TokensPerDay: 64_000}, 10, noon).Granted, "some are taken ahead")
}

// However replicas take, use, lose and give back, no day sees more than the limit.
func TestNoDaySeesMoreThanTheLimit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := guard.Limits{TokensPerDay: rapid.Int64Range(1, 10_000).Draw(t, "limit")}
		w := world{now: time.Date(2026, 3, 1, 23, 59, 50, 0, time.UTC), clocks: make([]time.Duration, 3)}
		q := &guard.Quota{}
		used := map[string]int64{}
		type held struct {
			days    []string
			granted int64
			day     string
		}
		var out []held
		for range rapid.IntRange(10, 100).Draw(t, "steps") {
			i := rapid.IntRange(0, 2).Draw(t, "replica")
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0:
				w.now = w.now.Add(rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, 5 * time.Second, 24 * time.Hour}).Draw(t, "later"))
			case 1:
				w.clocks[i] = skew(t)
			case 2:
				if len(out) > 0 {
					n := rapid.IntRange(0, len(out)-1).Draw(t, "which")
					h := out[n]
					out = slices.Delete(out, n, n+1)
					if rapid.Bool().Draw(t, "crash") {
						used[h.day] += h.granted
						break
					}
					spent := rapid.Int64Range(0, h.granted).Draw(t, "spent")
					used[h.day] += spent
					q.Settle(h.days, h.granted, spent)
				}
			default:
				r := q.Reserve(l, rapid.Int64Range(1, l.TokensPerDay).Draw(t, "need"), w.clock(i))
				if r.Granted > 0 {
					out = append(out, held{r.Days, r.Granted, w.now.Format(time.DateOnly)})
				}
			}
		}
		for _, h := range out {
			used[h.day] += h.granted
		}
		for day, n := range used {
			if n > l.TokensPerDay {
				t.Fatalf("%d on %s, %d allowed", n, day, l.TokensPerDay)
			}
		}
	})
}

func TestACallIsNeverCheaperThanItsBytes(t *testing.T) {
	t.Parallel()
	assert.EqualValues(t, 100+2*16+50, guard.CallTokens(100, 1, 50))
}
