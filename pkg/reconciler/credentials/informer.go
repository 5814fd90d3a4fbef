// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	coreinformers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/tools/cache"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/injection"
	"knative.dev/pkg/logging"

	"aof.dev/operator/pkg/names"
)

func init() { injection.Default.RegisterInformer(WithInformer) }

type informerKey struct{}

// WithInformer puts an informer of the Secrets called names.Credentials into the
// context; injection calls it, and tests of constructors do. The rights of whom
// it runs for may be restricted to that name.
func WithInformer(ctx context.Context) (context.Context, controller.Informer) {
	only := informers.WithTweakListOptions(func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, names.Credentials).String()
	})
	factory := informers.NewSharedInformerFactoryWithOptions(kubeclient.Get(ctx), controller.GetResyncPeriod(ctx), only, informers.WithTransform(Strip))
	secrets := factory.Core().V1().Secrets()
	return context.WithValue(ctx, informerKey{}, secrets), secrets.Informer()
}

// Get is the informer of the context.
func Get(ctx context.Context) coreinformers.SecretInformer {
	secrets, ok := ctx.Value(informerKey{}).(coreinformers.SecretInformer)
	if !ok {
		logging.FromContext(ctx).Panic("no informer of credentials in the context")
	}
	return secrets
}

var _ cache.TransformFunc = Strip

// Strip takes the values out of a Secret before it is kept. What replaces every
// model is no secret, and stays.
func Strip(obj any) (any, error) {
	secret, ok := obj.(*corev1.Secret)
	if !ok {
		return obj, nil
	}
	for key := range secret.Data {
		if key != envModel {
			secret.Data[key] = nil
		}
	}
	secret.StringData, secret.ManagedFields, secret.Annotations = nil, nil, nil
	return secret, nil
}
