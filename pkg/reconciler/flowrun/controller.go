// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowrun

import (
	"context"

	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"

	"aof.dev/operator/pkg/client/injection/informers/aof/v1/flowrun"
	flowrunreconciler "aof.dev/operator/pkg/client/injection/reconciler/aof/v1/flowrun"
)

var _ flowrunreconciler.Interface = (*Reconciler)(nil)

// NewController makes the controller that has runs go on.
func NewController(ctx context.Context, _ configmap.Watcher) *controller.Impl {
	runs := flowrun.Get(ctx)
	impl := flowrunreconciler.NewImpl(ctx, &Reconciler{}, func(*controller.Impl) controller.Options {
		return controller.Options{SkipStatusUpdates: true}
	})
	_, _ = runs.Informer().AddEventHandler(controller.HandleAll(impl.Enqueue))
	return impl
}
