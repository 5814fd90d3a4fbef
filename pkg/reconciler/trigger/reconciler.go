// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	rbaclisters "k8s.io/client-go/listers/rbac/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	"k8s.io/utils/lru"
	eventingclient "knative.dev/eventing/pkg/client/clientset/versioned"
	eventinglisters "knative.dev/eventing/pkg/client/listers/eventing/v1"
	sourceslisters "knative.dev/eventing/pkg/client/listers/sources/v1"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/reconciler"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	aoflisters "aof.dev/operator/pkg/client/listers/aof/v1"
	"aof.dev/operator/pkg/reconciler/counted"
	"aof.dev/operator/pkg/reconciler/edge"
	"aof.dev/operator/pkg/route"
	"aof.dev/operator/pkg/settings"
)

// IndexTrigger is the index of FlowBindings by the namespace and name of their
// Trigger.
const IndexTrigger = "trigger-of-binding"

// Indexers of FlowBindings that a Reconciler needs.
func Indexers() cache.Indexers {
	return cache.Indexers{IndexTrigger: func(obj any) ([]string, error) {
		if b, ok := obj.(*aofv1.FlowBinding); ok {
			return []string{triggerOf(b).String()}, nil
		}
		return nil, nil
	}}
}

// IndexAsking is the index of FlowRuns that wait for what people do with a message,
// by the namespace and name of their Trigger.
const IndexAsking = "trigger-of-asking-run"

// RunIndexers of FlowRuns that a Reconciler needs.
func RunIndexers() cache.Indexers {
	return cache.Indexers{IndexAsking: func(obj any) ([]string, error) {
		if run, ok := obj.(*aofv1.FlowRun); ok && run.Spec.Trigger != nil && len(route.QuestionsOf(run)) > 0 {
			return []string{run.Spec.Trigger.NamespacedName(run.Namespace).String()}, nil
		}
		return nil, nil
	}}
}

func triggerOf(b *aofv1.FlowBinding) types.NamespacedName {
	return b.Spec.Trigger.NamespacedName(b.Namespace)
}

// Tracker wakes an observer when what it looks at changes.
type Tracker interface {
	Track(observer types.NamespacedName, kind string, object types.NamespacedName)
}

// Dependencies are what a Reconciler works with; all but Clock must be set.
type Dependencies struct {
	Kube     kubernetes.Interface
	Eventing eventingclient.Interface

	Triggers aoflisters.TriggerLister
	// Bindings is the cache of FlowBindings, with Indexers.
	Bindings cache.Indexer
	// Runs is the cache of FlowRuns, with RunIndexers.
	Runs         cache.Indexer
	Brokers      eventinglisters.BrokerLister
	PingSources  sourceslisters.PingSourceLister
	ConfigMaps   corelisters.ConfigMapLister
	Secrets      corelisters.SecretLister
	Roles        rbaclisters.RoleLister
	RoleBindings rbaclisters.RoleBindingLister
	// Services are the Knative Services of the operator's namespace.
	Services cache.GenericLister

	// Clock is the real one if it is not set.
	Clock    clock.PassiveClock
	Tracker  Tracker
	Settings func() *settings.Settings
	// System is the operator's namespace.
	System string
}

// Reconciler reconciles AOF Triggers.
type Reconciler struct {
	Dependencies

	// entries are the entries of route tables that plans made, by the plan's UID
	// and version.
	entries *lru.Cache
	tables  tables
	// swept says that nothing of the adapter's rights is left to take back but
	// what the route tables say.
	swept atomic.Bool
}

// rememberedPlans bounds how many plans are not read twice.
const rememberedPlans = 20000

// New makes a Reconciler.
func New(d Dependencies) *Reconciler {
	if d.Clock == nil {
		d.Clock = clock.RealClock{}
	}
	return &Reconciler{Dependencies: d, entries: lru.New(rememberedPlans)}
}

// ReconcileKind brings about what the Trigger needs and says how it stands.
func (r *Reconciler) ReconcileKind(ctx context.Context, t *aofv1.Trigger) reconciler.Event {
	before := t.Status.GetCondition(aofv1.TriggerConditionReady)
	in, err := r.gather(ctx, t)
	if err != nil {
		return err
	}
	d := Decide(in)
	err = r.apply(ctx, in, d)
	d.report(&t.Status, err)
	edge.Tell(ctx, t, before, t.Status.GetCondition(aofv1.TriggerConditionReady))
	if err := errors.Join(err, r.count(t)); err != nil || d.again == 0 {
		return err
	}
	return controller.NewRequeueAfter(d.again)
}

// FinalizeKind removes what no owner reference can: what crosses namespaces and
// what Triggers share.
func (r *Reconciler) FinalizeKind(ctx context.Context, t *aofv1.Trigger) reconciler.Event {
	table, err := r.routes(t)
	if err != nil {
		return err
	}
	touched := namespacesOf(table)
	touched[t.Namespace] = true
	if err := r.sweepAccess(ctx, touched); err != nil {
		return err
	}
	if err := r.pruneBroker(ctx, t); err != nil {
		return err
	}
	r.tables.forget(keyOf(t))
	return nil
}

// count shows the events that the adapter counted. A document that can't be read
// leaves the counts as they are: the adapter writes it anew.
func (r *Reconciler) count(t *aofv1.Trigger) error {
	events, err := counted.Events(r.ConfigMaps, t.Namespace, t.Name)
	if err != nil {
		return fmt.Errorf("count events: %w", err)
	}
	events.Trigger(&t.Status)
	return nil
}

// report says in the status what was decided, and what came of it.
func (d *Decision) report(s *aofv1.TriggerStatus, applied error) {
	s.WebhookEndpoint = d.Endpoint
	d.reportBroker(s)
	if d.credentials.status == corev1.ConditionTrue {
		s.MarkCredentialsAvailable()
	} else {
		_ = s.MarkCredentialsMissing(errors.New(d.credentials.message))
	}
	if d.configuration.status == corev1.ConditionTrue {
		s.MarkConfigurationValid()
	} else {
		_ = s.MarkConfigurationInvalid(d.configuration.reason, errors.New(d.configuration.message))
	}
	connected := d.connected
	if applied != nil {
		_ = s.MarkRouteFailed(aofv1.ReasonRouteFailed, applied)
		if connected.status == corev1.ConditionTrue {
			connected = unknown(aofv1.ReasonRouteFailed, "%s", applied.Error())
		}
	} else {
		s.MarkRouteReady(fmt.Sprintf("%d bindings", d.routed))
	}
	switch connected.status {
	case corev1.ConditionTrue:
		s.MarkConnected()
	case corev1.ConditionFalse:
		_ = s.MarkConnectedFailed(connected.reason, errors.New(connected.message))
	default:
		s.MarkConnecting(connected.reason, connected.message)
	}
}

func (d *Decision) reportBroker(s *aofv1.TriggerStatus) {
	switch d.broker.status {
	case corev1.ConditionTrue:
		s.MarkBrokerReady()
	case corev1.ConditionFalse:
		_ = s.MarkBrokerFailed(d.broker.reason, errors.New(d.broker.message))
	default:
		s.MarkBrokerNotReady(d.broker.reason, d.broker.message)
	}
	switch d.durable.status {
	case corev1.ConditionTrue:
		s.MarkBrokerDurable(d.durable.message)
	case corev1.ConditionFalse:
		s.MarkBrokerNotDurable(d.durable.reason, d.durable.message)
	default:
		s.MarkBrokerDurableUnknown(d.durable.reason, d.durable.message)
	}
}
