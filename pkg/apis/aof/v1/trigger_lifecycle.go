// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
)

var triggerConditions = apis.NewLivingConditionSet()

// GetGroupVersionKind names the kind.
func (*Trigger) GetGroupVersionKind() schema.GroupVersionKind {
	return SchemeGroupVersion.WithKind("Trigger")
}

// GetConditionSet says which conditions the kind has.
func (*Trigger) GetConditionSet() apis.ConditionSet { return triggerConditions }

// GetStatus gives the duck-typed part of the status.
func (in *Trigger) GetStatus() *duckv1.Status { return &in.Status.Status }

// GetUntypedSpec gives the spec.
func (in *Trigger) GetUntypedSpec() any { return in.Spec }
