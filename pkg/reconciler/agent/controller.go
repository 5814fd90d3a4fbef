// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"

	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"

	"aof.dev/operator/pkg/client/injection/informers/aof/v1/agent"
	agentreconciler "aof.dev/operator/pkg/client/injection/reconciler/aof/v1/agent"
)

var _ agentreconciler.Interface = (*Reconciler)(nil)

// NewController makes the controller of Agents.
func NewController(ctx context.Context, _ configmap.Watcher) *controller.Impl {
	agents := agent.Get(ctx)
	impl := agentreconciler.NewImpl(ctx, &Reconciler{})
	_, _ = agents.Informer().AddEventHandler(controller.HandleAll(impl.Enqueue))
	return impl
}
