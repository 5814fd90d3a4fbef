// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowbinding

import (
	"context"
	"fmt"
	"testing"

	"go.uber.org/zap"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	fakeeventingclient "knative.dev/eventing/pkg/client/injection/client/fake"
	fakekubeclient "knative.dev/pkg/client/injection/kube/client/fake"
	"knative.dev/pkg/controller"
	fakedynamicclient "knative.dev/pkg/injection/clients/dynamicclient/fake"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/reconciler"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	fakeaofclient "aof.dev/operator/pkg/client/injection/client/fake"
	"aof.dev/operator/pkg/names"
	. "aof.dev/operator/pkg/reconciler/testing"
)

// crowd is a settled binding among n others of its namespace and trigger.
func crowd(t *testing.T, n int) []runtime.Object {
	t.Helper()
	s := newBench().settle(t, aWorld(t)...)
	objects := s.Objects
	b := binding(t, s)
	plan, trigger := Get[*corev1.ConfigMap](t, s, team, b.Status.Plan), knativeTrigger(t, s)
	for i := range n {
		name := fmt.Sprintf("b-%d", i)
		other, otherPlan, otherTrigger := b.DeepCopy(), plan.DeepCopy(), trigger.DeepCopy()
		other.Name, otherPlan.Name, otherTrigger.Name = name, name+"-plan", names.KnativeTrigger(team, name)
		otherPlan.Annotations[names.LabelBinding], otherTrigger.Annotations[names.LabelBinding] = name, name
		run := &aofv1.FlowRun{}
		run.Namespace, run.Name, run.Spec.Plan = team, name+"-run", otherPlan.Name
		objects = append(objects, other, otherPlan, otherTrigger, run)
	}
	return objects
}

// alone makes the reconciler over fakes that hold nothing: in a steady state no
// client is asked.
func alone(objects []runtime.Object) (context.Context, controller.Reconciler) {
	ctx := logging.WithLogger(context.Background(), zap.NewNop().Sugar())
	ctx, _ = fakekubeclient.With(ctx)
	ctx, _ = fakeaofclient.With(ctx)
	ctx, _ = fakeeventingclient.With(ctx)
	ctx, _ = fakedynamicclient.With(ctx, NewScheme())
	ctx = controller.WithEventRecorder(ctx, record.NewFakeRecorder(10))
	c := newBench().construct(ctx, NewListers(objects))
	if leader, ok := c.(reconciler.LeaderAware); ok {
		_ = leader.Promote(reconciler.UniversalBucket(), func(reconciler.Bucket, types.NamespacedName) {})
	}
	return ctx, c
}

// A reconciliation takes as much among ten thousand bindings as alone. Allocations
// say so without a clock: looking through a list would allocate with its length.
func TestReconciliationDoesNotGrowWithTheNumberOfBindings(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a large world")
	}
	measure := func(n int) float64 {
		ctx, c := alone(crowd(t, n))
		return testing.AllocsPerRun(20, func() {
			if _, ok := requeue(c.Reconcile(ctx, key)); !ok {
				t.Error("it is not settled")
			}
		})
	}
	few, many := measure(0), measure(2000)
	if many > few*1.2 {
		t.Errorf("%v allocations alone, %v among 2000", few, many)
	}
}
