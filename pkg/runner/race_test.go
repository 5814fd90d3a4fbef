// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/ledger/ledgertest"
	"aof.dev/operator/pkg/runner"
)

// commit is one version of a run, as the ledger took it.
type commit struct {
	at     time.Time
	status aofv1.FlowRunStatus
}

// recorder keeps every version that the ledger takes. It knows nothing of
// runners: what it has seen is checked from outside.
type recorder struct {
	ledger.Store

	now     func() time.Time
	mu      sync.Mutex
	created map[types.UID]bool
	commits []commit
}

func (r *recorder) Create(ctx context.Context, run *aofv1.FlowRun) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, given := r.now(), run.DeepCopy()
	err := r.Store.Create(ctx, run)
	stored, found := r.Get(context.WithoutCancel(ctx), given.Namespace, given.Name)
	if found == nil && !r.created[stored.UID] { // whether or not the answer arrived
		if r.created == nil {
			r.created = map[types.UID]bool{}
		}
		r.created[stored.UID] = true
		r.commits = append(r.commits, commit{at, stored.Status})
	}
	return err
}

func (r *recorder) Update(ctx context.Context, run *aofv1.FlowRun) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.now()
	status := run.Status.DeepCopy()
	err := r.Store.Update(ctx, run)
	if err != nil {
		// The answer may have been lost, but not the write.
		stored, found := r.Get(context.WithoutCancel(ctx), run.Namespace, run.Name)
		if found != nil || len(r.commits) > 0 && alike(stored.Status, r.commits[len(r.commits)-1].status) || len(stored.Status.Nodes) == 0 {
			return err
		}
		status = &stored.Status
	}
	r.commits = append(r.commits, commit{at, *status})
	return err
}

func alike(a, b aofv1.FlowRunStatus) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	var v, w any
	_ = json.Unmarshal(x, &v)
	_ = json.Unmarshal(y, &w)
	return reflect.DeepEqual(v, w)
}

// said tells whether a holder has written that an attempt was to begin.
func (r *recorder) said(holder, id string, attempt int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.commits {
		if c.status.Lease == nil || c.status.Lease.Holder != holder {
			continue
		}
		for i := range c.status.Nodes {
			if n := &c.status.Nodes[i]; n.ID == id && n.Phase == aofv1.NodePhaseRunning && int(n.Attempt) == attempt {
				return true
			}
		}
	}
	return false
}

// history judges what was recorded: nodes go forward only, what is over stays as
// it is, attempts count up, nobody writes while another's lease holds, and after
// the end comes nothing.
func (r *recorder) history(t *testing.T) {
	t.Helper()
	assert.Len(t, r.created, 1, "one event is one run")
	rank := map[aofv1.NodePhase]int{"": 0, aofv1.NodePhasePending: 1, aofv1.NodePhaseRunning: 2, aofv1.NodePhaseWaiting: 3}
	seen := map[string]*aofv1.NodeStatus{}
	var before commit
	for i, c := range r.commits {
		if i > 0 {
			require.False(t, before.status.Phase.IsFinal(), "written after the end")
			r.checkLease(t, before, c)
		}
		present := map[string]bool{}
		for j := range c.status.Nodes {
			n := &c.status.Nodes[j]
			present[n.ID] = true
			old := seen[n.ID]
			seen[n.ID] = n
			if old == nil {
				continue
			}
			if flow.Phase(old.Phase).Finished() {
				assert.Equal(t, encoded(t, old), encoded(t, n), "%s was over", n.ID)
				continue
			}
			assert.GreaterOrEqual(t, n.Attempt, old.Attempt, n.ID)
			if n.Attempt == old.Attempt && !flow.Phase(n.Phase).Finished() {
				assert.GreaterOrEqual(t, rank[n.Phase], rank[old.Phase], "%s goes back", n.ID)
			}
		}
		for id := range seen {
			assert.True(t, present[id], "%s has gone from the journal", id)
		}
		before = c
	}
	require.True(t, before.status.Phase.IsFinal(), "the run was lost")
	for id, n := range seen {
		assert.True(t, flow.Phase(n.Phase).Finished(), "%s is left behind", id)
	}
}

