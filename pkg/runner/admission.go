// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/guard"
	"aof.dev/operator/pkg/plan"
	"aof.dev/operator/pkg/quota"
)

// Reasons of runs that a limit ended.
const (
	ReasonRateLimited   = "RateLimited"
	ReasonTooManyRuns   = "TooManyRuns"
	ReasonTokenBudget   = "TokenBudgetExceeded" //nolint:gosec // a reason
	ReasonExecutionTime = "ExecutionTimeExceeded"
)

// What became of a run that a limit was in the way of.
const (
	outcomeWaited  = "waited"
	outcomeRefused = "refused"
	outcomeSkipped = "skipped"
)

const (
	maxHits = 16 // as the run's schema says
	// Details of a wait for a limit.
	detailSince, detailLimit = "since", "limit"
)

// errNoQuotas: the plan has limits, and who composed the runner has not said
// where they are kept.
var errNoQuotas = errors.New("limits can't be kept here")

// limited says whether a plan's runs have to ask anybody before they work.
func limited(p *plan.Plan) bool { return p.Overrun != nil || p.Context.Limits.Shared() }

// admit asks for what a run needs before it may work: its turn among the runs of
// its binding, and room under the Context's limits. Stop says that it is not to be
// worked on now: it waits, or is over.
func (e *execution) admit(ctx context.Context) (stop bool, err error) {
	switch {
	case !limited(e.plan):
		return false, nil
	case e.state.Phase.Finished():
		e.admitted = true // what it may hold is given back
		return false, nil
	case e.over():
		return false, nil // it waits for somebody, and holds nothing that matters
	case e.runner.Quotas == nil:
		return true, &passingError{errNoQuotas}
	case unstored(e.run):
		if err := e.claim(ctx); err != nil {
			return true, err
		}
	}
	first := e.run.Status.StartTime == nil
	if o := e.plan.Overrun; first && o != nil {
		if stop, err = e.takeTurn(ctx, o); stop || err != nil {
			return true, err
		}
	}
	if limits := e.plan.Context.Limits; limits.Shared() && (first || limits.Concurrent > 0) {
		if stop, err = e.takePlace(ctx, limits, first); stop || err != nil {
			return true, err
		}
	}
	e.admitted = true
	return false, nil
}

// claim creates a run that has to ask before it begins: only one that is in the
// ledger has an identity to ask with.
func (e *execution) claim(ctx context.Context) error {
	status := &e.run.Status
	status.InitializeConditions()
	e.fillLease(status, metav1.NewMicroTime(e.runner.Clock.Now()), false)
	err := e.runner.Store.Create(ctx, e.run)
	e.claimed = err == nil
	e.base = e.run.Status.DeepCopy()
	if err != nil {
		return storeError(err)
	}
	return nil
}

func (e *execution) place() guard.Place {
	return guard.Place{ID: string(e.run.UID), Claimed: e.run.CreationTimestamp.UnixMilli()}
}

func (e *execution) contextKey() quota.Key {
	return quota.Key{Kind: quota.Context, Namespace: e.plan.Context.Namespace, Name: e.plan.Context.Object}
}

// takePlace asks for room under the Context's limits. A run that was admitted
// before is not counted again, and never refused: it waits for a place.
func (e *execution) takePlace(ctx context.Context, limits plan.Limits, first bool) (stop bool, err error) {
	wait := !limits.Refuse || !first
	var a guard.Admission
	err = e.runner.Quotas.Quota(ctx, e.contextKey(), func(q *guard.Quota, now time.Time) bool {
		a = q.Admit(limits.Limits, e.place(), !first, wait, now)
		return a.Changed
	})
	if err != nil {
		return true, &passingError{err}
	}
	if a.Admitted {
		return false, nil
	}
	said := fmt.Sprintf("Context %s allows %d runs a minute (%s)", e.plan.Context.Object, a.Allowed, a.Limit)
	reason := ReasonRateLimited
	if a.Limit == guard.LimitConcurrent {
		said = fmt.Sprintf("Context %s allows %d runs at work at the same time (%s)", e.plan.Context.Object, a.Allowed, a.Limit)
		reason = ReasonTooManyRuns
	}
	if wait {
		return true, e.keepOut(ctx, a.Limit, said, a.Opens)
	}
	said += fmt.Sprintf("; %d are counted. Try again after %s", a.Used, a.Opens.UTC().Format(time.RFC3339))
	return true, e.turnAway(ctx, a.Limit, outcomeRefused, said, func(s *aofv1.FlowRunStatus) {
		s.MarkFailed(aofv1.RunError{Reason: reason, Message: said})
	})
}

