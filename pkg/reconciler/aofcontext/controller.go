// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package aofcontext

import (
	"context"

	"go.uber.org/zap"
	"k8s.io/client-go/tools/cache"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"

	contextinformer "aof.dev/operator/pkg/client/injection/informers/aof/v1/context"
	contextreconciler "aof.dev/operator/pkg/client/injection/reconciler/aof/v1/context"
	"aof.dev/operator/pkg/reconciler/credentials"
	"aof.dev/operator/pkg/reconciler/track"
)

var _ contextreconciler.Interface = (*Reconciler)(nil)

// NewController makes the controller of Contexts.
func NewController(ctx context.Context, _ configmap.Watcher) *controller.Impl {
	logger := logging.FromContext(ctx)
	contexts, secrets := contextinformer.Get(ctx), credentials.Get(ctx)
	r := &Reconciler{Secrets: secrets.Lister()}
	impl := contextreconciler.NewImpl(ctx, r)
	tracker := track.New(impl.EnqueueKey)
	r.Tracker = tracker
	watch := func(informer cache.SharedIndexInformer, handler cache.ResourceEventHandler) {
		if _, err := informer.AddEventHandler(handler); err != nil {
			logger.Fatalw("Objects can't be watched", zap.Error(err))
		}
	}
	watch(contexts.Informer(), controller.HandleAll(impl.Enqueue))
	watch(contexts.Informer(), cache.ResourceEventHandlerFuncs{DeleteFunc: tracker.OnObserverDeleted})
	watch(secrets.Informer(), controller.HandleAll(tracker.OnChanged(kindSecret)))
	return impl
}
