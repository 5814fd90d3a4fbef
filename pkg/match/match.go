// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package match

import "fmt"

// Filter restricts which events a rule accepts. A field that is empty restricts nothing; one that is
// set refuses an event that lacks the value.
type Filter struct {
	// Name says whose filter this is in a Verdict's reason, for example "trigger slack-prod".
	Name string
	// Patterns are RE2 expressions, one of which must be found in the text.
	Patterns []string
	// Channels, Users and Events list what is accepted; "*" accepts everything.
	Channels, Users, Events []string
	// RequiredKeywords must all appear in the text, ExcludedKeywords none, both in any case.
	RequiredKeywords, ExcludedKeywords []string
	// Conditions must all equal the event's attribute of that name, as text.
	Conditions map[string]string
}

// Rule is a set of filters that must all pass, usually those of a trigger, a flow and a binding.
type Rule struct {
	// ID names the rule in verdicts and errors and is unique in a Set.
	ID string
	// Priority orders the verdicts, the highest first.
	Priority int
	Filters  []Filter
}

// Facts are what the filters of a rule see of an event.
type Facts struct {
	// Text is what patterns and keywords are searched in.
	Text string
	// Type is the event's type, for example "message" or "pull_request.opened".
	Type string
	// Channels and Users hold every name by which a filter may call them: id, name, #name, e-mail.
	Channels, Users []string
	// Attributes are the event's metadata as text.
	Attributes map[string]string
}

// Verdict is what a rule says to an event.
type Verdict struct {
	Rule    string
	Matched bool
	// Reason tells a person why, and names the filter that decided.
	Reason string
	// Pattern is the first pattern that was found, empty when none was needed.
	Pattern string
}

// RuleError says which field of which rule can't be compiled.
type RuleError struct {
	Rule string
	// Field is the path inside the rule, for example "filters[1].patterns[0]".
	Field string
	Err   error
}

// Error names the rule and the field before the cause.
func (e *RuleError) Error() string { return fmt.Sprintf("rule %q: %s: %v", e.Rule, e.Field, e.Err) }

// Unwrap returns the cause.
func (e *RuleError) Unwrap() error { return e.Err }
