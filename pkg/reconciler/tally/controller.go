// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package tally

import (
	"context"
	"sync/atomic"

	"go.uber.org/zap"
	corev1 "k8s.io/api/core/v1"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/injection"
	"knative.dev/pkg/logging"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/client/clientset/versioned/scheme"
	"aof.dev/operator/pkg/client/injection/client"
	"aof.dev/operator/pkg/client/injection/informers/aof/v1/agent"
	"aof.dev/operator/pkg/client/injection/informers/aof/v1/agentflow"
	"aof.dev/operator/pkg/client/injection/informers/aof/v1/flowbinding"
	"aof.dev/operator/pkg/client/injection/informers/aof/v1/flowrun"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/settings"
)

// NewController makes the controller that counts runs and removes old ones.
func NewController(ctx context.Context, watcher configmap.Watcher) *controller.Impl {
	logger := logging.FromContext(ctx)
	runs := flowrun.Get(ctx).Informer()
	if err := runs.SetTransform(Trim); err != nil {
		logger.Fatalw("The cache of runs can't be kept small", zap.Error(err))
	}
	if err := runs.AddIndexers(Indexers()); err != nil {
		logger.Fatalw("The cache of runs can't be indexed", zap.Error(err))
	}
	aof := client.Get(ctx).AofV1()
	current := &atomic.Pointer[settings.Settings]{}
	current.Store(settings.Default())
	r := New(Dependencies{
		Runs: runs.GetIndexer(), RunWriter: aof, Uncounted: Uncounted(metadata.NewForConfigOrDie(injection.GetConfig(ctx))), ConfigMaps: kubeclient.Get(ctx).CoreV1(),
		Objects: CachedObjects{
			Bindings: flowbinding.Get(ctx).Lister(), Flows: agentflow.Get(ctx).Lister(), Agents: agent.Get(ctx).Lister(), Client: aof,
		},
		Settings: current.Load, Quiet: quietFor, Clock: clock.RealClock{}, Recorder: recorder(ctx),
	})
	impl := controller.NewContext(ctx, r, controller.ControllerOptions{WorkQueueName: "tally", Logger: logger})
	watcher.Watch(names.Config, func(c *corev1.ConfigMap) {
		s, err := settings.FromConfigMap(c)
		if err != nil {
			logger.Errorw("The settings can't be read; those before stay", zap.Error(err))
			return
		}
		current.Store(s)
		for _, key := range r.keys() {
			impl.EnqueueSlowKey(key) // the limits of the history may be others
		}
	})
	// One key for all runs of a binding: those that end until it is due are
	// counted together. A run that was counted before changes nothing.
	_, err := runs.AddEventHandler(cache.FilteringResourceEventHandler{
		FilterFunc: func(obj any) bool {
			run, ok := obj.(*aofv1.FlowRun)
			return ok && unfolded(run)
		},
		Handler: controller.HandleAll(func(obj any) {
			if run, ok := obj.(*aofv1.FlowRun); ok {
				r.ended(run)
				impl.EnqueueKeyAfter(keyOf(run), current.Load().FoldEvery)
			}
		}),
	})
	if err != nil {
		logger.Fatalw("Runs can't be watched", zap.Error(err))
	}
	return impl
}

// recorder writes Kubernetes events, to the one of a test if there is one.
func recorder(ctx context.Context) record.EventRecorder {
	if r := controller.GetEventRecorder(ctx); r != nil {
		return r
	}
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	watch := broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: kubeclient.Get(ctx).CoreV1().Events("")})
	context.AfterFunc(ctx, watch.Stop)
	return broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "tally-controller"})
}
