// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package local

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/runner"
)

const (
	// workers is how many runs go on at the same time.
	workers = 10
	// queueLength is how many runs wait for a worker in memory. Those beyond
	// are in the ledger and found by the next sweep.
	queueLength = 1024
	// sweepEvery is how long a sweep may be away when nothing is due earlier.
	sweepEvery = 30 * time.Second
)

// dispatcher gives runs to workers: those just claimed, and whatever a sweep of
// the ledger finds left over, orphaned or due.
type dispatcher struct {
	store ledger.Store
	carry func(ctx context.Context, key types.NamespacedName) error
	// turns, when set, finds the runs that wait for a limit and need not any more.
	turns func(ctx context.Context, unfinished map[types.UID]*aofv1.FlowRun) (map[types.UID]bool, error)
	clock clock.Clock
	log   *slog.Logger

	queue chan types.NamespacedName
	again chan struct{} // a sweep is wanted

	mu sync.Mutex
	// queued is in the queue or with a worker; true when it is wanted again after.
	queued map[types.NamespacedName]bool
	// untold are runs that are over and have audit records that are to be delivered,
	// and when.
	untold map[types.NamespacedName]time.Time
}

func newDispatcher(store ledger.Store, clk clock.Clock, log *slog.Logger, carry func(context.Context, types.NamespacedName) error) *dispatcher {
	return &dispatcher{
		store: store, carry: carry, clock: clk, log: log,
		queue: make(chan types.NamespacedName, queueLength), again: make(chan struct{}, 1), queued: map[types.NamespacedName]bool{},
		untold: map[types.NamespacedName]time.Time{},
	}
}

// submit queues a run that is in the ledger. It never blocks.
func (d *dispatcher) submit(key types.NamespacedName) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, there := d.queued[key]; there {
		d.queued[key] = true
		return
	}
	select {
	case d.queue <- key:
		d.queued[key] = false
	default:
		d.sweepSoon()
	}
}

func (d *dispatcher) sweepSoon() {
	select {
	case d.again <- struct{}{}:
	default:
	}
}

// serve works until the context ends and then waits for its workers.
func (d *dispatcher) serve(ctx context.Context) {
	var running sync.WaitGroup
	for range workers {
		running.Go(func() { d.work(ctx) })
	}
	running.Go(func() { d.pickUpUntold(ctx) })
	timer := d.clock.NewTimer(0)
	defer timer.Stop()
	d.pickUp(ctx)
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-d.again:
			timer.Reset(d.sweep(ctx))
		case <-timer.C():
			timer.Reset(d.sweep(ctx))
		}
	}
	running.Wait()
}

func (d *dispatcher) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case key := <-d.queue:
			err := d.carry(ctx, key)
			d.mu.Lock()
			again := d.queued[key] && err == nil
			delete(d.queued, key)
			d.mu.Unlock()
			if again {
				d.submit(key)
			}
			if err != nil && ctx.Err() == nil && !errors.Is(err, runner.ErrBusy) {
				d.log.Error("run stopped", "run", key.String(), "error", err)
			}
			if err == nil && len(d.queue) == 0 {
				d.sweepSoon() // what is due next may have changed
			}
		}
	}
}

// pickUp queues the waiting runs that somebody answered or cancelled just before
// the last process ended.
func (d *dispatcher) pickUp(ctx context.Context) {
	options := ledger.ListOptions{Phases: []aofv1.FlowRunPhase{aofv1.FlowRunPhaseWaiting}}
	for run, err := range ledger.All(ctx, d.store, options) {
		if err != nil {
			return // the sweep says so
		}
		if len(run.Spec.Decisions) > 0 || run.Spec.Cancel != nil {
			d.submit(types.NamespacedName{Namespace: run.Namespace, Name: run.Name})
		}
	}
}

// pickUpUntold remembers the runs whose audit records the last process could not
// deliver.
func (d *dispatcher) pickUpUntold(ctx context.Context) {
	final := []aofv1.FlowRunPhase{aofv1.FlowRunPhaseSucceeded, aofv1.FlowRunPhaseFailed, aofv1.FlowRunPhaseCancelled}
	for run, err := range ledger.All(ctx, d.store, ledger.ListOptions{Phases: final}) {
		if err != nil {
			if ctx.Err() == nil {
				d.log.Error("look for audit records", "error", err)
			}
			break
		}
		d.remember(run)
	}
	d.sweepSoon()
}

