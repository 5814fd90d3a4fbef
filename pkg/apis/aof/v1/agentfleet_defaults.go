// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"context"
	"strings"
)

// SetDefaults fills in replicas, roles, the mode and the names of members that
// refer to an Agent, and brings words to their canonical spelling. A member's
// spec stays as it is written.
func (f *AgentFleet) SetDefaults(context.Context) {
	for i := range f.Spec.Agents {
		f.Spec.Agents[i].setDefaults()
	}
	if f.Spec.Coordination == nil {
		f.Spec.Coordination = &FleetCoordination{}
	}
	f.Spec.Coordination.setDefaults()
}

func (m *FleetMember) setDefaults() {
	if m.Ref != nil {
		m.Ref.fold()
		if m.Name == "" {
			m.Name = m.Ref.Name
		}
	}
	m.Role = canonicalWord(m.Role, fleetRoles, nil)
	if m.Role == "" {
		m.Role = FleetRoleWorker
	}
	if m.Replicas == nil {
		one := int64(1)
		m.Replicas = &one
	}
}

func (c *FleetCoordination) setDefaults() {
	c.Mode = canonicalWord(c.Mode, fleetModes, nil)
	if c.Mode == "" {
		c.Mode = FleetModePeer
	}
	c.Distribution = canonicalWord(FleetDistribution(strings.ReplaceAll(string(c.Distribution), "_", "-")), fleetDistributions, distributionSynonyms)
	c.Consensus = canonicalWord(c.Consensus, fleetConsensuses, consensusSynonyms)
	c.Aggregation = canonicalWord(c.Aggregation, fleetAggregations, nil)
}

var (
	fleetRoles = []FleetRole{
		FleetRoleManager, FleetRoleWorker, FleetRoleSpecialist, FleetRoleValidator, FleetRoleCollector, FleetRoleAnalyst, FleetRoleCoordinator,
	}
	fleetModes = []FleetMode{
		FleetModeHierarchical, FleetModePeer, FleetModeSwarm, FleetModePipeline, FleetModeTiered, FleetModeDeep,
	}
	fleetDistributions = []FleetDistribution{
		FleetDistributionParallel, FleetDistributionSequential, FleetDistributionAdaptive, FleetDistributionRoundRobin,
		FleetDistributionLeastLoaded, FleetDistributionRandom, FleetDistributionSkillBased, FleetDistributionSticky,
	}
	distributionSynonyms = map[string]FleetDistribution{
		"capability-based": FleetDistributionSkillBased,
	}
	fleetConsensuses = []FleetConsensus{
		FleetConsensusMajority, FleetConsensusUnanimous, FleetConsensusFirst, FleetConsensusWeighted, FleetConsensusFirstWins, FleetConsensusHumanReview,
	}
	consensusSynonyms = map[string]FleetConsensus{
		"first_wins": FleetConsensusFirst,
		"first-wins": FleetConsensusFirst,
	}
	fleetAggregations = []FleetAggregation{
		FleetAggregationConsensus, FleetAggregationMerge, FleetAggregationManagerSynthesis,
	}
)
