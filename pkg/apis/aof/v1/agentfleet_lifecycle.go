// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
)

// The conditions of an AgentFleet. Ready sums up Valid and AgentsReady.
const (
	AgentFleetConditionReady = apis.ConditionReady
	// AgentFleetConditionValid says whether the spec can be run.
	AgentFleetConditionValid apis.ConditionType = "Valid"
	// AgentFleetConditionAgentsReady says whether every member can be run.
	AgentFleetConditionAgentsReady apis.ConditionType = "AgentsReady"
)

var agentFleetConditions = apis.NewLivingConditionSet(AgentFleetConditionValid, AgentFleetConditionAgentsReady)

// GetGroupVersionKind names the kind.
func (*AgentFleet) GetGroupVersionKind() schema.GroupVersionKind {
	return SchemeGroupVersion.WithKind("AgentFleet")
}

// GetConditionSet says which conditions the kind has.
func (*AgentFleet) GetConditionSet() apis.ConditionSet { return agentFleetConditions }

// GetStatus gives the duck-typed part of the status.
func (f *AgentFleet) GetStatus() *duckv1.Status { return &f.Status.Status }

// GetUntypedSpec gives the spec.
func (f *AgentFleet) GetUntypedSpec() any { return f.Spec }

// IsReady reports whether the fleet can be run as its spec stands now.
func (f *AgentFleet) IsReady() bool {
	return f.Generation == f.Status.ObservedGeneration && f.Status.GetCondition(AgentFleetConditionReady).IsTrue()
}

// GetCondition gives the condition of that type, nil when there is none.
func (s *AgentFleetStatus) GetCondition(t apis.ConditionType) *apis.Condition {
	return agentFleetConditions.Manage(s).GetCondition(t)
}

// InitializeConditions sets every condition that is missing to Unknown.
func (s *AgentFleetStatus) InitializeConditions() {
	agentFleetConditions.Manage(s).InitializeConditions()
	s.derive()
}

// MarkValid says that the spec can be run.
func (s *AgentFleetStatus) MarkValid() {
	agentFleetConditions.Manage(s).MarkTrueWithReason(AgentFleetConditionValid, ReasonConfigurationValid, "")
	s.derive()
}

// MarkValidFailed says why the spec can't be run, and returns err.
func (s *AgentFleetStatus) MarkValidFailed(reason string, err error) error {
	defer s.derive()
	return markFailed(agentFleetConditions.Manage(s), AgentFleetConditionValid, reason, err)
}

// MarkAgentsReady says that every member can be run.
func (s *AgentFleetStatus) MarkAgentsReady() {
	agentFleetConditions.Manage(s).MarkTrue(AgentFleetConditionAgentsReady)
	s.derive()
}

// MarkAgentsReadyUnknown says why that is not known yet.
func (s *AgentFleetStatus) MarkAgentsReadyUnknown(reason, message string) {
	agentFleetConditions.Manage(s).MarkUnknown(AgentFleetConditionAgentsReady, reason, "%s", bounded(message, maxConditionMessage))
	s.derive()
}

// MarkAgentsReadyFailed says why not, and returns err.
func (s *AgentFleetStatus) MarkAgentsReadyFailed(reason string, err error) error {
	defer s.derive()
	return markFailed(agentFleetConditions.Manage(s), AgentFleetConditionAgentsReady, reason, err)
}

// SetMembers writes down how each member stands, and the sum of the replicas.
func (s *AgentFleetStatus) SetMembers(members []FleetMemberStatus) {
	s.AgentStatus = members
	s.TotalReplicas = 0
	for _, m := range members {
		s.TotalReplicas += m.Replicas
	}
}

// derive keeps the published summary equal to what the conditions say.
func (s *AgentFleetStatus) derive() {
	ready := s.GetCondition(AgentFleetConditionReady)
	s.Ready = ready.IsTrue()
	s.Phase = agentPhase(ready)
}
