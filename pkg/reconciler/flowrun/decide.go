// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowrun

import (
	"fmt"
	"time"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
)

const (
	// slack is how much later than it is due a run is sent: clocks differ.
	slack = 500 * time.Millisecond
	// released is how long a run may be Running without anybody who holds it: who
	// gave it back usually sends it on himself.
	released = 5 * time.Second
	// orphaned is how long a run is kept for its binding to come back.
	orphaned = 5 * time.Minute
	// answers bounds how often a run is sent because of an answer that changed
	// nothing, such as the first of two that are needed.
	answers = 4
	// failedAfter is how long after a failed attempt to send the next is made,
	// at first; longest bounds how long it ever takes until the next.
	failedAfter = time.Second
	longest     = 5 * time.Minute
)

// Input is what a decision about a run depends on.
type Input struct {
	Run *aofv1.FlowRun
	// Bound says that the run's binding exists.
	Bound bool
	// Since is when this version of the run was first seen, Unbound when it was
	// first seen without its binding.
	Since, Unbound time.Time
	// Turn says that the run waits for a limit, and need not any more.
	Turn bool
	// Sent is what was sent last.
	Sent Sent
	// Now is the time, ResendAfter how long a run may be Pending.
	Now         time.Time
	ResendAfter time.Duration
}

// Sent is what was last done to have a run carried on.
type Sent struct {
	// Occasion is why, in a form that is another for another occasion; Version the
	// version of the run that was seen then.
	Occasion, Version string
	// Times counts the attempts at this occasion, Failed those at the end that
	// never reached the broker.
	Times, Failed int
	// At is when the last attempt was made.
	At time.Time
}

// Action is what is to be done about a run.
type Action string

// The actions.
const (
	Nothing Action = "Nothing"
	Resume  Action = "Resume"
	Cancel  Action = "Cancel"
	Fail    Action = "Fail"
)

// Decision is what is to be done about a run now, and when to look again.
type Decision struct {
	Action Action
	// Why is the reason, for people; Occasion tells occasions to send apart.
	Why, Occasion string
	// Quiet says that people are not told of it: the run itself goes nowhere.
	Quiet bool
	// After is when to look again; 0 is when the run changes.
	After time.Duration
}

// Decide decides what is to be done about a run.
func Decide(in Input) Decision {
	switch {
	case in.Run.IsDone():
		return when(in, untold)
	case in.Run.Spec.Cancel != nil:
		return Decision{Action: Cancel}
	case !in.Bound:
		return orphan(in)
	}
	return when(in, due)
}

// when has a run carried on at the time that find tells, and says until when
// there is nothing to do.
func when(in Input, find func(Input) (occasion, bool)) Decision {
	next, ok := find(in)
	if !ok || !in.Bound {
		return Decision{Action: Nothing}
	}
	if in.Sent.Occasion == next.occasion {
		next.at = in.Sent.At.Add(pause(in.Sent, in.ResendAfter))
	}
	if wait := next.at.Sub(in.Now); wait > 0 {
		return Decision{Action: Nothing, After: wait}
	}
	return Decision{Action: Resume, Why: next.why, Occasion: next.occasion, Quiet: next.quiet}
}

// untold is when somebody should see to the audit of a run for which there is
// nothing else to do. Whoever worked on it usually delivers the records himself.
func untold(in Input) (occasion, bool) {
	due, ok := in.Run.AuditDue()
	if !ok {
		return occasion{}, false
	}
	if soonest := in.Since.Add(released); due.Before(soonest) {
		due = soonest
	}
	o, _ := at(due, "audit", "its audit records are to be delivered")
	o.quiet = true
	return o, true
}

// pause is how long to wait for what was sent to have an effect.
func pause(s Sent, resendAfter time.Duration) time.Duration {
	first, times := resendAfter, s.Times
	if s.Failed > 0 {
		first, times = failedAfter, s.Failed
	}
	for range min(times, 30) - 1 {
		if first *= 2; first >= longest {
			return max(longest, resendAfter)
		}
	}
	return first
}

