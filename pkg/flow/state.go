// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import "time"

// Phase is where a node or a whole flow stands.
type Phase string

// The phases. Cancelled is a flow's only, Skipped a node's only.
const (
	PhasePending   Phase = "Pending"
	PhaseRunning   Phase = "Running"
	PhaseWaiting   Phase = "Waiting"
	PhaseSucceeded Phase = "Succeeded"
	PhaseFailed    Phase = "Failed"
	PhaseSkipped   Phase = "Skipped"
	PhaseCancelled Phase = "Cancelled"
)

// Finished reports whether nothing follows this phase.
func (p Phase) Finished() bool {
	switch p {
	case PhaseSucceeded, PhaseFailed, PhaseSkipped, PhaseCancelled:
		return true
	case PhasePending, PhaseRunning, PhaseWaiting:
		return false
	default:
		return false
	}
}

// Facts is what a run knows before its first node.
type Facts struct {
	// Event is the normalised event, found under ${event…} and ${trigger…}.
	Event map[string]any `json:"event,omitempty"`
	// Context is found under ${context…}: namespace, cluster and so on.
	Context map[string]any `json:"context,omitempty"`
	// Env is the Context's environment, found under ${env.X}, ${context.env.X}
	// and, last of all, under the bare name. It never holds secrets: those come
	// from a resolver that the caller chains behind Plan.Scope.
	Env map[string]string `json:"env,omitempty"`
	// Meta is found under ${flow…}: name, namespace, run and so on.
	Meta map[string]any `json:"meta,omitempty"`
}

// State is how far a run has come. The zero State is a run that has not begun.
// Read it freely, change it only through Plan.Step; a plan and its states belong
// together. It has an exact JSON form at every point.
type State struct {
	// Phase of the whole flow; "" before Start. Waiting means that nothing runs and
	// something waits.
	Phase Phase
	// Nodes in the order of Plan.Nodes.
	Nodes []NodeState
	// Facts that the run began with.
	Facts Facts
	// Error is why the flow failed or was cancelled: the first failed node in
	// plan order, set when the flow is over.
	Error *RunError
	// StartedAt and EndedAt are the times of the Start input and of the input that
	// ended the run.
	StartedAt, EndedAt time.Time
}

// RunError is why a flow failed.
type RunError struct {
	// Node that failed; empty when the run was cancelled.
	Node string `json:"node,omitempty"`
	// Reason is a short constant, Message the words for it.
	Reason  string `json:"reason"`
	Message string `json:"message,omitempty"`
}

// NodeState is how far one node has come. It is also an entry of the journal
// that Restore reads.
type NodeState struct {
	ID    string `json:"id"`
	Kind  Kind   `json:"kind"`
	Phase Phase  `json:"phase"`
	// Attempt counts from 1; 0 means that the node never started.
	Attempt int `json:"attempt,omitempty"`
	// Output as JSON values: nil, bool, float64 (int64 beyond 2^53), string,
	// []any, map[string]any.
	Output any `json:"output,omitempty"`
	// Exports are the variables that a Transform or Script set.
	Exports map[string]string `json:"exports,omitempty"`
	// Reason says why a node was skipped.
	Reason string `json:"reason,omitempty"`
	// Error is set when the node failed, or was skipped because another failed.
	// Between two attempts it is the error of the last one.
	Error *NodeError `json:"error,omitempty"`
	// Usage over all attempts.
	Usage Usage `json:"usage,omitzero"`
	// Wait says what a waiting node waits for.
	Wait *Wait `json:"wait,omitempty"`
	// NotBefore is when a further attempt may begin.
	NotBefore time.Time `json:"notBefore,omitzero"`
	StartedAt time.Time `json:"startedAt,omitzero"`
	EndedAt   time.Time `json:"endedAt,omitzero"`
}

// NodeError is why a node failed.
type NodeError struct {
	// Reason is a short constant in CamelCase.
	Reason string `json:"reason"`
	// Message is for people. It is cut at MaxMessageBytes.
	Message string `json:"message,omitempty"`
}

// MaxMessageBytes is the longest message of a NodeError or RunError.
const MaxMessageBytes = 4096

// Usage counts the tokens that models took and gave.
type Usage struct {
	InputTokens  int64 `json:"inputTokens,omitempty"`
	OutputTokens int64 `json:"outputTokens,omitempty"`
}

// Add returns the sum of both.
func (u Usage) Add(v Usage) Usage {
	return Usage{InputTokens: u.InputTokens + v.InputTokens, OutputTokens: u.OutputTokens + v.OutputTokens}
}

// WaitKind says what a node waits for.
type WaitKind string

// The kinds of waiting.
const (
	WaitApproval WaitKind = "Approval"
	WaitReaction WaitKind = "Reaction"
	WaitTimer    WaitKind = "Timer"
	WaitEvent    WaitKind = "Event"
)

// Wait is what a suspended node waits for.
type Wait struct {
	Kind WaitKind `json:"kind"`
	// Message is what people are asked or told.
	Message string `json:"message,omitempty"`
	// Until is when waiting ends by itself; zero means never.
	Until time.Time `json:"until,omitzero"`
	// Details are whatever the executor needs to go on, as JSON values.
	Details map[string]any `json:"details,omitempty"`
}

// Usage sums up the tokens of all nodes.
func (s State) Usage() Usage {
	var u Usage
	for i := range s.Nodes {
		u = u.Add(s.Nodes[i].Usage)
	}
	return u
}
