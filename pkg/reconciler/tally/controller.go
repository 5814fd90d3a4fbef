// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package tally

import (
	"context"

	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
)

// NewController makes the controller that counts runs and removes old ones.
func NewController(ctx context.Context, _ configmap.Watcher) *controller.Impl {
	r := &Reconciler{}
	return controller.NewContext(ctx, r, controller.ControllerOptions{WorkQueueName: "tally", Logger: logging.FromContext(ctx)})
}
