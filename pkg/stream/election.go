// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"context"
	"errors"
	"log/slog"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
)

const (
	// leaseTerm is how long a lease is respected that nobody renews; its holder
	// renews it every renewEvery and gives up when it can't for giveUpAfter, well
	// before another one may begin.
	leaseTerm   = 15 * time.Second
	renewEvery  = 2 * time.Second
	giveUpAfter = 10 * time.Second
	// callTimeout bounds one call.
	callTimeout = 3 * time.Second
)

// ErrLeaseLost is why work ends that another process may be doing by now.
var ErrLeaseLost = errors.New("the lease is lost")

// Leases reads and writes Leases, with the errors of a Kubernetes API.
type Leases interface {
	Lease(ctx context.Context, namespace, name string) (*coordinationv1.Lease, error)
	CreateLease(ctx context.Context, object *coordinationv1.Lease) (*coordinationv1.Lease, error)
	UpdateLease(ctx context.Context, object *coordinationv1.Lease) (*coordinationv1.Lease, error)
}

// Election has one process at a time work: whoever holds a Lease. It follows the
// rules of client-go's, which would bring half of Kubernetes into a process that
// has to start in milliseconds.
type Election struct {
	Leases          Leases
	Namespace, Name string
	// Holder names this process; no other one has the name.
	Holder string
	Clock  clock.WithTicker
	Log    *slog.Logger

	// seen is the version of another one's lease, and since when nothing changed
	// in it, by our own clock: clocks of machines differ.
	seen  string
	since time.Time
}

// Lead waits for the lease, has run work for as long as it is held, and gives it
// back when run has returned. Run's context ends with ctx, or with ErrLeaseLost as
// its cause, which Lead then returns. It is called once.
func (e *Election) Lead(ctx context.Context, run func(context.Context)) error {
	ticker := e.Clock.NewTicker(renewEvery)
	defer ticker.Stop()
	renewed := e.Clock.Now()
	for !e.acquire(ctx) {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
		renewed = e.Clock.Now()
	}
	e.Log.Info("leading", "lease", e.Name)
	term, end := context.WithCancelCause(ctx)
	defer end(nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(term)
	}()
	for {
		select {
		case <-done:
			e.release(ctx)
			return nil
		case <-ticker.C():
		}
		now := e.Clock.Now() // others count from before the call
		switch lost, err := e.renew(ctx); {
		case err == nil:
			renewed = now
		case lost || e.Clock.Since(renewed) >= giveUpAfter:
			e.Log.Warn("lease lost", "lease", e.Name, "error", bounded(err))
			end(ErrLeaseLost)
			<-done
			return ErrLeaseLost
		default:
			e.Log.Warn("lease not renewed yet", "lease", e.Name, "error", bounded(err))
		}
	}
}

// acquire takes the lease, if it is there to be taken.
func (e *Election) acquire(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	held, err := e.Leases.Lease(ctx, e.Namespace, e.Name)
	switch {
	case apierrors.IsNotFound(err):
		object := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: e.Namespace, Name: e.Name}}
		e.take(object)
		_, err = e.Leases.CreateLease(ctx, object)
	case err == nil && e.respected(held):
		return false
	case err == nil:
		e.take(held)
		_, err = e.Leases.UpdateLease(ctx, held)
	}
	if err != nil && !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) && ctx.Err() == nil {
		e.Log.Warn("lease can't be taken", "lease", e.Name, "error", bounded(err))
	}
	return err == nil
}

// respected tells whether another one holds a lease and has renewed it of late.
func (e *Election) respected(held *coordinationv1.Lease) bool {
	holder := ptr.Deref(held.Spec.HolderIdentity, "")
	if holder == "" || holder == e.Holder {
		return false
	}
	if held.ResourceVersion != e.seen {
		e.seen, e.since = held.ResourceVersion, e.Clock.Now()
	}
	term := time.Duration(ptr.Deref(held.Spec.LeaseDurationSeconds, int32(leaseTerm/time.Second))) * time.Second
	return e.Clock.Since(e.since) < term
}

// take writes into a lease that it is ours from now on.
func (e *Election) take(l *coordinationv1.Lease) {
	now := metav1.NewMicroTime(e.Clock.Now())
	l.Spec = coordinationv1.LeaseSpec{
		HolderIdentity: &e.Holder, LeaseDurationSeconds: ptr.To(int32(leaseTerm / time.Second)),
		AcquireTime: &now, RenewTime: &now, LeaseTransitions: ptr.To(ptr.Deref(l.Spec.LeaseTransitions, 0) + 1),
	}
}

// renew holds the lease for another term. Lost says that it is another one's.
func (e *Election) renew(ctx context.Context) (lost bool, err error) {
	// Work that is being ended needs the lease until it has ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	held, err := e.Leases.Lease(ctx, e.Namespace, e.Name)
	if err != nil {
		return false, err
	}
	if holder := ptr.Deref(held.Spec.HolderIdentity, ""); holder != e.Holder {
		return true, errors.New("another one holds it")
	}
	now := metav1.NewMicroTime(e.Clock.Now())
	held.Spec.RenewTime = &now
	_, err = e.Leases.UpdateLease(ctx, held)
	return false, err
}

// release lets the next one begin at once. When it fails, the next one waits for
// the term to end.
func (e *Election) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	held, err := e.Leases.Lease(ctx, e.Namespace, e.Name)
	if err != nil || ptr.Deref(held.Spec.HolderIdentity, "") != e.Holder {
		return
	}
	held.Spec.HolderIdentity = ptr.To("")
	if _, err := e.Leases.UpdateLease(ctx, held); err != nil {
		e.Log.Warn("lease not given back", "lease", e.Name, "error", bounded(err))
	}
}
