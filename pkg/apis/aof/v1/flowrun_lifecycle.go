// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
)

var flowrunConditions = apis.NewBatchConditionSet()

// GetGroupVersionKind names the kind.
func (*FlowRun) GetGroupVersionKind() schema.GroupVersionKind {
	return SchemeGroupVersion.WithKind("FlowRun")
}

// GetConditionSet says which conditions the kind has.
func (*FlowRun) GetConditionSet() apis.ConditionSet { return flowrunConditions }

// GetStatus gives the duck-typed part of the status.
func (in *FlowRun) GetStatus() *duckv1.Status { return &in.Status.Status }

// GetUntypedSpec gives the spec.
func (in *FlowRun) GetUntypedSpec() any { return in.Spec }
