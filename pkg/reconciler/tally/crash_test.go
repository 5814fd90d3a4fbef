// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package tally

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"knative.dev/pkg/controller"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/settings"
)

// someRuns are three runs; together they ask a1 three times and a2 once.
func someRuns() []*aofv1.FlowRun {
	return []*aofv1.FlowRun{
		finished("r1", aofv1.FlowRunPhaseSucceeded, noon.Add(-3*time.Minute), "a1", "a1"),
		finished("r2", aofv1.FlowRunPhaseFailed, noon.Add(-2*time.Minute), "a1", "a2"),
		finished("r3", aofv1.FlowRunPhaseCancelled, noon.Add(-time.Minute)),
	}
}

// later is one more run, which asks a1 once.
func later() *aofv1.FlowRun { return finished("r4", aofv1.FlowRunPhaseSucceeded, noon, "a1") }

// crash says at which write a process dies, and whether that write takes effect.
type crash struct {
	write     int
	committed bool
}

func (c crash) String() string {
	if c.committed {
		return fmt.Sprintf("after write %d", c.write)
	}
	return fmt.Sprintf("before write %d", c.write)
}

// of has a process die there.
func (c crash) of(p *process) {
	p.around = func(write int, commit func() error) error {
		if write == c.write {
			p.api.mu.Lock()
			p.dead = true
			p.api.mu.Unlock()
			if c.committed {
				_ = commit()
			}
			return errDead
		}
		return commit()
	}
}

// writesOfACount is how many writes counting someRuns takes: 4 tallies, 3 labels.
const writesOfACount = 7

func crashes() []crash {
	var out []crash
	for write := 1; write <= writesOfACount; write++ {
		out = append(out, crash{write, false}, crash{write, true})
	}
	return out
}

// until reconciles until there is nothing left to be done.
func until(t *testing.T, p *process) {
	t.Helper()
	for range 5 {
		err := p.reconcile(t, "ns/b")
		if requeue, _ := controller.IsRequeueKey(err); err == nil || requeue {
			return
		}
		p.see(t, p.api.all())
	}
	t.Fatal("it does not come to an end")
}

// checkCounts checks that someRuns and, when it was added, the later run were
// counted once everywhere.
func checkCounts(t *testing.T, a *api, extra int64) {
	t.Helper()
	for _, kind := range []struct{ kind, namespace, name string }{{KindBinding, "ns", "b"}, {KindFlow, "flows", "f"}} {
		tally := a.document(t, kind.kind, kind.namespace, kind.name).Tally
		assert.Equal(t, 3+extra, tally.Executions, kind.kind)
		assert.Equal(t, 1+extra, tally.Successes, kind.kind)
		assert.Equal(t, int64(1), tally.Failures, kind.kind)
		assert.Equal(t, int64(1), tally.Cancelled, kind.kind)
	}
	assert.Equal(t, 3+extra, a.document(t, KindAgent, "flows", "a1").Tally.Executions)
	assert.Equal(t, int64(1), a.document(t, KindAgent, "flows", "a2").Tally.Executions)
	for _, run := range a.runs {
		assert.True(t, folded(run), run.Name)
	}
}

func TestACountTakesTheWritesItIsTestedWith(t *testing.T) {
	t.Parallel()
	a := newAPI(someRuns()...)
	require.NoError(t, ignoreRequeue(start(t, a, a.all(), everything()).reconcile(t, "ns/b")))
	assert.Len(t, a.writes, writesOfACount, "the tests below would leave a write out")
	checkCounts(t, a, 0)
}

func TestACrashAtAnyWriteCountsEachRunOnce(t *testing.T) {
	t.Parallel()
	for _, first := range crashes() {
		for _, second := range append(crashes(), crash{}) {
			for _, behind := range []bool{false, true} {
				t.Run(fmt.Sprintf("%v, then %v, cache behind %v", first, second, behind), func(t *testing.T) {
					t.Parallel()
					a := newAPI(someRuns()...)
					before := a.all()
					cached := func() []*aofv1.FlowRun {
						if behind {
							return before // as if no label had ever been seen
						}
						return a.all()
					}
					p := start(t, a, cached(), everything())
					first.of(p)
					require.Error(t, p.reconcile(t, "ns/b"))

					p = start(t, a, cached(), everything())
					second.of(p)
					_ = p.reconcile(t, "ns/b")

					a.add(later())
					before = append(before, later())
					until(t, start(t, a, cached(), everything()))
					until(t, start(t, a, a.all(), everything()))
					checkCounts(t, a, 1)
				})
			}
		}
	}
}

