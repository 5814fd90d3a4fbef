// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
)

// The conditions of an AgentFlow. Ready sums up Valid and ReferencesReady.
const (
	AgentFlowConditionReady = apis.ConditionReady
	// AgentFlowConditionValid says whether the spec can be run.
	AgentFlowConditionValid apis.ConditionType = "Valid"
	// AgentFlowConditionReferencesReady says whether the agents and fleets the flow names can be run.
	AgentFlowConditionReferencesReady apis.ConditionType = "ReferencesReady"
	// AgentFlowConditionLastRunSucceeded says how the newest run stands: Unknown
	// while it goes on. It informs; a flow is ready without it.
	AgentFlowConditionLastRunSucceeded apis.ConditionType = "LastRunSucceeded"
)

// Reasons of the condition LastRunSucceeded.
const (
	ReasonRunning   = "Running"
	ReasonWaiting   = "Waiting"
	ReasonSucceeded = "Succeeded"
	ReasonFailed    = "Failed"
	ReasonCancelled = "Cancelled"
	ReasonPending   = "Pending"
)

var agentFlowConditions = apis.NewLivingConditionSet(AgentFlowConditionValid, AgentFlowConditionReferencesReady)

// GetGroupVersionKind names the kind.
func (*AgentFlow) GetGroupVersionKind() schema.GroupVersionKind {
	return SchemeGroupVersion.WithKind("AgentFlow")
}

// GetConditionSet says which conditions the kind has.
func (*AgentFlow) GetConditionSet() apis.ConditionSet { return agentFlowConditions }

// GetStatus gives the duck-typed part of the status.
func (f *AgentFlow) GetStatus() *duckv1.Status { return &f.Status.Status }

// GetUntypedSpec gives the spec.
func (f *AgentFlow) GetUntypedSpec() any { return f.Spec }

// IsReady reports whether the flow can be run as its spec stands now.
func (f *AgentFlow) IsReady() bool {
	return f.Generation == f.Status.ObservedGeneration && f.Status.GetCondition(AgentFlowConditionReady).IsTrue()
}

// GetCondition gives the condition of that type, nil when there is none.
func (s *AgentFlowStatus) GetCondition(t apis.ConditionType) *apis.Condition {
	return agentFlowConditions.Manage(s).GetCondition(t)
}

// InitializeConditions sets every condition that is missing to Unknown.
func (s *AgentFlowStatus) InitializeConditions() {
	agentFlowConditions.Manage(s).InitializeConditions()
	s.derive()
}

// MarkValid says that the spec can be run.
func (s *AgentFlowStatus) MarkValid() {
	agentFlowConditions.Manage(s).MarkTrueWithReason(AgentFlowConditionValid, ReasonConfigurationValid, "")
	s.derive()
}

// MarkValidFailed says why the spec can't be run, and returns err.
func (s *AgentFlowStatus) MarkValidFailed(reason string, err error) error {
	defer s.derive()
	return markFailed(agentFlowConditions.Manage(s), AgentFlowConditionValid, reason, err)
}

// MarkReferencesReady says that the agents and fleets the flow names can be run.
func (s *AgentFlowStatus) MarkReferencesReady() {
	agentFlowConditions.Manage(s).MarkTrue(AgentFlowConditionReferencesReady)
	s.derive()
}

// MarkReferencesReadyUnknown says why that is not known yet.
func (s *AgentFlowStatus) MarkReferencesReadyUnknown(reason, message string) {
	agentFlowConditions.Manage(s).MarkUnknown(AgentFlowConditionReferencesReady, reason, "%s", bounded(message, maxConditionMessage))
	s.derive()
}

// MarkReferencesReadyFailed says why not, and returns err.
func (s *AgentFlowStatus) MarkReferencesReadyFailed(reason string, err error) error {
	defer s.derive()
	return markFailed(agentFlowConditions.Manage(s), AgentFlowConditionReferencesReady, reason, err)
}

// PropagateRun takes over how the newest run stands.
func (s *AgentFlowStatus) PropagateRun(run *FlowRun) {
	m := agentFlowConditions.Manage(s)
	succeeded := run.Status.GetCondition(FlowRunConditionSucceeded)
	switch {
	case succeeded.IsTrue():
		m.MarkTrueWithReason(AgentFlowConditionLastRunSucceeded, ReasonSucceeded, "run %s", run.Name)
	case succeeded.IsFalse():
		m.MarkFalse(AgentFlowConditionLastRunSucceeded, orElse(succeeded.Reason, ReasonFailed), "run %s: %s", run.Name, succeeded.Message)
	default:
		m.MarkUnknown(AgentFlowConditionLastRunSucceeded, orElse(succeeded.GetReason(), ReasonPending), "run %s", run.Name)
	}
	s.derive()
}

// MarkLastRun says how the run that ended last ended, where runs are counted and
// not looked at.
func (s *AgentFlowStatus) MarkLastRun(succeeded bool) {
	m := agentFlowConditions.Manage(s)
	if succeeded {
		m.MarkTrueWithReason(AgentFlowConditionLastRunSucceeded, ReasonSucceeded, "")
	} else {
		m.MarkFalse(AgentFlowConditionLastRunSucceeded, ReasonFailed, "")
	}
	s.derive()
}

// derive keeps the published summary equal to what the conditions say: a flow
// that can't run has failed; otherwise its phase is that of its newest run.
func (s *AgentFlowStatus) derive() {
	ready, last := s.GetCondition(AgentFlowConditionReady), s.GetCondition(AgentFlowConditionLastRunSucceeded)
	s.Ready = ready.IsTrue()
	switch {
	case ready.IsFalse():
		s.Phase = AgentFlowPhaseFailed
	case last == nil || last.Reason == ReasonPending:
		s.Phase = AgentFlowPhasePending
	case last.IsTrue():
		s.Phase = AgentFlowPhaseSucceeded
	case last.IsFalse():
		s.Phase = AgentFlowPhaseFailed
	default:
		s.Phase = AgentFlowPhaseRunning
	}
}
