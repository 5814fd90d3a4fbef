// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"fmt"
	"math"
	"slices"

	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/match"
)

// Definition is the flow in the form that pkg/flow compiles: the same nodes and
// connections in the same order. The flow must have its defaults set. The error
// names the field of a delay or a number that can't be read; what flow.Compile
// would find it leaves to flow.Compile.
func (f *AgentFlow) Definition() (flow.Flow, error) {
	out := flow.Flow{
		Name:      f.Name,
		Nodes:     make([]flow.Node, 0, len(f.Spec.Nodes)),
		Edges:     make([]flow.Edge, 0, len(f.Spec.Connections)),
		Variables: f.Spec.Variables.DeepCopy(),
	}
	if c := f.Spec.Config; c != nil {
		out.ErrorHandler = c.ErrorHandler
		defaults, err := policyOf(c.DefaultTimeoutSeconds, c.Retry)
		if err != nil {
			return flow.Flow{}, fmt.Errorf("spec.config: %w", err)
		}
		if defaults != nil {
			out.Defaults = *defaults
		}
	}
	for i := range f.Spec.Nodes {
		node, err := f.Spec.Nodes[i].definition()
		if err != nil {
			return flow.Flow{}, fmt.Errorf("spec.nodes[%d]: %w", i, err)
		}
		out.Nodes = append(out.Nodes, node)
	}
	for _, c := range f.Spec.Connections {
		out.Edges = append(out.Edges, flow.Edge{From: c.From, To: c.To, When: c.When})
	}
	return out, nil
}

func (n *FlowNode) definition() (flow.Node, error) {
	policy, err := policyOf(n.TimeoutSeconds, n.Retry)
	if err != nil {
		return flow.Node{}, err
	}
	out := flow.Node{
		ID:        n.ID,
		Kind:      flow.Kind(n.Type),
		Config:    n.Config.DeepCopy(),
		When:      n.When,
		DependsOn: slices.Clone(n.DependsOn),
		Policy:    policy,
	}
	if kind, ok := flow.ParseKind(n.Type); ok {
		out.Kind = kind
	}
	for _, c := range n.Conditions {
		condition := flow.NodeCondition{From: c.From, When: c.When, Reaction: c.Reaction}
		if c.Value != nil {
			value := string(*c.Value)
			condition.Value = &value
		}
		out.Conditions = append(out.Conditions, condition)
	}
	return out, nil
}

// policyOf is nil when neither a timeout nor a retry is set.
func policyOf(timeoutSeconds *float64, retry *FlowRetry) (*flow.Policy, error) {
	if timeoutSeconds == nil && retry == nil {
		return nil, nil //nolint:nilnil // no policy is an answer: the defaults hold
	}
	var policy flow.Policy
	if timeoutSeconds != nil {
		policy.TimeoutSeconds = *timeoutSeconds
	}
	if retry == nil {
		return &policy, nil
	}
	if n := retry.MaxAttempts; n != nil {
		if *n < 0 || *n > math.MaxInt32 {
			return nil, fmt.Errorf("retry.max_attempts: %d is out of range", *n)
		}
		policy.MaxAttempts = int(*n)
	}
	if retry.InitialDelay != "" {
		delay, err := flow.ParseDuration(retry.InitialDelay)
		if err != nil {
			return nil, fmt.Errorf("retry.initial_delay: %w", err)
		}
		policy.InitialDelay = delay
	}
	if retry.BackoffMultiplier != nil {
		policy.BackoffMultiplier = *retry.BackoffMultiplier
	}
	return &policy, nil
}

// Filter is what the flow itself demands of an event, for pkg/match. It holds in
// addition to what the trigger and the binding demand.
func (f *AgentFlow) Filter() match.Filter {
	settings := TriggerSpec{Type: TriggerType(f.Spec.Trigger.Type), Config: f.Spec.Trigger.Config}
	return match.Filter{
		Name:     "flow " + f.Name,
		Patterns: slices.Concat(f.Spec.Trigger.Patterns, settings.ConfigStrings("patterns")),
		Channels: settings.Channels(),
		Users:    settings.ConfigStrings("users"),
		Events:   settings.ConfigStrings("events"),
	}
}
