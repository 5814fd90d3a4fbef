// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowbinding

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	aoflisters "aof.dev/operator/pkg/client/listers/aof/v1"
	"aof.dev/operator/pkg/fold"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/reconciler/flowbinding/resources"
)

// waker says which bindings an object's change concerns.
type waker struct {
	enqueue      func(types.NamespacedName)
	enqueueAfter func(types.NamespacedName, time.Duration)
	bindings     aoflisters.FlowBindingLister
	forget       func(types.NamespacedName)
}

// handle makes a handler of do that leaves out updates which changed nothing of
// interest.
func handle(do func(obj any), interesting func(old, now any) bool) cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc: do,
		UpdateFunc: func(old, now any) {
			if interesting(old, now) {
				do(now)
			}
		},
		DeleteFunc: func(obj any) {
			if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
				obj = gone.Obj
			}
			do(obj)
		},
	}
}

// rewritten says that an object was written at all, which an informer's resync
// does not.
func rewritten(old, now any) bool {
	o, n := old.(metav1.Object), now.(metav1.Object)
	return o.GetResourceVersion() != n.GetResourceVersion()
}

// shown are the conditions of what a binding refers to that the binding shows.
// Others change with every run.
var shown = []apis.ConditionType{
	apis.ConditionReady, aofv1.TriggerConditionConnected, aofv1.ContextConditionKubeconfigValid, aofv1.AgentFlowConditionReferencesReady,
}

// matters says whether a change of what a binding refers to can change the
// binding: its spec, its identity, or what the binding shows of its status. A
// trigger's count of events does not, or each event would wake all its bindings.
func matters(old, now any) bool {
	o, ok := old.(duckv1.KRShaped)
	if !ok {
		return true
	}
	n, ok := now.(duckv1.KRShaped)
	if !ok {
		return true
	}
	return o.GetUID() != n.GetUID() || o.GetGeneration() != n.GetGeneration() ||
		(o.GetDeletionTimestamp() == nil) != (n.GetDeletionTimestamp() == nil) ||
		!slices.Equal(conditionsOf(o), conditionsOf(n))
}

func conditionsOf(o duckv1.KRShaped) []apis.Condition {
	var out []apis.Condition
	for _, c := range o.GetStatus().Conditions {
		if slices.Contains(shown, c.Type) {
			c.LastTransitionTime = apis.VolatileTime{}
			out = append(out, c)
		}
	}
	return out
}

// serviceMatters leaves out what a Knative Service says beside its spec and
// whether it is ready.
func serviceMatters(old, now any) bool {
	o, ok := old.(*unstructured.Unstructured)
	if !ok {
		return true
	}
	n, ok := now.(*unstructured.Unstructured)
	if !ok {
		return true
	}
	a, b := readiness(o), readiness(n)
	return o.GetUID() != n.GetUID() || o.GetGeneration() != n.GetGeneration() ||
		!equality.Semantic.DeepEqual(o.GetLabels(), n.GetLabels()) ||
		a.GetReason() != b.GetReason() || a.IsTrue() != b.IsTrue() || a.IsFalse() != b.IsFalse()
}

// owner wakes the binding that an object is marked with.
func (w waker) owner(obj any) {
	o, ok := obj.(metav1.Object)
	if !ok || !resources.IsManaged(o) {
		return
	}
	if key := resources.BindingOf(o); key.Name != "" {
		w.enqueue(key)
	}
}

// neighbours wakes the bindings of the namespace of an object they share.
func (w waker) neighbours(obj any) {
	o, ok := obj.(metav1.Object)
	if !ok {
		return
	}
	switch o.GetName() {
	case names.Runner, names.RunnerToken, names.Credentials:
	default:
		return
	}
	bindings, err := w.bindings.FlowBindings(o.GetNamespace()).List(everything)
	if err != nil {
		return // a lister over a cache gives none
	}
	for _, b := range bindings {
		w.enqueue(types.NamespacedName{Namespace: b.Namespace, Name: b.Name})
	}
}

// run wakes the binding of a run that is over, or gone, and was pinned to another
// plan than new runs are: that plan may go now.
func (w waker) run(obj any) {
	run, ok := obj.(*aofv1.FlowRun)
	if !ok || run.Spec.Binding == nil || run.Spec.Plan == "" {
		return
	}
	key := run.Spec.Binding.NamespacedName(run.Namespace)
	if b, err := w.bindings.FlowBindings(key.Namespace).Get(key.Name); err == nil && b.Status.Plan == run.Spec.Plan {
		return
	}
	w.enqueue(key)
}

// runHandler leaves out runs that go on.
func (w waker) runHandler() cache.ResourceEventHandler {
	over := func(obj any) bool {
		run, ok := obj.(*aofv1.FlowRun)
		return ok && run.Status.Phase.IsFinal()
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(obj any) {
			if over(obj) {
				w.run(obj)
			}
		},
		UpdateFunc: func(old, now any) {
			if over(now) && !over(old) {
				w.run(now)
			}
		},
		DeleteFunc: func(obj any) {
			if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
				obj = gone.Obj
			}
			w.run(obj)
		},
	}
}

const (
	// soon is when a binding shows that events were compared with it, pace the
	// time between two bindings of one trigger doing so. An event is compared with
	// all of them: ten thousand bindings are not written at each.
	soon = 2 * time.Second
	pace = 100 * time.Millisecond
)

// arrivals wakes the bindings whose counts in a trigger's document changed: at
// once those that matched, the others one after the other.
func (w waker) arrivals(old, now any) {
	current, ok := now.(*corev1.ConfigMap)
	if !ok || current.Labels[names.LabelKind] != names.KindEvents {
		return
	}
	after := comparedIn(current)
	before := map[string]fold.Compared{}
	if previous, ok := old.(*corev1.ConfigMap); ok {
		before = comparedIn(previous)
	}
	delay := soon
	for id, n := range after {
		was := before[id]
		namespace, name, err := cache.SplitMetaNamespaceKey(id)
		if n == was || err != nil {
			continue
		}
		key := types.NamespacedName{Namespace: namespace, Name: name}
		if n.Matched != was.Matched {
			w.enqueue(key)
			continue
		}
		w.enqueueAfter(key, delay)
		delay += pace
	}
}

func (w waker) arrivalsHandler() cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { w.arrivals(nil, obj) },
		UpdateFunc: func(old, now any) { w.arrivals(old, now) },
		DeleteFunc: func(obj any) {
			if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
				obj = gone.Obj
			}
			if c, ok := obj.(*corev1.ConfigMap); ok {
				w.forget(types.NamespacedName{Namespace: c.Namespace, Name: c.Name})
			}
		},
	}
}
