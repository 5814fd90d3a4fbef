// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowbinding

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/fold"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/reconciler/flowbinding/resources"
	. "aof.dev/operator/pkg/reconciler/testing"
	"aof.dev/operator/pkg/settings"
)

// queue records who is woken.
type queue struct {
	now   []string
	later map[string]time.Duration
}

func wakerOver(objects ...runtime.Object) (waker, *queue) {
	q := &queue{later: map[string]time.Duration{}}
	return waker{
		enqueue:      func(key types.NamespacedName) { q.now = append(q.now, key.String()) },
		enqueueAfter: func(key types.NamespacedName, d time.Duration) { q.later[key.String()] = d },
		bindings:     NewListers(objects).FlowBindings(),
		forget:       func(types.NamespacedName) {},
	}, q
}

func TestCountersDoNotWakeBindings(t *testing.T) {
	t.Parallel()
	old := &aofv1.Trigger{ObjectMeta: metav1.ObjectMeta{UID: "1", Generation: 1}}
	old.Status.MarkConfigurationValid()
	for what, row := range map[string]struct {
		change func(*aofv1.Trigger)
		want   bool
	}{
		"nothing":             {func(*aofv1.Trigger) {}, false},
		"an event":            {func(t *aofv1.Trigger) { t.Status.EventCount++; t.ResourceVersion = "2" }, false},
		"a condition we hide": {func(t *aofv1.Trigger) { t.Status.MarkChannelsAccessible() }, false},
		"a connection":        {func(t *aofv1.Trigger) { t.Status.MarkConnected() }, true},
		"a new spec":          {func(t *aofv1.Trigger) { t.Generation++ }, true},
		"another of its name": {func(t *aofv1.Trigger) { t.UID = "2" }, true},
		"its deletion":        {func(t *aofv1.Trigger) { t.DeletionTimestamp = &metav1.Time{Time: noon} }, true},
	} {
		now := old.DeepCopy()
		row.change(now)
		assert.Equal(t, row.want, matters(old, now), what)
	}
	assert.True(t, matters("?", "?"), "what is not known matters")
}

func TestARunWakesItsBindingWhenItsPlanMayGo(t *testing.T) {
	t.Parallel()
	b := aBinding(t)
	b.Status.Plan = "new"
	for what, row := range map[string]struct {
		plan     string
		old, now aofv1.FlowRunPhase
		want     []string
	}{
		"over, on an old plan":   {"old", aofv1.FlowRunPhaseRunning, aofv1.FlowRunPhaseSucceeded, []string{key}},
		"over, on the new plan":  {"new", aofv1.FlowRunPhaseRunning, aofv1.FlowRunPhaseSucceeded, nil},
		"goes on":                {"old", aofv1.FlowRunPhasePending, aofv1.FlowRunPhaseRunning, nil},
		"has been over for long": {"old", aofv1.FlowRunPhaseFailed, aofv1.FlowRunPhaseFailed, nil},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w, q := wakerOver(b)
			w.runHandler().OnUpdate(aRun(t, row.plan, row.old), aRun(t, row.plan, row.now))
			assert.Equal(t, row.want, q.now)
		})
	}
	w, q := wakerOver()
	w.runHandler().OnAdd(aRun(t, "old", aofv1.FlowRunPhaseSucceeded), true)
	w.runHandler().OnDelete(cache.DeletedFinalStateUnknown{Obj: aRun(t, "old", aofv1.FlowRunPhaseRunning)})
	w.runHandler().OnAdd(&aofv1.FlowRun{}, true)
	assert.Equal(t, []string{key, key}, q.now, "a binding that is gone is woken by its key")
}

func TestArrivalsWakeBindingsAtAPace(t *testing.T) {
	t.Parallel()
	w, q := wakerOver()
	before, after := fold.Arrivals{Bindings: map[string]fold.Compared{}}, fold.Arrivals{Bindings: map[string]fold.Compared{}}
	for i := range 100 {
		id := fmt.Sprintf("team-a/b-%d", i)
		before.Bindings[id] = fold.Compared{Compared: 1}
		after.Bindings[id] = fold.Compared{Compared: 2}
	}
	after.Bindings["team-a/b-7"] = fold.Compared{Compared: 2, Matched: 1}
	after.Bindings["no/key/at-all"] = fold.Compared{Compared: 1}
	before.Bindings["team-a/same"], after.Bindings["team-a/same"] = fold.Compared{Compared: 5}, fold.Compared{Compared: 5}
	w.arrivalsHandler().OnUpdate(
		document(t, ops, "x", names.KindEvents, names.KeyEvents, before), document(t, ops, "x", names.KindEvents, names.KeyEvents, after))
	assert.Equal(t, []string{"team-a/b-7"}, q.now, "at once where something began")
	assert.Len(t, q.later, 99)
	seen := map[time.Duration]bool{}
	for _, d := range q.later {
		assert.False(t, seen[d], "one after the other")
		seen[d] = true
		assert.LessOrEqual(t, d, 12*time.Second)
	}
	w.arrivalsHandler().OnAdd(document(t, ops, "x", names.KindTally, names.KeyTally, after), true)
	assert.Len(t, q.now, 1, "another document is none of ours")
}

func TestWhatIsSharedWakesItsNamespace(t *testing.T) {
	t.Parallel()
	other := aBinding(t)
	other.Namespace = "elsewhere"
	w, q := wakerOver(aBinding(t), other)
	w.neighbours(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: team, Name: names.Credentials}})
	assert.Equal(t, []string{key}, q.now)
	w.neighbours(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: team, Name: "other"}})
	w.neighbours("no object")
	assert.Len(t, q.now, 1)
}

func TestWhatIsMarkedWakesItsBinding(t *testing.T) {
	t.Parallel()
	w, q := wakerOver()
	plan := resources.MakePlan(types.NamespacedName{Namespace: team, Name: "alerts"}, &resources.Plan{Name: "p"})
	handle(w.owner, rewritten).OnDelete(cache.DeletedFinalStateUnknown{Obj: plan})
	handle(w.owner, rewritten).OnUpdate(plan, plan)
	w.owner(&corev1.ConfigMap{})
	w.owner("no object")
	assert.Equal(t, []string{key}, q.now)
}

func TestAServiceMattersWhenItsReadinessDoes(t *testing.T) {
	t.Parallel()
	old := resources.MakeService(resources.Runner{Namespace: team, Settings: settings.Default()})
	for what, row := range map[string]struct {
		change func(u *unstructured.Unstructured)
		want   bool
	}{
		"nothing":    {func(*unstructured.Unstructured) {}, false},
		"a URL":      {func(u *unstructured.Unstructured) { set(t, u, "x", "status", "url") }, false},
		"a new spec": {func(u *unstructured.Unstructured) { u.SetGeneration(2) }, true},
		"a label":    {func(u *unstructured.Unstructured) { u.SetLabels(nil) }, true},
		"readiness": {func(u *unstructured.Unstructured) {
			set(t, u, []any{map[string]any{"type": "Ready", "status": "True"}}, "status", "conditions")
		}, true},
	} {
		now := old.DeepCopy()
		row.change(now)
		assert.Equal(t, row.want, serviceMatters(old, now), what)
	}
	assert.True(t, serviceMatters(1, 2))
}

func set(t *testing.T, u *unstructured.Unstructured, value any, path ...string) {
	t.Helper()
	require.NoError(t, unstructured.SetNestedField(u.Object, value, path...))
}
