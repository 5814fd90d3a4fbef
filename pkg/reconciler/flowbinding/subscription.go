// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowbinding

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/pkg/apis"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/reconciler/flowbinding/resources"
)

// reconcileSubscription sees to it that the binding has the one Knative Trigger it
// should have, or none.
func (r *Reconciler) reconcileSubscription(ctx context.Context, b *aofv1.FlowBinding, in *Input, d *Decision) error {
	var want *eventingv1.Trigger
	if d.Subscribe {
		var err error
		want, err = resources.MakeSubscription(resources.Subscription{
			Binding: in.Key, Trigger: b.Spec.Trigger.NamespacedName(b.Namespace), Plan: d.Plan, Settings: in.Settings,
		})
		if err != nil {
			_ = b.Status.MarkSubscribedFailed(aofv1.ReasonCannotCompile, err)
		}
	}
	have, err := r.removeOthers(ctx, in, want)
	if err != nil {
		return err
	}
	if want == nil {
		r.reportUnsubscribed(b, d)
		return nil
	}
	got, err := ensure(ctx, child[*eventingv1.Trigger]{
		kind: "Knative Trigger", store: r.Eventing.EventingV1().Triggers(want.Namespace), want: want, have: have, found: have != nil,
		same: resources.SameSubscription, merged: resources.UpdatedSubscription,
	})
	if reason, ok := d.settled(err); ok {
		_ = b.Status.MarkSubscribedFailed(reason, err)
		return nil
	}
	if err != nil {
		return err
	}
	b.Status.PropagateSubscription(subscribed(got))
	return nil
}

func (r *Reconciler) reportUnsubscribed(b *aofv1.FlowBinding, d *Decision) {
	switch {
	case !b.IsEnabled():
		b.Status.MarkNotSubscribed(aofv1.ReasonSuspended, "spec.enabled is false")
	case d.Subscribe: // and it could not be made, which is said already
	default:
		b.Status.MarkNotSubscribed(aofv1.ReasonNotBound, "the binding is not bound, or has no runner")
	}
}

// awaited are the conditions of a Knative Trigger about what comes up by itself:
// the Broker, and the runner, whose own failures the binding shows as the
// runner's. Until they are there Knative says False, but nothing has failed.
var awaited = []apis.ConditionType{
	eventingv1.TriggerConditionBroker, eventingv1.TriggerConditionSubscriberResolved, eventingv1.TriggerConditionDeadLetterSinkResolved,
}

// subscribed is the condition Ready of a Knative Trigger, if it is about the
// Trigger as it is now.
func subscribed(t *eventingv1.Trigger) *apis.Condition {
	if t.Generation != t.Status.ObservedGeneration {
		return &apis.Condition{Status: corev1.ConditionUnknown, Reason: "Subscribing", Message: "its newest form is being brought about"}
	}
	ready := t.Status.GetTopLevelCondition()
	if !ready.IsFalse() {
		return ready
	}
	for _, condition := range awaited {
		if t.Status.GetCondition(condition).IsFalse() {
			return &apis.Condition{Status: corev1.ConditionUnknown, Reason: ready.Reason, Message: ready.Message}
		}
	}
	return ready
}

// removeOthers deletes the binding's Knative Triggers that are not in the place of
// want, or can't become it, and gives the one that is and can.
func (r *Reconciler) removeOthers(ctx context.Context, in *Input, want *eventingv1.Trigger) (*eventingv1.Trigger, error) {
	var have *eventingv1.Trigger
	for _, t := range in.Subscriptions {
		if want != nil && t.Namespace == want.Namespace && t.Name == want.Name && resources.CanUpdateSubscription(want, t) {
			have = t
			continue
		}
		if err := r.removeSubscription(ctx, in.Key, t.Namespace, t.Name); err != nil {
			return nil, err
		}
	}
	return have, nil
}

// removeSubscriptions deletes every Knative Trigger of the binding that is known,
// and the one that may stand in namespace without being known yet.
func (r *Reconciler) removeSubscriptions(ctx context.Context, binding types.NamespacedName, namespace string) error {
	known, err := r.subscriptions(binding)
	if err != nil {
		return err
	}
	name := names.KnativeTrigger(binding.Namespace, binding.Name)
	places := map[types.NamespacedName]bool{}
	if namespace != "" {
		places[types.NamespacedName{Namespace: namespace, Name: name}] = true
	}
	for _, t := range known {
		places[types.NamespacedName{Namespace: t.Namespace, Name: t.Name}] = true
	}
	for place := range places {
		if err := r.removeSubscription(ctx, binding, place.Namespace, place.Name); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reconciler) removeSubscription(ctx context.Context, binding types.NamespacedName, namespace, name string) error {
	ours := func(t *eventingv1.Trigger) bool { return resources.IsManaged(t) && resources.BindingOf(t) == binding }
	return remove(ctx, r.Eventing.EventingV1().Triggers(namespace), "Knative Trigger", namespace, name, ours)
}

// isLast says whether no other binding of the namespace stays.
func (r *Reconciler) isLast(b *aofv1.FlowBinding) (bool, error) {
	others, err := r.Bindings.FlowBindings(b.Namespace).List(everything)
	if err != nil {
		return false, fmt.Errorf("list the bindings of namespace %s: %w", b.Namespace, err)
	}
	for _, other := range others {
		if other.Name != b.Name && other.DeletionTimestamp == nil {
			return false, nil
		}
	}
	return true, nil
}
