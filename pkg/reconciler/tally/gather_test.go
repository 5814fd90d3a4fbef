// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package tally

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/reconciler"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
)

func someDue(n int) []*aofv1.FlowRun {
	runs := make([]*aofv1.FlowRun, n)
	for i := range runs {
		runs[i] = finished(fmt.Sprintf("r%04d", i), aofv1.FlowRunPhaseSucceeded, noon)
	}
	return runs
}

func TestRunsThatEndSoonAfterEachOtherAreCountedTogether(t *testing.T) {
	t.Parallel()
	p := start(t, newAPI(), nil, everything())
	key, fold := types.NamespacedName{Namespace: "ns", Name: "b"}, p.Settings().FoldEvery
	p.ended(finished("r1", aofv1.FlowRunPhaseSucceeded, noon))
	_, wait := controller.IsRequeueKey(p.reconcile(t, key.String()))
	assert.Equal(t, fold, wait)

	e := &endings{}
	assert.Zero(t, e.due(key, fold, noon), "a new leader counts what it finds")
	at := noon
	for ; at.Sub(noon) < longestFolds*fold; at = at.Add(fold / 2) {
		e.add(key, at)
		assert.Positive(t, e.due(key, fold, at), at)
	}
	assert.Zero(t, e.due(key, fold, at), "more end all the time")
	e.add(key, at)
	assert.Equal(t, fold, e.due(key, fold, at), "of those that ended since it is the first")
	assert.Zero(t, e.due(key, fold, at.Add(fold)), "no more ended")
	assert.Empty(t, e.spans)
}

func TestWhoDoesNotLeadKeepsNothing(t *testing.T) {
	t.Parallel()
	p := start(t, newAPI(), nil, everything())
	p.Demote(reconciler.UniversalBucket())
	p.ended(finished("r1", aofv1.FlowRunPhaseSucceeded, noon))
	assert.True(t, controller.IsSkipKey(p.reconcile(t, "ns/b")))
	assert.Empty(t, p.endings.spans)
}

func TestCountedRunsAreSettledWhenNoMoreComeIn(t *testing.T) {
	t.Parallel()
	key, quiet := types.NamespacedName{Namespace: "ns", Name: "b"}, 5*time.Second
	d, runs := &dues{}, someDue(3)

	now, wait := d.add(key, runs[:2], quiet, noon)
	assert.Empty(t, now)
	assert.Equal(t, quiet, wait)
	assert.True(t, d.has(key, runs[0].UID))

	now, wait = d.add(key, runs[2:], quiet, noon.Add(3*time.Second))
	assert.Empty(t, now)
	assert.Equal(t, quiet, wait, "the quiet begins with the latest")

	now, wait = d.add(key, nil, quiet, noon.Add(8*time.Second))
	assert.ElementsMatch(t, runs, now)
	assert.Zero(t, wait)

	d.done(key, runs[:1], noon)
	assert.False(t, d.has(key, runs[0].UID))
	now, _ = d.add(key, nil, quiet, noon.Add(9*time.Second))
	assert.ElementsMatch(t, runs[1:], now, "what could not be labelled is tried again")

	d.done(key, runs[1:], noon)
	assert.Empty(t, d.bindings, "nothing is kept of a binding that has nothing due")
	now, wait = d.add(key, nil, quiet, noon.Add(time.Hour))
	assert.Empty(t, now)
	assert.Zero(t, wait)
}

func TestCountedRunsAreSettledInTheEndThoughItIsNeverQuiet(t *testing.T) {
	t.Parallel()
	key, quiet := types.NamespacedName{Namespace: "ns", Name: "b"}, 5*time.Second
	d, runs := &dues{}, someDue(mostDue)

	at := noon
	for _, run := range runs[:60] {
		now, wait := d.add(key, []*aofv1.FlowRun{run}, quiet, at)
		require.Empty(t, now, at)
		require.Positive(t, wait)
		require.LessOrEqual(t, at.Add(wait).Sub(noon), longestDue)
		at = at.Add(time.Second)
	}
	now, _ := d.add(key, nil, quiet, at)
	assert.Len(t, now, 60, "a minute after the first")

	d = &dues{}
	now, _ = d.add(key, runs[1:], quiet, noon)
	assert.Empty(t, now)
	now, wait := d.add(key, runs[:1], quiet, noon)
	assert.Len(t, now, mostDue)
	assert.Zero(t, wait)
}
