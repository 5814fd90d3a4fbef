// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expiry

import (
	"context"

	"k8s.io/utils/clock"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
)

var _ controller.Reconciler = (*Reconciler)(nil)

// NewController makes the controller that removes business keys.
func NewController(ctx context.Context, _ configmap.Watcher) *controller.Impl {
	kube := kubeclient.Get(ctx)
	r := New(kube.CoordinationV1(), kube.CoreV1(), clock.RealClock{})
	return controller.NewContext(ctx, r, controller.ControllerOptions{WorkQueueName: "expiry", Logger: logging.FromContext(ctx)})
}
