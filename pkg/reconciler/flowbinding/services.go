// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowbinding

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/injection"
	"knative.dev/pkg/injection/clients/dynamicclient"
	"knative.dev/pkg/logging"

	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/reconciler/flowbinding/resources"
)

func init() { injection.Default.RegisterInformer(WithServices) }

type servicesKey struct{}

// WithServices puts an informer of the Knative Services that the controller made
// into the context; injection calls it, and tests of constructors do.
func WithServices(ctx context.Context) (context.Context, controller.Informer) {
	ours := func(o *metav1.ListOptions) { o.LabelSelector = names.LabelManaged + "=true" }
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(
		dynamicclient.Get(ctx), controller.GetResyncPeriod(ctx), metav1.NamespaceAll, ours)
	services := factory.ForResource(resources.ServiceResource)
	return context.WithValue(ctx, servicesKey{}, services), services.Informer()
}

func servicesOf(ctx context.Context) informers.GenericInformer {
	services, ok := ctx.Value(servicesKey{}).(informers.GenericInformer)
	if !ok {
		logging.FromContext(ctx).Panic("no informer of Knative Services in the context")
	}
	return services
}
