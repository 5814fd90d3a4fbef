// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package edge tells people of what became of an object: one Kubernetes event
// when its condition Ready changes, none while it stays. The reconcilers of this
// directory import it.
package edge

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"knative.dev/pkg/apis"
	"knative.dev/pkg/controller"
)

// ReasonReady is the reason of the event about an object that became ready.
const ReasonReady = "Ready"

// Tell writes the event about an object whose condition was before and is after.
// That nothing is known yet is no news, nor is it that a failure has another text.
func Tell(ctx context.Context, object runtime.Object, before, after *apis.Condition) {
	recorder := controller.GetEventRecorder(ctx)
	if recorder == nil {
		return
	}
	switch {
	case after.IsTrue() && !before.IsTrue():
		recorder.Event(object, corev1.EventTypeNormal, ReasonReady, "it is ready")
	case after.IsFalse() && (!before.IsFalse() || before.Reason != after.Reason):
		recorder.Event(object, corev1.EventTypeWarning, after.Reason, after.Message)
	}
}
