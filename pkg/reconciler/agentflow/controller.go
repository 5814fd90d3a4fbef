// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package agentflow

import (
	"context"

	"go.uber.org/zap"
	"k8s.io/client-go/tools/cache"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/configmap/filtered"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"

	"aof.dev/operator/pkg/client/injection/informers/aof/v1/agent"
	"aof.dev/operator/pkg/client/injection/informers/aof/v1/agentfleet"
	"aof.dev/operator/pkg/client/injection/informers/aof/v1/agentflow"
	flowreconciler "aof.dev/operator/pkg/client/injection/reconciler/aof/v1/agentflow"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/reconciler/track"
)

var _ flowreconciler.Interface = (*Reconciler)(nil)

// NewController makes the controller of AgentFlows.
func NewController(ctx context.Context, _ configmap.Watcher) *controller.Impl {
	logger := logging.FromContext(ctx)
	flows, agents, fleets := agentflow.Get(ctx), agent.Get(ctx), agentfleet.Get(ctx)
	configMaps := filtered.Get(ctx, names.LabelManaged+"=true")
	r := &Reconciler{Agents: agents.Lister(), Fleets: fleets.Lister(), ConfigMaps: configMaps.Lister()}
	impl := flowreconciler.NewImpl(ctx, r)
	tracker := track.New(impl.EnqueueKey)
	r.Tracker = tracker
	watch := func(informer cache.SharedIndexInformer, handler cache.ResourceEventHandler) {
		if _, err := informer.AddEventHandler(handler); err != nil {
			logger.Fatalw("Objects can't be watched", zap.Error(err))
		}
	}
	watch(flows.Informer(), controller.HandleAll(impl.Enqueue))
	watch(flows.Informer(), cache.ResourceEventHandlerFuncs{DeleteFunc: tracker.OnObserverDeleted})
	watch(agents.Informer(), controller.HandleAll(tracker.OnChanged(kindAgent)))
	watch(fleets.Informer(), controller.HandleAll(tracker.OnChanged(kindFleet)))
	watch(configMaps.Informer(), controller.HandleAll(tracker.OnChanged(kindConfigMap)))
	return impl
}
