// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package tally

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/fold"
)

func TestHistory(t *testing.T) {
	t.Parallel()
	ago := func(name string, phase aofv1.FlowRunPhase, minutes int) *aofv1.FlowRun {
		return labelled(finished(name, phase, noon.Add(-time.Duration(minutes)*time.Minute)))
	}
	const ok, failed, cancelled = aofv1.FlowRunPhaseSucceeded, aofv1.FlowRunPhaseFailed, aofv1.FlowRunPhaseCancelled
	limits := Limits{Successful: 2, Failed: 2, TTL: time.Hour}
	for _, tc := range []struct {
		name   string
		runs   []*aofv1.FlowRun
		limits Limits
		want   []string
		next   time.Duration
	}{
		{name: "nothing", limits: limits},
		{name: "few", limits: limits, runs: []*aofv1.FlowRun{ago("a", ok, 5), ago("b", failed, 10)}, next: 50 * time.Minute},
		{name: "too many, oldest first", limits: limits, runs: []*aofv1.FlowRun{ago("c", ok, 3), ago("a", ok, 1), ago("d", ok, 4), ago("b", ok, 2)}, want: []string{"d", "c"}, next: 58 * time.Minute},
		{name: "each sort has its own limit", limits: limits, runs: []*aofv1.FlowRun{ago("a", ok, 1), ago("b", ok, 2), ago("c", failed, 3), ago("d", cancelled, 4), ago("e", failed, 5)}, want: []string{"e"}, next: 56 * time.Minute},
		{name: "too old", limits: limits, runs: []*aofv1.FlowRun{ago("a", ok, 60), ago("b", failed, 59)}, want: []string{"a"}, next: time.Minute},
		{name: "no history at all", limits: Limits{TTL: time.Hour}, runs: []*aofv1.FlowRun{ago("a", ok, 1), ago("b", failed, 2)}, want: []string{"b", "a"}},
		{name: "what is not counted stays", limits: Limits{TTL: time.Hour}, runs: []*aofv1.FlowRun{finished("a", ok, noon.Add(-2*time.Hour))}},
		{name: "what was not told to the audit stays", limits: Limits{TTL: time.Hour}, runs: []*aofv1.FlowRun{
			audited(ago("a", ok, 120), aofv1.RunAudit{Records: 5, Delivered: 3, Ended: true}), audited(ago("b", failed, 120), aofv1.RunAudit{}),
			audited(ago("c", ok, 120), aofv1.RunAudit{Records: 5, Delivered: 4, Omitted: 1, Ended: true}),
		}, want: []string{"c"}},
		{name: "what goes on stays", limits: Limits{TTL: time.Hour}, runs: []*aofv1.FlowRun{ago("a", aofv1.FlowRunPhaseWaiting, 120)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			remove, next := History(tc.runs, tc.limits, noon)
			var got []string
			for _, run := range remove {
				got = append(got, run.Name)
			}
			assert.Equal(t, tc.want, got)
			assert.Equal(t, tc.next, next)
		})
	}
}

func audited(run *aofv1.FlowRun, a aofv1.RunAudit) *aofv1.FlowRun {
	run.Status.Audit = &a
	return run
}

func TestARunWithoutAnEndIsAsOldAsItIs(t *testing.T) {
	t.Parallel()
	run := labelled(finished("a", aofv1.FlowRunPhaseFailed, noon))
	run.Status.CompletionTime, run.CreationTimestamp = nil, metav1.NewTime(noon.Add(-2*time.Hour))
	remove, _ := History([]*aofv1.FlowRun{run}, Limits{Failed: 5, TTL: time.Hour}, noon)
	assert.Len(t, remove, 1)
}

func TestTrimKeepsWhatIsCounted(t *testing.T) {
	t.Parallel()
	full := finished("r", aofv1.FlowRunPhaseSucceeded, noon, "a1", "a2")
	full.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "m"}}
	full.Status.Result = &aofv1.RunResult{Text: "long"}
	full.Status.Nodes[0].Exports = map[string]string{"X": "long"}
	want := fold.Contributions(full.DeepCopy())

	got, err := Trim(full.DeepCopy())
	require.NoError(t, err)
	trimmed := got.(*aofv1.FlowRun)
	assert.Equal(t, want, fold.Contributions(trimmed))
	assert.Equal(t, "event-r", fold.RunOf(trimmed).EventID)
	raw, err := json.Marshal(trimmed)
	require.NoError(t, err)
	assert.NotContains(t, string(raw), "long")
	assert.NotContains(t, string(raw), "an answer")
	assert.NotContains(t, string(raw), "managedFields")

	again, err := Trim(trimmed.DeepCopy())
	require.NoError(t, err)
	assert.Equal(t, trimmed, again, "an informer may trim twice")
	other, err := Trim("tombstone")
	require.NoError(t, err)
	assert.Equal(t, "tombstone", other)
}

func TestTrimTakesAnyEvent(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"", "{", "[]", `{"id":7}`, "null"} {
		run := finished("r", aofv1.FlowRunPhaseSucceeded, noon)
		run.Spec.Event.Raw = []byte(raw)
		_, err := Trim(run)
		require.NoError(t, err)
		assert.JSONEq(t, "{}", string(run.Spec.Event.Raw), raw)
	}
}
