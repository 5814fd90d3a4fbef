// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/injection"
	"knative.dev/pkg/injection/clients/dynamicclient"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/system"

	"aof.dev/operator/pkg/names"
)

func init() { injection.Default.RegisterInformer(WithInformer) }

// services is the resource of Knative Services.
var services = schema.GroupVersionResource{Group: "serving.knative.dev", Version: "v1", Resource: "services"}

type informerKey struct{}

// WithInformer puts an informer of the adapter's Knative Service, and of no
// other, into the context; injection calls it, and tests of constructors do.
func WithInformer(ctx context.Context) (context.Context, controller.Informer) {
	adapter := dynamicinformer.NewFilteredDynamicInformer(
		dynamicclient.Get(ctx), services, system.Namespace(), controller.GetResyncPeriod(ctx),
		cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc},
		func(o *metav1.ListOptions) {
			o.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, names.Adapter).String()
		})
	return context.WithValue(ctx, informerKey{}, adapter), adapter.Informer()
}

func adapterInformer(ctx context.Context) informers.GenericInformer {
	adapter, ok := ctx.Value(informerKey{}).(informers.GenericInformer)
	if !ok {
		logging.FromContext(ctx).Panic("no informer of the adapter in the context")
	}
	return adapter
}
