// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowrun

import (
	"context"
	"errors"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgotesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/record"
	clocktesting "k8s.io/utils/clock/testing"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/controller"
	logtesting "knative.dev/pkg/logging/testing"
	rtesting "knative.dev/pkg/reconciler/testing"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	fakeaof "aof.dev/operator/pkg/client/clientset/versioned/fake"
	fakeaofclient "aof.dev/operator/pkg/client/injection/client/fake"
	flowrunreconciler "aof.dev/operator/pkg/client/injection/reconciler/aof/v1/flowrun"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/names"
	reconcilertesting "aof.dev/operator/pkg/reconciler/testing"
	"aof.dev/operator/pkg/settings"
)

// fakeResumer notes what is sent.
type fakeResumer struct {
	err     error
	brokers []string
	events  []cloudevents.Event
}

func (f *fakeResumer) Resume(_ context.Context, broker string, e cloudevents.Event) error {
	f.brokers, f.events = append(f.brokers, broker), append(f.events, e)
	return f.err
}

// bench is a reconciler over lists.
type bench struct {
	*Reconciler
	resumer *fakeResumer
	clock   *clocktesting.FakePassiveClock
	events  *record.FakeRecorder
	client  *fakeaof.Clientset
}

func newBench(t *testing.T, objects ...runtime.Object) (*bench, context.Context) {
	t.Helper()
	l := reconcilertesting.NewListers(objects)
	b := &bench{resumer: &fakeResumer{}, clock: clocktesting.NewFakePassiveClock(noon), events: record.NewFakeRecorder(20)}
	b.client = fakeaof.NewSimpleClientset(l.AOFObjects()...)
	b.Reconciler = newReconciler(l, b.client, b.resumer, b.clock)
	return b, controller.WithEventRecorder(logtesting.TestContextWithLogger(t), b.events)
}

func newReconciler(l *reconcilertesting.Listers, client *fakeaof.Clientset, resumer Resumer, clk *clocktesting.FakePassiveClock) *Reconciler {
	return &Reconciler{
		Bindings: l.FlowBindings(), Brokers: l.Brokers(), Contexts: l.Contexts(), Client: client.AofV1(), Resumer: resumer,
		Settings: settings.Default, Clock: clk, Started: noon.Add(-time.Minute),
	}
}

// told are the Kubernetes events since the last call.
func (b *bench) told() (events []string) {
	for len(b.events.Events) > 0 {
		events = append(events, <-b.events.Events)
	}
	return events
}

// after is the delay after which the reconciler wants to be called again.
func after(t *testing.T, err error) time.Duration {
	t.Helper()
	requeue, d := controller.IsRequeueKey(err)
	require.True(t, requeue, "%v", err)
	return d
}

func binding() *aofv1.FlowBinding {
	return &aofv1.FlowBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "b"},
		Spec:       aofv1.FlowBindingSpec{Trigger: aofv1.ObjectReference{Namespace: "triggers", Name: "slack"}},
	}
}

func aBroker() *eventingv1.Broker {
	b := &eventingv1.Broker{ObjectMeta: metav1.ObjectMeta{Namespace: "triggers", Name: "default"}}
	b.Status.Address = &duckv1.Addressable{URL: apis.HTTP("broker.example")}
	return b
}

