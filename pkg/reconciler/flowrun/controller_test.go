// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowrun

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	_ "knative.dev/eventing/pkg/client/injection/informers/eventing/v1/broker/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/configmap/filtered/fake"
	filteredfactory "knative.dev/pkg/client/injection/kube/informers/factory/filtered"
	_ "knative.dev/pkg/client/injection/kube/informers/factory/filtered/fake"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/injection"
	logtesting "knative.dev/pkg/logging/testing"
	"knative.dev/pkg/reconciler"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	_ "aof.dev/operator/pkg/client/injection/informers/aof/v1/context/fake"
	_ "aof.dev/operator/pkg/client/injection/informers/aof/v1/flowbinding/fake"
	"aof.dev/operator/pkg/client/injection/informers/aof/v1/flowrun"
	_ "aof.dev/operator/pkg/client/injection/informers/aof/v1/flowrun/fake"
	"aof.dev/operator/pkg/names"
)

func TestNewController(t *testing.T) {
	t.Parallel()
	ctx, _ := injection.Fake.SetupInformers(
		filteredfactory.WithSelectors(logtesting.TestContextWithLogger(t), names.LabelManaged+"=true"), &rest.Config{})
	impl := NewController(ctx, configmap.NewStaticWatcher(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: names.Config}}))

	runs := flowrun.Get(ctx).Informer().GetIndexer()
	over := newRun(phase(aofv1.FlowRunPhaseSucceeded))
	over.Name = "over"
	for _, run := range []*aofv1.FlowRun{newRun(), over} {
		require.NoError(t, runs.Add(run))
	}
	found, err := runs.ByIndex(indexUnfinished, "ns/b")
	require.NoError(t, err)
	assert.Len(t, found, 1, "runs that are over need no binding")

	require.NoError(t, impl.Reconciler.(reconciler.LeaderAware).Promote(reconciler.UniversalBucket(), impl.MaybeEnqueueBucketKey))
	assert.Equal(t, 2, impl.WorkQueue().Len())
}
