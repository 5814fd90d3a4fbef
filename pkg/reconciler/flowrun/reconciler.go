// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowrun

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"go.uber.org/zap"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	eventinglisters "knative.dev/eventing/pkg/client/listers/eventing/v1"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/reconciler"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	typedaofv1 "aof.dev/operator/pkg/client/clientset/versioned/typed/aof/v1"
	aoflisters "aof.dev/operator/pkg/client/listers/aof/v1"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/settings"
)

// maxEventMessage bounds what a Kubernetes event says of a run.
const maxEventMessage = 256

// Reasons of Kubernetes events about runs, and of a run's failure.
const (
	ReasonWaitingForApproval = "WaitingForApproval"
	ReasonTakenOver          = "TakenOver"
	ReasonResumed            = "Resumed"
	ReasonNoWayToRunner      = "NoWayToRunner"
	ReasonAuditDelayed       = "AuditDelayed"
	ReasonAuditDelivered     = "AuditDelivered"
)

// Resumer sends a resume event to a broker.
type Resumer interface {
	// Resume returns when the broker has the event, or is likely to.
	Resume(ctx context.Context, broker string, e cloudevents.Event) error
}

// Reconciler has runs go on. All fields that are exported must be set, but
// for Limits.
type Reconciler struct {
	Bindings aoflisters.FlowBindingLister
	Brokers  eventinglisters.BrokerLister
	Contexts aoflisters.ContextLister
	// Client is the API server, not a cache.
	Client   typedaofv1.AofV1Interface
	Resumer  Resumer
	Settings func() *settings.Settings
	Clock    clock.PassiveClock
	// Started is when this process began: what is older was told before.
	Started time.Time

	// Limits is where runners keep what limits need; nil when none are kept.
	Limits *Limits

	memory memory
}

// ReconcileKind does for one run what is due, and has itself called again when
// something will be.
func (r *Reconciler) ReconcileKind(ctx context.Context, run *aofv1.FlowRun) reconciler.Event {
	key := types.NamespacedName{Namespace: run.Namespace, Name: run.Name}
	if run.IsDone() {
		if after, err := r.Limits.vacate(ctx, run, r.Clock.Now()); err != nil {
			return err
		} else if after > 0 {
			return controller.NewRequeueAfter(after)
		}
	}
	if _, due := run.AuditDue(); run.IsDone() && !due {
		r.tellAudit(ctx, run, r.memory.ofOld(run))
		r.memory.forget(key)
		return nil
	}
	binding, err := r.binding(run)
	if err != nil {
		return err
	}
	now := r.Clock.Now()
	known := r.memory.of(run, binding != nil, now)
	r.tell(ctx, run, known)
	turn, limited := false, waitsForLimit(run)
	if limited {
		if turn, err = r.Limits.turn(ctx, run, now); err != nil {
			return err
		}
	}
	decision := Decide(Input{
		Run: run, Bound: binding != nil, Since: known.since, Unbound: known.unbound, Sent: known.sent,
		Turn: turn, Now: now, ResendAfter: r.Settings().ResendAfter,
	})
	switch decision.Action {
	case Resume:
		known.sent = r.resume(ctx, run, binding, known.sent, decision)
		return controller.NewRequeueAfter(pause(known.sent, r.Settings().ResendAfter))
	case Cancel:
		return r.end(ctx, run, markCancelled)
	case Fail:
		return r.fail(ctx, run, decision.Why)
	case Nothing:
		if limited && (decision.After <= 0 || decision.After > lookForTurn) {
			decision.After = lookForTurn
		}
		if decision.After > 0 {
			return controller.NewRequeueAfter(decision.After)
		}
	}
	return nil
}

// ObserveDeletion forgets a run that is gone.
func (r *Reconciler) ObserveDeletion(_ context.Context, key types.NamespacedName) error {
	r.memory.forget(key)
	return nil
}

// binding gives the run's binding, nil when there is none.
func (r *Reconciler) binding(run *aofv1.FlowRun) (*aofv1.FlowBinding, error) {
	ref := run.Spec.Binding
	if ref == nil {
		return nil, nil
	}
	key := ref.NamespacedName(run.Namespace)
	binding, err := r.Bindings.FlowBindings(key.Namespace).Get(key.Name)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get FlowBinding %s: %w", key, err)
	}
	return binding, nil
}

// resume sends the run to a runner, and returns what is to be remembered of it. A
// failed attempt is no error of the reconciliation: it has its own pace, and
// people are told of runs that went on, not of those that did not.
func (r *Reconciler) resume(ctx context.Context, run *aofv1.FlowRun, binding *aofv1.FlowBinding, last Sent, d Decision) Sent {
	sent := Sent{Occasion: d.Occasion, Version: run.ResourceVersion, Times: 1, At: r.Clock.Now()}
	if last.Occasion == d.Occasion {
		sent.Times = last.Times + 1
	}
	if err := r.send(ctx, run, binding); err != nil {
		sent.Failed = 1
		if last.Occasion == d.Occasion {
			sent.Failed = last.Failed + 1
		}
		logging.FromContext(ctx).Warnw("A run could not be sent to a runner", zap.String("why", d.Why), zap.Int("attempt", sent.Times), zap.Error(err))
		return sent
	}
	if sent.Times == 1 && !d.Quiet {
		controller.GetEventRecorder(ctx).Eventf(run, corev1.EventTypeNormal, ReasonResumed, "sent to a runner: %s", d.Why)
	}
	return sent
}

