// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowbinding

import (
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/apis"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/plan"
)

// reportReferences says how what the binding refers to stands, and whether it
// fits together.
func reportReferences(s *aofv1.FlowBindingStatus, in *Input, d *Decision) {
	spec := &in.Binding.Spec
	resource := &aofv1.BindingResourceStatus{}
	trigger := spec.Trigger.NamespacedName(in.Key.Namespace)
	if t := in.Trigger; t != nil {
		s.PropagateTrigger(t)
		resource.Trigger = named(trigger, t.Status.GetCondition(aofv1.TriggerConditionReady))
		resource.Trigger["connected"] = t.Status.Connected
	} else {
		missing(s, aofv1.FlowBindingConditionTriggerReady, kindTrigger, "spec.trigger", trigger)
		resource.Trigger = named(trigger, nil)
		resource.Trigger["connected"] = false
	}
	context := spec.Context.NamespacedName(in.Key.Namespace)
	if c := in.Context; c != nil {
		s.PropagateContext(c)
		resource.Context = named(context, c.Status.GetCondition(aofv1.ContextConditionReady))
		resource.Context["kubeconfigValid"] = c.Status.GetCondition(aofv1.ContextConditionKubeconfigValid).IsTrue()
	} else {
		missing(s, aofv1.FlowBindingConditionContextReady, kindContext, "spec.context", context)
		resource.Context = named(context, nil)
		resource.Context["kubeconfigValid"] = false
	}
	flow := spec.Flow.NamespacedName(in.Key.Namespace)
	if f := in.Flow; f != nil {
		s.PropagateFlow(f)
		resource.Flow = named(flow, f.Status.GetCondition(aofv1.AgentFlowConditionReady))
		resource.Flow["agentAvailable"] = f.Status.GetCondition(aofv1.AgentFlowConditionReferencesReady).IsTrue()
	} else {
		missing(s, aofv1.FlowBindingConditionFlowReady, kindFlow, "spec.flow", flow)
		resource.Flow = named(flow, nil)
		resource.Flow["agentAvailable"] = false
	}
	s.ResourceStatus = resource

	switch {
	case !in.Binding.IsEnabled():
		s.MarkSuspended()
	case d.Err != nil:
		_ = s.MarkBoundFailed(d.Reason, d.Err)
	default:
		s.MarkBound()
	}
}

func named(key types.NamespacedName, ready *apis.Condition) aofv1.JSONObject {
	return aofv1.JSONObject{"name": key.Name, "namespace": key.Namespace, "ready": ready.IsTrue()}
}

func missing(s *aofv1.FlowBindingStatus, condition apis.ConditionType, kind, field string, key types.NamespacedName) {
	_ = s.MarkReferenceFailed(condition, aofv1.ReasonReferenceNotFound, &plan.MissingError{Kind: kind, Key: key, Field: field})
}

// reportCounts shows how many events and runs there were. It does not depend on
// the time: a status that showed its passing would be written while nothing
// happens.
func reportCounts(s *aofv1.FlowBindingStatus, in *Input, _ *Decision) {
	if in.Tally == nil {
		return
	}
	s.Metrics, s.LastTriggered, s.PatternMatching = nil, nil, nil
	asOf := in.Now
	if in.Tally.Last != nil {
		asOf = in.Tally.Last.Time
	}
	in.Tally.Binding(s, in.Compared.Compared, in.Compared.Matched, asOf)
	s.DuplicateCount = in.Compared.Duplicates
	if s.LastTriggered != nil && s.LastTriggered.Timestamp != nil {
		// The API keeps seconds; anything finer would differ at every look.
		at := s.LastTriggered.Timestamp.Rfc3339Copy()
		s.LastTriggered.Timestamp = &at
	}
}
