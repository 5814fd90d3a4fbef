// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowrun

import (
	"context"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	"knative.dev/eventing/pkg/client/injection/informers/eventing/v1/broker"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	configmapinformer "knative.dev/pkg/client/injection/kube/informers/core/v1/configmap/filtered"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/reconciler"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/client/injection/client"
	aofcontext "aof.dev/operator/pkg/client/injection/informers/aof/v1/context"
	"aof.dev/operator/pkg/client/injection/informers/aof/v1/flowbinding"
	"aof.dev/operator/pkg/client/injection/informers/aof/v1/flowrun"
	flowrunreconciler "aof.dev/operator/pkg/client/injection/reconciler/aof/v1/flowrun"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/reconciler/flowrun/resume"
	"aof.dev/operator/pkg/settings"
)

var _ flowrunreconciler.Interface = (*Reconciler)(nil)

// workers is how many runs are looked at together: a broker may take its time.
const workers = 8

// extra is how much longer than a runner may take a broker may keep us waiting.
const extra = 30 * time.Second

// NewController makes the controller that has runs go on.
func NewController(ctx context.Context, watcher configmap.Watcher) *controller.Impl {
	logger := logging.FromContext(ctx)
	runs, bindings := flowrun.Get(ctx).Informer(), flowbinding.Get(ctx)
	if err := runs.AddIndexers(Indexers()); err != nil {
		logger.Fatalw("The cache of runs can't be indexed", zap.Error(err))
	}
	current := &atomic.Pointer[settings.Settings]{}
	current.Store(settings.Default())
	clk := clock.RealClock{}
	r := &Reconciler{
		Bindings: bindings.Lister(), Brokers: broker.Get(ctx).Lister(), Contexts: aofcontext.Get(ctx).Lister(), Client: client.Get(ctx).AofV1(),
		Resumer:  resume.New(clk, func() time.Duration { return current.Load().RunnerTimeout + extra }),
		Settings: current.Load, Clock: clk, Started: clk.Now(),
	}
	documents := configmapinformer.Get(ctx, names.LabelManaged+"=true")
	r.Limits = &Limits{ConfigMaps: documents.Lister(), Kube: kubeclient.Get(ctx), Runs: runs.GetIndexer()}
	impl := flowrunreconciler.NewImpl(ctx, r, func(*controller.Impl) controller.Options {
		return controller.Options{SkipStatusUpdates: true, DemoteFunc: func(reconciler.Bucket) { r.memory.clear() }}
	})
	impl.Concurrency = workers
	watcher.Watch(names.Config, func(c *corev1.ConfigMap) {
		s, err := settings.FromConfigMap(c)
		if err != nil {
			logger.Errorw("The settings can't be read; those before stay", zap.Error(err))
			return
		}
		current.Store(s)
	})
	watch := func(informer cache.SharedInformer, handler cache.ResourceEventHandler) {
		if _, err := informer.AddEventHandler(handler); err != nil {
			logger.Fatalw("Objects can't be watched", zap.Error(err))
		}
	}
	watch(runs, controller.HandleAll(impl.Enqueue))
	// A binding that comes or goes is news for those of its runs that go on.
	wake := func(obj any) {
		key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(obj)
		if err != nil {
			return
		}
		waiting, err := runs.GetIndexer().ByIndex(indexUnfinished, key)
		if err != nil {
			return
		}
		for _, run := range waiting {
			impl.Enqueue(run)
		}
	}
	enqueue := func(run *aofv1.FlowRun) { impl.Enqueue(run) }
	watch(documents.Informer(), cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { r.Limits.wake(obj, false, clk.Now(), enqueue) },
		UpdateFunc: func(_, obj any) { r.Limits.wake(obj, false, clk.Now(), enqueue) },
		DeleteFunc: func(obj any) { r.Limits.wake(obj, true, clk.Now(), enqueue) },
	})
	watch(bindings.Informer(), cache.ResourceEventHandlerFuncs{AddFunc: wake, DeleteFunc: wake})
	return impl
}
