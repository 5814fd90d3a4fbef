// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"fmt"
	"time"

	"aof.dev/operator/pkg/dedupe"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/match"
)

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

// Dedupe is the binding's rule for events that are about the same thing, nil when
// it has none. The error names the field of a binding that no validation has seen.
func (b *FlowBinding) Dedupe() (*dedupe.Rule, error) {
	if b.Spec.Match == nil || b.Spec.Match.Dedupe == nil {
		return nil, nil //nolint:nilnil // no rule is no error
	}
	d := b.Spec.Match.Dedupe
	window, err := d.window()
	if err != nil {
		return nil, fmt.Errorf("spec.match.dedupe.window: %w", err)
	}
	if err := dedupe.CheckKey(d.Key); err != nil {
		return nil, fmt.Errorf("spec.match.dedupe.key: %w", err)
	}
	return &dedupe.Rule{Key: d.Key, Window: window}, nil
}

// window reads the window, which is whole seconds: that is what is kept of it.
func (d *MatchDedupe) window() (time.Duration, error) {
	window, err := flow.ParseDuration(d.Window)
	if err == nil {
		err = dedupe.CheckWindow(window)
	}
	return window.Round(time.Second), err
}
