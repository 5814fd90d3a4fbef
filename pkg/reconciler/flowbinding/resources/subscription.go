// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	eventingduckv1 "knative.dev/eventing/pkg/apis/duck/v1"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/settings"
)

const (
	// retries with backoffDelay, doubled each time, are about 8.5 minutes.
	retries      = 10
	backoffDelay = "PT0.5S"
	// Grace is longer than an event may be on its way to the plan it was sent to.
	Grace = 15 * time.Minute
	// deliveryMargin is how much longer the broker waits than a request lasts.
	deliveryMargin = 30 * time.Second
	// labelBroker is what Knative sets at admission.
	labelBroker = "eventing.knative.dev/broker"
)

// ErrNotAName says that a name can't stand in an expression.
var ErrNotAName = errors.New("it is no name that an expression may hold")

// nameOfDNS is what names of objects are made of, and nothing with a meaning in
// CESQL: neither quotes nor LIKE's wildcards (% and _).
var nameOfDNS = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`)

// Subscription is what the Knative Trigger of a binding is made from.
type Subscription struct {
	Binding types.NamespacedName
	// Trigger is the AOF Trigger; the Knative Trigger stands in its namespace,
	// where the Broker is.
	Trigger  types.NamespacedName
	Plan     string
	Settings *settings.Settings
}

// MakeSubscription makes the Knative Trigger that sends a binding's events to its
// runner.
func MakeSubscription(s Subscription) (*eventingv1.Trigger, error) {
	expression, err := matchExpression(s.Binding)
	if err != nil {
		return nil, err
	}
	subscriber, err := runnerAt(s.Binding, names.BindingPath(s.Binding.Name, s.Plan))
	if err != nil {
		return nil, err
	}
	deadLetters, err := runnerAt(s.Binding, names.DeadLetterPath(s.Binding.Name, s.Plan))
	if err != nil {
		return nil, err
	}
	// A broker that reads only the older filter sends events that did not match as
	// well; the runner matches again.
	trigger := map[string]string{event.ExtensionTrigger: s.Trigger.Name}
	timeout := fmt.Sprintf("PT%dS", int64((s.Settings.RunnerTimeout+deliveryMargin)/time.Second))
	t := &eventingv1.Trigger{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.Trigger.Namespace, Name: names.KnativeTrigger(s.Binding.Namespace, s.Binding.Name), Labels: managed(),
		},
		Spec: eventingv1.TriggerSpec{
			Broker:     s.Settings.BrokerName,
			Filter:     &eventingv1.TriggerFilter{Attributes: trigger},
			Filters:    []eventingv1.SubscriptionsAPIFilter{{Exact: maps.Clone(trigger)}, {CESQL: expression}},
			Subscriber: *subscriber,
			Delivery: &eventingduckv1.DeliverySpec{
				Retry: ptr.To(int32(retries)), BackoffPolicy: ptr.To(eventingduckv1.BackoffPolicyExponential),
				BackoffDelay: ptr.To(backoffDelay), Timeout: &timeout, DeadLetterSink: deadLetters,
			},
		},
	}
	if len(s.Trigger.Name) <= maxLabelValue {
		t.Labels[names.LabelTrigger] = s.Trigger.Name
	}
	t.Labels[labelBroker] = s.Settings.BrokerName
	mark(t, s.Binding)
	return t, nil
}

// matchExpression lets an event through that nobody matched yet, or that matched
// the binding.
func matchExpression(b types.NamespacedName) (string, error) {
	for _, name := range []string{b.Namespace, b.Name} {
		if !nameOfDNS.MatchString(name) {
			return "", fmt.Errorf("%w: %q", ErrNotAName, name)
		}
	}
	return fmt.Sprintf("NOT EXISTS %[1]s OR %[1]s LIKE '%%|%s|%%'", event.ExtensionMatch, b), nil
}

func runnerAt(b types.NamespacedName, path string) (*duckv1.Destination, error) {
	uri, err := apis.ParseURL(path)
	if err != nil {
		return nil, fmt.Errorf("path of the runner: %w", err)
	}
	apiVersion, kind := ServiceKind.ToAPIVersionAndKind()
	return &duckv1.Destination{
		Ref: &duckv1.KReference{APIVersion: apiVersion, Kind: kind, Namespace: b.Namespace, Name: names.Runner},
		URI: uri,
	}, nil
}

// SameSubscription compares the whole spec, and what we say in metadata.
func SameSubscription(want, have *eventingv1.Trigger) bool {
	return equality.Semantic.DeepEqual(want.Spec, have.Spec) &&
		equality.Semantic.DeepDerivative(want.Labels, have.Labels) && BindingOf(want) == BindingOf(have)
}

// CanUpdateSubscription says whether one can be made of the other: the broker of
// a Knative Trigger stays what it is.
func CanUpdateSubscription(want, have *eventingv1.Trigger) bool {
	return want.Spec.Broker == have.Spec.Broker && equality.Semantic.DeepEqual(want.Spec.BrokerRef, have.Spec.BrokerRef)
}

// UpdatedSubscription is what exists with what we say of it.
func UpdatedSubscription(want, have *eventingv1.Trigger) *eventingv1.Trigger {
	out := have.DeepCopy()
	out.Spec = *want.Spec.DeepCopy()
	if out.Labels == nil {
		out.Labels = map[string]string{}
	}
	if out.Annotations == nil {
		out.Annotations = map[string]string{}
	}
	maps.Copy(out.Labels, want.Labels)
	maps.Copy(out.Annotations, want.Annotations)
	return out
}