// keepOut writes that the run waits for a limit, and until when. Nobody holds it
// meanwhile. What it says already is not written again.
func (e *execution) keepOut(ctx context.Context, limit, message string, until time.Time) error {
	status := &e.run.Status
	wait := aofv1.WaitStatus{
		Kind: string(flow.WaitLimit), Message: message, Until: microTime(until.UTC()),
		Details: aofv1.JSONObject{detailLimit: limit, detailSince: e.runner.Clock.Now().UTC().Format(time.RFC3339)},
	}
	if status.Phase == aofv1.FlowRunPhaseWaiting && len(status.Waiting) == 1 && status.Waiting[0].Kind == wait.Kind {
		have := status.Waiting[0]
		if since, ok := have.Details[detailSince]; ok {
			wait.Details[detailSince] = since
		}
		if have.Message == message && have.Until != nil && have.Until.Time.Equal(wait.Until.Time) {
			return nil
		}
	}
	if len(status.Conditions) == 0 {
		status.InitializeConditions()
	}
	status.Waiting = []aofv1.WaitStatus{wait}
	status.MarkWaiting(message)
	e.hit(limit, outcomeWaited)
	return e.writeIdle(ctx)
}

// turnAway ends a run that has not begun, and tells who asked for it.
func (e *execution) turnAway(ctx context.Context, limit, outcome, message string, mark func(*aofv1.FlowRunStatus)) error {
	now := metav1.NewMicroTime(e.runner.Clock.Now())
	status := &e.run.Status
	status.InitializeConditions()
	status.Waiting, status.CompletionTime = nil, &now
	if status.StartTime == nil {
		status.StartTime = &now
	}
	status.Duration = aofv1.ShortDuration(now.Sub(status.StartTime.Time))
	if e.plan.Context.Audit != nil && status.Audit == nil {
		status.Audit = &aofv1.RunAudit{} // for the sweep to see to
	}
	mark(status)
	e.hit(limit, outcome)
	if err := e.writeIdle(ctx); err != nil {
		return err
	}
	e.leave(ctx)
	e.reply(ctx, message)
	return nil
}

// hit notes that a limit was in the run's way.
func (e *execution) hit(limit, outcome string) {
	status := &e.run.Status
	for _, h := range status.Limited {
		if h.Limit == limit && h.Outcome == outcome {
			return
		}
	}
	if len(status.Limited) < maxHits {
		status.Limited = append(status.Limited, aofv1.LimitHit{Limit: limit, Outcome: outcome, At: microTime(e.runner.Clock.Now())})
	}
}

// writeIdle stores the status of a run that nobody is to work on now.
func (e *execution) writeIdle(ctx context.Context) error {
	e.run.Status.Lease = nil
	if e.takeovers > 0 {
		e.run.Status.Lease = &aofv1.RunLease{Takeovers: e.takeovers}
	}
	if err := e.runner.store(ctx, e.run); err != nil {
		return storeError(err)
	}
	return nil
}

// leave gives back what the run held while it worked: its place when it waits or
// is over, its turn when it is over, tokens that nobody uses. What can't be given
// back now is found by whoever sweeps.
func (e *execution) leave(ctx context.Context) {
	if !e.admitted && e.doneWithTokens == nil && !e.run.IsDone() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWrite)
	defer cancel()
	limits, id := e.plan.Context.Limits, string(e.run.UID)
	phase := e.run.Status.Phase
	if limits.Shared() && (phase.IsFinal() || phase == aofv1.FlowRunPhaseWaiting && limits.Concurrent > 0) {
		_ = e.runner.Quotas.Quota(ctx, e.contextKey(), func(q *guard.Quota, _ time.Time) bool { return q.Leave(id) })
	}
	if e.plan.Overrun != nil && phase.IsFinal() {
		_ = e.runner.Quotas.Turns(ctx, e.bindingKey(), func(t *guard.Turns, _ time.Time) bool { return t.Leave(id) })
	}
	if done := e.doneWithTokens; done != nil {
		_ = done(ctx)
	}
}
