// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"

	"go.uber.org/zap"
	"k8s.io/client-go/tools/cache"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/configmap/filtered"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"

	"aof.dev/operator/pkg/client/injection/informers/aof/v1/agent"
	agentreconciler "aof.dev/operator/pkg/client/injection/reconciler/aof/v1/agent"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/reconciler/credentials"
	"aof.dev/operator/pkg/reconciler/track"
)

var _ agentreconciler.Interface = (*Reconciler)(nil)

// NewController makes the controller of Agents.
func NewController(ctx context.Context, _ configmap.Watcher) *controller.Impl {
	logger := logging.FromContext(ctx)
	agents, secrets := agent.Get(ctx), credentials.Get(ctx)
	configMaps := filtered.Get(ctx, names.LabelManaged+"=true")
	r := &Reconciler{Secrets: secrets.Lister(), ConfigMaps: configMaps.Lister()}
	impl := agentreconciler.NewImpl(ctx, r)
	tracker := track.New(impl.EnqueueKey)
	r.Tracker = tracker
	watch := func(informer cache.SharedIndexInformer, handler cache.ResourceEventHandler) {
		if _, err := informer.AddEventHandler(handler); err != nil {
			logger.Fatalw("Objects can't be watched", zap.Error(err))
		}
	}
	watch(agents.Informer(), controller.HandleAll(impl.Enqueue))
	watch(agents.Informer(), cache.ResourceEventHandlerFuncs{DeleteFunc: tracker.OnObserverDeleted})
	watch(secrets.Informer(), controller.HandleAll(tracker.OnChanged(kindSecret)))
	watch(configMaps.Informer(), controller.HandleAll(tracker.OnChanged(kindConfigMap)))
	return impl
}
