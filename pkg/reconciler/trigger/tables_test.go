// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"knative.dev/pkg/controller"
	rtesting "knative.dev/pkg/reconciler/testing"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
	. "aof.dev/operator/pkg/reconciler/testing"
	"aof.dev/operator/pkg/route"
)

func TestTablesAreReadOnce(t *testing.T) {
	t.Parallel()
	const one, two = `{"namespace":"n","trigger":"a"}`, `{"namespace":"n","trigger":"a","broker":"http://b"}`
	a, b := types.NamespacedName{Namespace: "n", Name: "a"}, types.NamespacedName{Namespace: "n", Name: "b"}
	known := &tables{}

	first := known.read(a, one)
	assert.Equal(t, "a", first.Trigger)
	assert.Same(t, first, known.read(a, one))
	assert.NotSame(t, first, known.read(b, one), "another Trigger's is its own affair")
	assert.Nil(t, known.read(a, "{"), "what can't be read is none")
	assert.Same(t, first, known.read(a, one))
	assert.Equal(t, "http://b", known.read(a, two).Broker, "somebody changed it")

	written := &route.Table{Namespace: "n", Trigger: "a"}
	known.wrote(a, one, written, time.Time{})
	assert.Same(t, written, known.read(a, one))
	known.forget(a)
	assert.NotSame(t, written, known.read(a, one))
}

func TestLargeTablesAreWrittenLessOften(t *testing.T) {
	t.Parallel()
	a := types.NamespacedName{Namespace: "n", Name: "a"}
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	of := func(broker string, bindings int) *route.Table {
		return &route.Table{Namespace: "n", Trigger: "a", Broker: broker, Bindings: make([]route.Binding, bindings)}
	}
	known := &tables{}
	assert.Zero(t, known.rest(a, of("b", 99), of("b", 100), noon), "we have not written it")
	assert.Zero(t, known.rest(a, nil, of("b", 100), noon), "there is none")

	known.wrote(a, "{}", of("b", 100), noon)
	known.wrote(a, "{}", of("b", 100), noon.Add(time.Minute)) // it was as it should be
	assert.Equal(t, time.Second, known.rest(a, of("b", 99), of("b", 100), noon))
	assert.Equal(t, 400*time.Millisecond, known.rest(a, of("b", 99), of("b", 100), noon.Add(600*time.Millisecond)))
	assert.Zero(t, known.rest(a, of("b", 99), of("b", 100), noon.Add(time.Second)), "it has waited")
	assert.Equal(t, longestPause, known.rest(a, of("b", 5000), of("b", 5001), noon))
	assert.Zero(t, known.rest(a, of("", 99), of("b", 100), noon), "events have nowhere to go")
	known.read(a, `{"namespace":"n","trigger":"a"}`)
	assert.Equal(t, time.Second, known.rest(a, of("b", 99), of("b", 100), noon), "reading is not writing")
}

func TestATableWaitsForMoreBindings(t *testing.T) {
	t.Parallel()
	alerts := types.NamespacedName{Namespace: ns, Name: "alerts"}
	one := settle(t, world(aTrigger(aofv1.TriggerHTTP, aofv1.JSONObject{}), bound(ns, "triage"))...)
	require.Len(t, tableOf(t, one).Bindings, 1)
	after := func(passed time.Duration, objects ...runtime.Object) *Settled {
		now := clocktesting.NewFakePassiveClock(time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC))
		encoded := Get[*corev1.ConfigMap](t, one, ns, names.Routes("alerts")).Data[names.KeyRoutes]
		s := Settle(t, func(ctx context.Context, l *Listers) controller.Reconciler {
			return constructed(ctx, l, func(r *Reconciler) {
				r.Clock = now
				r.tables.wrote(alerts, encoded, tableOf(t, one), now.Now().Add(-passed))
			})
		}, rtesting.TableRow{Name: t.Name(), Key: key, Objects: append(slices.Clone(one.Objects), objects...)})
		require.NoError(t, s.Err)
		return s
	}

	soon := after(19*time.Millisecond, bound("team", "other")...)
	assert.Len(t, tableOf(t, soon).Bindings, 1)
	assert.Contains(t, Get[*aofv1.Trigger](t, soon, ns, "alerts").Status.GetCondition(aofv1.TriggerConditionRouteReady).Message, "1 bindings", "the status says what is")
	assert.Contains(t, soon.Writes, "create rolebindings team/"+names.Adapter, "rights come first")
	later := after(20*time.Millisecond, bound("team", "other")...)
	assert.Len(t, tableOf(t, later).Bindings, 2)
}
