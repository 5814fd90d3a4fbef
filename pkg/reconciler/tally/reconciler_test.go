// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package tally

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	clientgotesting "k8s.io/client-go/testing"
	clocktesting "k8s.io/utils/clock/testing"
	fakekubeclient "knative.dev/pkg/client/injection/kube/client/fake"
	"knative.dev/pkg/controller"
	logtesting "knative.dev/pkg/logging/testing"
	knativereconciler "knative.dev/pkg/reconciler"
	rtesting "knative.dev/pkg/reconciler/testing"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	typedaofv1 "aof.dev/operator/pkg/client/clientset/versioned/typed/aof/v1"
	fakeaofclient "aof.dev/operator/pkg/client/injection/client/fake"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/names"
	reconcilertesting "aof.dev/operator/pkg/reconciler/testing"
	"aof.dev/operator/pkg/settings"
)

// construct makes the reconciler over the fake clients of a row.
func construct(ctx context.Context, l *reconcilertesting.Listers) controller.Reconciler {
	runs := l.IndexerFor(&aofv1.FlowRun{})
	if err := runs.AddIndexers(Indexers()); err != nil {
		panic(err)
	}
	aof := fakeaofclient.Get(ctx).AofV1()
	s := settings.Default()
	s.RunTTL = time.Hour
	return New(Dependencies{
		Runs: runs, RunWriter: aof, Uncounted: uncounted(aof), ConfigMaps: fakekubeclient.Get(ctx).CoreV1(),
		Objects:  CachedObjects{Bindings: l.FlowBindings(), Flows: l.AgentFlows(), Agents: l.Agents(), Client: aof},
		Settings: func() *settings.Settings { return s }, Clock: clocktesting.NewFakePassiveClock(noon), Recorder: controller.GetEventRecorder(ctx),
	})
}

// uncounted asks the fake client, which has no metadata of its own.
func uncounted(aof typedaofv1.FlowRunsGetter) func(context.Context, types.NamespacedName) (sets.Set[types.UID], error) {
	return func(ctx context.Context, key types.NamespacedName) (sets.Set[types.UID], error) {
		list, err := aof.FlowRuns(key.Namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		found := sets.New[types.UID]()
		for i := range list.Items {
			if !folded(&list.Items[i]) {
				found.Insert(list.Items[i].UID)
			}
		}
		return found, nil
	}
}

func binding() *aofv1.FlowBinding {
	return &aofv1.FlowBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "b", UID: "uid-of-b", CreationTimestamp: metav1.NewTime(noon.Add(-24 * time.Hour))}}
}

func labelled(run *aofv1.FlowRun) *aofv1.FlowRun {
	metav1.SetMetaDataLabel(&run.ObjectMeta, ledger.LabelFolded, "true")
	return run
}

func labelling(run string) clientgotesting.PatchActionImpl {
	patch := fmt.Sprintf(`{"metadata":{"labels":{"aof.dev/folded":"true"},"uid":"uid-%s"}}`, run)
	return clientgotesting.PatchActionImpl{ActionImpl: clientgotesting.ActionImpl{Namespace: "ns"}, Name: run, PatchType: types.MergePatchType, Patch: []byte(patch)}
}

