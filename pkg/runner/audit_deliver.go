// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/audit"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/ledger"
)

const (
	// lastWord is how long records may still be delivered once a run is over or
	// waits, and everything else is done.
	lastWord = 3 * time.Second
	// settling bounds the writes that take delivered records off a run.
	settling = 5
)

var (
	errControl = errors.New("a credential that it refers to has a line end")
	errShort   = errors.New("the sink took a part of the records only")
	errNoTime  = errors.New("the sink did not take the records before the runner had to go on")
)

// courier is what is under way to the sink, and how the last attempt ended.
type courier struct {
	under  bool
	cancel context.CancelFunc
	back   chan delivered
	// last is the newest line that was delivered.
	last string
	// failure is how the last attempt failed, fails how many did in a row,
	// retryAt when the next may be made.
	failure error
	fails   int64
	retryAt time.Time
}

// delivered is how one delivery ended: the last line that arrived, if any.
type delivered struct {
	last string
	err  error
}

// arrivals tells of deliveries that ended.
func (a *auditor) arrivals() <-chan delivered {
	if a == nil {
		return nil
	}
	return a.back
}

// send has the sink get what the ledger has for it, in the background, unless
// something is under way or it is not time yet.
func (a *auditor) send(ctx context.Context, running *sync.WaitGroup) {
	if a == nil || a.runner.Audit == nil || a.under || laterThan(a.retryAt, a.runner.Clock.Now()) {
		return
	}
	lines := a.ledger.Pending
	if i := slices.Index(lines, a.last); a.last != "" && i >= 0 {
		lines = lines[i+1:]
	}
	if len(lines) == 0 {
		return
	}
	lines = slices.Clone(lines)
	a.under, a.back = true, make(chan delivered, 1)
	ctx, a.cancel = context.WithCancel(ctx)
	back, cancel := a.back, a.cancel
	target, err := a.target()
	running.Go(func() {
		defer cancel()
		n := 0
		if err == nil {
			n, err = a.runner.Audit.Deliver(ctx, target, lines)
		}
		if n < len(lines) && err == nil {
			err = errShort
		}
		d := delivered{err: err}
		if n > 0 {
			d.last = lines[n-1]
		}
		back <- d
	})
}

// arrived takes in how a delivery ended.
func (a *auditor) arrived(d delivered) {
	a.under, a.back = false, nil
	if d.last != "" {
		a.last, a.fails = d.last, 0
	}
	if errors.Is(d.err, context.Canceled) {
		return // we ended it
	}
	a.failure, a.retryAt = d.err, time.Time{}
	if d.err != nil {
		a.fails++
		a.retryAt = a.runner.Clock.Now().Add(audit.Backoff(a.fails))
	}
}

// drain takes in a delivery that has ended by now.
func (a *auditor) drain() {
	if a == nil || !a.under {
		return
	}
	select {
	case d := <-a.back:
		a.arrived(d)
	default:
	}
}

// settle takes off what was delivered, and says how the last attempt went.
func (a *auditor) settle(next *aofv1.RunAudit) {
	if i := slices.Index(next.Pending, a.last); a.last != "" && i >= 0 {
		next.Delivered += int64(i) + 1
		next.Pending = slices.Delete(next.Pending, 0, i+1)
		next.Failures, next.NextTry, next.LastError = 0, nil, ""
	}
	if a.failure != nil && len(next.Pending) > 0 {
		at := metav1.NewMicroTime(a.retryAt)
		next.Failures, next.NextTry = a.fails, &at
		next.LastError = audit.Cut(a.secrets.RedactText(a.failure.Error()), maxSinkError)
	}
	if len(next.Pending) == 0 {
		next.Pending, next.Failures, next.NextTry, next.LastError = nil, 0, nil, ""
	}
}

// maxSinkError bounds what a run says of a sink that failed.
const maxSinkError = 500

