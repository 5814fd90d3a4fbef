// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package agentflow

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	corelisters "k8s.io/client-go/listers/core/v1"
	"knative.dev/pkg/apis"
	"knative.dev/pkg/reconciler"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	aoflisters "aof.dev/operator/pkg/client/listers/aof/v1"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/plan"
	"aof.dev/operator/pkg/reconciler/counted"
	"aof.dev/operator/pkg/reconciler/edge"
)

// What the tracker calls the kinds that an AgentFlow looks at.
const (
	kindAgent     = "Agent"
	kindFleet     = "AgentFleet"
	kindConfigMap = "ConfigMap"
)

// tallyKind is the kind under which runs of AgentFlows are counted.
const tallyKind = "agentflow"

// Tracker wakes an observer when what it looks at changes.
type Tracker interface {
	Track(observer types.NamespacedName, kind string, object types.NamespacedName)
}

// Reconciler reconciles AgentFlows. All fields must be set.
type Reconciler struct {
	Agents     aoflisters.AgentLister
	Fleets     aoflisters.AgentFleetLister
	ConfigMaps corelisters.ConfigMapLister
	Tracker    Tracker
}

// ReconcileKind says how the flow stands and how often it ran.
func (r *Reconciler) ReconcileKind(ctx context.Context, f *aofv1.AgentFlow) reconciler.Event {
	before := f.Status.GetCondition(aofv1.AgentFlowConditionReady)
	key := types.NamespacedName{Namespace: f.Namespace, Name: f.Name}
	find := &finder{ctx: ctx, reconciler: r, flow: key}
	// A plan names what the flow refers to: that it can be made says that all of
	// it is there.
	_, err := plan.Flow(f, nil, find)
	if find.err != nil {
		return find.err
	}
	decide(ctx, f, err, find.seen)
	edge.Tell(ctx, f, before, f.Status.GetCondition(aofv1.AgentFlowConditionReady))

	r.Tracker.Track(key, kindConfigMap, types.NamespacedName{Namespace: f.Namespace, Name: names.Tally(tallyKind, f.Name)})
	tally, err := counted.Runs(r.ConfigMaps, f.Namespace, tallyKind, f.Name)
	if err != nil {
		return err
	}
	tally.Flow(&f.Status)
	if tally.Last != nil {
		f.Status.MarkLastRun(tally.Last.Successful)
	}
	return nil
}

// standing is how something that the flow refers to stands.
type standing struct {
	what      string
	condition *apis.Condition
	// current says that the condition speaks of the spec as it is.
	current bool
}

func (s standing) status() corev1.ConditionStatus {
	if !s.current || s.condition == nil {
		return corev1.ConditionUnknown
	}
	return s.condition.Status
}

// decide marks the conditions. It has no I/O.
func decide(ctx context.Context, f *aofv1.AgentFlow, planErr error, seen []standing) {
	invalid := f.Validate(ctx).Filter(apis.ErrorLevel)
	decideReferences(f, planErr, seen)
	if invalid != nil {
		_ = f.Status.MarkValidFailed(aofv1.ReasonConfigurationInvalid, invalid)
	} else {
		f.Status.MarkValid()
	}
}

func decideReferences(f *aofv1.AgentFlow, planErr error, seen []standing) {
	var missing *plan.MissingError
	switch {
	case errors.As(planErr, &missing):
		_ = f.Status.MarkReferencesReadyFailed(aofv1.ReasonReferenceNotFound, planErr)
		return
	case planErr != nil:
		_ = f.Status.MarkReferencesReadyFailed(aofv1.ReasonConfigurationInvalid, planErr)
		return
	}
	for _, status := range []corev1.ConditionStatus{corev1.ConditionFalse, corev1.ConditionUnknown} {
		for _, s := range seen {
			switch {
			case s.status() != status:
			case status == corev1.ConditionFalse:
				_ = f.Status.MarkReferencesReadyFailed(aofv1.ReasonReferenceNotReady, fmt.Errorf("%s is not ready: %s", s.what, s.condition.Message))
				return
			default:
				f.Status.MarkReferencesReadyUnknown(aofv1.ReasonReferenceNotReady, s.what+" is not ready yet: "+s.condition.GetMessage())
				return
			}
		}
	}
	f.Status.MarkReferencesReady()
}
