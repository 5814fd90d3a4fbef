// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
)

var flowbindingConditions = apis.NewLivingConditionSet()

// GetGroupVersionKind names the kind.
func (*FlowBinding) GetGroupVersionKind() schema.GroupVersionKind {
	return SchemeGroupVersion.WithKind("FlowBinding")
}

// GetConditionSet says which conditions the kind has.
func (*FlowBinding) GetConditionSet() apis.ConditionSet { return flowbindingConditions }

// GetStatus gives the duck-typed part of the status.
func (in *FlowBinding) GetStatus() *duckv1.Status { return &in.Status.Status }

// GetUntypedSpec gives the spec.
func (in *FlowBinding) GetUntypedSpec() any { return in.Spec }