func TestReconcileKind(t *testing.T) {
	t.Parallel()
	resumer := &fakeResumer{}
	construct := func(ctx context.Context, l *reconcilertesting.Listers) controller.Reconciler {
		client := fakeaofclient.Get(ctx)
		r := newReconciler(l, client, resumer, clocktesting.NewFakePassiveClock(noon))
		return flowrunreconciler.NewReconciler(ctx, logtesting.TestLogger(t), client, l.FlowRuns(), controller.GetEventRecorder(ctx), r, controller.Options{SkipStatusUpdates: true})
	}
	cancelledRun := newRun(running, leased(noon.Add(time.Minute)), cancelled)
	cancelledAfter := cancelledRun.DeepCopy()
	cancelledAfter.Status.InitializeConditions()
	cancelledAfter.Status.MarkCancelled("cancelled by ann: a mistake")
	cancelledAfter.Status.Lease, cancelledAfter.Status.CompletionTime, cancelledAfter.Status.Duration = nil, micro(noon), "0s"

	rows := append(rtesting.TableTest{}, reconcilertesting.CommonRows(newRun(cancelled))...)
	rows = append(rows, rtesting.TableTest{{
		Name: "a run that is over needs nothing", Key: "ns/r",
		Objects: []runtime.Object{newRun(phase(aofv1.FlowRunPhaseSucceeded), cancelled)},
	}, {
		Name: "a new run needs nothing yet", Key: "ns/r", WantErr: true, // the requeue
		Objects: []runtime.Object{newRun(), binding(), aBroker()},
	}, {
		Name: "a run that waits for people needs nothing", Key: "ns/r",
		Objects: []runtime.Object{newRun(waiting(aofv1.WaitStatus{Node: "n", Kind: "Event"})), binding(), aBroker()},
	}, {
		Name: "a run that somebody gave up is sent", Key: "ns/r", WantErr: true, // the requeue
		Objects:    []runtime.Object{newRun(running, leased(noon.Add(-time.Minute))), binding(), aBroker()},
		WantEvents: []string{rtesting.Eventf(corev1.EventTypeNormal, "Resumed", "sent to a runner: its holder's time is over")},
	}, {
		Name: "a run that is to be cancelled is, whoever holds it", Key: "ns/r",
		Objects:     []runtime.Object{cancelledRun},
		WantUpdates: []clientgotesting.UpdateActionImpl{{Object: cancelledAfter}},
	}, {
		Name: "a cancellation that meets another write is tried again", Key: "ns/r", WantErr: true,
		Objects:      []runtime.Object{cancelledRun},
		WithReactors: []clientgotesting.ReactionFunc{reconcilertesting.Conflict("flowruns")},
		WantUpdates:  []clientgotesting.UpdateActionImpl{{Object: cancelledAfter}},
	}, {
		Name: "a cancellation of a run that can't be read is tried again", Key: "ns/r", WantErr: true,
		Objects:      []runtime.Object{cancelledRun},
		WithReactors: []clientgotesting.ReactionFunc{reconcilertesting.Fail("get", "flowruns")},
		WantEvents:   []string{rtesting.Eventf(corev1.EventTypeWarning, "InternalError", "read run: inducing failure for get flowruns")},
	}}...)
	rows.Test(t, reconcilertesting.Factory(construct))
	assert.Len(t, resumer.events, 1)
}

func TestWhatIsSent(t *testing.T) {
	t.Parallel()
	run := newRun(running, leased(noon.Add(-time.Minute)))
	b, ctx := newBench(t, run, binding(), aBroker())
	assert.Equal(t, resendAfter, after(t, b.ReconcileKind(ctx, run)))
	require.Len(t, b.resumer.events, 1)
	assert.Equal(t, []string{"http://broker.example"}, b.resumer.brokers)
	e := b.resumer.events[0]
	require.NoError(t, e.Validate())
	assert.Equal(t, names.TypeResume, e.Type())
	assert.Equal(t, "uid-r-7", e.ID())
	assert.Equal(t, "/namespaces/ns/flowruns/r", e.Source())
	assert.Equal(t, map[string]any{event.ExtensionTrigger: "slack", event.ExtensionMatch: "|ns/b|", names.ExtensionRun: "r"}, e.Extensions())
	assert.Empty(t, e.Data())
}

func TestARunIsSentAgainUntilItMoves(t *testing.T) {
	t.Parallel()
	run := newRun(running, leased(noon.Add(-time.Minute)))
	b, ctx := newBench(t, run, binding(), aBroker())
	for i, want := range []time.Duration{resendAfter, 2 * resendAfter, 4 * resendAfter, 8 * resendAfter, longest} {
		wait := after(t, b.ReconcileKind(ctx, run))
		assert.Equal(t, want, wait)
		require.Len(t, b.resumer.events, i+1)
		assert.Equal(t, wait, after(t, b.ReconcileKind(ctx, run)), "nothing is sent before its time")
		require.Len(t, b.resumer.events, i+1)
		b.clock.SetTime(b.clock.Now().Add(wait))
	}
	assert.Equal(t, []string{"Normal Resumed sent to a runner: its holder's time is over"}, b.told(), "once")

	run.ResourceVersion, run.Status.Lease.ExpiresAt = "8", micro(b.clock.Now().Add(resendAfter))
	assert.Equal(t, resendAfter+slack, after(t, b.ReconcileKind(ctx, run)))
	b.clock.SetTime(b.clock.Now().Add(resendAfter + slack))
	assert.Equal(t, resendAfter, after(t, b.ReconcileKind(ctx, run)), "another occasion, another count")
}

