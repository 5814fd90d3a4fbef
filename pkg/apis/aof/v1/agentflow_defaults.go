// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"context"

	"aof.dev/operator/pkg/flow"
)

// SetDefaults brings node types and other spellings to their canonical form. It
// adds nothing: what a node leaves open is decided where it runs.
func (f *AgentFlow) SetDefaults(context.Context) {
	spec := &f.Spec
	spec.Trigger.Type = string(CanonicalTriggerType(spec.Trigger.Type))
	if spec.Context != nil && spec.Context.Ref != nil {
		spec.Context.Ref.fold()
	}
	for i := range spec.Nodes {
		spec.Nodes[i].setDefaults()
	}
	for i := range spec.Connections {
		fold(&spec.Connections[i].When, &spec.Connections[i].Condition)
	}
	if c := spec.Config; c != nil {
		foldPointer(&c.DefaultTimeoutSeconds, &c.DefaultTimeoutSecondsCamel)
		fold(&c.ErrorHandler, &c.ErrorHandlerCamel)
		c.Retry.setDefaults()
	}
}

func (n *FlowNode) setDefaults() {
	if n.ID == "" || n.ID == n.Name {
		n.ID, n.Name = n.Name, ""
	}
	fold(&n.When, &n.Condition)
	foldList(&n.DependsOn, &n.DependsOnCamel)
	foldPointer(&n.TimeoutSeconds, &n.TimeoutSecondsCamel)
	n.Retry.setDefaults()
	for i := range n.Conditions {
		fold(&n.Conditions[i].When, &n.Conditions[i].Condition)
	}
	if kind, ok := flow.ParseKind(n.Type); ok {
		n.Type = string(kind)
	}
}

func (r *FlowRetry) setDefaults() {
	if r == nil {
		return
	}
	foldPointer(&r.MaxAttempts, &r.MaxAttemptsCamel)
	fold(&r.InitialDelay, &r.InitialDelayCamel)
	foldPointer(&r.BackoffMultiplier, &r.BackoffMultiplierCamel)
}
