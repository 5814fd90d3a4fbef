// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/ledger"
)

// Bounds of writing.
const (
	// lastWrite is how long giving the lease back may take, real time.
	lastWrite = 5 * time.Second
	// maxConflicts is how often a write is tried again because somebody changed
	// what is not ours to write.
	maxConflicts = 50
	// Pauses before a ledger that was not to be reached is asked again.
	firstPause, longestPause = 50 * time.Millisecond, 2 * time.Second
	// smallOutput is what outputs may have in a run that would be too large.
	smallOutput = 4 << 10
)

// reasonTooLarge is why a run failed that lost outputs of its nodes.
const reasonTooLarge = "RunTooLarge"

func (r *Runner) lease() time.Duration { return positive(r.Lease, DefaultLease) }

// renewal is the time until the lease is to be renewed.
func (e *execution) renewal() time.Duration {
	after := e.runner.lease() / 3
	if !e.expires.IsZero() {
		after = min(after, max(0, e.expires.Sub(e.runner.Clock.Now())/2))
	}
	return after
}

// release gives the lease back when this process has to stop, so that the next
// one need not wait for it to run out. What had been begun stays in the journal
// as running.
func (e *execution) release(ctx context.Context, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWrite)
	defer cancel()
	if err := e.write(ctx, true); err != nil {
		return errors.Join(cause, err)
	}
	return cause
}

// checkpoint writes the journal, in which the batch has begun. When the process
// is told to stop meanwhile, the batch is not begun and the lease given back.
func (e *execution) checkpoint(ctx context.Context, batch []pending) error {
	err := e.write(ctx, false)
	if err != nil && ctx.Err() != nil && !errors.Is(err, ErrLost) {
		e.putBack(batch)
		return e.release(ctx, ctx.Err())
	}
	return err
}

// write stores the state and insists: it stops trying only when the run is no
// longer ours, or the lease is over.
func (e *execution) write(ctx context.Context, released bool) error {
	pause := firstPause
	for conflicts := 0; ; {
		if err := e.fill(released); err != nil {
			return err
		}
		err := e.runner.store(ctx, e.run)
		if err == nil {
			e.acknowledged()
			return nil
		}
		switch {
		case errors.Is(err, ledger.ErrTooLarge) && (e.audit.trim() || e.cut()):
			continue
		case errors.Is(err, ledger.ErrConflict) && conflicts < maxConflicts:
			conflicts++
		case errors.Is(err, ledger.ErrExists): // or it was our own that was not answered
		case errors.Is(err, ledger.ErrUnavailable):
			if !e.pause(ctx, pause) {
				return storeError(err)
			}
			pause = min(2*pause, longestPause)
		default:
			return storeError(err)
		}
		if written, lost := e.reread(ctx); lost != nil {
			return lost
		} else if written {
			return nil
		}
	}
}

// pause waits a little. False says that there is no more time.
func (e *execution) pause(ctx context.Context, d time.Duration) bool {
	if !e.expires.IsZero() && !e.runner.Clock.Now().Before(e.expires) {
		return false
	}
	timer := e.runner.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
		return true
	case <-ctx.Done():
		return false
	}
}

// reread finds out what became of a write that was refused or not answered. It
// may have been done after all; somebody may have added a decision to the run,
// or put a label on it, and then we go on from there; or the run is no longer
// ours.
func (e *execution) reread(ctx context.Context) (written bool, err error) {
	stored, err := e.runner.Store.Get(ctx, e.run.Namespace, e.run.Name)
	switch {
	case errors.Is(err, ledger.ErrUnavailable), errors.Is(err, ledger.ErrNotFound) && unstored(e.run):
		return false, nil // the next write will tell
	case err != nil:
		return false, storeError(err)
	case !unstored(e.run) && stored.UID != e.run.UID:
		return false, storeError(ledger.ErrConflict)
	}
	l := stored.Status.Lease
	switch {
	case sameStatus(&stored.Status, &e.run.Status):
		written = true
	case unstored(e.run):
		return false, ledger.ErrExists
	case l != nil && l.Holder == e.runner.Holder, sameStatus(&stored.Status, e.base):
	default:
		return false, storeError(ledger.ErrConflict)
	}
	e.run.ObjectMeta, e.run.Spec = stored.ObjectMeta, stored.Spec
	if written {
		e.acknowledged()
	} else {
		e.audit.rebase(&stored.Status)
	}
	if !e.state.Phase.Finished() {
		e.answer()
	}
	return written && !e.changed, nil
}