func TestAProcessThatThoughtItStillLedCountsNothingTwice(t *testing.T) {
	t.Parallel()
	for write := 1; write <= writesOfACount; write++ {
		for _, behind := range []bool{false, true} {
			t.Run(fmt.Sprintf("stopped before write %d, successor behind %v", write, behind), func(t *testing.T) {
				t.Parallel()
				a := newAPI(someRuns()...)
				before := a.all()
				old := start(t, a, before, everything())
				old.around = func(n int, commit func() error) error {
					if n == write { // the successor counts, and drops from pending what it labelled
						cached := before
						if !behind {
							cached = a.all()
						}
						next := start(t, a, cached, everything())
						until(t, next)
						a.add(later())
						next.see(t, a.all())
						until(t, next)
					}
					return commit()
				}
				_ = old.reconcile(t, "ns/b")
				old.around = nil
				until(t, old) // with the cache it always had
				until(t, start(t, a, a.all(), everything()))
				checkCounts(t, a, 1)
			})
		}
	}
}

// With no room for them, runs are removed instead of labelled; the count is right
// wherever the process dies.
func TestACrashWhileRunsAreRemovedCountsEachOnce(t *testing.T) {
	t.Parallel()
	none := settings.Default()
	none.SuccessfulRuns, none.FailedRuns = 0, 0
	begin := func(a *api, cached []*aofv1.FlowRun) *process {
		p := start(t, a, cached, everything())
		p.Settings = func() *settings.Settings { return none }
		return p
	}
	for _, first := range crashes() {
		for _, behind := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v, cache behind %v", first, behind), func(t *testing.T) {
				t.Parallel()
				a := newAPI(someRuns()...)
				before := a.all()
				p := begin(a, before)
				first.of(p)
				require.Error(t, p.reconcile(t, "ns/b"))
				cached := before // as if none had been seen to go
				if !behind {
					cached = a.all()
				}
				until(t, begin(a, cached))
				until(t, begin(a, a.all()))
				assert.Empty(t, a.runs)
				assert.NotContains(t, strings.Join(a.writes, "\n"), "label")
				checkCounts(t, a, 0)
			})
		}
	}
}

func TestARunThatWasRemovedBeforeItLeftPendingIsCountedOnce(t *testing.T) {
	t.Parallel()
	a := newAPI(someRuns()...)
	before := a.all()
	until(t, start(t, a, before, everything()))
	delete(a.runs, "ns/r2")
	a.add(later())
	p := start(t, a, append(before, later()), everything()) // it still has r2, without a label
	until(t, p)
	assert.Equal(t, int64(4), a.document(t, KindBinding, "ns", "b").Tally.Executions)

	a.add(finished("r5", aofv1.FlowRunPhaseSucceeded, noon))
	until(t, start(t, a, a.all(), everything()))
	assert.Equal(t, int64(5), a.document(t, KindBinding, "ns", "b").Tally.Executions)
	assert.Len(t, a.document(t, KindBinding, "ns", "b").Pending, 1, "only what was counted last")
}

func TestARunOfTheSameNameIsAnother(t *testing.T) {
	t.Parallel()
	a := newAPI(someRuns()...)
	until(t, start(t, a, a.all(), everything()))
	again := finished("r2", aofv1.FlowRunPhaseSucceeded, noon)
	again.UID = "another"
	a.add(again)
	until(t, start(t, a, a.all(), everything()))
	tally := a.document(t, KindBinding, "ns", "b").Tally
	assert.Equal(t, int64(4), tally.Executions)
	assert.Equal(t, int64(2), tally.Successes)
}

func ignoreRequeue(err error) error {
	if requeue, _ := controller.IsRequeueKey(err); requeue {
		return nil
	}
	return err
}