func TestABrokerThatDoesNotTakeTheEvent(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		objects []runtime.Object
		err     error
	}{
		{name: "there is none"},
		{name: "it has no address", objects: []runtime.Object{&eventingv1.Broker{ObjectMeta: metav1.ObjectMeta{Namespace: "triggers", Name: "default"}}}},
		{name: "it refuses", objects: []runtime.Object{aBroker()}, err: errors.New("503")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			run := newRun(running, leased(noon.Add(-time.Minute)))
			b, ctx := newBench(t, append(tc.objects, run, binding())...)
			b.resumer.err = tc.err
			assert.Equal(t, failedAfter, after(t, b.ReconcileKind(ctx, run)))
			b.clock.SetTime(noon.Add(failedAfter))
			assert.Equal(t, 2*failedAfter, after(t, b.ReconcileKind(ctx, run)))
			assert.Empty(t, b.told())
		})
	}
}

func TestARunWithoutItsBindingFailsAfterAWhile(t *testing.T) {
	t.Parallel()
	run := newRun(waiting(approval(noon.Add(time.Hour))))
	run.Status.Nodes = []aofv1.NodeStatus{{ID: "done", Phase: aofv1.NodePhaseSucceeded}, {ID: "ask", Phase: aofv1.NodePhaseWaiting}, {ID: "work", Phase: aofv1.NodePhaseRunning}}
	b, ctx := newBench(t, run)
	assert.Equal(t, orphaned, after(t, b.ReconcileKind(ctx, run)))
	b.clock.SetTime(noon.Add(orphaned))
	require.NoError(t, b.ReconcileKind(ctx, run))
	got, err := b.client.AofV1().FlowRuns("ns").Get(ctx, "r", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, aofv1.FlowRunPhaseFailed, got.Status.Phase)
	assert.Equal(t, &aofv1.RunError{Reason: ReasonNoWayToRunner, Message: "FlowBinding ns/b is gone, so there is no way to a runner"}, got.Status.Error)
	assert.Empty(t, got.Status.Waiting)
	assert.Equal(t, "5m0s", got.Status.Duration)
	assert.Equal(t, []aofv1.NodePhase{aofv1.NodePhaseSucceeded, aofv1.NodePhaseSkipped, aofv1.NodePhaseSkipped},
		[]aofv1.NodePhase{got.Status.Nodes[0].Phase, got.Status.Nodes[1].Phase, got.Status.Nodes[2].Phase})
	assert.Contains(t, got.Status.Nodes[2].Error.Message, "unknown whether it took effect")
}

