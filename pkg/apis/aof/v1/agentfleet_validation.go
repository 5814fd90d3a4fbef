// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"knative.dev/pkg/apis"
)

// AgentSpec is the agent a member describes in place, in canonical form. A
// member that refers to an Agent has none, which is an error.
func (m *FleetMember) AgentSpec() (AgentSpec, error) {
	if m.Spec == nil {
		return AgentSpec{}, errors.New("the member has no spec of its own")
	}
	return DecodeAgentSpec(m.Spec)
}

// DecodeAgentSpec reads the spec of an agent out of an open object, as it stands
// in a fleet's member and in a flow's node (`inline`), in canonical form. Keys
// an agent does not have are left out.
func DecodeAgentSpec(object JSONObject) (AgentSpec, error) {
	data, err := json.Marshal(object)
	if err != nil {
		return AgentSpec{}, fmt.Errorf("read agent: %w", err)
	}
	var spec AgentSpec
	if err := json.Unmarshal(data, &spec); err != nil {
		return AgentSpec{}, fmt.Errorf("read agent: %w", err)
	}
	spec.canonicalize()
	return spec, nil
}

// Validate refuses a fleet whose members could not work together.
func (f *AgentFleet) Validate(context.Context) *apis.FieldError {
	return validateName(f.ObjectMeta).Also(f.Spec.validate().ViaField("spec"))
}

func (s *AgentFleetSpec) validate() *apis.FieldError {
	if len(s.Agents) == 0 {
		return apis.ErrMissingField("agents")
	}
	members := map[string]int{}
	var replicas int64
	for i := range s.Agents {
		replicas += min(s.Agents[i].replicas(), MaxReplicas+1)
	}
	errs := validateText(s.Description, "description").Also(eachOf(len(s.Agents), MaxListItems, "agents", func(i int) *apis.FieldError {
		m := &s.Agents[i]
		errs := m.validate().ViaFieldIndex("agents", i)
		if first, twice := members[m.Name]; twice && m.Name != "" {
			return errs.Also(invalid(m.Name, index("agents", i)+".name", "is the name of "+index("agents", first)+" already"))
		}
		members[m.Name] = i
		return errs
	}))
	if replicas > MaxReplicas {
		errs = errs.Also(unfit("agents", fmt.Sprintf("have %d replicas together, at most %d are allowed", replicas, MaxReplicas)))
	}
	return errs.Also(s.Coordination.validate(s.Agents, replicas).ViaField("coordination"))
}

func (m *FleetMember) replicas() int64 {
	if m.Replicas == nil {
		return 1
	}
	return *m.Replicas
}

func (m *FleetMember) validate() *apis.FieldError {
	var errs *apis.FieldError
	if m.Name == "" {
		errs = errs.Also(apis.ErrMissingField("name"))
	}
	if len(m.Name) > MaxNameBytes {
		errs = errs.Also(unfit("name", "is too long"))
	}
	errs = errs.Also(
		validateWord(m.Role, fleetRoles, "role"),
		validatePositive(m.Replicas, "replicas"),
		validatePositive(m.Tier, "tier"),
	)
	if m.Weight != nil && *m.Weight < 0 {
		errs = errs.Also(invalid(*m.Weight, "weight", "must be 0 or more"))
	}
	switch {
	case m.Spec != nil && m.Ref != nil:
		return errs.Also(apis.ErrMultipleOneOf("ref", "spec"))
	case m.Ref != nil:
		return errs.Also(m.Ref.validate("ref"))
	case m.Spec == nil:
		return errs.Also(apis.ErrMissingOneOf("ref", "spec"))
	}
	spec, err := m.AgentSpec()
	if err != nil {
		return errs.Also(unfit("spec", bounded(err.Error(), maxConditionMessage)))
	}
	return errs.Also(spec.validate().ViaField("spec"))
}

func (c *FleetCoordination) validate(members []FleetMember, replicas int64) *apis.FieldError {
	if c == nil {
		return nil
	}
	errs := validateWord(c.Mode, fleetModes, "mode")
	errs = errs.Also(
		validateWord(c.Distribution, fleetDistributions, "distribution"),
		validateWord(c.Consensus, fleetConsensuses, "consensus"),
		validateWord(c.Aggregation, fleetAggregations, "aggregation"),
		c.validateManager(members),
	)
	if c.ConsensusOptions != nil {
		errs = errs.Also(c.ConsensusOptions.validate(members, replicas).ViaField("consensus_options"))
	}
	return errs
}

// validateManager finds out whether a hierarchical fleet has exactly one manager.
func (c *FleetCoordination) validateManager(members []FleetMember) *apis.FieldError {
	if c.Manager != "" {
		if !hasMember(members, c.Manager) {
			return invalid(c.Manager, "manager", "is the name of no member")
		}
		return nil
	}
	if c.Mode != FleetModeHierarchical && c.Aggregation != FleetAggregationManagerSynthesis {
		return nil
	}
	managers := 0
	for i := range members {
		if members[i].Role == FleetRoleManager {
			managers++
		}
	}
	if managers == 1 {
		return nil
	}
	err := apis.ErrMissingField("manager")
	err.Details = fmt.Sprintf("name the member that leads, or give exactly one member the role manager (%d have it)", managers)
	return err
}

func (o *ConsensusOptions) validate(members []FleetMember, replicas int64) *apis.FieldError {
	errs := validatePositive(o.MinVotes, "min_votes")
	if o.MinVotes != nil && *o.MinVotes > replicas {
		errs = errs.Also(invalid(*o.MinVotes, "min_votes", fmt.Sprintf("the fleet has only %d votes", replicas)))
	}
	if o.MinConfidence != nil && (*o.MinConfidence < 0 || *o.MinConfidence > 1) {
		errs = errs.Also(apis.ErrOutOfBoundsValue(*o.MinConfidence, 0, 1, "min_confidence"))
	}
	names := slices.Sorted(maps.Keys(o.Weights))
	errs = errs.Also(eachOf(len(names), MaxListItems, "weights", func(i int) *apis.FieldError {
		at := "weights." + bounded(names[i], maxQuoted)
		if !hasMember(members, names[i]) {
			return unfit(at, "is the name of no member")
		}
		if weight := o.Weights[names[i]]; weight < 0 {
			return invalid(weight, at, "must be 0 or more")
		}
		return nil
	}))
	return errs.Also(validatePositive(o.TimeoutMS, "timeout_ms"))
}

func hasMember(members []FleetMember, name string) bool {
	return slices.ContainsFunc(members, func(m FleetMember) bool { return m.Name == name })
}