func TestReconcile(t *testing.T) {
	t.Parallel()
	waiting := finished("waiting", aofv1.FlowRunPhaseWaiting, noon)
	foreign := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: names.Tally(KindBinding, "b")}}
	others := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Namespace: "ns", Name: names.Tally(KindBinding, "b"), Labels: map[string]string{names.LabelManaged: "true", names.LabelKind: names.KindTally},
		OwnerReferences: []metav1.OwnerReference{{UID: "uid-of-an-older-b", Controller: new(true)}},
	}}
	old := labelled(finished("old", aofv1.FlowRunPhaseSucceeded, noon.Add(-time.Hour)))
	rows := append(rtesting.TableTest{}, reconcilertesting.CommonRows(binding())...)
	rows = append(rows, rtesting.TableTest{{
		Name: "a run that goes on is not counted", Key: "ns/b",
		Objects: []runtime.Object{binding(), waiting},
	}, {
		Name: "in the steady state nothing is written", Key: "ns/b",
		Objects: []runtime.Object{binding(), labelled(finished("r", aofv1.FlowRunPhaseSucceeded, noon))},
		WantErr: true, // it asks to look again when the run is too old
	}, {
		Name: "a run of nothing that is there says that it was counted", Key: "ns/b",
		Objects: []runtime.Object{finished("r", aofv1.FlowRunPhaseSucceeded, noon)}, WantErr: true,
		WantPatches: []clientgotesting.PatchActionImpl{labelling("r")},
	}, {
		Name: "a ConfigMap of somebody else is left alone", Key: "ns/b",
		Objects: []runtime.Object{binding(), foreign, finished("r", aofv1.FlowRunPhaseSucceeded, noon)}, WantErr: true,
		WantPatches: []clientgotesting.PatchActionImpl{labelling("r")},
	}, {
		Name: "the tally of an older binding of that name has to go first", Key: "ns/b",
		Objects: []runtime.Object{binding(), others, finished("r", aofv1.FlowRunPhaseSucceeded, noon)}, WantErr: true,
	}, {
		Name: "a run is not labelled when its tally can't be written", Key: "ns/b",
		Objects:      []runtime.Object{binding(), finished("r", aofv1.FlowRunPhaseSucceeded, noon)},
		WithReactors: []clientgotesting.ReactionFunc{reconcilertesting.Fail("create", "configmaps")}, WantErr: true,
		WantCreates: []runtime.Object{tallyOf(t, finished("r", aofv1.FlowRunPhaseSucceeded, noon))},
	}, {
		Name: "a namespace that goes takes no tally, and keeps no run back", Key: "ns/b",
		Objects:      []runtime.Object{binding(), finished("r", aofv1.FlowRunPhaseSucceeded, noon)},
		WithReactors: []clientgotesting.ReactionFunc{terminating}, WantErr: true, // the requeue
		WantCreates: []runtime.Object{tallyOf(t, finished("r", aofv1.FlowRunPhaseSucceeded, noon))},
		WantPatches: []clientgotesting.PatchActionImpl{labelling("r")},
	}, {
		Name: "a failed run is told of on its binding", Key: "ns/b",
		Objects:     []runtime.Object{binding(), finished("r", aofv1.FlowRunPhaseFailed, noon)},
		WantCreates: []runtime.Object{tallyOf(t, finished("r", aofv1.FlowRunPhaseFailed, noon))}, WantErr: true,
		WantPatches: []clientgotesting.PatchActionImpl{labelling("r")},
		WantEvents:  []string{rtesting.Eventf(corev1.EventTypeWarning, "RunFailed", "run r failed: node n: it broke")},
	}, {
		Name: "a run that is too old goes", Key: "ns/b",
		Objects: []runtime.Object{binding(), old},
		WantDeletes: []clientgotesting.DeleteActionImpl{{
			ActionImpl: clientgotesting.ActionImpl{Namespace: "ns", Resource: aofv1.SchemeGroupVersion.WithResource("flowruns")}, Name: "old",
		}},
	}, {
		Name: "a run that is too old and not counted is counted, and goes", Key: "ns/b",
		Objects: []runtime.Object{finished("r", aofv1.FlowRunPhaseCancelled, noon.Add(-2*time.Hour))},
		WantDeletes: []clientgotesting.DeleteActionImpl{{
			ActionImpl: clientgotesting.ActionImpl{Namespace: "ns", Resource: aofv1.SchemeGroupVersion.WithResource("flowruns")}, Name: "r",
		}},
	}}...)
	rows.Test(t, reconcilertesting.Factory(construct))
}

// terminating refuses what is to be created, as in a namespace that is deleted.
func terminating(a clientgotesting.Action) (bool, runtime.Object, error) {
	if a.GetVerb() != "create" {
		return false, nil, nil
	}
	err := apierrors.NewForbidden(a.GetResource().GroupResource(), "", errors.New("the namespace is being terminated"))
	err.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	return true, nil, err
}

// tallyOf is the tally of the binding after that run, its first.
func tallyOf(t *testing.T, run *aofv1.FlowRun) *corev1.ConfigMap {
	t.Helper()
	b := &book{target: target{Kind: KindBinding, NamespacedName: types.NamespacedName{Namespace: "ns", Name: "b"}}, owner: binding(), document: &Document{}}
	require.True(t, b.document.count(b.target, []*aofv1.FlowRun{run}))
	data, err := b.document.Encode()
	require.NoError(t, err)
	return b.make(data)
}

