// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/kmeta"
)

// AgentFleet is a team of agents that work on one input together.
//
// +genclient
// +genreconciler
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=agentfleets,singular=agentfleet,shortName=fleet,categories=aof,scope=Namespaced
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name=Ready,type=boolean,JSONPath=`.status.ready`
// +kubebuilder:printcolumn:name=Agents,type=integer,JSONPath=`.spec.agents[*].replicas`
// +kubebuilder:printcolumn:name=Mode,type=string,JSONPath=`.spec.coordination.mode`
// +kubebuilder:printcolumn:name=Age,type=date,JSONPath=`.metadata.creationTimestamp`
type AgentFleet struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what the user wants.
	Spec AgentFleetSpec `json:"spec,omitempty"`
	// Status is what the operator observed.
	Status AgentFleetStatus `json:"status,omitzero"`
}

var (
	_ apis.Validatable   = (*AgentFleet)(nil)
	_ apis.Defaultable   = (*AgentFleet)(nil)
	_ apis.HasSpec       = (*AgentFleet)(nil)
	_ duckv1.KRShaped    = (*AgentFleet)(nil)
	_ kmeta.OwnerRefable = (*AgentFleet)(nil)
	_ runtime.Object     = (*AgentFleet)(nil)
)

// AgentFleetSpec is what the user wants of a fleet.
type AgentFleetSpec struct {
	// Agents are the members, in the order in which a sequential fleet asks them.
	// +required
	Agents []FleetMember `json:"agents,omitzero"`
	// Coordination says how the members work together; as peers when empty.
	Coordination *FleetCoordination `json:"coordination,omitempty"`
	// Description says what the fleet is for.
	Description string `json:"description,omitempty"`
}

// FleetRole is what a member does in its fleet.
//
// +kubebuilder:validation:Enum=manager;worker;specialist;validator;collector;analyst;coordinator
type FleetRole string

// The roles of a fleet's member.
const (
	FleetRoleManager     FleetRole = "manager"
	FleetRoleWorker      FleetRole = "worker"
	FleetRoleSpecialist  FleetRole = "specialist"
	FleetRoleValidator   FleetRole = "validator"
	FleetRoleCollector   FleetRole = "collector"
	FleetRoleAnalyst     FleetRole = "analyst"
	FleetRoleCoordinator FleetRole = "coordinator"
)

// FleetMember is one agent of a fleet: described in place (spec), or an Agent
// object it refers to (ref).
type FleetMember struct {
	// Name of the member within the fleet; that of the referenced Agent when empty.
	Name string `json:"name,omitempty"`
	// Role of the member; worker when empty.
	Role FleetRole `json:"role,omitempty"`
	// Replicas is how many instances of the member take part.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:default=1
	Replicas *int64 `json:"replicas,omitempty"`
	// Spec describes the agent in place, with the fields of an Agent's spec.
	Spec JSONObject `json:"spec,omitempty"`
	// Ref names the Agent, in the fleet's namespace unless it says otherwise.
	Ref *ObjectReference `json:"ref,omitempty"`
	// Tier of the member in a tiered fleet, 1 first.
	Tier *int64 `json:"tier,omitempty"`
	// Weight of the member's vote when votes are weighted; 1 when empty.
	Weight *float64 `json:"weight,omitempty"`
	// Labels describe the member.
	Labels map[string]string `json:"labels,omitempty"`
}

// FleetMode is the shape of a fleet's work.
//
// +kubebuilder:validation:Enum=hierarchical;peer;swarm;pipeline;tiered;deep
type FleetMode string

// The modes of a fleet.
const (
	FleetModeHierarchical FleetMode = "hierarchical"
	FleetModePeer         FleetMode = "peer"
	FleetModeSwarm        FleetMode = "swarm"
	FleetModePipeline     FleetMode = "pipeline"
	FleetModeTiered       FleetMode = "tiered"
	FleetModeDeep         FleetMode = "deep"
)

// FleetDistribution is how work is given to the members.
//
// +kubebuilder:validation:Enum=parallel;sequential;adaptive;round-robin;least-loaded;random;skill-based;sticky
type FleetDistribution string

