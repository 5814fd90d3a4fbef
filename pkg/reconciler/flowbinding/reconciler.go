// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowbinding

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	rbaclisters "k8s.io/client-go/listers/rbac/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	eventingclient "knative.dev/eventing/pkg/client/clientset/versioned"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/reconciler"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	aoflisters "aof.dev/operator/pkg/client/listers/aof/v1"
	"aof.dev/operator/pkg/reconciler/token"
	"aof.dev/operator/pkg/settings"
)

// deadline bounds one look at a binding, so that an API server that hangs does
// not hold a worker for ever.
const deadline = 30 * time.Second

// Tracker is told who looks at which object.
type Tracker interface {
	Track(observer types.NamespacedName, kind string, object types.NamespacedName)
}

// Indexed finds objects by an index of its own.
type Indexed interface {
	ByIndex(index, value string) ([]any, error)
}

// Tokens keeps the runners' API tokens.
type Tokens interface {
	Ensure(ctx context.Context, r token.Request) (time.Duration, error)
}

// Reconciler brings FlowBindings about.
type Reconciler struct {
	Kube     kubernetes.Interface
	Eventing eventingclient.Interface
	Dynamic  dynamic.Interface
	Tokens   Tokens
	Tracker  Tracker
	Clock    clock.PassiveClock
	// Image is what runners are made of.
	Image string
	// Settings gives those in force.
	Settings func() *settings.Settings

	Bindings aoflisters.FlowBindingLister
	Triggers aoflisters.TriggerLister
	Contexts aoflisters.ContextLister
	Flows    aoflisters.AgentFlowLister
	Agents   aoflisters.AgentLister
	Fleets   aoflisters.AgentFleetLister

	ConfigMaps      corelisters.ConfigMapLister
	ServiceAccounts corelisters.ServiceAccountLister
	Roles           rbaclisters.RoleLister
	RoleBindings    rbaclisters.RoleBindingLister
	// TokenSecrets holds the Secrets called names.RunnerToken, Credentials those
	// called names.Credentials, without their values.
	TokenSecrets corelisters.SecretLister
	Credentials  corelisters.SecretLister
	Services     cache.GenericLister

	// Plans is indexed by IndexPlans, Subscriptions by IndexSubscriptions and Runs
	// by IndexRuns.
	Plans, Subscriptions, Runs Indexed

	arrivals arrivals
}

var (
	_ reconciler.OnDeletionInterface = (*Reconciler)(nil)
	_ Tokens                         = (*token.Keeper)(nil)
)

// ReconcileKind makes the world as the binding wants it, and says in its status
// how it is.
func (r *Reconciler) ReconcileKind(ctx context.Context, b *aofv1.FlowBinding) reconciler.Event {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	before := b.Status.Phase

	in, err := r.gather(ctx, b)
	if err != nil {
		return err
	}
	d := Decide(in)
	reportReferences(&b.Status, in, d)
	for _, phase := range []func(context.Context, *aofv1.FlowBinding, *Input, *Decision) error{
		r.reconcilePlan, r.reconcileRunner, r.reconcileLimits, r.reconcileSubscription, r.reconcileOldPlans,
	} {
		if err := phase(ctx, b, in, d); err != nil {
			return err
		}
	}
	reportCounts(&b.Status, in, d)
	b.Status.Plan = d.Plan
	tell(ctx, b, before)
	if d.Again > 0 {
		return controller.NewRequeueAfter(d.Again)
	}
	return nil
}

// FinalizeKind takes away what nothing else would: what stands in the trigger's
// namespace, what the bindings of a namespace share when this is the last of
// them, and the plans that no run needs any more.
func (r *Reconciler) FinalizeKind(ctx context.Context, b *aofv1.FlowBinding) reconciler.Event {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	key := types.NamespacedName{Namespace: b.Namespace, Name: b.Name}
	if err := r.removeSubscriptions(ctx, key, b.Spec.Trigger.NamespacedName(b.Namespace).Namespace); err != nil {
		return err
	}
	if err := r.releaseQuota(ctx, b); err != nil {
		return err
	}
	last, err := r.isLast(b)
	if err != nil {
		return err
	}
	if last {
		if err := r.removeRunner(ctx, b.Namespace); err != nil {
			return err
		}
	}
	return r.removePlans(ctx, key)
}

// ObserveDeletion takes away what is left of a binding that is gone: plans that
// were needed until now, and what was still being made when it went.
func (r *Reconciler) ObserveDeletion(ctx context.Context, key types.NamespacedName) error {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	if err := r.removeSubscriptions(ctx, key, ""); err != nil {
		return err
	}
	return r.removePlans(ctx, key)
}

// tell writes a Kubernetes event when the binding's phase has become one that
// people ask about.
func tell(ctx context.Context, b *aofv1.FlowBinding, before aofv1.FlowBindingPhase) {
	recorder := controller.GetEventRecorder(ctx)
	if b.Status.Phase == before || recorder == nil {
		return
	}
	switch b.Status.Phase {
	case aofv1.FlowBindingPhaseBound:
		recorder.Eventf(b, corev1.EventTypeNormal, string(b.Status.Phase), "events of trigger %s run flow %s", b.Spec.Trigger, b.Spec.Flow)
	case aofv1.FlowBindingPhaseFailed:
		recorder.Event(b, corev1.EventTypeWarning, string(b.Status.Phase), b.Status.GetCondition(aofv1.FlowBindingConditionReady).GetMessage())
	case aofv1.FlowBindingPhaseSuspended:
		recorder.Event(b, corev1.EventTypeNormal, string(b.Status.Phase), "no event starts a run until spec.enabled is true")
	case aofv1.FlowBindingPhasePending:
	}
}
