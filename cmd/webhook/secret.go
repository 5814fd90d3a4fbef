// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/injection"
	"knative.dev/pkg/injection/clients/namespacedkube/informers/factory"
	"knative.dev/pkg/system"
)

// The webhook's informer of Secrets, as knative makes it, follows all Secrets of
// the operator's namespace, the adapter's token among them. This one, registered
// after it, takes its place and asks for one by name, so that RBAC can say it.
func init() {
	injection.Default.RegisterInformerFactory(func(ctx context.Context) context.Context {
		return context.WithValue(ctx, factory.Key{}, informers.NewSharedInformerFactoryWithOptions(
			kubeclient.Get(ctx), controller.GetResyncPeriod(ctx),
			informers.WithNamespace(system.Namespace()),
			informers.WithTweakListOptions(func(o *metav1.ListOptions) {
				o.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, certificate).String()
			})))
	})
}
