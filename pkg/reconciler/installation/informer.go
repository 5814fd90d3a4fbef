// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package installation

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	appsinformers "k8s.io/client-go/informers/apps/v1"
	coreinformers "k8s.io/client-go/informers/core/v1"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/injection"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/system"

	"aof.dev/operator/pkg/names"
)

func init() {
	for _, inject := range []injection.InformerInjector{WithAccount, WithToken, WithStream} {
		injection.Default.RegisterInformer(inject)
	}
}

type (
	accountKey struct{}
	tokenKey   struct{}
	streamKey  struct{}
)

// WithAccount puts an informer of the adapter's ServiceAccount, and of no other,
// into the context. Injection calls it and the others, and tests of constructors
// do.
func WithAccount(ctx context.Context) (context.Context, controller.Informer) {
	accounts := only(ctx, names.Adapter).Core().V1().ServiceAccounts()
	return context.WithValue(ctx, accountKey{}, accounts), accounts.Informer()
}

// WithToken puts an informer of the adapter's token into the context.
func WithToken(ctx context.Context) (context.Context, controller.Informer) {
	secrets := only(ctx, names.AdapterToken).Core().V1().Secrets()
	return context.WithValue(ctx, tokenKey{}, secrets), secrets.Informer()
}

// WithStream puts an informer of the Deployment of streams into the context.
func WithStream(ctx context.Context) (context.Context, controller.Informer) {
	deployments := only(ctx, names.Stream).Apps().V1().Deployments()
	return context.WithValue(ctx, streamKey{}, deployments), deployments.Informer()
}

// only makes informers of the objects of one name in the operator's namespace.
func only(ctx context.Context, name string) informers.SharedInformerFactory {
	return informers.NewSharedInformerFactoryWithOptions(kubeclient.Get(ctx), controller.GetResyncPeriod(ctx),
		informers.WithNamespace(system.Namespace()),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) {
			o.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
		}))
}

func accountInformer(ctx context.Context) coreinformers.ServiceAccountInformer {
	return get[coreinformers.ServiceAccountInformer](ctx, accountKey{})
}

func tokenInformer(ctx context.Context) coreinformers.SecretInformer {
	return get[coreinformers.SecretInformer](ctx, tokenKey{})
}

func streamInformer(ctx context.Context) appsinformers.DeploymentInformer {
	return get[appsinformers.DeploymentInformer](ctx, streamKey{})
}

func get[T any](ctx context.Context, key any) T {
	informer, ok := ctx.Value(key).(T)
	if !ok {
		logging.FromContext(ctx).Panicf("no informer %T in the context", key)
	}
	return informer
}