var errNotAddressable = errors.New("it has no address yet")

func (r *Reconciler) send(ctx context.Context, run *aofv1.FlowRun, binding *aofv1.FlowBinding) error {
	trigger := binding.Spec.Trigger.NamespacedName(binding.Namespace)
	name := r.Settings().BrokerName
	broker, err := r.Brokers.Brokers(trigger.Namespace).Get(name)
	if err != nil {
		return fmt.Errorf("get Broker %s/%s: %w", trigger.Namespace, name, err)
	}
	if broker.Status.Address == nil || broker.Status.Address.URL == nil {
		return fmt.Errorf("broker %s/%s: %w", trigger.Namespace, name, errNotAddressable)
	}
	return r.Resumer.Resume(ctx, broker.Status.Address.URL.String(), resumeEvent(run, binding, trigger.Name))
}

// resumeEvent is the event that has a runner carry the run on. It says nothing
// but which run that is: the runner reads the rest from the run.
func resumeEvent(run *aofv1.FlowRun, binding *aofv1.FlowBinding, trigger string) cloudevents.Event {
	e := cloudevents.New()
	e.SetType(names.TypeResume)
	e.SetSource("/namespaces/" + run.Namespace + "/flowruns/" + run.Name)
	e.SetID(string(run.UID) + "-" + run.ResourceVersion)
	e.SetExtension(event.ExtensionTrigger, trigger)
	e.SetExtension(event.ExtensionMatch, "|"+binding.Namespace+"/"+binding.Name+"|")
	e.SetExtension(names.ExtensionRun, run.Name)
	return e
}

// fail ends a run that can't be carried out, once the API server says as well
// that its binding is gone.
func (r *Reconciler) fail(ctx context.Context, run *aofv1.FlowRun, why string) error {
	if ref := run.Spec.Binding; ref != nil {
		key := ref.NamespacedName(run.Namespace)
		_, err := r.Client.FlowBindings(key.Namespace).Get(ctx, key.Name, metav1.GetOptions{})
		if err == nil {
			return nil // the cache will know soon, and wake the run
		}
		if !apierrors.IsNotFound(err) {
			return fmt.Errorf("get FlowBinding %s: %w", key, err)
		}
	}
	return r.end(ctx, run, func(run *aofv1.FlowRun) {
		run.Status.MarkFailed(aofv1.RunError{Reason: ReasonNoWayToRunner, Message: why})
	})
}

// tell writes Kubernetes events about what became of a run since it was last
// seen: it asks people for approval, or somebody took it over.
func (r *Reconciler) tell(ctx context.Context, run *aofv1.FlowRun, known *memo) {
	recorder := controller.GetEventRecorder(ctx)
	r.tellAudit(ctx, run, known)
	if n := takeovers(run); n > known.takeovers {
		recorder.Eventf(run, corev1.EventTypeWarning, ReasonTakenOver, "%s took the run over, since the time of its holder was over", run.Status.Lease.Holder)
		known.takeovers = n
	}
	asked := approvals(run)
	key := strings.Join(asked, "\n")
	if key == known.announced {
		return
	}
	known.announced = key
	since := run.Status.GetCondition(aofv1.FlowRunConditionSucceeded)
	if since == nil || since.LastTransitionTime.Inner.Time.Before(r.Started.Truncate(time.Second)) {
		return // from before this process: somebody else told of it
	}
	for _, message := range asked {
		recorder.Event(run, corev1.EventTypeNormal, ReasonWaitingForApproval, message)
	}
}

// tellAudit writes a Kubernetes event when the sink does not take a run's audit
// records, and when it has taken them after all.
func (r *Reconciler) tellAudit(ctx context.Context, run *aofv1.FlowRun, known *memo) {
	a := run.Status.Audit
	failing := a != nil && a.LastError != ""
	if known == nil || failing == known.undelivered {
		return
	}
	known.undelivered = failing
	if failing {
		controller.GetEventRecorder(ctx).Eventf(run, corev1.EventTypeWarning, ReasonAuditDelayed,
			"%d audit records are kept until their sink takes them: %s", a.Undelivered(), bounded(a.LastError, maxEventMessage))
		return
	}
	controller.GetEventRecorder(ctx).Event(run, corev1.EventTypeNormal, ReasonAuditDelivered, "the sink has taken the audit records")
}

// approvals are what a run asks people for.
func approvals(run *aofv1.FlowRun) []string {
	if run.Status.Phase != aofv1.FlowRunPhaseWaiting {
		return nil
	}
	var out []string
	for _, w := range run.Status.Waiting {
		if w.Kind == "Approval" {
			out = append(out, bounded("node "+w.Node+" asks: "+w.Message, maxEventMessage))
		}
	}
	return out
}

// bounded cuts a text to at most n bytes, at the end of a character.
func bounded(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
