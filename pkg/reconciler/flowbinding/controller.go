// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowbinding

import (
	"context"
	"sync/atomic"

	"go.uber.org/zap"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	eventingclient "knative.dev/eventing/pkg/client/injection/client"
	knativetrigger "knative.dev/eventing/pkg/client/injection/informers/eventing/v1/trigger"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	configmapinformer "knative.dev/pkg/client/injection/kube/informers/core/v1/configmap/filtered"
	accountinformer "knative.dev/pkg/client/injection/kube/informers/core/v1/serviceaccount/filtered"
	roleinformer "knative.dev/pkg/client/injection/kube/informers/rbac/v1/role/filtered"
	rolebindinginformer "knative.dev/pkg/client/injection/kube/informers/rbac/v1/rolebinding/filtered"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/injection"
	"knative.dev/pkg/injection/clients/dynamicclient"
	"knative.dev/pkg/logging"

	"aof.dev/operator/pkg/client/injection/informers/aof/v1/agent"
	"aof.dev/operator/pkg/client/injection/informers/aof/v1/agentfleet"
	"aof.dev/operator/pkg/client/injection/informers/aof/v1/agentflow"
	aofcontext "aof.dev/operator/pkg/client/injection/informers/aof/v1/context"
	"aof.dev/operator/pkg/client/injection/informers/aof/v1/flowbinding"
	"aof.dev/operator/pkg/client/injection/informers/aof/v1/flowrun"
	"aof.dev/operator/pkg/client/injection/informers/aof/v1/trigger"
	bindingreconciler "aof.dev/operator/pkg/client/injection/reconciler/aof/v1/flowbinding"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/reconciler/credentials"
	"aof.dev/operator/pkg/reconciler/token"
	"aof.dev/operator/pkg/reconciler/track"
	"aof.dev/operator/pkg/settings"
)

var (
	_ bindingreconciler.Interface = (*Reconciler)(nil)
	_ bindingreconciler.Finalizer = (*Reconciler)(nil)
)

// selector is what the informers of objects that the controller makes are
// restricted to; whoever composes the process has to ask for it (filtered.WithSelectors).
const selector = names.LabelManaged + "=true"

// NewController gives the constructor of the controller of FlowBindings, whose
// runners are made of that image.
func NewController(image string) injection.ControllerConstructor {
	return func(ctx context.Context, watcher configmap.Watcher) *controller.Impl {
		current := &atomic.Pointer[settings.Settings]{}
		current.Store(settings.Default())
		r := newReconciler(ctx, image, current)
		impl := bindingreconciler.NewImpl(ctx, r)
		tracker := track.New(impl.EnqueueKey)
		r.Tracker = tracker
		index(ctx)
		follow(ctx, impl, r, tracker)

		bindings := flowbinding.Get(ctx).Informer()
		watcher.Watch(names.Config, func(c *corev1.ConfigMap) {
			s, err := settings.FromConfigMap(c)
			if err != nil {
				logging.FromContext(ctx).Errorw("The settings can't be read; those before stay", zap.Error(err))
				return
			}
			if old := current.Swap(s); *old != *s {
				impl.GlobalResync(bindings)
			}
		})
		return impl
	}
}

