// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

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

	updatedAt time.Time // of the last input that counted
	links     []outcome // per link of the plan
	tally     []tally   // per node, derived from links; nil after decoding
	counts    counts    // derived like tally
	names     names     // derived like tally
}

// tally counts the links that lead to a node.
type tally struct {
	open  int32 // not decided yet
	hold  int32 // those of them that only put in order
	taken int32
}

// names are the fields of all outputs and all exported variables. They answer at
// once for a name that nobody has.
type names map[string]struct{}

func (s names) take(n *NodeState) {
	for name := range n.Exports {
		s[name] = struct{}{}
	}
	fields, _ := n.Output.(map[string]any)
	for name := range fields {
		s[name] = struct{}{}
	}
	inner, _ := fields["output"].(map[string]any)
	for name := range inner {
		s[name] = struct{}{}
	}
}

// lack reports that no node has a name. Nil names know nothing.
func (s names) lack(name string) bool {
	if s == nil {
		return false
	}
	_, known := s[name]
	return !known
}

// counts are over all nodes.
type counts struct {
	left    int // not over
	running int
	waiting int
	failed  int
	broken  int // links
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
	// Grant is the digest of what people allowed the node to do; see Resume.
	Grant string `json:"grant,omitempty"`
	// NotBefore is when a further attempt may begin.
	NotBefore time.Time `json:"notBefore,omitzero"`
	// TakenFrom names the run whose node this was; empty for the run's own.
	TakenFrom string    `json:"takenFrom,omitempty"`
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
	// WaitLimit waits for room under a limit.
	WaitLimit WaitKind = "Limit"
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

// elapsed is the time from the start to the last input.
func (s *State) elapsed() time.Duration {
	return max(0, s.updatedAt.Sub(s.StartedAt))
}

// stateJSON is the JSON form of a State.
type stateJSON struct {
	Phase     Phase       `json:"phase,omitempty"`
	Nodes     []NodeState `json:"nodes,omitempty"`
	Links     string      `json:"links,omitempty"`
	Facts     Facts       `json:"facts,omitzero"`
	Error     *RunError   `json:"error,omitempty"`
	StartedAt time.Time   `json:"startedAt,omitzero"`
	UpdatedAt time.Time   `json:"updatedAt,omitzero"`
	EndedAt   time.Time   `json:"endedAt,omitzero"`
}

// MarshalJSON writes everything that Step needs to go on.
func (s State) MarshalJSON() ([]byte, error) {
	text, err := json.Marshal(stateJSON{
		Phase: s.Phase, Nodes: s.Nodes, Links: string(s.links), Facts: s.Facts, Error: s.Error,
		StartedAt: s.StartedAt, UpdatedAt: s.updatedAt, EndedAt: s.EndedAt,
	})
	if err != nil {
		return nil, fmt.Errorf("encode state: %w", err)
	}
	return text, nil
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *State) UnmarshalJSON(text []byte) error {
	var in stateJSON
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&in); err != nil {
		return fmt.Errorf("decode state: %w", err)
	}
	for i := range len(in.Links) {
		switch in.Links[i] {
		case open, taken, dead, ordered, denied, poisoned, broken:
		default:
			return errors.New("decode state: links hold an unknown letter")
		}
	}
	facts, err := in.Facts.canonical()
	if err != nil {
		return fmt.Errorf("decode state: facts: %w", err)
	}
	for i := range in.Nodes {
		if err := in.Nodes[i].canonicalise(); err != nil {
			return fmt.Errorf("decode state: node %s: %w", quote(in.Nodes[i].ID), err)
		}
	}
	*s = State{
		Phase: in.Phase, Nodes: in.Nodes, Facts: facts, Error: in.Error,
		StartedAt: canonicalTime(in.StartedAt), EndedAt: canonicalTime(in.EndedAt),
		updatedAt: canonicalTime(in.UpdatedAt),
	}
	if in.Links != "" {
		s.links = []outcome(in.Links)
	}
	return nil
}

// maxFactsBytes bounds each part of the facts.
const maxFactsBytes = 16 << 20

// canonical copies the facts into the form that survives JSON.
func (f Facts) canonical() (Facts, error) {
	var (
		out  Facts
		errs [4]error
	)
	out.Event, errs[0] = canonicalMap(f.Event, maxFactsBytes)
	out.Context, errs[1] = canonicalMap(f.Context, maxFactsBytes)
	out.Env, errs[2] = canonicalStrings(f.Env, maxFactsBytes)
	out.Meta, errs[3] = canonicalMap(f.Meta, maxFactsBytes)
	for i, part := range []string{"event", "context", "env", "meta"} {
		if errs[i] != nil {
			return Facts{}, fmt.Errorf("%s %w", part, errs[i])
		}
	}
	return out, nil
}

// canonicalise brings a node that comes from outside into the form that survives
// JSON.
func (n *NodeState) canonicalise() error {
	output, err := canonicalValue(n.Output, MaxOutputBytes)
	if err != nil {
		return fmt.Errorf("output %w", err)
	}
	exports, err := canonicalStrings(n.Exports, MaxOutputBytes)
	if err != nil {
		return fmt.Errorf("exports %w", err)
	}
	n.Output, n.Exports = output, exports
	n.Reason, n.Grant, n.TakenFrom = cut(n.Reason), cut(n.Grant), cut(n.TakenFrom)
	if n.Error != nil {
		n.Error = &NodeError{Reason: cut(n.Error.Reason), Message: cut(n.Error.Message)}
	}
	if n.Wait, err = n.Wait.canonical(); err != nil {
		return err
	}
	n.NotBefore, n.StartedAt, n.EndedAt = canonicalTime(n.NotBefore), canonicalTime(n.StartedAt), canonicalTime(n.EndedAt)
	return nil
}

// canonical copies a wait into the form that survives JSON.
func (w *Wait) canonical() (*Wait, error) {
	if w == nil {
		return nil, nil //nolint:nilnil // no wait is no error
	}
	details, err := canonicalMap(w.Details, MaxOutputBytes)
	if err != nil {
		return nil, fmt.Errorf("wait details %w", err)
	}
	return &Wait{Kind: WaitKind(valid(string(w.Kind))), Message: cut(w.Message), Until: canonicalTime(w.Until), Details: details}, nil
}
