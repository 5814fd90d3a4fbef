// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/configmap/filtered"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/reconciler"

	aofcontext "aof.dev/operator/pkg/client/injection/informers/aof/v1/context"
	"aof.dev/operator/pkg/client/injection/informers/aof/v1/flowbinding"
	"aof.dev/operator/pkg/client/injection/informers/aof/v1/trigger"
	"aof.dev/operator/pkg/observe"
)

// shower has no work: it stands for election like the reconcilers, so that of
// several replicas one shows an object.
type shower struct{ reconciler.LeaderAwareFuncs }

// Reconcile does nothing; nothing is ever enqueued.
func (*shower) Reconcile(context.Context, string) error { return nil }

// showObjects registers the metrics about objects.
func showObjects(ctx context.Context, _ configmap.Watcher) *controller.Impl {
	s := &shower{}
	prometheus.MustRegister(&observe.Collector{
		Contexts: aofcontext.Get(ctx).Lister(), Triggers: trigger.Get(ctx).Lister(), Bindings: flowbinding.Get(ctx).Lister(),
		ConfigMaps: filtered.Get(ctx, managed).Lister(), Leads: s.IsLeaderFor,
	})
	return controller.NewContext(ctx, s, controller.ControllerOptions{WorkQueueName: "metrics", Logger: logging.FromContext(ctx)})
}
