// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Kind says what a record is about.
type Kind string

// The kinds of records.
const (
	RunStarted        Kind = "run_started"
	RunWaiting        Kind = "run_waiting"
	RunResumed        Kind = "run_resumed"
	RunFinished       Kind = "run_finished"
	AgentStart        Kind = "agent_start"
	AgentComplete     Kind = "agent_complete"
	ToolCall          Kind = "tool_call"
	Message           Kind = "message"
	Node              Kind = "node"
	ApprovalRequested Kind = "approval_requested"
	ApprovalGranted   Kind = "approval_granted"
	ApprovalDenied    Kind = "approval_denied"
	Decision          Kind = "decision"
	Limited           Kind = "limited"
)

// Kinds are all kinds, in the order of the constants.
func Kinds() []Kind {
	return []Kind{
		RunStarted, RunWaiting, RunResumed, RunFinished, AgentStart, AgentComplete, ToolCall, Message, Node,
		ApprovalRequested, ApprovalGranted, ApprovalDenied, Decision, Limited,
	}
}

// What a Context may ask for beside kinds.
const (
	// All asks for every record.
	All = "all"
	// Errors asks for records of what failed, whatever their kind.
	Errors = "error"
)

// Status is how what a record is about stands or ended.
type Status string

// The statuses.
const (
	Started   Status = "started"
	Called    Status = "called"
	Waiting   Status = "waiting"
	Resumed   Status = "resumed"
	TakenOver Status = "taken_over"
	Retried   Status = "retried"
	Succeeded Status = "succeeded"
	Failed    Status = "failed"
	Skipped   Status = "skipped"
	Cancelled Status = "cancelled"
	Approved  Status = "approved"
	Denied    Status = "denied"
	Timeout   Status = "timeout"
	Refused   Status = "refused"
)

// Bounds of what a record repeats, in bytes. What is longer is cut.
const (
	MaxText    = 1 << 10 // message, error, comment
	MaxCommand = 2 << 10
	MaxPayload = 8 << 10 // input and output, each
)

// Record is one line of the audit: something that happened in a run. Its JSON
// form is what sinks get; fields that say nothing are left out.
type Record struct {
	// ID is the run's name, when it began, and Seq: the same however often the
	// record is delivered.
	ID string `json:"id"`
	// Seq counts the records of the run from 1. A number that is missing was left
	// out, since too many were waiting to be delivered.
	Seq int64 `json:"seq"`
	// Timestamp is when it happened.
	Timestamp time.Time `json:"timestamp"`
	// Event is the kind.
	Event Kind `json:"event"`
	// Status is how it stands.
	Status Status `json:"status,omitempty"`
	About

	// Node, NodeType and Attempt say which node it is about.
	Node     string `json:"node,omitempty"`
	NodeType string `json:"node_type,omitempty"`
	Attempt  int64  `json:"attempt,omitempty"`
	// Agent is the agent or fleet that was asked.
	Agent string `json:"agent,omitempty"`
	// Command is what was done, as people would write it.
	Command string `json:"command,omitempty"`
	// Message is what people were told, or what the run waits for.
	Message string `json:"message,omitempty"`
	// Reason in one word and Error in words say why it failed, waits or was left out.
	Reason string `json:"reason,omitempty"`
	Error  string `json:"error,omitempty"`

	// ApprovalRequired says whether the Context asks for approval of commands.
	ApprovalRequired bool `json:"approval_required,omitempty"`
	// ApprovedBy and DeniedBy are who decided an approval, ApprovalTimestamp when.
	ApprovedBy        string     `json:"approved_by,omitempty"`
	DeniedBy          string     `json:"denied_by,omitempty"`
	ApprovalTimestamp *time.Time `json:"approval_timestamp,omitempty"`
	// DecidedBy is whose decision it is, Answer what became of it: accepted,
	// foreign, self, late, repeated or other. Reaction is the emoji it was.
	DecidedBy string `json:"decided_by,omitempty"`
	Answer    string `json:"answer,omitempty"`
	Reaction  string `json:"reaction,omitempty"`
	Comment   string `json:"comment,omitempty"`

	// ExecutionTimeMS is how long it took, in milliseconds.
	ExecutionTimeMS *int64 `json:"execution_time_ms,omitempty"`
	// TokensUsed is the sum of the two that follow.
	TokensUsed   int64 `json:"tokens_used,omitempty"`
	InputTokens  int64 `json:"input_tokens,omitempty"`
	OutputTokens int64 `json:"output_tokens,omitempty"`

	// Input and Output are the payload: any JSON; a text when Truncated.
	Input     json.RawMessage `json:"input,omitempty"`
	Output    json.RawMessage `json:"output,omitempty"`
	Truncated bool            `json:"truncated,omitempty"`
	// Omitted is how many records of the run were left out.
	Omitted int64 `json:"omitted_records,omitempty"`
}

