// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
)

var contextConditions = apis.NewLivingConditionSet()

// GetGroupVersionKind names the kind.
func (*Context) GetGroupVersionKind() schema.GroupVersionKind {
	return SchemeGroupVersion.WithKind("Context")
}

// GetConditionSet says which conditions the kind has.
func (*Context) GetConditionSet() apis.ConditionSet { return contextConditions }

// GetStatus gives the duck-typed part of the status.
func (in *Context) GetStatus() *duckv1.Status { return &in.Status.Status }

// GetUntypedSpec gives the spec.
func (in *Context) GetUntypedSpec() any { return in.Spec }
