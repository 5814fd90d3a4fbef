// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowrun

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const resendAfter = 30 * time.Second

func micro(t time.Time) *metav1.MicroTime {
	m := metav1.NewMicroTime(t)
	return &m
}

// option changes a run that was created at noon.
type option func(*aofv1.FlowRun)

func newRun(options ...option) *aofv1.FlowRun {
	run := &aofv1.FlowRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "r", UID: "uid-r", ResourceVersion: "7", CreationTimestamp: metav1.NewTime(noon)},
		Spec:       aofv1.FlowRunSpec{Flow: aofv1.ObjectReference{Name: "f"}, Binding: &aofv1.ObjectReference{Name: "b"}},
	}
	for _, o := range options {
		o(run)
	}
	return run
}

func phase(p aofv1.FlowRunPhase) option {
	return func(run *aofv1.FlowRun) {
		run.Status.Phase = p
		if p != aofv1.FlowRunPhasePending {
			run.Status.StartTime = micro(noon)
		}
	}
}

func running(run *aofv1.FlowRun) { phase(aofv1.FlowRunPhaseRunning)(run) }

func leased(until time.Time) option {
	return func(run *aofv1.FlowRun) {
		run.Status.Lease = &aofv1.RunLease{Holder: "h", ExpiresAt: micro(until)}
	}
}

func waiting(waits ...aofv1.WaitStatus) option {
	return func(run *aofv1.FlowRun) {
		phase(aofv1.FlowRunPhaseWaiting)(run)
		run.Status.Waiting = waits
	}
}

func approval(until time.Time) aofv1.WaitStatus {
	return aofv1.WaitStatus{Node: "ask", Kind: "Approval", Message: "Restart?", Until: micro(until), Details: aofv1.JSONObject{"digest": "d1"}}
}

func decided(decisions ...aofv1.RunDecision) option {
	return func(run *aofv1.FlowRun) { run.Spec.Decisions = decisions }
}

func unbound(run *aofv1.FlowRun) { run.Spec.Binding = nil }

func audited(a aofv1.RunAudit) option { return func(run *aofv1.FlowRun) { run.Status.Audit = &a } }

