// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// The times of an election, as the controller has them.
const (
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
)

// errLeaseLost is why the streams of a process end whose lease another one has.
var errLeaseLost = errors.New("the lease was lost")

// lease lets one process at a time work.
type lease struct {
	config          *rest.Config
	namespace, name string
	holder          string
}

// lead waits for the lease, has run work for as long as it is held, and gives it
// back when run has ended. Run's context ends with ctx, or when the lease is lost.
func (l lease) lead(ctx context.Context, run func(context.Context)) error {
	client, err := coordinationv1.NewForConfig(l.config)
	if err != nil {
		return fmt.Errorf("client for leases: %w", err)
	}
	// The lease is given back last, so it doesn't end with ctx.
	electing, resign := context.WithCancel(context.WithoutCancel(ctx))
	defer resign()
	t := &term{outer: ctx, run: run, resign: resign}
	defer context.AfterFunc(ctx, t.neverBegan)()
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta: metav1.ObjectMeta{Namespace: l.namespace, Name: l.name}, Client: client,
			LockConfig: resourcelock.ResourceLockConfig{Identity: l.holder},
		},
		LeaseDuration: leaseDuration, RenewDeadline: renewDeadline, RetryPeriod: retryPeriod, ReleaseOnCancel: true, Name: l.name,
		Callbacks: leaderelection.LeaderCallbacks{OnStartedLeading: t.begin, OnStoppedLeading: func() {}},
	})
	if err != nil {
		return fmt.Errorf("election: %w", err)
	}
	elector.Run(electing)
	t.working.Wait()
	if ctx.Err() == nil {
		return errLeaseLost
	}
	return nil
}

// term is the time for which a process holds the lease.
type term struct {
	outer   context.Context //nolint:containedctx // a callback of the election has to reach it
	run     func(context.Context)
	resign  context.CancelFunc
	working sync.WaitGroup

	mu           sync.Mutex
	begun, ended bool
}

// begin works, until the lease is lost or the outer context ends.
func (t *term) begin(leading context.Context) {
	t.mu.Lock()
	if t.ended {
		t.mu.Unlock()
		return
	}
	t.begun = true
	t.working.Add(1)
	t.mu.Unlock()
	defer t.working.Done()
	ctx, cancel := context.WithCancelCause(t.outer)
	defer cancel(nil)
	defer context.AfterFunc(leading, func() { cancel(errLeaseLost) })()
	t.run(ctx)
	t.resign()
}

// neverBegan ends an election that is not won yet.
func (t *term) neverBegan() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	if !t.begun {
		t.resign()
	}
}
