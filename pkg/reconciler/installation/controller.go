// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package installation

import (
	"context"

	"go.uber.org/zap"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/injection"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/system"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/client/injection/informers/aof/v1/trigger"
	"aof.dev/operator/pkg/reconciler/token"
)

var _ controller.Reconciler = (*Reconciler)(nil)

// Constructor makes the constructor of the controller; needs says whether a
// Trigger needs an open connection.
func Constructor(needs func(*aofv1.Trigger) bool) injection.ControllerConstructor {
	return func(ctx context.Context, _ configmap.Watcher) *controller.Impl {
		logger := logging.FromContext(ctx)
		triggers := trigger.Get(ctx).Informer()
		if err := triggers.AddIndexers(Indexers(needs)); err != nil {
			logger.Fatalw("The cache of triggers can't be indexed", zap.Error(err))
		}
		kube := kubeclient.Get(ctx)
		r := New(Dependencies{
			Kube: kube, Triggers: triggers.GetIndexer(), System: system.Namespace(),
			Tokens:   &token.Keeper{Kube: kube, CA: token.CAOf(injection.GetConfig(ctx)), Clock: clock.RealClock{}},
			Accounts: accountInformer(ctx).Lister(), Secrets: tokenInformer(ctx).Lister(), Deployments: streamInformer(ctx).Lister(),
		})
		impl := controller.NewContext(ctx, r, controller.ControllerOptions{WorkQueueName: "installation", Logger: logger})
		wake := controller.HandleAll(func(any) { impl.EnqueueKey(r.Key()) })
		for _, informer := range []cache.SharedIndexInformer{
			accountInformer(ctx).Informer(), tokenInformer(ctx).Informer(), streamInformer(ctx).Informer(),
		} {
			if _, err := informer.AddEventHandler(wake); err != nil {
				logger.Fatalw("Objects can't be watched", zap.Error(err))
			}
		}
		// Of Triggers, only those that begin or cease to need a stream are news.
		if _, err := triggers.AddEventHandler(streamHandler(needs, func() { impl.EnqueueKey(r.Key()) })); err != nil {
			logger.Fatalw("Triggers can't be watched", zap.Error(err))
		}
		return impl
	}
}

func streamHandler(needs func(*aofv1.Trigger) bool, changed func()) cache.ResourceEventHandler {
	need := func(obj any) bool {
		t, ok := obj.(*aofv1.Trigger)
		return ok && needs(t)
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(obj any) {
			if need(obj) {
				changed()
			}
		},
		UpdateFunc: func(before, after any) {
			if need(before) != need(after) {
				changed()
			}
		},
		DeleteFunc: func(any) { changed() },
	}
}