func (r *recorder) checkLease(t *testing.T, before, now commit) {
	t.Helper()
	held := before.status.Lease
	if held == nil || held.Holder == "" || !now.at.Before(held.ExpiresAt.Time) {
		return
	}
	// It was held, so its holder wrote: it holds on, or has given the lease back.
	if l := now.status.Lease; l != nil && l.Holder != "" {
		assert.Equal(t, held.Holder, l.Holder, "taken from a holder whose lease was not over")
	}
}

// effectsMatch compares what the world saw with what the ledger says in the end.
func (w *world) effectsMatch(t *testing.T, run *aofv1.FlowRun) {
	t.Helper()
	assert.Empty(t, w.wrong)
	for i := range run.Status.Nodes {
		n := &run.Status.Nodes[i]
		kind := flow.Kind(n.Type)
		if kind.Pure() {
			continue
		}
		last := w.count(n.ID, int(n.Attempt))
		interrupted := n.Error != nil && n.Error.Reason == "Interrupted"
		switch {
		case n.Phase == aofv1.NodePhaseSkipped:
			assert.Zero(t, w.count(n.ID, 0), "%s was skipped", n.ID)
		case interrupted:
			assert.LessOrEqual(t, last, 1, n.ID)
		case repeats[n.ID]:
			assert.Positive(t, last, n.ID)
		default:
			assert.Equal(t, 1, last, "%s, attempt %d", n.ID, n.Attempt)
		}
		for attempt := 1; attempt < int(n.Attempt) && !repeats[n.ID]; attempt++ {
			assert.Equal(t, 1, w.count(n.ID, attempt), "%s, attempt %d", n.ID, attempt)
		}
	}
}

// contest has two runners race for one run, die at random and be replaced, while
// time passes that makes leases run out under those that live. It gives the
// number of those that died.
func contest(t *testing.T, open func(t *testing.T) ledger.Store, seed uint64) int {
	t.Helper()
	w := newWorld(open(t))
	book := &recorder{Store: w.ledger, now: w.clock.Now}
	w.ledger, w.book = book, book
	rng := rand.New(rand.NewPCG(seed, 2))
	var kills, over atomic.Int64
	var racing sync.WaitGroup
	for side := range 2 {
		seed := rng.Uint64()
		racing.Go(func() {
			rng := rand.New(rand.NewPCG(seed, 3))
			faulty := ledgertest.NewFaulty(book, seed, 10)
			for life := 0; over.Load() == 0 && life < 500; life++ {
				p := w.process(t, faulty, fmt.Sprintf("side-%d-%d", side, life), int64(1+rng.IntN(12)))
				for try := 0; try < 4 && !p.dead.Load() && over.Load() == 0; try++ {
					if run, err := p.deliver(t); err == nil && run.IsDone() && !p.dead.Load() {
						over.Store(1)
					}
					if rng.IntN(3) == 0 {
						w.clock.Step(time.Duration(rng.IntN(20)) * time.Second)
					}
					w.people(t)
				}
				if p.dead.Load() {
					kills.Add(1)
				} else {
					w.clock.Step(runner.DefaultLease / 2)
				}
				p.die()
			}
		})
	}
	racing.Wait()
	require.EqualValues(t, 1, over.Load(), "seed %d: the run does not come to an end", seed)
	book.history(t)
	w.effectsMatch(t, w.stored(t))
	require.False(t, t.Failed(), "seed %d", seed)
	return int(kills.Load())
}

// TestRunnersRaceAndDie goes on until 2,000 runners have died.
func TestRunnersRaceAndDie(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wanted := 2000
			if name == "sqlite" || testing.Short() || brief {
				wanted = 200 // each run has a file of its own
			}
			kills, runs := 0, 0
			for ; kills < wanted; runs++ {
				kills += contest(t, open, uint64(runs))
			}
			t.Logf("%d runs, %d kills", runs, kills)
		})
	}
}
