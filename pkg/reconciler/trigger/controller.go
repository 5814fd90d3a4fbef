// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"context"
	"slices"
	"sync/atomic"

	"go.uber.org/zap"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	eventingclient "knative.dev/eventing/pkg/client/injection/client"
	"knative.dev/eventing/pkg/client/injection/informers/eventing/v1/broker"
	"knative.dev/eventing/pkg/client/injection/informers/sources/v1/pingsource"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/configmap/filtered"
	rolefiltered "knative.dev/pkg/client/injection/kube/informers/rbac/v1/role/filtered"
	rolebindingfiltered "knative.dev/pkg/client/injection/kube/informers/rbac/v1/rolebinding/filtered"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/system"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/client/injection/informers/aof/v1/flowbinding"
	"aof.dev/operator/pkg/client/injection/informers/aof/v1/flowrun"
	"aof.dev/operator/pkg/client/injection/informers/aof/v1/trigger"
	triggerreconciler "aof.dev/operator/pkg/client/injection/reconciler/aof/v1/trigger"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/reconciler/credentials"
	"aof.dev/operator/pkg/reconciler/track"
	"aof.dev/operator/pkg/route"
	"aof.dev/operator/pkg/settings"
)

var (
	_ triggerreconciler.Interface = (*Reconciler)(nil)
	_ triggerreconciler.Finalizer = (*Reconciler)(nil)
)

// managed selects the objects that we made.
const managed = names.LabelManaged + "=true"

// NewController makes the controller of AOF Triggers.
func NewController(ctx context.Context, watcher configmap.Watcher) *controller.Impl {
	logger := logging.FromContext(ctx)
	triggers, bindings := trigger.Get(ctx), flowbinding.Get(ctx)
	if err := bindings.Informer().AddIndexers(Indexers()); err != nil {
		logger.Fatalw("The cache of bindings can't be indexed", zap.Error(err))
	}
	runs := flowrun.Get(ctx).Informer()
	if err := runs.AddIndexers(RunIndexers()); err != nil {
		logger.Fatalw("The cache of runs can't be indexed", zap.Error(err))
	}
	current := &atomic.Pointer[settings.Settings]{}
	current.Store(settings.Default())
	adapter := adapterInformer(ctx)
	r := New(Dependencies{
		Kube: kubeclient.Get(ctx), Eventing: eventingclient.Get(ctx),
		Triggers: triggers.Lister(), Bindings: bindings.Informer().GetIndexer(), Runs: runs.GetIndexer(),
		Brokers: broker.Get(ctx).Lister(), PingSources: pingsource.Get(ctx).Lister(),
		ConfigMaps: filtered.Get(ctx, managed).Lister(), Secrets: credentials.Get(ctx).Lister(),
		Roles: rolefiltered.Get(ctx, managed).Lister(), RoleBindings: rolebindingfiltered.Get(ctx, managed).Lister(),
		Services: adapter.Lister(), Settings: current.Load, System: system.Namespace(),
	})
	impl := triggerreconciler.NewImpl(ctx, r)
	tracker := track.New(impl.EnqueueKey)
	r.Tracker = tracker
	everyTrigger := func() { impl.GlobalResync(triggers.Informer()) }
	follow(watcher, logger, current, everyTrigger)

	watch := func(informer cache.SharedIndexInformer, handler cache.ResourceEventHandler) {
		if _, err := informer.AddEventHandler(handler); err != nil {
			logger.Fatalw("Objects can't be watched", zap.Error(err))
		}
	}
	watch(triggers.Informer(), controller.HandleAll(impl.Enqueue))
	watch(triggers.Informer(), cache.ResourceEventHandlerFuncs{DeleteFunc: tracker.OnObserverDeleted})
	watch(bindings.Informer(), bindingHandler(func(b *aofv1.FlowBinding) { impl.EnqueueKey(triggerOf(b)) }))
	watch(runs, runHandler(impl.EnqueueKey))
	watch(adapter.Informer(), adapterHandler(everyTrigger))
	owned := cache.FilteringResourceEventHandler{
		FilterFunc: controller.FilterController(&aofv1.Trigger{}), Handler: controller.HandleAll(impl.EnqueueControllerOf),
	}
	watch(pingsource.Get(ctx).Informer(), owned)
	watch(filtered.Get(ctx, managed).Informer(), owned)
	for kind, informer := range map[string]cache.SharedIndexInformer{
		kindBroker:      broker.Get(ctx).Informer(),
		kindSecret:      credentials.Get(ctx).Informer(),
		kindConfigMap:   filtered.Get(ctx, managed).Informer(),
		kindRole:        rolefiltered.Get(ctx, managed).Informer(),
		kindRoleBinding: rolebindingfiltered.Get(ctx, managed).Informer(),
	} {
		watch(informer, controller.HandleAll(tracker.OnChanged(kind)))
	}
	return impl
}

