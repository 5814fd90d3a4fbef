// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	fakeeventingclient "knative.dev/eventing/pkg/client/injection/client/fake"
	fakekubeclient "knative.dev/pkg/client/injection/kube/client/fake"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/reconciler"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	fakeaofclient "aof.dev/operator/pkg/client/injection/client/fake"
	. "aof.dev/operator/pkg/reconciler/testing"
)

// crowd is a settled Trigger with a binding, and n bindings of other Triggers
// beside that.
func crowd(t *testing.T, n int) []runtime.Object {
	t.Helper()
	objects := settle(t, world(aTrigger(aofv1.TriggerHTTP, aofv1.JSONObject{}), bound(ns, "triage"))...).Objects
	for i := range n {
		other := bound(ns, fmt.Sprintf("other-%d", i))
		b, _ := other[0].(*aofv1.FlowBinding)
		b.Spec.Trigger.Name = fmt.Sprintf("trigger-%d", i)
		objects = append(objects, other...)
	}
	return objects
}

// A reconciliation of a Trigger takes as much among thousands of bindings of
// others as alone, and in a steady state asks nobody: the clients hold nothing.
func TestReconciliationDoesNotGrowWithTheNumberOfOthersBindings(t *testing.T) {
	measure := func(n int) float64 {
		ctx := logging.WithLogger(context.Background(), zap.NewNop().Sugar())
		ctx, kube := fakekubeclient.With(ctx)
		ctx, aof := fakeaofclient.With(ctx)
		ctx, _ = fakeeventingclient.With(ctx)
		ctx = controller.WithEventRecorder(ctx, record.NewFakeRecorder(10))
		r := construct(ctx, NewListers(crowd(t, n)))
		leader, ok := r.(reconciler.LeaderAware)
		require.True(t, ok)
		require.NoError(t, leader.Promote(reconciler.UniversalBucket(), func(reconciler.Bucket, types.NamespacedName) {}))
		allocations := testing.AllocsPerRun(20, func() {
			if err := r.Reconcile(ctx, key); err != nil {
				t.Error(err)
			}
		})
		assert.Empty(t, kube.Actions())
		assert.Empty(t, aof.Actions())
		return allocations
	}
	few, many := measure(0), measure(2000)
	assert.LessOrEqual(t, many, few*1.2, "allocations among 2000 bindings of others and alone")
}
