// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
)

// The conditions of an Agent. Ready sums up Valid and CredentialsAvailable.
const (
	AgentConditionReady = apis.ConditionReady
	// AgentConditionValid says whether the spec can be run.
	AgentConditionValid apis.ConditionType = "Valid"
	// AgentConditionCredentialsAvailable says whether what the model provider asks for is there.
	AgentConditionCredentialsAvailable apis.ConditionType = "CredentialsAvailable"
)

var agentConditions = apis.NewLivingConditionSet(AgentConditionValid, AgentConditionCredentialsAvailable)

// GetGroupVersionKind names the kind.
func (*Agent) GetGroupVersionKind() schema.GroupVersionKind {
	return SchemeGroupVersion.WithKind("Agent")
}

// GetConditionSet says which conditions the kind has.
func (*Agent) GetConditionSet() apis.ConditionSet { return agentConditions }

// GetStatus gives the duck-typed part of the status.
func (a *Agent) GetStatus() *duckv1.Status { return &a.Status.Status }

// GetUntypedSpec gives the spec.
func (a *Agent) GetUntypedSpec() any { return a.Spec }

// IsReady reports whether the agent can be run as its spec stands now.
func (a *Agent) IsReady() bool {
	return a.Generation == a.Status.ObservedGeneration && a.Status.GetCondition(AgentConditionReady).IsTrue()
}

// GetCondition gives the condition of that type, nil when there is none.
func (s *AgentStatus) GetCondition(t apis.ConditionType) *apis.Condition {
	return agentConditions.Manage(s).GetCondition(t)
}

// InitializeConditions sets every condition that is missing to Unknown.
func (s *AgentStatus) InitializeConditions() {
	agentConditions.Manage(s).InitializeConditions()
	s.derive()
}

// MarkValid says that the spec can be run.
func (s *AgentStatus) MarkValid() {
	agentConditions.Manage(s).MarkTrueWithReason(AgentConditionValid, ReasonConfigurationValid, "")
	s.derive()
}

// MarkValidFailed says why the spec can't be run, and returns err.
func (s *AgentStatus) MarkValidFailed(reason string, err error) error {
	defer s.derive()
	return markFailed(agentConditions.Manage(s), AgentConditionValid, reason, err)
}

// MarkCredentialsAvailable says that what the model provider asks for is there.
func (s *AgentStatus) MarkCredentialsAvailable() {
	agentConditions.Manage(s).MarkTrue(AgentConditionCredentialsAvailable)
	s.derive()
}

// MarkCredentialsAvailableUnknown says why that is not known yet.
func (s *AgentStatus) MarkCredentialsAvailableUnknown(reason, message string) {
	agentConditions.Manage(s).MarkUnknown(AgentConditionCredentialsAvailable, reason, "%s", bounded(message, maxConditionMessage))
	s.derive()
}

// MarkCredentialsAvailableFailed says why not, and returns err.
func (s *AgentStatus) MarkCredentialsAvailableFailed(reason string, err error) error {
	defer s.derive()
	return markFailed(agentConditions.Manage(s), AgentConditionCredentialsAvailable, reason, err)
}

// derive keeps the published summary equal to what the conditions say.
func (s *AgentStatus) derive() {
	ready := s.GetCondition(AgentConditionReady)
	s.Ready = ready.IsTrue()
	s.Phase = agentPhase(ready)
}

// agentPhase is the phase of an agent or a fleet whose condition Ready is this.
func agentPhase(ready *apis.Condition) AgentPhase {
	switch {
	case ready.IsTrue():
		return AgentPhaseReady
	case ready.IsFalse():
		return AgentPhaseFailed
	default:
		return AgentPhasePending
	}
}