func TestRunsThatEndTogetherAreCountedTogether(t *testing.T) {
	t.Parallel()
	var runs []*aofv1.FlowRun
	for i := range 50 {
		runs = append(runs, finished(fmt.Sprintf("r%02d", i), aofv1.FlowRunPhaseSucceeded, noon.Add(-time.Minute), "a1"))
	}
	a := newAPI(runs...)
	require.NoError(t, ignoreRequeue(start(t, a, a.all(), everything()).reconcile(t, "ns/b")))
	var counts []string
	for _, write := range a.writes {
		if !strings.HasPrefix(write, "label ") {
			counts = append(counts, write)
		}
	}
	assert.Equal(t, []string{"create aof-tally-agent-a1", "create aof-tally-agentflow-f", "create aof-tally-flowbinding-b"}, counts)
	assert.Len(t, a.writes, 3+50)
}

func TestALargeNumberIsCountedInParts(t *testing.T) {
	t.Parallel()
	a := newAPI()
	for i := range batch + 1 {
		a.add(finished(fmt.Sprintf("r%03d", i), aofv1.FlowRunPhaseSucceeded, noon))
	}
	p := start(t, a, a.all(), everything())
	requeue, after := controller.IsRequeueKey(p.reconcile(t, "ns/b"))
	require.True(t, requeue)
	assert.Zero(t, after)
	assert.Equal(t, int64(batch), a.document(t, KindBinding, "ns", "b").Tally.Executions)
	until(t, p)
	assert.Equal(t, int64(batch+1), a.document(t, KindBinding, "ns", "b").Tally.Executions)
}

func TestRunsOfAnOlderBindingAreNotTheNewOnes(t *testing.T) {
	t.Parallel()
	a := newAPI(finished("before", aofv1.FlowRunPhaseSucceeded, noon.Add(-time.Minute)), finished("after", aofv1.FlowRunPhaseSucceeded, noon))
	all := everything()
	b := binding()
	b.CreationTimestamp = metav1.NewTime(noon.Add(-30 * time.Second))
	all[target{Kind: KindBinding, NamespacedName: types.NamespacedName{Namespace: "ns", Name: "b"}}] = b
	until(t, start(t, a, a.all(), all))
	assert.Equal(t, int64(1), a.document(t, KindBinding, "ns", "b").Tally.Executions)
	assert.Equal(t, int64(2), a.document(t, KindFlow, "flows", "f").Tally.Executions)
}

func TestRunsStartedByHandAreCountedWithoutABinding(t *testing.T) {
	t.Parallel()
	run := finished("by-hand", aofv1.FlowRunPhaseSucceeded, noon)
	run.Spec.Binding = nil
	a := newAPI(run)
	p := start(t, a, a.all(), everything())
	assert.Equal(t, []types.NamespacedName{{Namespace: "ns"}}, p.keys())
	require.NoError(t, ignoreRequeue(p.reconcile(t, "ns/")))
	assert.Equal(t, int64(1), a.document(t, KindFlow, "flows", "f").Tally.Executions)
	assert.Contains(t, a.writes, "label by-hand")
}

func TestOnlyALeaderCounts(t *testing.T) {
	t.Parallel()
	a := newAPI(someRuns()...)
	p := start(t, a, a.all(), everything())
	p.Demote(knativereconciler.UniversalBucket())
	assert.True(t, controller.IsSkipKey(p.reconcile(t, "ns/b")))
	assert.Empty(t, a.writes)
}

func TestANewLeaderLooksAtEveryBindingWithRuns(t *testing.T) {
	t.Parallel()
	other := finished("x", aofv1.FlowRunPhaseSucceeded, noon)
	other.Spec.Binding = &aofv1.ObjectReference{Name: "c"}
	a := newAPI(append(someRuns(), other, finished("w", aofv1.FlowRunPhaseRunning, noon))...)
	p := start(t, a, a.all(), everything())
	var keys []string
	require.NoError(t, p.Promote(knativereconciler.UniversalBucket(), func(_ knativereconciler.Bucket, key types.NamespacedName) {
		keys = append(keys, key.String())
	}))
	assert.ElementsMatch(t, []string{"ns/b", "ns/c"}, keys)
}

func TestATallyNobodyCanReadBeginsAnew(t *testing.T) {
	t.Parallel()
	a := newAPI(someRuns()...)
	until(t, start(t, a, a.all(), everything()))
	a.maps["ns/"+names.Tally(KindBinding, "b")].Data[names.KeyTally] = "{"
	a.add(later())
	p := start(t, a, a.all(), everything())
	require.NoError(t, ignoreRequeue(p.Reconcile(logtesting.TestContextWithLogger(t), "ns/b")))
	assert.Equal(t, int64(1), a.document(t, KindBinding, "ns", "b").Tally.Executions)
}
