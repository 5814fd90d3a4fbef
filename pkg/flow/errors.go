// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"fmt"
	"strings"
)

// Reasons of compile errors and warnings.
const (
	ReasonTooLarge        = "TooLarge"
	ReasonNoNodes         = "NoNodes"
	ReasonInvalidID       = "InvalidID"
	ReasonReservedID      = "ReservedID"
	ReasonDuplicateID     = "DuplicateID"
	ReasonUnknownKind     = "UnknownKind"
	ReasonUnsupportedKind = "UnsupportedKind"
	ReasonUnknownNode     = "UnknownNode"
	ReasonSelfReference   = "SelfReference"
	ReasonCycle           = "Cycle"
	ReasonUnreachable     = "Unreachable"
	ReasonMissing         = "Missing"
	ReasonInvalid         = "Invalid"
	ReasonDuplicateKey    = "DuplicateKey"
	ReasonSyntax          = "Syntax"
	ReasonNeverAvailable  = "NeverAvailable"
)

// Reasons of nodes that failed or were skipped. Failed inputs bring others.
const (
	// ReasonConditionFailed is a condition that could not be evaluated.
	ReasonConditionFailed = "ConditionFailed"
	// ReasonTemplateFailed is a template of a pure node that could not be filled in.
	ReasonTemplateFailed = "TemplateFailed"
	// ReasonOutputTooLarge is an output above Limits.OutputBytes.
	ReasonOutputTooLarge = "OutputTooLarge"
	// ReasonInvalidOutput is an output that has no JSON form.
	ReasonInvalidOutput = "InvalidOutput"
	// ReasonUpstreamFailed is a node that was skipped because one before it failed.
	ReasonUpstreamFailed = "UpstreamFailed"
	// ReasonNotTaken is a node that was skipped because no edge led to it.
	ReasonNotTaken = "NotTaken"
	// ReasonConditionFalse is a node that was skipped because its own when or
	// conditions did not hold.
	ReasonConditionFalse = "ConditionFalse"
	// ReasonJoinNotMet is a Join that too few branches reached.
	ReasonJoinNotMet = "JoinNotMet"
	// ReasonDenied is a node that was skipped because an Approval before it got no yes.
	ReasonDenied = "Denied"
	// ReasonInvalidFacts is a run whose event or context has no JSON form.
	ReasonInvalidFacts = "InvalidFacts"
	// ReasonFailed stands where an executor gave no reason.
	ReasonFailed = "Failed"
	// ReasonCancelled is a node that was not over when the run was cancelled.
	ReasonCancelled = "Cancelled"
)

// Error is one thing that is wrong with a flow.
type Error struct {
	// Path is the place, from the flow's root: "nodes[2].config.condition",
	// "connections[1].to". Edges are called connections as users know them.
	Path string `json:"path"`
	// Reason is one of the Reason constants.
	Reason string `json:"reason"`
	// Message says what is wrong in words, bounded in length.
	Message string `json:"message"`
}

// Error gives path and message.
func (e Error) Error() string {
	if e.Path == "" {
		return e.Message
	}
	return e.Path + ": " + e.Message
}

// Errors is what Compile returns: everything that is wrong, in the order of the
// flow's fields, at most MaxErrors of them.
type Errors []Error

// MaxErrors is how many errors Compile reports; the last one then says how many
// more there are.
const MaxErrors = 100

// Error joins the errors with semicolons.
func (e Errors) Error() string {
	var b strings.Builder
	for i, err := range e {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(err.Error())
	}
	return b.String()
}

// Unwrap gives errors.As each of the errors.
func (e Errors) Unwrap() []error {
	out := make([]error, len(e))
	for i := range e {
		out[i] = e[i]
	}
	return out
}

// quote shortens what a user wrote so that a message stays readable.
func quote(s string) string {
	const limit = 60
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}