func newReconciler(ctx context.Context, image string, current *atomic.Pointer[settings.Settings]) *Reconciler {
	configMaps := configmapinformer.Get(ctx, selector)
	kube := kubeclient.Get(ctx)
	return &Reconciler{
		Kube: kube, Eventing: eventingclient.Get(ctx), Dynamic: dynamicclient.Get(ctx),
		Tokens: &token.Keeper{Kube: kube, CA: token.CAOf(injection.GetConfig(ctx)), Clock: clock.RealClock{}},
		Clock:  clock.RealClock{}, Image: image, Settings: current.Load,

		Bindings: flowbinding.Get(ctx).Lister(), Triggers: trigger.Get(ctx).Lister(), Contexts: aofcontext.Get(ctx).Lister(),
		Flows: agentflow.Get(ctx).Lister(), Agents: agent.Get(ctx).Lister(), Fleets: agentfleet.Get(ctx).Lister(),

		ConfigMaps:      configMaps.Lister(),
		ServiceAccounts: accountinformer.Get(ctx, selector).Lister(),
		Roles:           roleinformer.Get(ctx, selector).Lister(),
		RoleBindings:    rolebindinginformer.Get(ctx, selector).Lister(),
		TokenSecrets:    token.Runners(ctx).Lister(),
		Credentials:     credentials.Get(ctx).Lister(),
		Services:        servicesOf(ctx).Lister(),

		Plans:         configMaps.Informer().GetIndexer(),
		Subscriptions: knativetrigger.Get(ctx).Informer().GetIndexer(),
		Runs:          flowrun.Get(ctx).Informer().GetIndexer(),
	}
}

// index adds the indexes. A process that has one of the controllers twice would
// find nothing by them, so it does not start.
func index(ctx context.Context) {
	for informer, indexers := range map[cache.SharedIndexInformer]cache.Indexers{
		configmapinformer.Get(ctx, selector).Informer(): PlanIndexers(),
		knativetrigger.Get(ctx).Informer():              SubscriptionIndexers(),
		flowrun.Get(ctx).Informer():                     RunIndexers(),
	} {
		if err := informer.AddIndexers(indexers); err != nil {
			logging.FromContext(ctx).Fatalw("A cache can't be indexed", zap.Error(err))
		}
	}
}

// follow says whom a change of which object wakes.
func follow(ctx context.Context, impl *controller.Impl, r *Reconciler, tracker *track.Tracker) {
	w := waker{enqueue: impl.EnqueueKey, enqueueAfter: impl.EnqueueKeyAfter, bindings: r.Bindings, forget: r.arrivals.forget}
	on := func(informer cache.SharedIndexInformer, handler cache.ResourceEventHandler) {
		if _, err := informer.AddEventHandler(handler); err != nil {
			logging.FromContext(ctx).Fatalw("A cache can't be followed", zap.Error(err))
		}
	}
	bindings := flowbinding.Get(ctx).Informer()
	on(bindings, controller.HandleAll(impl.Enqueue))
	on(bindings, cache.ResourceEventHandlerFuncs{DeleteFunc: tracker.OnObserverDeleted})

	on(trigger.Get(ctx).Informer(), handle(tracker.OnChanged(kindTrigger), matters))
	on(aofcontext.Get(ctx).Informer(), handle(tracker.OnChanged(kindContext), matters))
	on(agentflow.Get(ctx).Informer(), handle(tracker.OnChanged(kindFlow), matters))
	on(agent.Get(ctx).Informer(), handle(tracker.OnChanged(kindAgent), matters))
	on(agentfleet.Get(ctx).Informer(), handle(tracker.OnChanged(kindFleet), matters))

	configMaps := configmapinformer.Get(ctx, selector).Informer()
	on(configMaps, handle(tracker.OnChanged(kindConfigMap), rewritten))
	on(configMaps, handle(w.owner, rewritten))
	on(configMaps, w.arrivalsHandler())
	on(knativetrigger.Get(ctx).Informer(), handle(w.owner, rewritten))
	on(flowrun.Get(ctx).Informer(), w.runHandler())

	on(servicesOf(ctx).Informer(), handle(w.neighbours, serviceMatters))
	for _, shared := range []cache.SharedIndexInformer{
		accountinformer.Get(ctx, selector).Informer(), roleinformer.Get(ctx, selector).Informer(),
		rolebindinginformer.Get(ctx, selector).Informer(), token.Runners(ctx).Informer(), credentials.Get(ctx).Informer(),
	} {
		on(shared, handle(w.neighbours, rewritten))
	}
}
