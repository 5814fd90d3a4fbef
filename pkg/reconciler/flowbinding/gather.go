// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowbinding

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/pkg/apis"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/plan"
	"aof.dev/operator/pkg/reconciler/counted"
	"aof.dev/operator/pkg/reconciler/flowbinding/resources"
)

// Kinds as the tracker knows them.
const (
	kindTrigger   = "Trigger"
	kindContext   = "Context"
	kindFlow      = "AgentFlow"
	kindAgent     = "Agent"
	kindFleet     = "AgentFleet"
	kindConfigMap = "ConfigMap"
)

// Tally is the kind that bindings are counted under.
const tallyKind = "flowbinding"

// gather reads all that a decision is made from. Nothing of it may be changed.
func (r *Reconciler) gather(ctx context.Context, b *aofv1.FlowBinding) (*Input, error) {
	key := types.NamespacedName{Namespace: b.Namespace, Name: b.Name}
	f := &finder{r: r, observer: key, setDefaults: func(o apis.Defaultable) { o.SetDefaults(ctx) }}
	in := &Input{
		Binding: b, Key: key, Now: r.Clock.Now(), Settings: r.Settings(),
		Trigger: f.Trigger(b.Spec.Trigger.NamespacedName(b.Namespace)),
		Context: f.Context(b.Spec.Context.NamespacedName(b.Namespace)),
		Flow:    f.Flow(b.Spec.Flow.NamespacedName(b.Namespace)),
	}
	compiled, err := plan.Binding(b, f)
	if f.err != nil {
		return nil, f.err
	}
	if err == nil {
		in.Plan, err = resources.EncodePlan(compiled)
	}
	in.PlanErr = err
	if in.Plans, err = r.storedPlans(key); err != nil {
		return nil, err
	}
	if in.Subscriptions, err = r.subscriptions(key); err != nil {
		return nil, err
	}
	return in, r.gatherCounts(in)
}

func (r *Reconciler) gatherCounts(in *Input) error {
	r.Tracker.Track(in.Key, kindConfigMap, types.NamespacedName{Namespace: in.Key.Namespace, Name: names.Tally(tallyKind, in.Key.Name)})
	var err error
	if in.Tally, err = counted.Runs(r.ConfigMaps, in.Key.Namespace, tallyKind, in.Key.Name); err != nil {
		in.Tally = nil // what can't be read says nothing; the status keeps what it says
	}
	trigger := in.Binding.Spec.Trigger.NamespacedName(in.Key.Namespace)
	document, err := r.ConfigMaps.ConfigMaps(trigger.Namespace).Get(names.Events(trigger.Name))
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("get the counts of trigger %s: %w", trigger, err)
	}
	in.Compared = r.arrivals.of(document)[in.Key.String()]
	return nil
}

// storedPlans are the plans of the binding that are there, sorted by name.
func (r *Reconciler) storedPlans(binding types.NamespacedName) ([]StoredPlan, error) {
	found, err := r.Plans.ByIndex(IndexPlans, binding.String())
	if err != nil {
		return nil, fmt.Errorf("find the plans of %s: %w", binding, err)
	}
	out := make([]StoredPlan, 0, len(found))
	for _, item := range found {
		c, ok := item.(*corev1.ConfigMap)
		if !ok {
			continue
		}
		key := types.NamespacedName{Namespace: c.Namespace, Name: c.Name}.String()
		runs, err := r.Runs.ByIndex(IndexRuns, key)
		if err != nil {
			return nil, fmt.Errorf("find the runs of plan %s: %w", c.Name, err)
		}
		retries, err := r.Runs.ByIndex(IndexRetries, key)
		if err != nil {
			return nil, fmt.Errorf("find the runs of plan %s: %w", c.Name, err)
		}
		out = append(out, StoredPlan{ConfigMap: c, Superseded: resources.SupersededAt(c), InUse: len(runs) > 0, Retryable: len(retries) > 0})
	}
	slices.SortFunc(out, func(a, b StoredPlan) int { return strings.Compare(a.ConfigMap.Name, b.ConfigMap.Name) })
	return out, nil
}

// subscriptions are the Knative Triggers of the binding, in any namespace.
func (r *Reconciler) subscriptions(binding types.NamespacedName) ([]*eventingv1.Trigger, error) {
	found, err := r.Subscriptions.ByIndex(IndexSubscriptions, binding.String())
	if err != nil {
		return nil, fmt.Errorf("find the Knative Triggers of %s: %w", binding, err)
	}
	var out []*eventingv1.Trigger
	for _, item := range found {
		if t, ok := item.(*eventingv1.Trigger); ok {
			out = append(out, t)
		}
	}
	return out, nil
}

// finder reads what plans are made from. Whatever is asked for is tracked first,
// so that it wakes the binding when it comes.
type finder struct {
	r        *Reconciler
	observer types.NamespacedName
	// setDefaults is for what was written while admission was away.
	setDefaults func(apis.Defaultable)
	err         error
}

var _ plan.Finder = (*finder)(nil)

// Trigger implements plan.Finder.
func (f *finder) Trigger(key types.NamespacedName) *aofv1.Trigger {
	return look(f, kindTrigger, key, f.r.Triggers.Triggers(key.Namespace).Get)
}

// Context implements plan.Finder.
func (f *finder) Context(key types.NamespacedName) *aofv1.Context {
	return look(f, kindContext, key, f.r.Contexts.Contexts(key.Namespace).Get)
}

// Flow implements plan.Finder.
func (f *finder) Flow(key types.NamespacedName) *aofv1.AgentFlow {
	return look(f, kindFlow, key, f.r.Flows.AgentFlows(key.Namespace).Get)
}

// Agent implements plan.Finder.
func (f *finder) Agent(key types.NamespacedName) *aofv1.Agent {
	return look(f, kindAgent, key, f.r.Agents.Agents(key.Namespace).Get)
}

// Fleet implements plan.Finder.
func (f *finder) Fleet(key types.NamespacedName) *aofv1.AgentFleet {
	return look(f, kindFleet, key, f.r.Fleets.AgentFleets(key.Namespace).Get)
}

// kept is an object of ours in a cache.
type kept[T any] interface {
	*T
	runtime.Object
	apis.Defaultable
	DeepCopy() *T
}

// look gives a copy with its defaults.
func look[T any, P kept[T]](f *finder, kind string, key types.NamespacedName, get func(string) (P, error)) P {
	f.r.Tracker.Track(f.observer, kind, key)
	object, err := get(key.Name)
	if err != nil {
		if !apierrors.IsNotFound(err) {
			f.err = errors.Join(f.err, fmt.Errorf("get %s %s: %w", kind, key, err))
		}
		return nil
	}
	copied := P(object.DeepCopy())
	f.setDefaults(copied)
	return copied
}
