// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	_ "knative.dev/eventing/pkg/client/injection/client/fake"
	_ "knative.dev/eventing/pkg/client/injection/informers/eventing/v1/broker/fake"
	_ "knative.dev/eventing/pkg/client/injection/informers/eventing/v1/trigger/fake"
	_ "knative.dev/eventing/pkg/client/injection/informers/sources/v1/pingsource/fake"
	_ "knative.dev/pkg/client/injection/kube/client/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/configmap/filtered/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/serviceaccount/filtered/fake"
	filteredfactory "knative.dev/pkg/client/injection/kube/informers/factory/filtered"
	_ "knative.dev/pkg/client/injection/kube/informers/factory/filtered/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/rbac/v1/role/filtered/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/rbac/v1/rolebinding/filtered/fake"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/injection"
	fakedynamicclient "knative.dev/pkg/injection/clients/dynamicclient/fake"
	logtesting "knative.dev/pkg/logging/testing"
	"knative.dev/pkg/reconciler"
	_ "knative.dev/pkg/system/testing"

	_ "aof.dev/operator/pkg/client/injection/client/fake"
	_ "aof.dev/operator/pkg/client/injection/informers/aof/v1/agent/fake"
	_ "aof.dev/operator/pkg/client/injection/informers/aof/v1/agentfleet/fake"
	_ "aof.dev/operator/pkg/client/injection/informers/aof/v1/agentflow/fake"
	_ "aof.dev/operator/pkg/client/injection/informers/aof/v1/context/fake"
	_ "aof.dev/operator/pkg/client/injection/informers/aof/v1/flowbinding/fake"
	_ "aof.dev/operator/pkg/client/injection/informers/aof/v1/flowrun/fake"
	_ "aof.dev/operator/pkg/client/injection/informers/aof/v1/trigger/fake"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/reconciler/credentials"
	"aof.dev/operator/pkg/reconciler/flowbinding"
	"aof.dev/operator/pkg/reconciler/installation"
	"aof.dev/operator/pkg/reconciler/token"
	"aof.dev/operator/pkg/reconciler/trigger"
)

func init() {
	for _, inject := range []injection.InformerInjector{
		credentials.WithInformer, trigger.WithInformer, flowbinding.WithServices, token.WithRunners,
		installation.WithAccount, installation.WithToken, installation.WithStream,
	} {
		injection.Fake.RegisterInformer(inject)
	}
	// The process has one of these for Knative Services.
	injection.Fake.RegisterClient(func(ctx context.Context, _ *rest.Config) context.Context {
		ctx, _ = fakedynamicclient.With(ctx, runtime.NewScheme())
		return ctx
	})
}

// Every controller can be made beside every other: the caches they share take all
// of their indexes, no two are called alike, and each waits for its turn to lead.
func TestAllControllersCanBeMade(t *testing.T) {
	ctx := filteredfactory.WithSelectors(logtesting.TestContextWithLogger(t), managed)
	ctx = injection.WithConfig(ctx, &rest.Config{})
	ctx, informers := injection.Fake.SetupInformers(ctx, &rest.Config{})
	assert.NotEmpty(t, informers)
	watcher := configmap.NewStaticWatcher(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: names.Config}})

	seen := map[string]bool{}
	for _, construct := range constructors() {
		impl := construct(ctx, watcher)
		require.NotNil(t, impl)
		assert.False(t, seen[impl.Name], "two controllers are called %s", impl.Name)
		seen[impl.Name] = true
		_, leads := impl.Reconciler.(reconciler.LeaderAware)
		assert.True(t, leads, "%s works on every replica", impl.Name)
	}
	assert.Len(t, seen, 11)
}
