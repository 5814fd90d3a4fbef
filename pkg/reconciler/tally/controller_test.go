// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package tally

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/configmap/filtered/fake"
	filteredfactory "knative.dev/pkg/client/injection/kube/informers/factory/filtered"
	_ "knative.dev/pkg/client/injection/kube/informers/factory/filtered/fake"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/injection"
	logtesting "knative.dev/pkg/logging/testing"
	"knative.dev/pkg/reconciler"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	_ "aof.dev/operator/pkg/client/injection/informers/aof/v1/agent/fake"
	_ "aof.dev/operator/pkg/client/injection/informers/aof/v1/agentflow/fake"
	_ "aof.dev/operator/pkg/client/injection/informers/aof/v1/context/fake"
	"aof.dev/operator/pkg/client/injection/informers/aof/v1/flowbinding"
	_ "aof.dev/operator/pkg/client/injection/informers/aof/v1/flowbinding/fake"
	"aof.dev/operator/pkg/client/injection/informers/aof/v1/flowrun"
	_ "aof.dev/operator/pkg/client/injection/informers/aof/v1/flowrun/fake"
	_ "aof.dev/operator/pkg/client/injection/informers/aof/v1/trigger/fake"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/observe"
)

// TestNewController is not parallel: the metrics go to the registry that is
// served.
func TestNewController(t *testing.T) {
	ctx := filteredfactory.WithSelectors(logtesting.TestContextWithLogger(t), names.LabelManaged+"=true")
	ctx, _ = injection.Fake.SetupInformers(ctx, &rest.Config{})
	t.Cleanup(func() { prometheus.Unregister(&observe.Collector{}) })
	impl := NewController(ctx, configmap.NewStaticWatcher(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: names.Config}}))

	runs := flowrun.Get(ctx).Informer().GetIndexer()
	require.NoError(t, runs.Add(finished("r", aofv1.FlowRunPhaseSucceeded, noon)))
	found, err := runs.ByIndex(indexUnfolded, "ns/b")
	require.NoError(t, err)
	assert.Len(t, found, 1)

	require.NoError(t, flowbinding.Get(ctx).Informer().GetIndexer().Add(binding()))
	assert.NotContains(t, gathered(t), "aof_binding_executions_total", "nobody leads it yet")
	require.NoError(t, impl.Reconciler.(reconciler.LeaderAware).Promote(reconciler.UniversalBucket(), impl.MaybeEnqueueBucketKey))
	assert.Contains(t, gathered(t), "aof_binding_executions_total")
	assert.Equal(t, 1, impl.WorkQueue().Len(), "the binding with finished runs")
}

func gathered(t *testing.T) (names []string) {
	t.Helper()
	families, err := prometheus.DefaultGatherer.Gather()
	require.NoError(t, err)
	for _, f := range families {
		names = append(names, f.GetName())
	}
	return names
}