// orphan fails a run that no runner can get, since events go by way of the
// binding: unless somebody works on it, and after a while, in which the binding
// may come back.
func orphan(in Input) Decision {
	since := in.Unbound
	if until, held := heldUntil(in.Run); held && until.After(since) {
		since = until
	}
	if wait := since.Add(orphaned).Sub(in.Now); wait > 0 {
		return Decision{Action: Nothing, After: wait}
	}
	if in.Run.Spec.Binding == nil {
		return Decision{Action: Fail, Why: "the run names no binding, so there is no way to a runner"}
	}
	return Decision{Action: Fail, Why: fmt.Sprintf("FlowBinding %s is gone, so there is no way to a runner", in.Run.Spec.Binding.NamespacedName(in.Run.Namespace))}
}

// occasion is a time at which somebody should carry a run on.
type occasion struct {
	at       time.Time
	why      string
	occasion string
	quiet    bool
}

// due is the next time a run should be carried on if nothing happens to it until
// then; false when it waits for people only.
func due(in Input) (occasion, bool) {
	run := in.Run
	if run.Status.Phase == aofv1.FlowRunPhaseWaiting {
		return waitOver(in)
	}
	if until, held := heldUntil(run); held {
		return at(until.Add(slack), "held", "its holder's time is over")
	}
	if run.Status.Phase == aofv1.FlowRunPhaseRunning {
		return at(in.Since.Add(released), "released", "nobody holds it")
	}
	begin := run.CreationTimestamp.Time
	if run.Labels[names.LabelRetryOf] == "" {
		// Who made it sends it; a retry is made by somebody who may not.
		begin = begin.Add(in.ResendAfter)
	}
	return at(begin, "pending", "nobody began it")
}

func at(t time.Time, kind, why string) (occasion, bool) {
	return occasion{at: t, why: why, occasion: fmt.Sprintf("%s/%d", kind, t.UnixMilli())}, true
}

// heldUntil is until when nobody but its holder may work on a run.
func heldUntil(run *aofv1.FlowRun) (time.Time, bool) {
	if l := run.Status.Lease; l != nil && l.Holder != "" && l.ExpiresAt != nil {
		return l.ExpiresAt.Time, true
	}
	return time.Time{}, false
}

// waitOver is when a run that waits should be carried on: when it was answered,
// or when the first of its waits ends by itself.
func waitOver(in Input) (occasion, bool) {
	if o, ok := answered(in); ok {
		return o, true
	}
	if in.Turn {
		return occasion{at: in.Now, why: "its turn has come", occasion: "turn"}, true
	}
	var first time.Time
	for _, w := range in.Run.Status.Waiting {
		if w.Until != nil && (first.IsZero() || w.Until.Time.Before(first)) {
			first = w.Until.Time
		}
	}
	audit, told := untold(in)
	if first.IsZero() || told && audit.at.Before(first) {
		return audit, told
	}
	return at(first.Add(slack), "until", "its wait is over")
}

// answered says that a run has answers to what it waits for that no runner may
// have seen: none was sent with that many, or it changed nothing so far.
func answered(in Input) (occasion, bool) {
	count := 0
	for _, d := range in.Run.Spec.Decisions {
		for _, w := range in.Run.Status.Waiting {
			if digest, _ := w.Details["digest"].(string); d.Node == w.Node || (digest != "" && d.Digest == digest) {
				count++
				break
			}
		}
	}
	if count == 0 {
		return occasion{}, false
	}
	o := occasion{at: in.Now, why: "it was answered", occasion: fmt.Sprintf("answers/%d", count)}
	if in.Sent.Occasion == o.occasion {
		seen := in.Sent.Failed == 0 && in.Sent.Version != in.Run.ResourceVersion
		if seen || in.Sent.Times-in.Sent.Failed >= answers {
			return occasion{}, false
		}
	}
	return o, true
}
