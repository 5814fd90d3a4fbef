// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
)

var agentConditions = apis.NewLivingConditionSet()

// GetGroupVersionKind names the kind.
func (*Agent) GetGroupVersionKind() schema.GroupVersionKind {
	return SchemeGroupVersion.WithKind("Agent")
}

// GetConditionSet says which conditions the kind has.
func (*Agent) GetConditionSet() apis.ConditionSet { return agentConditions }

// GetStatus gives the duck-typed part of the status.
func (in *Agent) GetStatus() *duckv1.Status { return &in.Status.Status }

// GetUntypedSpec gives the spec.
func (in *Agent) GetUntypedSpec() any { return in.Spec }
