// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package tally

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/injection"
	logtesting "knative.dev/pkg/logging/testing"
	"knative.dev/pkg/reconciler"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	_ "aof.dev/operator/pkg/client/injection/informers/aof/v1/agent/fake"
	_ "aof.dev/operator/pkg/client/injection/informers/aof/v1/agentflow/fake"
	_ "aof.dev/operator/pkg/client/injection/informers/aof/v1/flowbinding/fake"
	"aof.dev/operator/pkg/client/injection/informers/aof/v1/flowrun"
	_ "aof.dev/operator/pkg/client/injection/informers/aof/v1/flowrun/fake"
	"aof.dev/operator/pkg/names"
)

func TestNewController(t *testing.T) {
	t.Parallel()
	config := &rest.Config{}
	ctx, _ := injection.Fake.SetupInformers(injection.WithConfig(logtesting.TestContextWithLogger(t), config), config)
	impl := NewController(ctx, configmap.NewStaticWatcher(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: names.Config}}))

	runs := flowrun.Get(ctx).Informer().GetIndexer()
	require.NoError(t, runs.Add(finished("r", aofv1.FlowRunPhaseSucceeded, noon)))
	found, err := runs.ByIndex(indexUnfolded, "ns/b")
	require.NoError(t, err)
	assert.Len(t, found, 1)

	require.NoError(t, impl.Reconciler.(reconciler.LeaderAware).Promote(reconciler.UniversalBucket(), impl.MaybeEnqueueBucketKey))
	assert.Equal(t, 1, impl.WorkQueue().Len(), "the binding with finished runs")
}
