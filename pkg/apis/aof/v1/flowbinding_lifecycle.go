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
	// FlowBindingConditionRunnerReady says whether the namespace has a runner that
	// takes events.
	FlowBindingConditionRunnerReady apis.ConditionType = "RunnerReady"
	// FlowBindingConditionSubscribed says whether the trigger's events are sent to
	// the runner.
	FlowBindingConditionSubscribed apis.ConditionType = "Subscribed"
)

// Reasons of a FlowBinding's conditions.
const (
	// ReasonSuspended says that the user switched the binding off.
	ReasonSuspended = "Suspended"
	// ReasonNotBound says that nothing is subscribed to since the binding is not
	// bound.
	ReasonNotBound = "NotBound"
	// ReasonCannotCompile says that what the binding refers to does not fit together.
	ReasonCannotCompile = "CannotCompile"
	// ReasonPlanTooLarge says that the compiled plan is larger than an object may be.
	ReasonPlanTooLarge = "PlanTooLarge"
	// ReasonNotOwned says that an object of a name we need belongs to somebody else.
	ReasonNotOwned = "NotOwned"
	// ReasonRefused says that the cluster does not take an object we need.
	ReasonRefused = "Refused"
	// ReasonInProcess says that the process which serves the binding runs it, too.
	ReasonInProcess = "InProcess"
)

var flowBindingConditions = apis.NewLivingConditionSet(
	FlowBindingConditionBound, FlowBindingConditionTriggerReady, FlowBindingConditionContextReady, FlowBindingConditionFlowReady,
	FlowBindingConditionRunnerReady, FlowBindingConditionSubscribed,
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

// PropagateRunner takes over how the namespace's runner stands.
func (s *FlowBindingStatus) PropagateRunner(ready *apis.Condition) {
	propagate(flowBindingConditions.Manage(s), FlowBindingConditionRunnerReady, "the runner", ready)
	s.derive()
}

// MarkRunnerFailed says why there can't be a runner, and returns err.
func (s *FlowBindingStatus) MarkRunnerFailed(reason string, err error) error {
	defer s.derive()
	return markFailed(flowBindingConditions.Manage(s), FlowBindingConditionRunnerReady, reason, err)
}

// PropagateSubscription takes over how the subscription to the trigger's events
// stands.
func (s *FlowBindingStatus) PropagateSubscription(ready *apis.Condition) {
	propagate(flowBindingConditions.Manage(s), FlowBindingConditionSubscribed, "the subscription", ready)
	s.derive()
}

// MarkNotSubscribed says that nothing is subscribed to, for example with
// ReasonSuspended or ReasonNotBound.
func (s *FlowBindingStatus) MarkNotSubscribed(reason, message string) {
	flowBindingConditions.Manage(s).MarkUnknown(FlowBindingConditionSubscribed, reason, "%s", bounded(message, maxConditionMessage))
	s.derive()
}

// MarkSubscribedFailed says why nothing can be subscribed to, and returns err.
func (s *FlowBindingStatus) MarkSubscribedFailed(reason string, err error) error {
	defer s.derive()
	return markFailed(flowBindingConditions.Manage(s), FlowBindingConditionSubscribed, reason, err)
}

// MarkInProcess says that events come to the binding, and are run, without a
// cluster.
func (s *FlowBindingStatus) MarkInProcess() {
	m := flowBindingConditions.Manage(s)
	m.MarkTrueWithReason(FlowBindingConditionRunnerReady, ReasonInProcess, "")
	m.MarkTrueWithReason(FlowBindingConditionSubscribed, ReasonInProcess, "")
	s.derive()
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
