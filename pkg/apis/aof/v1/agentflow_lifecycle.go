// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
)

var agentflowConditions = apis.NewLivingConditionSet()

// GetGroupVersionKind names the kind.
func (*AgentFlow) GetGroupVersionKind() schema.GroupVersionKind {
	return SchemeGroupVersion.WithKind("AgentFlow")
}

// GetConditionSet says which conditions the kind has.
func (*AgentFlow) GetConditionSet() apis.ConditionSet { return agentflowConditions }

// GetStatus gives the duck-typed part of the status.
func (in *AgentFlow) GetStatus() *duckv1.Status { return &in.Status.Status }

// GetUntypedSpec gives the spec.
func (in *AgentFlow) GetUntypedSpec() any { return in.Spec }
