// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
)

// The conditions of a FlowBinding. Ready sums up the others.
const (
	FlowBindingConditionReady = apis.ConditionReady
	// FlowBindingConditionBound says whether everything the binding refers to
	// exists, fits together and has been compiled.
	FlowBindingConditionBound apis.ConditionType = "Bound"
	// FlowBindingConditionTriggerReady says whether the trigger is ready.
	FlowBindingConditionTriggerReady apis.ConditionType = "TriggerReady"
	// FlowBindingConditionContextReady says whether the context is ready.
	FlowBindingConditionContextReady apis.ConditionType = "ContextReady"
	// FlowBindingConditionFlowReady says whether the flow is ready.
	FlowBindingConditionFlowReady apis.ConditionType = "FlowReady"
)

// ReasonSuspended says that the user switched the binding off.
const ReasonSuspended = "Suspended"

var flowBindingConditions = apis.NewLivingConditionSet(
	FlowBindingConditionBound, FlowBindingConditionTriggerReady, FlowBindingConditionContextReady, FlowBindingConditionFlowReady,
)

// GetGroupVersionKind names the kind.
func (*FlowBinding) GetGroupVersionKind() schema.GroupVersionKind {
	return SchemeGroupVersion.WithKind("FlowBinding")
}

// GetConditionSet says which conditions the kind has.
func (*FlowBinding) GetConditionSet() apis.ConditionSet { return flowBindingConditions }

// GetStatus gives the duck-typed part of the status.
func (b *FlowBinding) GetStatus() *duckv1.Status { return &b.Status.Status }

// GetUntypedSpec gives the spec.
func (b *FlowBinding) GetUntypedSpec() any { return b.Spec }

// IsReady reports whether events start runs as the binding's spec stands now.
func (b *FlowBinding) IsReady() bool {
	return b.Generation == b.Status.ObservedGeneration && b.Status.GetCondition(FlowBindingConditionReady).IsTrue()
}

// GetCondition gives the condition of that type, nil when there is none.
func (s *FlowBindingStatus) GetCondition(t apis.ConditionType) *apis.Condition {
	return flowBindingConditions.Manage(s).GetCondition(t)
}

// InitializeConditions sets every condition that is missing to Unknown.
func (s *FlowBindingStatus) InitializeConditions() {
	flowBindingConditions.Manage(s).InitializeConditions()
	s.derive()
}

// MarkBound says that everything the binding refers to exists and fits together.
func (s *FlowBindingStatus) MarkBound() {
	flowBindingConditions.Manage(s).MarkTrueWithReason(FlowBindingConditionBound, ReasonAllReferencesValid, "")
	s.derive()
}

// MarkBinding says what the binding waits for.
func (s *FlowBindingStatus) MarkBinding(reason, message string) {
	flowBindingConditions.Manage(s).MarkUnknown(FlowBindingConditionBound, reason, "%s", bounded(message, maxConditionMessage))
	s.derive()
}

// MarkBoundFailed says why the binding can't stand, and returns err.
func (s *FlowBindingStatus) MarkBoundFailed(reason string, err error) error {
	defer s.derive()
	return markFailed(flowBindingConditions.Manage(s), FlowBindingConditionBound, reason, err)
}

// MarkSuspended says that the user switched the binding off.
func (s *FlowBindingStatus) MarkSuspended() {
	flowBindingConditions.Manage(s).MarkFalse(FlowBindingConditionBound, ReasonSuspended, "spec.enabled is false")
	s.derive()
}

// PropagateTrigger takes over how the trigger stands.
func (s *FlowBindingStatus) PropagateTrigger(t *Trigger) {
	propagate(flowBindingConditions.Manage(s), FlowBindingConditionTriggerReady, "trigger "+t.Name, t.Status.GetCondition(TriggerConditionReady))
	s.derive()
}

// PropagateContext takes over how the context stands.
func (s *FlowBindingStatus) PropagateContext(c *Context) {
	propagate(flowBindingConditions.Manage(s), FlowBindingConditionContextReady, "context "+c.Name, c.Status.GetCondition(ContextConditionReady))
	s.derive()
}

// PropagateFlow takes over how the flow stands.
func (s *FlowBindingStatus) PropagateFlow(f *AgentFlow) {
	propagate(flowBindingConditions.Manage(s), FlowBindingConditionFlowReady, "flow "+f.Name, f.Status.GetCondition(AgentFlowConditionReady))
	s.derive()
}

// MarkReferenceFailed says why one of TriggerReady, ContextReady and FlowReady
// is false, for example with ReasonReferenceNotFound, and returns err.
func (s *FlowBindingStatus) MarkReferenceFailed(t apis.ConditionType, reason string, err error) error {
	defer s.derive()
	return markFailed(flowBindingConditions.Manage(s), t, reason, err)
}

// derive keeps the published summary equal to what the conditions say.
func (s *FlowBindingStatus) derive() {
	ready, bound := s.GetCondition(FlowBindingConditionReady), s.GetCondition(FlowBindingConditionBound)
	s.Active = ready.IsTrue()
	switch {
	case bound.IsFalse() && bound.Reason == ReasonSuspended:
		s.Phase = FlowBindingPhaseSuspended
	case ready.IsFalse():
		s.Phase = FlowBindingPhaseFailed
	case ready.IsTrue():
		s.Phase = FlowBindingPhaseBound
	default:
		s.Phase = FlowBindingPhasePending
	}
}