// The ways to distribute work.
const (
	FleetDistributionParallel    FleetDistribution = "parallel"
	FleetDistributionSequential  FleetDistribution = "sequential"
	FleetDistributionAdaptive    FleetDistribution = "adaptive"
	FleetDistributionRoundRobin  FleetDistribution = "round-robin"
	FleetDistributionLeastLoaded FleetDistribution = "least-loaded"
	FleetDistributionRandom      FleetDistribution = "random"
	FleetDistributionSkillBased  FleetDistribution = "skill-based"
	FleetDistributionSticky      FleetDistribution = "sticky"
)

// FleetConsensus is how one answer is made of many.
//
// +kubebuilder:validation:Enum=majority;unanimous;first;weighted;first_wins;human_review
type FleetConsensus string

// The ways to reach consensus. first_wins is stored as first.
const (
	FleetConsensusMajority    FleetConsensus = "majority"
	FleetConsensusUnanimous   FleetConsensus = "unanimous"
	FleetConsensusFirst       FleetConsensus = "first"
	FleetConsensusWeighted    FleetConsensus = "weighted"
	FleetConsensusFirstWins   FleetConsensus = "first_wins"
	FleetConsensusHumanReview FleetConsensus = "human_review"
)

// FleetAggregation is what is made of the members' answers.
//
// +kubebuilder:validation:Enum=consensus;merge;manager_synthesis
type FleetAggregation string

// The ways to aggregate answers.
const (
	FleetAggregationConsensus        FleetAggregation = "consensus"
	FleetAggregationMerge            FleetAggregation = "merge"
	FleetAggregationManagerSynthesis FleetAggregation = "manager_synthesis"
)

// FleetCoordination says how the members of a fleet work together.
type FleetCoordination struct {
	// Mode is the shape of the work; peer when empty.
	Mode FleetMode `json:"mode,omitempty"`
	// Distribution is how work is given to the members: to all at once
	// (parallel), one after another (sequential), or to the one with least to do.
	Distribution FleetDistribution `json:"distribution,omitempty"`
	// Consensus is how one answer is made of many. The object {algorithm,
	// min_votes, …} is stored as consensus and consensus_options.
	// +kubebuilder:pruning:PreserveUnknownFields
	Consensus FleetConsensus `json:"consensus,omitempty"`
	// ConsensusOptions refine the consensus.
	ConsensusOptions *ConsensusOptions `json:"consensus_options,omitempty"`
	// Manager names the member that leads a hierarchical fleet; the one whose
	// role is manager when empty.
	Manager string `json:"manager,omitempty"`
	// Aggregation is what is made of the answers; consensus when empty.
	Aggregation FleetAggregation `json:"aggregation,omitempty"`
	// Tiered refines a tiered fleet.
	Tiered JSONObject `json:"tiered,omitempty"`
	// Deep refines a deep fleet.
	Deep JSONObject `json:"deep,omitempty"`
}

// ConsensusOptions refine how a fleet reaches consensus.
type ConsensusOptions struct {
	// MinVotes is how many members must agree; more than half when empty.
	MinVotes *int64 `json:"min_votes,omitempty"`
	// MinConfidence is the share of the votes the winner needs, 0 to 1.
	MinConfidence *float64 `json:"min_confidence,omitempty"`
	// Weights of the members' votes by member name; 1 for who is not named.
	Weights map[string]float64 `json:"weights,omitempty"`
	// TimeoutMS is how long to wait for answers, in milliseconds.
	TimeoutMS *int64 `json:"timeout_ms,omitempty"`
	// AllowPartial lets a consensus stand although members failed.
	AllowPartial *bool `json:"allow_partial,omitempty"`
}

// AgentFleetStatus is what the operator observed about a fleet.
type AgentFleetStatus struct {
	duckv1.Status `json:",inline"`

	// Ready is true when every member can be run.
	Ready bool `json:"ready"`
	// Phase is the state in one word.
	Phase AgentPhase `json:"phase,omitempty"`
	// AgentStatus says how each member stands.
	AgentStatus []FleetMemberStatus `json:"agentStatus,omitempty"`
	// TotalReplicas is the sum of the members' replicas.
	TotalReplicas int64 `json:"totalReplicas,omitempty"`
}

// FleetMemberStatus says how one member of a fleet stands.
type FleetMemberStatus struct {
	// Name of the member.
	Name string `json:"name,omitempty"`
	// Ready is true when the member can be run.
	Ready bool `json:"ready"`
	// Replicas is how many instances of it take part.
	Replicas int64 `json:"replicas,omitempty"`
}

// AgentFleetList is a list of fleets.
//
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
type AgentFleetList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []AgentFleet `json:"items"`
}