// About is what all records of a run have in common.
type About struct {
	Run          string `json:"run,omitempty"`
	RunNamespace string `json:"run_namespace,omitempty"`
	Flow         string `json:"flow,omitempty"`
	Binding      string `json:"binding,omitempty"`
	Trigger      string `json:"trigger,omitempty"`
	Context      string `json:"context,omitempty"`
	// Cluster and Namespace are where the Context has its flows work.
	Cluster   string `json:"cluster,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	// User is who caused the event of the run.
	User string `json:"user,omitempty"`
}

// Number gives the record its place in the run, which the text names for ever.
func (r *Record) Number(run string, seq int64) {
	r.ID, r.Seq = fmt.Sprintf("%s-%d", run, seq), seq
}

// Redact passes every text in which a secret may stand through clean, before
// anything is cut: half a secret would not be found.
func (r *Record) Redact(clean func(string) string) {
	for _, text := range []*string{
		&r.Cluster, &r.Namespace, &r.User, &r.Command, &r.Message, &r.Error, &r.DecidedBy, &r.ApprovedBy, &r.DeniedBy,
		&r.Comment, &r.Reaction,
	} {
		*text = clean(*text)
	}
	for _, payload := range []*json.RawMessage{&r.Input, &r.Output} {
		if len(*payload) > 0 {
			*payload = cleanJSON(*payload, clean)
		}
	}
}

// cleanJSON cleans the texts in a JSON value. What is no JSON is cleaned as text.
func cleanJSON(raw json.RawMessage, clean func(string) string) json.RawMessage {
	var value any
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	if d.Decode(&value) != nil {
		value = string(raw)
	}
	out, err := json.Marshal(cleaned(value, clean))
	if err != nil {
		return nil // not reached: it was decoded
	}
	return out
}

func cleaned(value any, clean func(string) string) any {
	switch v := value.(type) {
	case string:
		return clean(v)
	case []any:
		for i := range v {
			v[i] = cleaned(v[i], clean)
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, item := range v {
			out[clean(key)] = cleaned(item, clean)
		}
		return out
	}
	return value
}

// Line is the record as sinks get it, within bounds and without a line end.
func (r *Record) Line() (string, error) {
	r.Timestamp = r.Timestamp.UTC()
	r.Command = Cut(r.Command, MaxCommand)
	for _, text := range []*string{&r.Message, &r.Error, &r.Comment, &r.User, &r.DecidedBy, &r.ApprovedBy, &r.DeniedBy, &r.Agent} {
		*text = Cut(*text, MaxText)
	}
	for _, payload := range []*json.RawMessage{&r.Input, &r.Output} {
		if len(*payload) > MaxPayload {
			text, err := json.Marshal(Cut(string(*payload), MaxPayload))
			if err != nil {
				return "", fmt.Errorf("audit record %s: %w", r.ID, err)
			}
			*payload, r.Truncated = text, true
		}
	}
	raw, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("audit record %s: %w", r.ID, err)
	}
	return plain(string(raw)), nil
}

// plain escapes the control characters that JSON lets stand, since somebody may
// look at lines on a terminal. They can occur in JSON's strings only.
func plain(line string) string {
	if !strings.ContainsFunc(line, isControl) {
		return line
	}
	var b strings.Builder
	for _, c := range line {
		if isControl(c) {
			fmt.Fprintf(&b, `\u%04x`, c)
		} else {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// isControl is true for changes of the direction of writing, too: they have a line
// read as another.
func isControl(c rune) bool {
	return c >= 0x7f && c <= 0x9f || unicode.Is(unicode.Bidi_Control, c)
}

// Cut shortens a text to at most that many bytes, and shows that it did.
func Cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most-len("…")], "") + "…"
}