// sameStatus compares what the statuses say, however it is spelled.
func sameStatus(a, b *aofv1.FlowRunStatus) bool {
	plain := func(s *aofv1.FlowRunStatus) (v any) {
		if raw, err := json.Marshal(s); err == nil {
			_ = json.Unmarshal(raw, &v) // it was written just now
		}
		return v
	}
	return reflect.DeepEqual(plain(a), plain(b))
}

// acknowledged notes that the ledger has what the run says.
func (e *execution) acknowledged() {
	e.dirty, e.changed = false, false
	e.journalled = journalled(e.run)
	e.audit.written()
	if l := e.run.Status.Lease; l != nil && l.ExpiresAt != nil {
		e.expires = l.ExpiresAt.Time
	}
}

// cut makes a run that is too large for the ledger fail, without the outputs
// that made it so. False says that this was done before.
func (e *execution) cut() bool {
	switch e.most {
	case 0:
		e.halt()
		e.step(flow.Cancel{Reason: "the outputs of the run's nodes are larger than a run may be", At: e.runner.Clock.Now()})
		e.pending, e.most = nil, smallOutput
	case smallOutput:
		e.most = 1
	default:
		return false
	}
	return true
}

// shrink takes away what makes a run too large: of each node the output and the
// exports that are longer than most.
func (e *execution) shrink(most int) {
	status := &e.run.Status
	for i := range status.Nodes {
		n := &status.Nodes[i]
		if o := n.Output; o != nil && len(o.Raw) > most {
			n.Output = nil
		}
		size := 0
		for name, value := range n.Exports {
			size += len(name) + len(value)
		}
		if size > most {
			n.Exports = nil
		}
		if n.Wait != nil {
			n.Wait.Details = nil
		}
	}
	status.Result = nil
	status.MarkFailed(aofv1.RunError{Reason: reasonTooLarge, Message: "the outputs of the run's nodes are larger than a run may be (1 MiB together)"})
}

// fill puts the state into the run's status.
func (e *execution) fill(released bool) error {
	status := &e.run.Status
	now := metav1.NewMicroTime(e.runner.Clock.Now())
	if len(status.Conditions) == 0 {
		status.InitializeConditions()
	}
	if err := writeJournal(status, e.state, e.begun, e.secrets); err != nil {
		return err
	}
	if status.StartTime == nil {
		began := metav1.NewMicroTime(e.opened)
		status.StartTime = &began
	}
	if e.plan.Context.Limits.ExecutionSeconds > 0 {
		status.WorkedMilliseconds = e.worked().Milliseconds()
	}
	e.fillLease(status, now, released)
	e.fillPhase(status, now)
	if e.most > 0 {
		e.shrink(e.most)
	}
	return e.audit.fill(status)
}

func (e *execution) fillLease(status *aofv1.FlowRunStatus, now metav1.MicroTime, released bool) {
	status.Lease = nil
	if !released && !e.over() {
		expires := metav1.NewMicroTime(now.Add(e.runner.lease()))
		status.Lease = &aofv1.RunLease{Holder: e.runner.Holder, RenewedAt: &now, ExpiresAt: &expires, Takeovers: e.takeovers}
	} else if e.takeovers > 0 {
		status.Lease = &aofv1.RunLease{Takeovers: e.takeovers}
	}
}

// takeoversOf counts how often a run has gone to another holder, us included.
func (r *Runner) takeoversOf(run *aofv1.FlowRun) int64 {
	switch l := run.Status.Lease; {
	case l != nil && l.Holder != "" && l.Holder != r.Holder:
		return l.Takeovers + 1
	case l != nil:
		return l.Takeovers
	default:
		return 0
	}
}
