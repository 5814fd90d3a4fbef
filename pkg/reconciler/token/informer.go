// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	coreinformers "k8s.io/client-go/informers/core/v1"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/injection"
	"knative.dev/pkg/logging"

	"aof.dev/operator/pkg/names"
)

func init() { injection.Default.RegisterInformer(WithRunners) }

type runnersKey struct{}

// WithRunners puts an informer of the Secrets called names.RunnerToken into the
// context; injection calls it, and tests of constructors do. It sees Secrets of
// that name only, and so may the rights of whom it runs for.
func WithRunners(ctx context.Context) (context.Context, controller.Informer) {
	only := informers.WithTweakListOptions(func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, names.RunnerToken).String()
	})
	secrets := informers.NewSharedInformerFactoryWithOptions(kubeclient.Get(ctx), controller.GetResyncPeriod(ctx), only).Core().V1().Secrets()
	return context.WithValue(ctx, runnersKey{}, secrets), secrets.Informer()
}

// Runners is the informer of the context.
func Runners(ctx context.Context) coreinformers.SecretInformer {
	secrets, ok := ctx.Value(runnersKey{}).(coreinformers.SecretInformer)
	if !ok {
		logging.FromContext(ctx).Panic("no informer of runners' tokens in the context")
	}
	return secrets
}