// remember notes whether a run that is over has audit records to be delivered.
func (d *dispatcher) remember(run *aofv1.FlowRun) {
	key := types.NamespacedName{Namespace: run.Namespace, Name: run.Name}
	at, due := run.AuditDue()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !run.IsDone() || !due {
		delete(d.untold, key)
		return
	}
	// Not at once, whatever it says: what goes wrong must not go wrong in a loop.
	if soonest := d.clock.Now().Add(auditPause); at.Before(soonest) {
		at = soonest
	}
	d.untold[key] = at
}

// auditPause is the shortest time between two attempts to deliver the records of
// a run that is over.
const auditPause = 2 * time.Second

// sweepUntold queues the runs whose audit records are due, and gives the time of
// the next.
func (d *dispatcher) sweepUntold(now time.Time) (next time.Time) {
	var due []types.NamespacedName
	d.mu.Lock()
	for key, at := range d.untold {
		switch {
		case !at.After(now):
			due = append(due, key)
			delete(d.untold, key) // who works on it remembers it again
		case next.IsZero() || at.Before(next):
			next = at
		}
	}
	d.mu.Unlock()
	for _, key := range due {
		d.submit(key)
	}
	return next
}

// sweep queues every run that somebody should carry on now, and gives the time
// until the next one is due.
func (d *dispatcher) sweep(ctx context.Context) time.Duration {
	now := d.clock.Now()
	next := sweepEvery
	if at := d.sweepUntold(now); !at.IsZero() {
		next = min(next, at.Sub(now))
	}
	options := ledger.ListOptions{Phases: []aofv1.FlowRunPhase{aofv1.FlowRunPhasePending, aofv1.FlowRunPhaseRunning, aofv1.FlowRunPhaseWaiting}}
	unfinished := map[types.UID]*aofv1.FlowRun{}
	for run, err := range ledger.All(ctx, d.store, options) {
		if err != nil {
			if ctx.Err() == nil {
				d.log.Error("sweep", "error", err)
			}
			return time.Second
		}
		if d.turns != nil {
			unfinished[run.UID] = run
		}
		at, ok := due(run)
		switch {
		case !ok:
		case !at.After(now):
			d.submit(types.NamespacedName{Namespace: run.Namespace, Name: run.Name})
		default:
			next = min(next, at.Sub(now))
		}
	}
	d.wake(ctx, unfinished)
	return next
}

// wake queues the runs whose turn has come.
func (d *dispatcher) wake(ctx context.Context, unfinished map[types.UID]*aofv1.FlowRun) {
	if d.turns == nil {
		return
	}
	due, err := d.turns(ctx, unfinished)
	if err != nil && ctx.Err() == nil {
		d.log.Error("sweep limits", "error", err)
	}
	for uid := range due {
		if run := unfinished[uid]; run != nil && run.Status.Phase == aofv1.FlowRunPhaseWaiting {
			d.submit(types.NamespacedName{Namespace: run.Namespace, Name: run.Name})
		}
	}
}

// due is when a run should be carried on: at once, when its lease is over, or
// when what it waits for ends by itself. False means only when somebody acts.
func due(run *aofv1.FlowRun) (time.Time, bool) {
	if l := run.Status.Lease; l != nil && l.ExpiresAt != nil {
		return l.ExpiresAt.Time, true
	}
	if run.Status.Phase != aofv1.FlowRunPhaseWaiting || run.Spec.Cancel != nil {
		return time.Time{}, true
	}
	var first time.Time
	for _, w := range run.Status.Waiting {
		if w.Until != nil && (first.IsZero() || w.Until.Time.Before(first)) {
			first = w.Until.Time
		}
	}
	if at, untold := run.AuditDue(); untold && (first.IsZero() || at.Before(first)) {
		return at, true
	}
	return first, !first.IsZero()
}
