// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package agentfleet

import (
	"context"

	"go.uber.org/zap"
	"k8s.io/client-go/tools/cache"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"

	"aof.dev/operator/pkg/client/injection/informers/aof/v1/agent"
	"aof.dev/operator/pkg/client/injection/informers/aof/v1/agentfleet"
	fleetreconciler "aof.dev/operator/pkg/client/injection/reconciler/aof/v1/agentfleet"
	"aof.dev/operator/pkg/reconciler/credentials"
	"aof.dev/operator/pkg/reconciler/track"
)

var _ fleetreconciler.Interface = (*Reconciler)(nil)

// NewController makes the controller of AgentFleets.
func NewController(ctx context.Context, _ configmap.Watcher) *controller.Impl {
	logger := logging.FromContext(ctx)
	fleets, agents, secrets := agentfleet.Get(ctx), agent.Get(ctx), credentials.Get(ctx)
	r := &Reconciler{Agents: agents.Lister(), Secrets: secrets.Lister()}
	impl := fleetreconciler.NewImpl(ctx, r)
	tracker := track.New(impl.EnqueueKey)
	r.Tracker = tracker
	watch := func(informer cache.SharedIndexInformer, handler cache.ResourceEventHandler) {
		if _, err := informer.AddEventHandler(handler); err != nil {
			logger.Fatalw("Objects can't be watched", zap.Error(err))
		}
	}
	watch(fleets.Informer(), controller.HandleAll(impl.Enqueue))
	watch(fleets.Informer(), cache.ResourceEventHandlerFuncs{DeleteFunc: tracker.OnObserverDeleted})
	watch(agents.Informer(), controller.HandleAll(tracker.OnChanged(kindAgent)))
	watch(secrets.Informer(), controller.HandleAll(tracker.OnChanged(kindSecret)))
	return impl
}