func cancelled(run *aofv1.FlowRun) {
	run.Spec.Cancel = &aofv1.RunCancel{User: "ann", Reason: "a mistake"}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	yes := aofv1.RunDecision{Node: "ask", Digest: "d1", Approved: true, User: "ann"}
	later := noon.Add(time.Hour)
	for _, tc := range []struct {
		name  string
		run   *aofv1.FlowRun
		now   time.Time
		since time.Time
		gone  time.Time // since when the binding is
		sent  Sent
		want  Decision
	}{
		{name: "a run that is over", run: newRun(phase(aofv1.FlowRunPhaseFailed), cancelled), now: later, want: Decision{Action: Nothing}},
		{name: "a new run is left to who made it", run: newRun(), now: noon.Add(10 * time.Second), want: Decision{Action: Nothing, After: 20 * time.Second}},
		{name: "nobody began", run: newRun(), now: noon.Add(resendAfter), want: Decision{Action: Resume, Why: "nobody began it", Occasion: "pending/1772366430000"}},
		{name: "a retry is sent at once", run: newRun(func(r *aofv1.FlowRun) { r.Labels = map[string]string{names.LabelRetryOf: "x"} }), now: noon, want: Decision{Action: Resume, Why: "nobody began it", Occasion: "pending/1772366400000"}},
		{name: "held", run: newRun(running, leased(noon.Add(30*time.Second))), now: noon, want: Decision{Action: Nothing, After: 30*time.Second + slack}},
		{name: "its lease is over", run: newRun(running, leased(noon)), now: noon.Add(time.Second), want: Decision{Action: Resume, Why: "its holder's time is over", Occasion: "held/1772366400500"}},
		{name: "given back a moment ago", run: newRun(running), now: later, since: later.Add(-time.Second), want: Decision{Action: Nothing, After: released - time.Second}},

		{name: "waits for its time", run: newRun(waiting(approval(later))), now: noon, want: Decision{Action: Nothing, After: time.Hour + slack}},
		{name: "the first of its waits is over", run: newRun(waiting(approval(later.Add(time.Hour)), aofv1.WaitStatus{Node: "w", Kind: "Timer", Until: micro(later)})), now: later.Add(slack), want: Decision{Action: Resume, Why: "its wait is over", Occasion: "until/1772370000500"}},
		{name: "waits for people only", run: newRun(waiting(aofv1.WaitStatus{Node: "ask", Kind: "Event"})), now: later, want: Decision{Action: Nothing}},
		{name: "answered", run: newRun(waiting(approval(later)), decided(yes)), now: noon, want: Decision{Action: Resume, Why: "it was answered", Occasion: "answers/1"}},
		{name: "answered by the digest alone", run: newRun(waiting(approval(later)), decided(aofv1.RunDecision{Digest: "d1"})), now: noon, want: Decision{Action: Resume, Why: "it was answered", Occasion: "answers/1"}},
		{name: "an answer to something else", run: newRun(waiting(approval(later)), decided(aofv1.RunDecision{Node: "before", Digest: "d0"})), now: noon, want: Decision{Action: Nothing, After: time.Hour + slack}},
		{name: "the answer was sent", run: newRun(waiting(approval(later)), decided(yes)), now: noon.Add(time.Second), sent: Sent{Occasion: "answers/1", Version: "7", Times: 1, At: noon}, want: Decision{Action: Nothing, After: 29 * time.Second}},
		{name: "the answer was sent and lost", run: newRun(waiting(approval(later)), decided(yes)), now: noon.Add(resendAfter), sent: Sent{Occasion: "answers/1", Version: "7", Times: 1, At: noon}, want: Decision{Action: Resume, Why: "it was answered", Occasion: "answers/1"}},
		{name: "the answer was seen, and is not enough", run: newRun(waiting(approval(later)), decided(yes)), now: noon, sent: Sent{Occasion: "answers/1", Version: "6", Times: 1, At: noon}, want: Decision{Action: Nothing, After: time.Hour + slack}},
		{name: "the answer changes nothing, however often it is sent", run: newRun(waiting(approval(later)), decided(yes)), now: noon, sent: Sent{Occasion: "answers/1", Version: "7", Times: answers, At: noon}, want: Decision{Action: Nothing, After: time.Hour + slack}},
		{name: "the broker never got the answer", run: newRun(waiting(approval(later)), decided(yes)), now: noon.Add(time.Second), sent: Sent{Occasion: "answers/1", Version: "6", Times: 1, Failed: 1, At: noon}, want: Decision{Action: Resume, Why: "it was answered", Occasion: "answers/1"}},
		{name: "a second answer", run: newRun(waiting(approval(later)), decided(yes, yes)), now: noon, sent: Sent{Occasion: "answers/1", Version: "6", Times: 1, At: noon}, want: Decision{Action: Resume, Why: "it was answered", Occasion: "answers/2"}},

		{name: "sent a moment ago", run: newRun(), now: noon.Add(40 * time.Second), sent: Sent{Occasion: "pending/1772366430000", Times: 1, At: noon.Add(resendAfter)}, want: Decision{Action: Nothing, After: 20 * time.Second}},
		{name: "sent and lost", run: newRun(), now: noon.Add(2 * resendAfter), sent: Sent{Occasion: "pending/1772366430000", Times: 1, At: noon.Add(resendAfter)}, want: Decision{Action: Resume, Why: "nobody began it", Occasion: "pending/1772366430000"}},
		{name: "sent on another occasion", run: newRun(running, leased(noon)), now: noon.Add(time.Second), sent: Sent{Occasion: "pending/1772366430000", Times: 9, At: noon}, want: Decision{Action: Resume, Why: "its holder's time is over", Occasion: "held/1772366400500"}},

		{name: "cancelled while it waits", run: newRun(waiting(approval(later)), cancelled), now: noon, want: Decision{Action: Cancel}},
		{name: "cancelled while it is held", run: newRun(running, leased(later), cancelled), now: noon, want: Decision{Action: Cancel}},
		{name: "cancelled without a binding", run: newRun(unbound, cancelled), gone: noon, now: noon, want: Decision{Action: Cancel}},

		{name: "its records are with the sink", run: newRun(phase(aofv1.FlowRunPhaseSucceeded), audited(aofv1.RunAudit{Records: 3, Delivered: 2, Omitted: 1, Ended: true})), now: later, want: Decision{Action: Nothing}},
		{name: "its records are being delivered", run: newRun(phase(aofv1.FlowRunPhaseSucceeded), audited(aofv1.RunAudit{Records: 3, Ended: true})), now: noon, since: noon, want: Decision{Action: Nothing, After: released}},
		{name: "nobody delivered its records", run: newRun(phase(aofv1.FlowRunPhaseSucceeded), audited(aofv1.RunAudit{Records: 3, Ended: true})), now: noon.Add(released), since: noon, want: Decision{Action: Resume, Why: "its audit records are to be delivered", Occasion: "audit/1772366405000", Quiet: true}},
		{name: "its records are sent again later", run: newRun(phase(aofv1.FlowRunPhaseSucceeded), audited(aofv1.RunAudit{Records: 3, Ended: true, NextTry: micro(later)})), now: noon, since: noon, want: Decision{Action: Nothing, After: time.Hour}},
		{name: "its end is not on record", run: newRun(phase(aofv1.FlowRunPhaseCancelled), audited(aofv1.RunAudit{})), now: later, since: noon, want: Decision{Action: Resume, Why: "its audit records are to be delivered", Occasion: "audit/1772366405000", Quiet: true}},
		{name: "a late answer is not on record", run: newRun(phase(aofv1.FlowRunPhaseSucceeded), decided(yes), audited(aofv1.RunAudit{Ended: true})), now: later, since: noon, want: Decision{Action: Resume, Why: "its audit records are to be delivered", Occasion: "audit/1772366405000", Quiet: true}},
		{name: "it waits, and its records are due first", run: newRun(waiting(approval(later)), audited(aofv1.RunAudit{Records: 1, NextTry: micro(noon.Add(time.Minute))})), now: noon, since: noon, want: Decision{Action: Nothing, After: time.Minute}},
		{name: "it waits, and its records are due later", run: newRun(waiting(approval(later)), audited(aofv1.RunAudit{Records: 1, NextTry: micro(later.Add(time.Minute))})), now: noon, since: noon, want: Decision{Action: Nothing, After: time.Hour + slack}},
		{name: "it waits for people, its records for the sink", run: newRun(waiting(aofv1.WaitStatus{Node: "ask", Kind: "Event"}), audited(aofv1.RunAudit{Records: 1, NextTry: micro(later)})), now: later, since: noon, want: Decision{Action: Resume, Why: "its audit records are to be delivered", Occasion: "audit/1772370000000", Quiet: true}},
		{name: "its records have no way to a runner", run: newRun(phase(aofv1.FlowRunPhaseSucceeded), audited(aofv1.RunAudit{Records: 3, Ended: true})), gone: noon, now: later, want: Decision{Action: Nothing}},
		{name: "its binding may come back", run: newRun(), gone: noon, now: noon.Add(time.Minute), want: Decision{Action: Nothing, After: 4 * time.Minute}},
		{name: "its binding is gone", run: newRun(), gone: noon, now: noon.Add(orphaned), want: Decision{Action: Fail, Why: "FlowBinding ns/b is gone, so there is no way to a runner"}},
		{name: "its binding is gone while it waits", run: newRun(waiting(approval(later))), gone: noon, now: noon.Add(orphaned), want: Decision{Action: Fail, Why: "FlowBinding ns/b is gone, so there is no way to a runner"}},
		{name: "its binding is gone, but somebody works on it", run: newRun(running, leased(noon.Add(orphaned))), gone: noon, now: noon.Add(orphaned), want: Decision{Action: Nothing, After: orphaned}},
		{name: "it never had a binding", run: newRun(unbound), gone: noon, now: noon.Add(orphaned), want: Decision{Action: Fail, Why: "the run names no binding, so there is no way to a runner"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			in := Input{Run: tc.run, Bound: tc.gone.IsZero(), Since: tc.since, Unbound: tc.gone, Sent: tc.sent, Now: tc.now, ResendAfter: resendAfter}
			assert.Equal(t, tc.want, Decide(in))
		})
	}
}

func TestPause(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		sent  Sent
		after time.Duration
		want  time.Duration
	}{
		{"first", Sent{Times: 1}, resendAfter, resendAfter},
		{"second", Sent{Times: 2}, resendAfter, 2 * resendAfter},
		{"at most", Sent{Times: 9}, resendAfter, longest},
		{"very often", Sent{Times: 1 << 40}, resendAfter, longest},
		{"a long setting stays", Sent{Times: 3}, time.Hour, time.Hour},
		{"the broker did not take it", Sent{Times: 5, Failed: 1}, resendAfter, failedAfter},
		{"again and again", Sent{Times: 5, Failed: 4}, resendAfter, 8 * time.Second},
	} {
		assert.Equal(t, tc.want, pause(tc.sent, tc.after), tc.name)
	}
}