// follow keeps the settings as the ConfigMap has them.
func follow(watcher configmap.Watcher, logger *zap.SugaredLogger, current *atomic.Pointer[settings.Settings], changed func()) {
	watcher.Watch(names.Config, func(c *corev1.ConfigMap) {
		s, err := settings.FromConfigMap(c)
		if err != nil {
			logger.Errorw("The settings can't be read; those before stay", zap.Error(err))
			return
		}
		if old := current.Swap(s); *old != *s {
			changed()
		}
	})
}

// bindingHandler calls for each binding whose entry in a route table may change,
// as it was and as it is. That a binding counted a run is none of ours.
func bindingHandler(changed func(*aofv1.FlowBinding)) cache.ResourceEventHandler {
	one := func(obj any) {
		if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
			obj = gone.Obj
		}
		if b, ok := obj.(*aofv1.FlowBinding); ok {
			changed(b)
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc: one, DeleteFunc: one,
		UpdateFunc: func(before, after any) {
			old, okOld := before.(*aofv1.FlowBinding)
			b, ok := after.(*aofv1.FlowBinding)
			if !ok || !okOld || (old.Status.Plan == b.Status.Plan && routable(old) == routable(b) && triggerOf(old) == triggerOf(b)) {
				return
			}
			changed(old)
			if triggerOf(old) != triggerOf(b) {
				changed(b)
			}
		},
	}
}

// runHandler calls for the Trigger of each run that begins or ceases to ask. Most
// changes of runs are none of ours.
func runHandler(changed func(types.NamespacedName)) cache.ResourceEventHandler {
	asks := func(obj any) (trigger types.NamespacedName, questions []route.Question) {
		if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
			obj = gone.Obj
		}
		run, ok := obj.(*aofv1.FlowRun)
		if !ok || run.Spec.Trigger == nil {
			return trigger, nil
		}
		return run.Spec.Trigger.NamespacedName(run.Namespace), route.QuestionsOf(run)
	}
	one := func(obj any) {
		if trigger, questions := asks(obj); len(questions) > 0 {
			changed(trigger)
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc: one, DeleteFunc: one,
		UpdateFunc: func(before, after any) {
			_, old := asks(before)
			if trigger, questions := asks(after); !slices.Equal(old, questions) {
				changed(trigger)
			}
		},
	}
}

// adapterHandler calls when the adapter's address or readiness changes.
func adapterHandler(changed func()) cache.ResourceEventHandler {
	read := func(obj any) Adapter {
		if object, ok := obj.(interface {
			UnstructuredContent() map[string]any
		}); ok {
			a, _ := adapterOf(object.UnstructuredContent())
			return a
		}
		return Adapter{}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { changed() },
		DeleteFunc: func(any) { changed() },
		UpdateFunc: func(before, after any) {
			if !equality.Semantic.DeepEqual(read(before), read(after)) {
				changed()
			}
		},
	}
}
