// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowbinding

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	rtesting "knative.dev/pkg/reconciler/testing"

	"aof.dev/operator/pkg/fold"
	"aof.dev/operator/pkg/names"
	. "aof.dev/operator/pkg/reconciler/testing"
)

func document(t *testing.T, namespace, name, kind, key string, content any) *corev1.ConfigMap {
	t.Helper()
	raw, err := json.Marshal(content)
	require.NoError(t, err)
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{names.LabelManaged: "true", names.LabelKind: kind}},
		Data:       map[string]string{key: string(raw)},
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	w := newBench()
	tally := fold.Tally{}
	tally.Add(fold.Run{EventID: "e1", Outcome: fold.Succeeded, Ended: noon.Add(-30*time.Minute + 500*time.Millisecond), Duration: 2 * time.Second})
	arrivals := fold.Arrivals{Bindings: map[string]fold.Compared{key: {Compared: 4, Matched: 1}, "other/one": {Compared: 9}}}
	s := w.settle(t, append(aWorld(t),
		document(t, team, names.Tally("flowbinding", "alerts"), names.KindTally, names.KeyTally, map[string]any{"tally": tally}),
		document(t, ops, names.Events("chat"), names.KindEvents, names.KeyEvents, arrivals))...)
	st := binding(t, s).Status
	assert.Equal(t, int64(1), st.MatchCount)
	assert.Equal(t, int64(1), st.ExecutionCount)
	assert.Equal(t, int64(1), st.Metrics.LastHourExecutions)
	assert.Equal(t, int64(4), st.PatternMatching.TotalEvents)
	assert.Zero(t, st.LastTriggered.Timestamp.Nanosecond(), "the API keeps seconds, so anything finer were a write at every look")
	assert.Empty(t, w.again(t, s).Writes)

	for _, later := range []time.Duration{31 * time.Minute, 48 * time.Hour} {
		w.clock.SetTime(noon.Add(later))
		assert.NotContains(t, w.again(t, s).Writes, "update flowbindings/status team-a/alerts", "nothing is written only because time passes")
	}
	assert.Equal(t, noon.Add(-30*time.Minute), st.Metrics.AsOf.UTC(), "it says of when it is")
}

func TestLookingAgainInTime(t *testing.T) {
	t.Parallel()
	w := newBench()
	s := w.settle(t, aWorld(t)...)
	row := rtesting.TableRow{Key: key, Objects: s.Objects}
	c, _, _ := Factory(w.construct)(t, &row)
	after, ok := requeue(c.Reconcile(row.Ctx, key))
	assert.True(t, ok)
	assert.Equal(t, 12*time.Hour, after, "when the token has lived half of its time")
}

func TestUnreadableCountsSayNothing(t *testing.T) {
	t.Parallel()
	w := newBench()
	s := w.settle(t, aWorld(t)...)
	binding(t, s).Status.ExecutionCount = 7
	for _, c := range []*corev1.ConfigMap{
		document(t, team, names.Tally("flowbinding", "alerts"), names.KindTally, names.KeyTally, "no tally"),
		document(t, ops, names.Events("chat"), names.KindEvents, names.KeyEvents, "no counts"),
	} {
		s.Objects = append(s.Objects, c)
	}
	s = w.again(t, s)
	require.NoError(t, s.Err)
	assert.Equal(t, int64(7), binding(t, s).Status.ExecutionCount)
}

func TestArrivalsAreReadOnceForAllBindings(t *testing.T) {
	t.Parallel()
	var a arrivals
	c := document(t, ops, "x", names.KindEvents, names.KeyEvents, fold.Arrivals{Bindings: map[string]fold.Compared{key: {Compared: 1}}})
	c.ResourceVersion = "1"
	assert.Equal(t, int64(1), a.of(c)[key].Compared)
	c.Data = nil
	assert.Equal(t, int64(1), a.of(c)[key].Compared, "the same version is not read again")
	c.ResourceVersion = "2"
	assert.Empty(t, a.of(c))
	a.forget(metaKey(c))
	assert.Empty(t, a.read)
}

func TestCountsThatAreGoneAreShownNoMore(t *testing.T) {
	t.Parallel()
	w := newBench()
	tally := fold.Tally{}
	tally.Add(fold.Run{EventID: "e1", Outcome: fold.Succeeded, Ended: noon})
	s := w.settle(t, append(aWorld(t), document(t, team, names.Tally("flowbinding", "alerts"), names.KindTally, names.KeyTally, map[string]any{"tally": tally}))...)
	require.NotNil(t, binding(t, s).Status.Metrics)
	s.Objects = without[*corev1.ConfigMap](s.Objects)
	st := binding(t, w.again(t, s)).Status
	assert.Zero(t, st.ExecutionCount)
	assert.Nil(t, st.Metrics)
	assert.Nil(t, st.LastTriggered)
}
