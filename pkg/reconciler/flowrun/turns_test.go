// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowrun

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/guard"
	"aof.dev/operator/pkg/names"
)

// limited is a bench whose Context has a quota, and the runs that are known.
func limited(t *testing.T, quota any, kind string, runs ...*aofv1.FlowRun) (*bench, context.Context, *fake.Clientset) {
	t.Helper()
	text, err := json.Marshal(quota)
	require.NoError(t, err)
	name := names.Quota("prod")
	if kind == names.KindTurns {
		name = names.Turns("b")
	}
	document := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, Labels: map[string]string{names.LabelKind: kind}},
		Data:       map[string]string{names.KeyQuota: string(text)},
	}
	documents := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	require.NoError(t, documents.Add(document))
	known := cache.NewIndexer(cache.MetaNamespaceKeyFunc, Indexers())
	for _, run := range runs {
		require.NoError(t, known.Add(run))
	}
	kube := fake.NewClientset(document)
	b, ctx := newBench(t, binding(), aBroker())
	b.Limits = &Limits{ConfigMaps: corelisters.NewConfigMapLister(documents), Kube: kube, Runs: known}
	return b, ctx, kube
}

func named(name string, more ...option) *aofv1.FlowRun {
	run := newRun(more...)
	run.Name, run.UID = name, types.UID(name)
	run.Spec.Context = &aofv1.ObjectReference{Name: "prod"}
	return run
}

func atLimit(run *aofv1.FlowRun) {
	until := metav1.NewMicroTime(noon.Add(time.Hour))
	waiting(aofv1.WaitStatus{Kind: "Limit", Until: &until})(run)
}

func since(d time.Duration, id string) guard.Place {
	return guard.Place{ID: id, At: noon.Add(-d).UnixMilli()}
}

// A run is woken when there is room, and only then.
func TestARunThatWaitsForALimitIsSentWhenThereIsRoom(t *testing.T) {
	t.Parallel()
	line := []guard.Ticket{{Place: since(time.Minute, "next"), Due: noon.Add(time.Hour).UnixMilli()}}
	limits := guard.Limits{Concurrent: 1}
	for name, test := range map[string]struct {
		working guard.Place
		holder  *aofv1.FlowRun
		sent    bool
	}{
		"somebody is at work":                 {since(time.Hour, "r"), named("r", running), false},
		"who was at work is over":             {since(time.Second, "r"), named("r", phase(aofv1.FlowRunPhaseFailed)), true},
		"who was at work waits for people":    {since(time.Hour, "r"), named("r", waiting(aofv1.WaitStatus{Kind: "Approval"})), true},
		"who is at work was waiting just now": {since(time.Second, "r"), named("r", waiting(aofv1.WaitStatus{Kind: "Approval"})), false},
		"who was at work is gone":             {since(time.Hour, "gone"), nil, true},
		"who is at work may not be known yet": {since(time.Second, "new"), nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := named("next", atLimit)
			runs := []*aofv1.FlowRun{run}
			if test.holder != nil {
				runs = append(runs, test.holder)
			}
			b, ctx, kube := limited(t, &guard.Quota{Limits: limits, Working: []guard.Place{test.working}, Line: line}, names.KindQuota, runs...)
			err := b.ReconcileKind(ctx, run)
			wait := after(t, err)
			assert.Len(t, b.resumer.events, map[bool]int{true: 1}[test.sent])
			if !test.sent {
				assert.Equal(t, lookForTurn, wait, "it is looked at again")
				assert.Empty(t, kube.Actions())
				return
			}
			stored, err := kube.CoreV1().ConfigMaps("ns").Get(ctx, names.Quota("prod"), metav1.GetOptions{})
			require.NoError(t, err)
			s, ok := readShared(stored)
			require.True(t, ok)
			assert.Empty(t, s.quota.Working, "what it held is taken back")
		})
	}
}

// What a run holds that is over is taken back when it had time to do so itself,
// and the next is woken.
func TestTheTurnOfARunThatIsOverEnds(t *testing.T) {
	t.Parallel()
	over := named("r", phase(aofv1.FlowRunPhaseCancelled))
	over.Status.CompletionTime = micro(noon)
	next := named("next", atLimit)
	holder := since(time.Minute, "r")
	turns := &guard.Turns{Keys: map[string]*guard.Turn{"k": {
		Holder: &holder, Line: []guard.Ticket{{Place: since(time.Second, "next"), Due: noon.UnixMilli()}},
	}}}
	b, ctx, kube := limited(t, turns, names.KindTurns, over, next)
	assert.Equal(t, vacateAfter, after(t, b.ReconcileKind(ctx, over)))
	assert.Empty(t, kube.Actions())
	b.clock.SetTime(noon.Add(vacateAfter))
	require.NoError(t, b.ReconcileKind(ctx, over))
	stored, err := kube.CoreV1().ConfigMaps("ns").Get(ctx, names.Turns("b"), metav1.GetOptions{})
	require.NoError(t, err)
	var woken []string
	b.Limits.wake(stored, false, noon, func(run *aofv1.FlowRun) { woken = append(woken, run.Name) })
	assert.Equal(t, []string{"next"}, woken)
}
