// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package oncetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"

	"aof.dev/operator/pkg/dedupe"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/once"
)

// Run runs the suite. Empty gives an empty world for each test.
func Run(t *testing.T, empty func(t *testing.T) World) {
	t.Helper()
	open := func(t *testing.T) World {
		t.Helper()
		w := empty(t)
		w.tried = &sync.Map{}
		return w
	}
	for name, test := range map[string]func(*testing.T, World){
		"OneVersionWins":                testOneVersionWins,
		"OneRunInAWindow":               testOneRunInAWindow,
		"WhatHasNoKey":                  testWhatHasNoKey,
		"TheKeyOutlivesTheRun":          testTheKeyOutlivesTheRun,
		"ADeadClaimerHoldsUpForAMinute": testADeadClaimer,
		"ARunThatWasMadeCounts":         testARunThatWasMade,
		"ASlowClaimerStops":             testASlowClaimer,
		"ManyAtOnce":                    testManyAtOnce,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
	t.Run("CrashEverywhere", func(t *testing.T) {
		t.Parallel()
		testCrashEverywhere(t, open)
	})
}

func testOneVersionWins(t *testing.T, w World) {
	t.Helper()
	entry := dedupe.Entry{Run: "r1", First: began, Until: began.Add(window), Claimed: began}
	first := once.Record{Namespace: w.Namespace, Name: "aof-dedupe-k", Binding: "b", Trigger: "ns/hook", Entry: entry}
	_, found, err := w.Keys.Load(t.Context(), w.Namespace, first.Name)
	require.NoError(t, err)
	assert.False(t, found)
	second := first
	require.NoError(t, w.Keys.Save(t.Context(), &first))
	require.ErrorIs(t, w.Keys.Save(t.Context(), &second), once.ErrConflict, "there is one")

	read, found, err := w.Keys.Load(t.Context(), w.Namespace, first.Name)
	require.NoError(t, err)
	assert.True(t, found)
	assert.Equal(t, first, read, "as it was written")

	first.Entry.Made, first.Entry.Duplicates = true, 3
	require.NoError(t, w.Keys.Save(t.Context(), &first))
	require.ErrorIs(t, w.Keys.Save(t.Context(), &read), once.ErrConflict, "it was written since")
	assert.Equal(t, entry, read.Entry)
	read, _, err = w.Keys.Load(t.Context(), w.Namespace, first.Name)
	require.NoError(t, err)
	assert.Equal(t, first, read)

	gone := first
	gone.Name = "aof-dedupe-gone"
	require.ErrorIs(t, w.Keys.Save(t.Context(), &gone), once.ErrConflict, "it was removed since")
}

func testOneRunInAWindow(t *testing.T, w World) {
	t.Helper()
	clk := newClock()
	p, b := w.process(clk, 0), w.binding("b")
	claim := func(id int, alert string) (string, error) {
		e, m := about(t, id, alert)
		return p.claim(t, b, e, m)
	}
	first, err := claim(1, "disk")
	require.NoError(t, err)
	_, err = claim(1, "disk")
	require.ErrorIs(t, err, ledger.ErrExists, "the same event is not its own duplicate")
	var duplicate *once.DuplicateError
	_, err = claim(2, "disk")
	require.ErrorAs(t, err, &duplicate)
	assert.Equal(t, &once.DuplicateError{Run: first, Until: began.Add(window)}, duplicate)
	_, err = claim(3, "memory")
	require.NoError(t, err, "that is something else")

	e, m := about(t, 2, "disk")
	_, err = p.claim(t, w.binding("other"), e, m)
	require.NoError(t, err, "and so it is for another binding")

	clk.SetTime(began.Add(window - time.Second))
	_, err = claim(4, "disk")
	require.ErrorAs(t, err, &duplicate, "the window counts from the first")
	clk.SetTime(began.Add(window))
	next, err := claim(5, "disk")
	require.NoError(t, err, "the window is over")
	clk.SetTime(began.Add(2*window - time.Second))
	_, err = claim(4, "disk")
	require.ErrorAs(t, err, &duplicate)
	assert.Equal(t, next, duplicate.Run)
	assert.Len(t, w.runs(t), 4)
}

func testWhatHasNoKey(t *testing.T, w World) {
	t.Helper()
	p, b := w.process(newClock(), 0), w.binding("b")
	for id := range 3 {
		e, m := about(t, id, "")
		_, err := p.claim(t, b, e, m)
		require.NoError(t, err, "nobody knows what it is about")
	}
	for id := 3; id < 6; id++ {
		e, m := about(t, id, "disk")
		e.SetExtension(event.ExtensionForce, "true")
		_, err := p.claim(t, b, e, m)
		require.NoError(t, err, "it is to run whatever ran before")
	}
	b.Dedupe = nil
	points := p.points.Load()
	e, m := about(t, 7, "disk")
	_, err := p.claim(t, b, e, m)
	require.NoError(t, err)
	assert.Equal(t, points+2, p.points.Load(), "one call, to the ledger")
	assert.Len(t, w.runs(t), 7)
}

func testTheKeyOutlivesTheRun(t *testing.T, w World) {
	t.Helper()
	p, b := w.process(newClock(), 0), w.binding("b")
	e, m := about(t, 1, "disk")
	name, err := p.claim(t, b, e, m)
	require.NoError(t, err)
	require.NoError(t, w.Runs.Delete(t.Context(), w.Namespace, name))
	_, err = p.claim(t, b, e, m)
	require.ErrorIs(t, err, ledger.ErrExists, "it ran, and does not run again")
	e, m = about(t, 2, "disk")
	_, err = p.claim(t, b, e, m)
	var duplicate *once.DuplicateError
	require.ErrorAs(t, err, &duplicate)
	assert.Empty(t, w.runs(t))
}

// dieBefore has a process die between the entry and its run.
func (w World) dieBefore(t *testing.T, clk clock.Clock, id int) {
	t.Helper()
	e, m := about(t, id, "disk")
	_, err := w.process(clk, 5).claim(t, w.binding("b"), e, m) // load, save, and then
	require.ErrorIs(t, err, errDead)
	require.Empty(t, w.runs(t))
}

func testADeadClaimer(t *testing.T, w World) {
	t.Helper()
	clk := newClock()
	w.dieBefore(t, clk, 1)
	p, b := w.process(clk, 0), w.binding("b")
	other, about2 := about(t, 2, "disk")
	_, err := p.claim(t, b, other, about2)
	require.ErrorIs(t, err, once.ErrBusy, "the first may still come to be: the sender is not told that this one is dealt with")

	e, m := about(t, 1, "disk")
	_, err = p.claim(t, b, e, m)
	require.NoError(t, err, "the first is sent again, and goes on")
	assert.Len(t, w.runs(t), 1)

	clk.SetTime(began.Add(window))
	e, m = about(t, 3, "disk")
	_, err = w.process(clk, 5).claim(t, b, e, m)
	require.ErrorIs(t, err, errDead)
	clk.Step(dedupe.Grace)
	name, err := p.claim(t, b, other, about2)
	require.NoError(t, err, "nobody sent the other again, so this one takes over")
	_, err = p.claim(t, b, e, m)
	var duplicate *once.DuplicateError
	require.ErrorAs(t, err, &duplicate, "and now the other is too late")
	assert.Equal(t, name, duplicate.Run)
	assert.Len(t, w.runs(t), 2)
}

func testARunThatWasMade(t *testing.T, w World) {
	t.Helper()
	clk := newClock()
	b := w.binding("b")
	e, m := about(t, 1, "disk")
	name, err := w.process(clk, 7).claim(t, b, e, m) // load, save, create, and then
	require.NoError(t, err, "that the entry was not marked is nobody's trouble")
	require.Len(t, w.runs(t), 1)

	p := w.process(clk, 0)
	e, m = about(t, 2, "disk")
	_, err = p.claim(t, b, e, m)
	var duplicate *once.DuplicateError
	require.ErrorAs(t, err, &duplicate, "the run is there")
	require.NoError(t, w.Runs.Delete(t.Context(), w.Namespace, name))
	clk.Step(2 * dedupe.Grace)
	_, err = p.claim(t, b, e, m)
	require.ErrorAs(t, err, &duplicate, "and that it was is known from now on")
	assert.Empty(t, w.runs(t))
}

// slowKeys take their time to write.
type slowKeys struct {
	once.Store
	clock *hasty
	takes []time.Duration
}

// Save implements once.Store.
func (s *slowKeys) Save(ctx context.Context, r *once.Record) error {
	err := s.Store.Save(ctx, r)
	if len(s.takes) > 0 {
		s.clock.Step(s.takes[0])
		s.takes = s.takes[1:]
	}
	return err
}

// testASlowClaimer: who wrote the entry long ago does not create its run, since
// another may have taken over.
func testASlowClaimer(t *testing.T, w World) {
	t.Helper()
	clk := newClock()
	b := w.binding("b")
	slow := World{Namespace: w.Namespace, Runs: w.Runs, tried: w.tried, Keys: &slowKeys{w.Keys, clk, []time.Duration{dedupe.Haste + time.Second}}}
	e, m := about(t, 1, "disk")
	p := slow.process(clk, 0)
	_, err := p.claim(t, b, e, m)
	require.NoError(t, err)
	assert.Equal(t, int64(2*6), p.points.Load(), "it reads and writes once more before it creates: load, save, load, save, create, save")
	assert.Len(t, w.runs(t), 1)
}

// testCrashEverywhere ends a process at every point of claiming an event while an
// event of the same key comes to another. Both senders send again until they are
// told that their event is dealt with. There is one run.
func testCrashEverywhere(t *testing.T, open func(t *testing.T) World) {
	t.Helper()
	whole := open(t)
	p := whole.process(newClock(), 0)
	e1, m1 := about(t, 1, "disk")
	_, err := p.claim(t, whole.binding("b"), e1, m1)
	require.NoError(t, err)
	points := p.points.Load()
	require.Equal(t, int64(8), points, "load, save, create, save")
	e2, m2 := about(t, 2, "disk")
	for k := int64(1); k <= points; k++ {
		for _, firstAgain := range []bool{true, false} {
			for _, later := range []time.Duration{0, 2 * dedupe.Grace} {
				w, clk := open(t), newClock()
				b := w.binding("b")
				_, _ = w.process(clk, k).claim(t, b, e1, m1)
				clk.Step(later)
				second := w.process(clk, 0)
				accepted := func(id int) {
					for range 5 {
						e, m := e1, m1
						if id == 2 {
							e, m = e2, m2
						}
						_, err := second.claim(t, b, e, m)
						var duplicate *once.DuplicateError
						if err == nil || errors.Is(err, ledger.ErrExists) || errors.As(err, &duplicate) {
							if duplicate != nil {
								assert.Contains(t, w.runs(t), duplicate.Run, "what it is a duplicate of is in the ledger")
							}
							return
						}
						require.ErrorIs(t, err, once.ErrBusy)
						clk.Step(dedupe.Grace)
					}
					require.Fail(t, "the event is never dealt with")
				}
				if firstAgain {
					accepted(1)
				}
				accepted(2)
				accepted(1)
				assert.Len(t, w.runs(t), 1, "crash at %d, %s", k, later)
			}
		}
	}
}

// testManyAtOnce has four processes claim fifty events of one key at once.
func testManyAtOnce(t *testing.T, w World) {
	t.Helper()
	const events, processes = 50, 4
	b := w.binding("b")
	var group sync.WaitGroup
	results := make([]error, events)
	for i := range processes {
		p := w.process(clock.RealClock{}, 0)
		for id := i; id < events; id += processes {
			e, m := about(t, id, "disk")
			group.Go(func() {
				for range 20 {
					if _, results[id] = p.claim(t, b, e, m); !errors.Is(results[id], once.ErrBusy) {
						return
					}
				}
			})
		}
	}
	group.Wait()
	runs := w.runs(t)
	require.Len(t, runs, 1)
	made := 0
	for _, err := range results {
		var duplicate *once.DuplicateError
		if err == nil {
			made++
		} else if assert.ErrorAs(t, err, &duplicate) {
			assert.Equal(t, runs[0], duplicate.Run)
		}
	}
	assert.Equal(t, 1, made)
}
