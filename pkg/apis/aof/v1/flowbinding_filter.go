// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import "aof.dev/operator/pkg/match"

// IsEnabled reports whether the binding may start runs: yes unless `enabled` is false.
func (b *FlowBinding) IsEnabled() bool { return b.Spec.Enabled == nil || *b.Spec.Enabled }

// Priority orders bindings that match the same event, highest first.
func (b *FlowBinding) Priority() int {
	if b.Spec.Match == nil {
		return 0
	}
	return int(b.Spec.Match.Priority)
}

// Filter is what the binding itself demands of an event, for pkg/match. Its
// patterns, when there are any, take the place of the trigger's; leaving those
// out is up to the caller.
func (b *FlowBinding) Filter() match.Filter {
	f := match.Filter{Name: "binding " + b.Name}
	if m := b.Spec.Match; m != nil {
		f.Patterns, f.Conditions = m.Patterns, m.Conditions
		f.Channels, f.Users, f.Events = m.Channels, m.Users, m.Events
		f.RequiredKeywords, f.ExcludedKeywords = m.RequiredKeywords, m.ExcludedKeywords
	}
	return f
}
