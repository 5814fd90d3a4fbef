// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
)

var agentfleetConditions = apis.NewLivingConditionSet()

// GetGroupVersionKind names the kind.
func (*AgentFleet) GetGroupVersionKind() schema.GroupVersionKind {
	return SchemeGroupVersion.WithKind("AgentFleet")
}

// GetConditionSet says which conditions the kind has.
func (*AgentFleet) GetConditionSet() apis.ConditionSet { return agentfleetConditions }

// GetStatus gives the duck-typed part of the status.
func (in *AgentFleet) GetStatus() *duckv1.Status { return &in.Status.Status }

// GetUntypedSpec gives the spec.
func (in *AgentFleet) GetUntypedSpec() any { return in.Spec }
