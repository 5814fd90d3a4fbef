// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowbinding

import (
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/fold"
	"aof.dev/operator/pkg/plan"
	"aof.dev/operator/pkg/reconciler/flowbinding/resources"
	"aof.dev/operator/pkg/settings"
)

// Input is all that a decision is made from.
type Input struct {
	Binding  *aofv1.FlowBinding
	Key      types.NamespacedName
	Now      time.Time
	Settings *settings.Settings

	// What the binding refers to; nil when it does not exist.
	Trigger *aofv1.Trigger
	Context *aofv1.Context
	Flow    *aofv1.AgentFlow
	// Plan is what that compiles to; nil when it does not, for PlanErr.
	Plan    *resources.Plan
	PlanErr error

	// What is there of the binding.
	Plans         []StoredPlan
	Subscriptions []*eventingv1.Trigger

	// Tally counts the finished runs, Compared the trigger's events.
	Tally    *fold.Tally
	Compared fold.Compared
}

// StoredPlan is a plan that is there.
type StoredPlan struct {
	ConfigMap *corev1.ConfigMap
	// Superseded is since when it is known not to be the binding's plan any more;
	// zero when that is not known.
	Superseded time.Time
	// InUse says that a run that is not over is pinned to it.
	InUse bool
	// Retryable says that a run which failed or was cancelled is pinned to it: it
	// can be retried while the binding is there.
	Retryable bool
}

// Decision is what is to be done about a binding.
type Decision struct {
	// Reason and Err say why the binding is not bound; empty when it is, or is
	// suspended.
	Reason string
	Err    error
	// Plan names the plan that new runs are pinned to, empty when nothing new may
	// begin.
	Plan string
	// Subscribe says that the trigger's events are to be sent to the runner.
	Subscribe bool
	// Supersede, Restore and Delete are plans that are to be marked as superseded,
	// not to be any more, and to be deleted.
	Supersede, Restore, Delete []*corev1.ConfigMap
	// Again is when to look again though nothing happened; zero is never.
	Again time.Duration
}

// Decide says what is to be done. It is pure.
//
// A binding that does not compile starts nothing: it is not subscribed and names
// no plan, since whoever deletes a flow means that it shall not run. Runs that
// wait keep their plans and go on when the binding is whole again.
func Decide(in *Input) *Decision {
	d := &Decision{}
	var missing *plan.MissingError
	switch {
	case in.Plan != nil:
		d.Plan = in.Plan.Name
		d.Subscribe = in.Binding.IsEnabled()
	case errors.As(in.PlanErr, &missing):
		d.Reason, d.Err = aofv1.ReasonReferenceNotFound, in.PlanErr
	case errors.Is(in.PlanErr, resources.ErrPlanTooLarge):
		d.Reason, d.Err = aofv1.ReasonPlanTooLarge, in.PlanErr
	default:
		d.Reason, d.Err = aofv1.ReasonCannotCompile, in.PlanErr
	}
	for _, stored := range in.Plans {
		d.keepOrCollect(stored, in.Now)
	}
	return d
}

// keepOrCollect decides about one plan that is there.
func (d *Decision) keepOrCollect(p StoredPlan, now time.Time) {
	known := !p.Superseded.IsZero()
	if p.ConfigMap.Name == d.Plan {
		if known {
			d.Restore = append(d.Restore, p.ConfigMap)
		}
		return
	}
	rest := p.Superseded.Add(resources.Grace).Sub(now)
	switch {
	case !known:
		d.Supersede = append(d.Supersede, p.ConfigMap)
		d.lookAgain(resources.Grace)
	case p.InUse, p.Retryable:
		// The run wakes the binding when it is over, and when it is removed.
	case rest <= 0:
		d.Delete = append(d.Delete, p.ConfigMap)
	default:
		d.lookAgain(rest)
	}
}

// lookAgain sees to it that the binding is looked at in that time at the latest;
// zero asks for nothing.
func (d *Decision) lookAgain(in time.Duration) {
	if in > 0 && (d.Again == 0 || in < d.Again) {
		d.Again = in
	}
}
