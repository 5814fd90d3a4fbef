// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import "time"

// Flow is what Compile takes: a graph of nodes as the user wrote it. Its JSON
// form is what a compiled plan stores, so that a run can go on for ever with the
// definition it began with.
type Flow struct {
	// Name of the flow, used in messages and found under ${flow.name}.
	Name string `json:"name,omitempty"`
	// Nodes in the user's order. The order breaks ties wherever the graph leaves
	// a choice, so it is part of the meaning.
	Nodes []Node `json:"nodes"`
	// Edges in the user's order; error paths call them connections.
	Edges []Edge `json:"edges,omitempty"`
	// Variables by name: a scalar, or a map {description, required, default},
	// whose value is the field of the event that is called the same, else the
	// default.
	Variables map[string]any `json:"variables,omitempty"`
	// Defaults is the policy of every node that does not say otherwise.
	Defaults Policy `json:"defaults,omitzero"`
	// ErrorHandler is the ID of a node that nothing leads to. It runs once all
	// others are over and at least one has failed, and finds the failure under
	// ${error.message}, ${error.reason} and ${error.node}; else it is skipped. The
	// flow is Failed all the same.
	ErrorHandler string `json:"errorHandler,omitempty"`
	// Limits bounds the flow. The zero value means the ceilings of this package.
	Limits Limits `json:"limits,omitzero"`
}

// Node is one step of a flow.
type Node struct {
	// ID is unique in the flow and names the node in edges and in ${id.output}.
	ID string `json:"id"`
	// Kind says what the node does.
	Kind Kind `json:"kind"`
	// Config holds the settings of the kind. The keys that the engine knows are
	// accepted in snake_case and in camelCase; a Plan holds them in snake_case.
	Config map[string]any `json:"config,omitempty"`
	// When is a condition over what came before. The node is skipped when it is
	// false. Empty means true.
	When string `json:"when,omitempty"`
	// Conditions are alternatives: the node is skipped unless one of them holds.
	// Empty means true.
	Conditions []NodeCondition `json:"conditions,omitempty"`
	// DependsOn names nodes that have to be over before this one starts.
	DependsOn []string `json:"dependsOn,omitempty"`
	// Policy overrides the defaults of the flow, field by field.
	Policy *Policy `json:"policy,omitempty"`
}

// NodeCondition is one alternative of Node.Conditions. Every field that is set
// has to hold; with From alone it holds when that node has succeeded.
type NodeCondition struct {
	// From names the node that is looked at.
	From string `json:"from"`
	// Value is the case that the Conditional named in From has to have chosen.
	Value *string `json:"value,omitempty"`
	// Reaction is the emoji name that From has to have received.
	Reaction *string `json:"reaction,omitempty"`
	// When is a condition over the output of From.
	When string `json:"when,omitempty"`
}

// Edge leads from one node to another. Several edges between the same two nodes
// are alternatives.
type Edge struct {
	// From is a node's ID, or one of the names of the trigger: trigger, start.
	From string `json:"from"`
	// To is a node's ID.
	To string `json:"to"`
	// When is evaluated once From has succeeded. Empty means true.
	When string `json:"when,omitempty"`
}

// Policy says how long a node may take and how often it may be tried. A zero
// field means: as the flow's defaults say, else as documented at the field.
type Policy struct {
	// TimeoutSeconds bounds one attempt. 0 means that the runner decides.
	TimeoutSeconds float64 `json:"timeoutSeconds,omitempty"`
	// MaxAttempts counts the first try as well; 0 means 1.
	MaxAttempts int `json:"maxAttempts,omitempty"`
	// InitialDelay is the pause before the second attempt; 0 means one second.
	InitialDelay time.Duration `json:"initialDelay,omitempty"`
	// BackoffMultiplier is what the pause grows by for each further attempt;
	// 0 means 2. A pause never exceeds MaxDelay.
	BackoffMultiplier float64 `json:"backoffMultiplier,omitempty"`
}

// Ceilings of what the engine takes. Limits may lower them, never raise them.
const (
	// MaxNodes is the highest number of nodes in a flow.
	MaxNodes = 5000
	// MaxEdges is the highest number of edges in a flow, dependencies included.
	MaxEdges = 50000
	// MaxSourceBytes is the highest size of all texts, scripts and conditions of a
	// flow together.
	MaxSourceBytes = 2 << 20
	// MaxOutputBytes is the highest size of a node's output and exports as JSON.
	MaxOutputBytes = 4 << 20
	// MaxDepth is how deep configuration, outputs and events may nest.
	MaxDepth = 64
	// MaxDelay is the longest pause between two attempts.
	MaxDelay = 15 * time.Minute
	// MaxAttempts is the highest number of tries a policy can ask for.
	MaxAttempts = 100
)

// Limits bounds a flow and what its nodes may produce. Zero means the ceiling of
// this package, and so does anything above it.
type Limits struct {
	// Nodes is the highest number of nodes; see MaxNodes.
	Nodes int `json:"nodes,omitempty"`
	// Edges is the highest number of edges; see MaxEdges.
	Edges int `json:"edges,omitempty"`
	// OutputBytes is the highest size of one node's output; see MaxOutputBytes.
	// A node that produces more fails with ReasonOutputTooLarge.
	OutputBytes int `json:"outputBytes,omitempty"`
}
