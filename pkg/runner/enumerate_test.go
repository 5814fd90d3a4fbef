// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/ledger/ledgertest"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/runner"
)

// references are the ends that a run may come to: undisturbed, and with one node
// cut off.
type references map[string]ending

// of gives the end of a run in which one attempt of a node was cut off; none
// with an empty id. It is made by a run without crashes whose node says so.
func (r references) of(t *testing.T, id string, attempt int64) ending {
	t.Helper()
	key := fmt.Sprintf("%s %d", id, attempt)
	if end, ok := r[key]; ok {
		return end
	}
	w := newWorld(stores["kube"](t))
	if before := w.outcome[id]; id != "" {
		w.outcome[id] = func(n int) (node.Result, error) {
			if int64(n) < attempt && before != nil {
				return before(n)
			}
			return node.Result{}, &node.Error{
				Reason:  "Interrupted",
				Message: "the runner stopped while this node was at work, so it is unknown whether it took effect; it is not done again",
			}
		}
	}
	run := w.process(t, w.ledger, "undisturbed", 0).live(t)
	r[key] = endingOf(t, run)
	return r[key]
}

// check compares an end with what it may be, and the world's effects with what
// they must be.
func (w *world) check(t *testing.T, refs references, run *aofv1.FlowRun) {
	t.Helper()
	assert.Empty(t, w.wrong)
	id, attempt := "", int64(0)
	if e := run.Status.Error; e != nil && e.Reason == "Interrupted" {
		id = e.Node
		attempt = nodeOf(t, run, id).Attempt
		assert.False(t, repeats[id], "%s may be repeated, so nothing is unknown", id)
	}
	assert.Equal(t, refs.of(t, id, attempt), endingOf(t, run))
	for _, n := range w.plan.Flow.Nodes {
		for attempt := 1; attempt <= 3 && !repeats[n.ID]; attempt++ {
			assert.LessOrEqual(t, w.count(n.ID, attempt), 1, "%s, attempt %d", n.ID, attempt)
		}
	}
}

// finished are the entries of the journal that are over.
func finished(t *testing.T, run *aofv1.FlowRun) map[string]string {
	t.Helper()
	out := map[string]string{}
	for i := 0; run != nil && i < len(run.Status.Nodes); i++ {
		if n := &run.Status.Nodes[i]; flow.Phase(n.Phase).Finished() && n.Phase != aofv1.NodePhaseSkipped {
			out[n.ID] = encoded(t, n)
		}
	}
	return out
}

// TestCrashEverywhere ends a process at every write (before and after it is in
// the ledger) and every external call (before and after its effect) of a flow,
// lets others go on, and compares.
func TestCrashEverywhere(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refs := references{}
			w := newWorld(open(t))
			p := w.process(t, w.ledger, "first", 0)
			require.Equal(t, aofv1.FlowRunPhaseSucceeded, p.live(t).Status.Phase)
			w.check(t, refs, w.stored(t))
			points := p.points.Load()
			require.Greater(t, points, int64(40), "that many places to die there are")
			t.Logf("%d points", points)
			interrupted := 0
			for k := int64(1); k <= points; k++ {
				w := crashOnce(t, open(t), refs, k, 0)
				if w.stored(t).Status.Phase == aofv1.FlowRunPhaseFailed {
					interrupted++
				}
				if testing.Short() || brief && k%8 != 0 || name == "sqlite" && k%4 != 0 {
					continue
				}
				// And whoever takes over dies as well, early or late.
				for _, second := range []int64{1, 2, 3, 4, 5, 6, 8, 11, 15} {
					crashOnce(t, open(t), refs, k, second)
				}
			}
			assert.Positive(t, interrupted)
			assert.Less(t, interrupted, int(points)*2/3)
		})
	}
}

// crashOnce has a process die at point k and, unless it is 0, the next one at
// point second.
func crashOnce(t *testing.T, store ledger.Store, refs references, k, second int64) *world {
	t.Helper()
	w := newWorld(store)
	crash := []int64{k}
	if second > 0 {
		crash = append(crash, second)
	}
	over := map[string]string{}
	executed := map[string]int{}
	for i, at := range crash {
		p := w.process(t, store, fmt.Sprintf("doomed-%d", i), at)
		if run := p.live(t); run == nil {
			w.clock.Step(runner.DefaultLease + time.Second)
		}
		w.checkFinished(t, over, executed)
		over = finished(t, w.stored(t))
		for id := range over {
			executed[id] = w.count(id, 0)
		}
	}
	run := w.process(t, store, "last", 0).live(t)
	w.checkFinished(t, over, executed)
	w.check(t, refs, run)
	if t.Failed() {
		t.Fatalf("crash at %v", crash)
	}
	return w
}

// checkFinished: what was over stays as it was written, and is not executed
// again.
func (w *world) checkFinished(t *testing.T, over map[string]string, executed map[string]int) {
	t.Helper()
	now := finished(t, w.stored(t))
	for id, entry := range over {
		assert.Equal(t, entry, now[id], id)
		assert.Equal(t, executed[id], w.count(id, 0), "%s was over and is executed again", id)
	}
}

// TestCrashEverywhereWithFaults is the same with a ledger that refuses, forgets
// to answer, is touched by others and is slow.
func TestCrashEverywhereWithFaults(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refs := references{}
			faults, step := 0, int64(2)
			if brief {
				step = 9
			}
			for seed := range uint64(4) {
				for k := int64(0); k <= 60; k += step {
					w := newWorld(open(t))
					faulty := ledgertest.NewFaulty(w.ledger, seed, 30)
					w.process(t, faulty, "doomed", k+int64(seed)%2).live(t)
					for i := 0; w.stored(t) == nil || !w.stored(t).IsDone(); i++ {
						require.Less(t, i, 20)
						w.clock.Step(runner.DefaultLease + time.Second)
						w.process(t, faulty, fmt.Sprintf("next-%d", i), 0).live(t)
					}
					w.check(t, refs, w.stored(t))
					faults += faulty.Faults
					require.False(t, t.Failed(), "seed %d, crash at %d", seed, k)
				}
			}
			assert.Greater(t, faults, 100)
		})
	}
}
