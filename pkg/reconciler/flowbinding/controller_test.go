// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowbinding

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
	_ "knative.dev/eventing/pkg/client/injection/client/fake"
	_ "knative.dev/eventing/pkg/client/injection/informers/eventing/v1/trigger/fake"
	_ "knative.dev/pkg/client/injection/kube/client/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/configmap/filtered/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/serviceaccount/filtered/fake"
	filteredfactory "knative.dev/pkg/client/injection/kube/informers/factory/filtered"
	_ "knative.dev/pkg/client/injection/kube/informers/factory/filtered/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/rbac/v1/role/filtered/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/rbac/v1/rolebinding/filtered/fake"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/injection/clients/dynamicclient"
	rtesting "knative.dev/pkg/reconciler/testing"

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
	"aof.dev/operator/pkg/reconciler/flowbinding/resources"
	"aof.dev/operator/pkg/reconciler/token"
)

func TestNewController(t *testing.T) {
	t.Parallel()
	ctx, _ := rtesting.SetupFakeContext(t, func(ctx context.Context) context.Context {
		return filteredfactory.WithSelectors(ctx, selector)
	})
	scheme := runtime.NewScheme()
	scheme.AddKnownTypeWithName(resources.ServiceKind, &unstructured.Unstructured{})
	ctx = context.WithValue(ctx, dynamicclient.Key{}, fake.NewSimpleDynamicClientWithCustomListKinds(scheme,
		map[schema.GroupVersionResource]string{resources.ServiceResource: "ServiceList"}))
	ctx, _ = WithServices(ctx)
	ctx, _ = credentials.WithInformer(ctx)
	ctx, _ = token.WithRunners(ctx)

	watcher := configmap.NewStaticWatcher(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: names.Config, Namespace: "aof-system"}})
	impl := NewController(image)(ctx, watcher)
	require.NotNil(t, impl)
	assert.NotNil(t, impl.Reconciler)
}
