// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowbinding

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/reconciler/flowbinding/resources"
)

// Indexes by which a reconciliation finds what it needs without looking at all
// there is, so that it takes no longer among ten thousand bindings than alone.
const (
	// IndexPlans finds the ConfigMaps with the plans of a binding, by namespace/name.
	IndexPlans = "flowbinding/plans"
	// IndexSubscriptions finds the Knative Triggers of a binding, by namespace/name.
	IndexSubscriptions = "flowbinding/subscriptions"
	// IndexRuns finds the runs that are not over and are pinned to a plan, by the
	// plan's namespace/name.
	IndexRuns = "flowbinding/runs"
	// IndexRetries finds in the same way the runs that failed or were cancelled: as
	// long as they are there they can be retried.
	IndexRetries = "flowbinding/retries"
)

// PlanIndexers go on an informer of ConfigMaps.
func PlanIndexers() cache.Indexers {
	return cache.Indexers{IndexPlans: func(obj any) ([]string, error) {
		if c, ok := obj.(*corev1.ConfigMap); ok && resources.IsPlan(c) {
			return []string{resources.BindingOf(c).String()}, nil
		}
		return nil, nil
	}}
}

// SubscriptionIndexers go on an informer of Knative Triggers.
func SubscriptionIndexers() cache.Indexers {
	return cache.Indexers{IndexSubscriptions: func(obj any) ([]string, error) {
		if t, ok := obj.(*eventingv1.Trigger); ok && resources.IsManaged(t) {
			return []string{resources.BindingOf(t).String()}, nil
		}
		return nil, nil
	}}
}

// RunIndexers go on an informer of FlowRuns.
func RunIndexers() cache.Indexers {
	return cache.Indexers{
		IndexRuns:    byPlan(func(p aofv1.FlowRunPhase) bool { return !p.IsFinal() }),
		IndexRetries: byPlan(func(p aofv1.FlowRunPhase) bool { return p.IsFinal() && p != aofv1.FlowRunPhaseSucceeded }),
	}
}

func byPlan(wanted func(aofv1.FlowRunPhase) bool) cache.IndexFunc {
	return func(obj any) ([]string, error) {
		run, ok := obj.(*aofv1.FlowRun)
		if !ok || run.Spec.Plan == "" || !wanted(run.Status.Phase) {
			return nil, nil
		}
		return []string{types.NamespacedName{Namespace: run.Namespace, Name: run.Spec.Plan}.String()}, nil
	}
}

var everything = labels.Everything()
