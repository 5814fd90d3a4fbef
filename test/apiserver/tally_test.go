// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	clocktesting "k8s.io/utils/clock/testing"
	knativecontroller "knative.dev/pkg/controller"
	logtesting "knative.dev/pkg/logging/testing"
	"knative.dev/pkg/reconciler"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	aoflisters "aof.dev/operator/pkg/client/listers/aof/v1"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/reconciler/tally"
	"aof.dev/operator/pkg/settings"
	"aof.dev/operator/test/apiserver"
)

// counters is a controller's part that counts, with a cache that never changes.
type counters struct {
	*tally.Reconciler
	namespace string
}

func newCounters(t *testing.T, s *apiserver.Server, namespace string, now time.Time) *counters {
	t.Helper()
	aof := s.AOF(t).AofV1()
	runs := cache.NewIndexer(cache.MetaNamespaceKeyFunc, tally.Indexers())
	empty := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	c := &counters{namespace: namespace, Reconciler: tally.New(tally.Dependencies{
		Runs: runs, Uncounted: tally.Uncounted(metadata.NewForConfigOrDie(s.Config)), RunWriter: aof, ConfigMaps: s.Kube(t).CoreV1(),
		Objects: tally.CachedObjects{
			Bindings: aoflisters.NewFlowBindingLister(empty), Flows: aoflisters.NewAgentFlowLister(empty), Agents: aoflisters.NewAgentLister(empty), Client: aof,
		},
		Settings: settings.Default, Clock: clocktesting.NewFakePassiveClock(now), Recorder: record.NewFakeRecorder(1000),
	})}
	c.look(t, s)
	require.NoError(t, c.Promote(reconciler.UniversalBucket(), nil))
	return c
}

// look has the cache hold what there is.
func (c *counters) look(t *testing.T, s *apiserver.Server) {
	t.Helper()
	list, err := s.AOF(t).AofV1().FlowRuns(c.namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	objects := make([]any, 0, len(list.Items))
	for i := range list.Items {
		trimmed, err := tally.Trim(&list.Items[i])
		require.NoError(t, err)
		objects = append(objects, trimmed)
	}
	require.NoError(t, c.Runs.Replace(objects, ""))
}

// count counts until nothing is left to be counted; writes that meet others' are
// tried again.
func (c *counters) count(t *testing.T) error {
	t.Helper()
	var err error
	for range 100 {
		err = c.Reconcile(logtesting.TestContextWithLogger(t), c.namespace+"/b")
		requeue, after := knativecontroller.IsRequeueKey(err)
		if err == nil || (requeue && after > 0) {
			return nil
		}
	}
	return err
}

func TestControllersThatAllThinkTheyLeadCountEachRunOnce(t *testing.T) {
	t.Parallel()
	s := apiserver.Shared(t)
	namespace := s.Namespace(t)
	aof := s.AOF(t).AofV1()
	binding := &aofv1.FlowBinding{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "b"}, Spec: aofv1.FlowBindingSpec{
		Trigger: aofv1.ObjectReference{Name: "t"}, Context: aofv1.ObjectReference{Name: "c"}, Flow: aofv1.ObjectReference{Name: "f"},
	}}
	_, err := aof.FlowBindings(namespace).Create(t.Context(), binding, metav1.CreateOptions{})
	require.NoError(t, err)
	const runs, controllers = 40, 3
	now := metav1.NewMicroTime(time.Now())
	add := func(name string) *aofv1.FlowRun {
		run, err := aof.FlowRuns(namespace).Create(t.Context(), &aofv1.FlowRun{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: aofv1.FlowRunSpec{
				Flow: aofv1.ObjectReference{Name: "f"}, Binding: &aofv1.ObjectReference{Name: "b"},
				Event: runtime.RawExtension{Raw: []byte(`{"specversion":"1.0","id":"` + name + `","source":"/s","type":"t"}`)},
			},
		}, metav1.CreateOptions{})
		require.NoError(t, err)
		run.Status.InitializeConditions()
		run.Status.MarkSucceeded()
		run.Status.StartTime, run.Status.CompletionTime = &now, &now
		run, err = aof.FlowRuns(namespace).Update(t.Context(), run, metav1.UpdateOptions{})
		require.NoError(t, err)
		return run
	}
	for i := range runs {
		add(fmt.Sprintf("r%02d", i))
	}

	var working sync.WaitGroup
	all := make([]*counters, controllers)
	errs := make([]error, controllers)
	for i := range all {
		all[i] = newCounters(t, s, namespace, now.Time)
	}
	for i, c := range all {
		working.Go(func() { errs[i] = c.count(t) })
	}
	working.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}

	// One that is removed before its cache says so, and another of its name.
	require.NoError(t, aof.FlowRuns(namespace).Delete(t.Context(), "r00", metav1.DeleteOptions{}))
	require.NoError(t, all[0].count(t))
	add("r00")
	last := newCounters(t, s, namespace, now.Time)
	require.NoError(t, last.count(t))

	stored, err := s.Kube(t).CoreV1().ConfigMaps(namespace).Get(t.Context(), names.Tally(tally.KindBinding, "b"), metav1.GetOptions{})
	require.NoError(t, err)
	document, err := tally.Decode(stored.Data[names.KeyTally])
	require.NoError(t, err)
	assert.Equal(t, int64(runs+1), document.Tally.Executions)
	assert.Equal(t, int64(runs+1), document.Tally.Successes)
	assert.Len(t, document.Pending, 1, "the others say themselves that they are counted")
	list, err := aof.FlowRuns(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: ledger.LabelFolded + "=true"})
	require.NoError(t, err)
	assert.Len(t, list.Items, runs)
}