func TestABindingThatTheCacheDoesNotHaveYet(t *testing.T) {
	t.Parallel()
	run := newRun()
	b, ctx := newBench(t, run)
	require.NoError(t, b.client.Tracker().Add(binding()))
	_ = after(t, b.ReconcileKind(ctx, run))
	b.clock.SetTime(noon.Add(orphaned))
	require.NoError(t, b.ReconcileKind(ctx, run))
	got, err := b.client.AofV1().FlowRuns("ns").Get(ctx, "r", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Empty(t, got.Status.Phase)
}

func TestEndLeavesARunThatIsOver(t *testing.T) {
	t.Parallel()
	b, ctx := newBench(t, newRun(phase(aofv1.FlowRunPhaseSucceeded)))
	require.NoError(t, b.ReconcileKind(ctx, newRun(running, cancelled)), "the cache is behind")
	for _, action := range b.client.Actions() {
		assert.Equal(t, "get", action.GetVerb())
	}
}

func TestPeopleAreToldOnce(t *testing.T) {
	t.Parallel()
	run := newRun(waiting(approval(noon.Add(time.Hour)), aofv1.WaitStatus{Node: "w", Kind: "Timer"}))
	run.Status.InitializeConditions()
	run.Status.MarkWaiting("")
	run.Status.Waiting = []aofv1.WaitStatus{approval(noon.Add(time.Hour))}
	run.Status.Conditions[0].LastTransitionTime = apis.VolatileTime{Inner: metav1.NewTime(noon)}
	b, ctx := newBench(t, run, binding(), aBroker())
	_ = b.ReconcileKind(ctx, run)
	_ = b.ReconcileKind(ctx, run)
	assert.Equal(t, []string{"Normal WaitingForApproval node ask asks: Restart?"}, b.told())

	b, ctx = newBench(t, run, binding(), aBroker())
	b.Started = noon.Add(time.Minute)
	_ = b.ReconcileKind(ctx, run)
	assert.Empty(t, b.told(), "a process that began later knows that it was told before")
}

func TestATakeoverIsTold(t *testing.T) {
	t.Parallel()
	run := newRun(running, leased(noon.Add(time.Minute)))
	b, ctx := newBench(t, run, binding(), aBroker())
	_ = b.ReconcileKind(ctx, run)
	assert.Empty(t, b.told())
	run.Status.Lease.Takeovers, run.Status.Lease.Holder = 1, "runner-2"
	_ = b.ReconcileKind(ctx, run)
	_ = b.ReconcileKind(ctx, run)
	assert.Equal(t, []string{"Warning TakenOver runner-2 took the run over, since the time of its holder was over"}, b.told())
}

func TestWhatIsOverIsForgotten(t *testing.T) {
	t.Parallel()
	run := newRun()
	b, ctx := newBench(t, run, binding(), aBroker())
	_ = b.ReconcileKind(ctx, run)
	require.Len(t, b.memory.memos, 1)
	require.NoError(t, b.ReconcileKind(ctx, newRun(phase(aofv1.FlowRunPhaseFailed))))
	assert.Empty(t, b.memory.memos)
	_ = b.ReconcileKind(ctx, run)
	require.NoError(t, b.ObserveDeletion(ctx, types.NamespacedName{Namespace: "ns", Name: "r"}))
	assert.Empty(t, b.memory.memos)
}

func TestASinkThatFailsIsToldOnceAndWhenItRecovers(t *testing.T) {
	t.Parallel()
	run := newRun(phase(aofv1.FlowRunPhaseSucceeded), audited(aofv1.RunAudit{Records: 5, Delivered: 2, Ended: true, Failures: 1, LastError: "the webhook answered 503", NextTry: micro(noon)}))
	b, ctx := newBench(t, run, binding(), aBroker())
	_ = b.ReconcileKind(ctx, run)
	b.clock.SetTime(noon.Add(released))
	_ = b.ReconcileKind(ctx, run)
	assert.Len(t, b.resumer.events, 1)
	assert.Equal(t, []string{"Warning AuditDelayed 3 audit records are kept until their sink takes them: the webhook answered 503"}, b.told(), "sending it is no news")
	run.Status.Audit, run.ResourceVersion = &aofv1.RunAudit{Records: 5, Delivered: 5, Ended: true}, "8"
	require.NoError(t, b.ReconcileKind(ctx, run))
	require.NoError(t, b.ReconcileKind(ctx, run))
	assert.Equal(t, []string{"Normal AuditDelivered the sink has taken the audit records"}, b.told())
	assert.Empty(t, b.memory.memos)
}

func TestTheEndOfARunThatNobodyBeganIsPutOnRecord(t *testing.T) {
	t.Parallel()
	yes := true
	for _, tc := range []struct {
		name  string
		audit *aofv1.ContextAudit
		run   *aofv1.FlowRun
		want  *aofv1.RunAudit
	}{
		{"its Context asks for an audit", &aofv1.ContextAudit{Enabled: &yes}, newRun(cancelled), &aofv1.RunAudit{}},
		{"its Context asks for none", &aofv1.ContextAudit{}, newRun(cancelled), nil},
		{"its runner knew of none", &aofv1.ContextAudit{Enabled: &yes}, newRun(running, cancelled), nil},
		{"its runner has begun the audit", nil, newRun(running, cancelled, audited(aofv1.RunAudit{Records: 2})), &aofv1.RunAudit{Records: 2}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.run.Spec.Context = &aofv1.ObjectReference{Name: "prod"}
			c := &aofv1.Context{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "prod"}, Spec: aofv1.ContextSpec{Audit: tc.audit}}
			b, ctx := newBench(t, tc.run, c)
			require.NoError(t, b.ReconcileKind(ctx, tc.run))
			got, err := b.client.AofV1().FlowRuns("ns").Get(ctx, "r", metav1.GetOptions{})
			require.NoError(t, err)
			assert.Equal(t, aofv1.FlowRunPhaseCancelled, got.Status.Phase)
			assert.Equal(t, tc.want, got.Status.Audit)
		})
	}
}