// finish delivers what can be delivered at once, when a run is over or waits and
// nothing else is to be done, and takes it off the run. What goes wrong stays for
// another time; it is no error of the run.
func (a *auditor) finish(ctx context.Context, running *sync.WaitGroup) {
	if a == nil || a.runner.Audit == nil || ctx.Err() != nil {
		return
	}
	timer := a.runner.Clock.NewTimer(lastWord)
	defer timer.Stop()
	for {
		if !a.under {
			a.send(ctx, running)
		}
		if !a.under {
			break
		}
		select {
		case d := <-a.back:
			a.arrived(d)
		case <-timer.C():
			a.abandon()
		case <-ctx.Done():
			a.abandon()
			return
		}
		if a.failure != nil {
			break
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWrite)
	defer cancel()
	a.store(ctx)
}

// abandon ends a delivery that takes too long.
func (a *auditor) abandon() {
	a.cancel()
	d := <-a.back
	if d.err != nil && errors.Is(d.err, context.Canceled) {
		d.err = errNoTime
	}
	a.arrived(d)
}

// store takes off the stored run what was delivered. Somebody may have touched
// the run meanwhile; somebody who works on it will deliver what is left, again.
func (a *auditor) store(ctx context.Context) {
	for range settling {
		next := a.ledger.DeepCopy()
		a.settle(next)
		if next.Delivered == a.ledger.Delivered && next.Failures == a.ledger.Failures && next.LastError == a.ledger.LastError {
			return
		}
		run := a.run.DeepCopy()
		run.Status.Audit = next
		err := a.runner.Store.Update(ctx, run)
		if err == nil {
			*a.run = *run
			a.rebase(&run.Status)
			return
		}
		if !errors.Is(err, ledger.ErrConflict) && !errors.Is(err, ledger.ErrUnavailable) {
			return
		}
		stored, err := a.runner.Store.Get(ctx, run.Namespace, run.Name)
		if err != nil || stored.UID != run.UID || stored.Status.Audit == nil || a.runner.heldByAnother(stored) {
			return
		}
		*a.run = *stored
		a.rebase(&stored.Status)
	}
}

// target resolves where the records of a run go.
func (a *auditor) target() (audit.Target, error) {
	t := audit.Target{Sink: a.config.Sink}
	var err error
	if t.URL, err = a.resolve("url", a.config.URL); err != nil {
		return t, err
	}
	if t.Path, err = a.resolve("path", a.config.Path); err != nil {
		return t, err
	}
	if len(a.config.Headers) > 0 {
		t.Headers = make(map[string]string, len(a.config.Headers))
	}
	for _, name := range slices.Sorted(maps.Keys(a.config.Headers)) {
		if t.Headers[name], err = a.resolve("headers", a.config.Headers[name]); err != nil {
			return t, err
		}
	}
	return t, nil
}

// resolve puts credentials into a template. Without one that it names there is no
// place to send to, unless it has a default.
func (a *auditor) resolve(field, template string) (string, error) {
	about := func(err error) (string, error) { return "", fmt.Errorf("the Context's audit.%s: %w", field, err) }
	parsed, err := expr.ParseTemplate(template)
	if err != nil {
		return about(err)
	}
	for _, ref := range parsed.Refs() {
		if _, ok := a.secrets.Resolve(ref); !ok && !strings.Contains(template, "${"+ref.String()+":-") {
			return about(fmt.Errorf("there is no credential %.100s", ref))
		}
	}
	value, err := parsed.Render(a.secrets)
	if err != nil {
		return about(err)
	}
	if strings.ContainsAny(value, "\r\n\x00") {
		return about(errControl)
	}
	return value, nil
}

// tellRest sees to the audit of a run that is over: what was said since, and what
// the sink has not taken.
func (r *Runner) tellRest(ctx context.Context, run *aofv1.FlowRun) (*aofv1.FlowRun, error) {
	if at, due := run.AuditDue(); !due || laterThan(at, r.Clock.Now()) {
		return run, nil
	}
	leave, ok := r.own.enter(run)
	if !ok {
		return run, nil // this process is at it
	}
	defer leave()
	p, err := r.Plans.Plan(ctx, run.Namespace, run.Spec.Plan)
	if errors.Is(err, ledger.ErrNotFound) {
		return run, lostIsFine(r.giveUp(ctx, run))
	}
	if err != nil {
		return run, fmt.Errorf("plan %s: %w", run.Spec.Plan, err)
	}
	secrets := NewSecrets(func(string) (string, bool) { return "", false })
	if r.Secrets != nil {
		secrets = r.Secrets(run.Namespace)
	}
	// What can't be read of it was said when the run failed because of it.
	message, err := readEvent(run)
	if err != nil {
		message = event.Message{}
	}
	facts, err := factsOf(run, p, message, secrets)
	if err != nil {
		facts = flow.Facts{}
	}
	a := r.newAuditor(run, p, message, facts, secrets)
	if a == nil {
		run.Status.Audit = nil
		return run, lostIsFine(r.Store.Update(ctx, run))
	}
	if a.news() {
		if err := a.fill(&run.Status); err != nil {
			return run, err
		}
		if err := r.Store.Update(ctx, run); err != nil {
			return run, lostIsFine(err)
		}
		a.written()
	}
	var running sync.WaitGroup
	defer running.Wait()
	a.finish(ctx, &running)
	return run, nil
}

// giveUp says of a run whose plan is gone that nobody knows where its records
// should go. They stay with it.
func (r *Runner) giveUp(ctx context.Context, run *aofv1.FlowRun) error {
	a := run.Status.Audit
	a.Ended, a.Decisions = true, int64(len(run.Spec.Decisions))
	if a.Undelivered() > 0 {
		a.Failures++
		at := metav1.NewMicroTime(r.Clock.Now().Add(audit.Backoff(a.Failures)))
		a.NextTry, a.LastError = &at, "the plan of the run is gone, and with it where the records should go"
	}
	return r.Store.Update(ctx, run)
}

// lostIsFine is the error of a write of a run that is over, but for the conflict
// with somebody who wrote something else: the next time will do.
func lostIsFine(err error) error {
	if err == nil || errors.Is(err, ledger.ErrConflict) || errors.Is(err, ledger.ErrNotFound) {
		return nil
	}
	return storeError(err)
}
