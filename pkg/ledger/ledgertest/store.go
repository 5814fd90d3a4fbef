// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package ledgertest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/ledger"
)

// Run returns a run that can be created: of flow "k8s-ops", binding "prod-slack"
// and trigger "slack", with a small event.
func Run(namespace, name string) *aofv1.FlowRun {
	run := &aofv1.FlowRun{}
	run.Namespace, run.Name = namespace, name
	run.Labels = map[string]string{"team": "sre"}
	run.Spec = aofv1.FlowRunSpec{
		Flow:    aofv1.ObjectReference{Name: "k8s-ops", Namespace: namespace},
		Binding: &aofv1.ObjectReference{Name: "prod-slack"},
		Trigger: &aofv1.ObjectReference{Name: "slack", Namespace: "other"},
		Plan:    "plan-1",
		Event:   runtime.RawExtension{Raw: []byte(`{"specversion":"1.0","id":"e1","data":{"text":"<why> & ✓","n":12345678901234567890}}`)},
	}
	return run
}

// Conformance runs what every Store must do. open gives an empty store; it is
// called once for each test.
func Conformance(t *testing.T, open func(t *testing.T) ledger.Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, ledger.Store){
		"creating claims":                       testCreate,
		"a run is created as far as it came":    testCreateFinished,
		"a claim can't be had twice":            testDuplicate,
		"names are per namespace":               testNamespaces,
		"a wrong run is refused":                testInvalid,
		"of concurrent claims one wins":         testConcurrentClaims,
		"an update writes the status":           testUpdate,
		"an old version can't be written":       testConflict,
		"of concurrent updates one wins":        testConcurrentUpdates,
		"a deleted run is gone":                 testDelete,
		"a run of the same name is another":     testRecreate,
		"a run that is too large is refused":    testTooLarge,
		"objects are copies":                    testCopies,
		"decisions and cancel can be added":     testAmend,
		"amending nothing writes nothing":       testAmendNothing,
		"nothing else can be amended":           testAmendRefused,
		"an amendment that is too large":        testAmendTooLarge,
		"concurrent amendments are all kept":    testConcurrentAmend,
		"a list can be filtered":                testFilter,
		"a list has pages":                      testPages,
		"pages hold still while runs come":      testPagesWhileWriting,
		"a continue token is for its list only": testContinue,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func create(t *testing.T, s ledger.Store, run *aofv1.FlowRun) *aofv1.FlowRun {
	t.Helper()
	require.NoError(t, s.Create(t.Context(), run))
	return run
}

func get(t *testing.T, s ledger.Store, run *aofv1.FlowRun) *aofv1.FlowRun {
	t.Helper()
	got, err := s.Get(t.Context(), run.Namespace, run.Name)
	require.NoError(t, err)
	return got
}

// same compares what two runs say.
func same(t *testing.T, want, got *aofv1.FlowRun) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreTypes(metav1.TypeMeta{}), cmp.Comparer(sameRaw), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("run differs (-want +got):\n%s", diff)
	}
}

// sameRaw compares embedded JSON without regard to how it is spelled.
func sameRaw(a, b runtime.RawExtension) bool {
	return assert.ObjectsAreEqual(string(a.Raw), string(b.Raw)) || assert.JSONEq(quiet{}, string(a.Raw), string(b.Raw))
}

// quiet is a test to which a difference is no failure.
type quiet struct{}

// Errorf says nothing.
func (quiet) Errorf(string, ...any) {}

func version(t *testing.T, run *aofv1.FlowRun) int64 {
	t.Helper()
	n, err := strconv.ParseInt(run.ResourceVersion, 10, 64)
	require.NoError(t, err)
	return n
}

func testCreate(t *testing.T, s ledger.Store) {
	t.Helper()
	_, err := s.Get(t.Context(), "ns", "a")
	require.ErrorIs(t, err, ledger.ErrNotFound)

	run := Run("ns", "a")
	spec := run.Spec.DeepCopy()
	create(t, s, run)
	assert.NotEmpty(t, run.UID)
	assert.NotEmpty(t, run.ResourceVersion)
	assert.False(t, run.CreationTimestamp.IsZero())
	assert.EqualValues(t, 1, run.Generation)
	assert.Empty(t, run.Status)
	assert.Empty(t, cmp.Diff(*spec, run.Spec, cmp.Comparer(sameRaw)))
	same(t, run, get(t, s, run))
}

func testCreateFinished(t *testing.T, s ledger.Store) {
	t.Helper()
	run := Run("ns", "a")
	at := metav1.NewMicroTime(time.Date(2025, 12, 18, 10, 0, 0, 123456000, time.UTC))
	run.Status = aofv1.FlowRunStatus{
		Phase: aofv1.FlowRunPhaseSucceeded, StartTime: &at, CompletionTime: &at,
		Nodes: []aofv1.NodeStatus{{ID: "n", Type: "Transform", Phase: aofv1.NodePhaseSucceeded, Output: &runtime.RawExtension{Raw: []byte(`{"x":"</b>"}`)}}},
	}
	status := run.Status.DeepCopy()
	create(t, s, run)
	assert.Empty(t, cmp.Diff(*status, run.Status, cmp.Comparer(sameRaw)))
	same(t, run, get(t, s, run))
	list, err := s.List(t.Context(), ledger.ListOptions{Phases: []aofv1.FlowRunPhase{aofv1.FlowRunPhaseSucceeded}})
	require.NoError(t, err)
	assert.Equal(t, []string{"ns/a"}, names(list))

	large := Run("ns", "b")
	large.Spec.Event.Raw = []byte(`{"x":"` + strings.Repeat("x", ledger.MaxRunBytes/2) + `"}`)
	large.Status.Result = &aofv1.RunResult{Text: strings.Repeat("x", ledger.MaxRunBytes/2)}
	require.ErrorIs(t, s.Create(t.Context(), large), ledger.ErrTooLarge, "together they are too large")
}

func testDuplicate(t *testing.T, s ledger.Store) {
	t.Helper()
	first := create(t, s, Run("ns", "a"))
	second := Run("ns", "a")
	second.Spec.Plan = "plan-2"
	given := second.DeepCopy()
	require.ErrorIs(t, s.Create(t.Context(), second), ledger.ErrExists)
	same(t, given, second)
	same(t, first, get(t, s, first))
}

func testNamespaces(t *testing.T, s ledger.Store) {
	t.Helper()
	a, b := create(t, s, Run("ns", "a")), create(t, s, Run("other", "a"))
	assert.NotEqual(t, a.UID, b.UID)
	assert.NotEqual(t, a.ResourceVersion, b.ResourceVersion)
}

func testInvalid(t *testing.T, s ledger.Store) {
	t.Helper()
	for name, change := range map[string]func(*aofv1.FlowRun){
		"no name":                     func(r *aofv1.FlowRun) { r.Name = "" },
		"no namespace":                func(r *aofv1.FlowRun) { r.Namespace = "" },
		"a name that is none":         func(r *aofv1.FlowRun) { r.Name = "../A b" },
		"a name that goes on":         func(r *aofv1.FlowRun) { r.Name = strings.Repeat("a", 100000) },
		"a version before it is born": func(r *aofv1.FlowRun) { r.ResourceVersion = "1" },
	} {
		run := Run("ns", "a")
		change(run)
		err := s.Create(t.Context(), run)
		require.ErrorIs(t, err, ledger.ErrInvalid, name)
		assert.Less(t, len(err.Error()), 600)
	}
	require.ErrorIs(t, s.Update(t.Context(), Run("ns", "a")), ledger.ErrInvalid, "an update must say what it read")
}

func testConcurrentClaims(t *testing.T, s ledger.Store) {
	t.Helper()
	const claimants = 16
	var won atomic.Int64
	var wg sync.WaitGroup
	for i := range claimants {
		wg.Go(func() {
			run := Run("ns", "a")
			run.Status.Lease = &aofv1.RunLease{Holder: fmt.Sprintf("pod-%d", i)}
			switch err := s.Create(t.Context(), run); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, ledger.ErrExists):
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	assert.EqualValues(t, 1, won.Load())
}

func testUpdate(t *testing.T, s ledger.Store) {
	t.Helper()
	run := create(t, s, Run("ns", "a"))
	stored := get(t, s, run)
	before := version(t, run)

	stored.Status = aofv1.FlowRunStatus{
		Phase: aofv1.FlowRunPhaseRunning,
		Nodes: []aofv1.NodeStatus{{ID: "n", Type: "Agent", Attempt: 2, Output: &runtime.RawExtension{Raw: []byte(`{"x":[1,"</b>"]}`)}}},
		Usage: &aofv1.TokenUsage{InputTokens: 3},
	}
	run.Status = *stored.Status.DeepCopy()
	require.NoError(t, s.Update(t.Context(), run))
	assert.Greater(t, version(t, run), before)

	stored.ResourceVersion = run.ResourceVersion
	stored.Generation = run.Generation
	same(t, stored, get(t, s, run))
}

func testConflict(t *testing.T, s ledger.Store) {
	t.Helper()
	run := create(t, s, Run("ns", "a"))
	stale := get(t, s, run)
	run.Status.Phase = aofv1.FlowRunPhaseRunning
	require.NoError(t, s.Update(t.Context(), run))

	stale.Status.Phase = aofv1.FlowRunPhaseFailed
	given := stale.DeepCopy()
	require.ErrorIs(t, s.Update(t.Context(), stale), ledger.ErrConflict)
	same(t, given, stale)
	same(t, run, get(t, s, run))

	run.ResourceVersion = "no version of ours"
	require.ErrorIs(t, s.Update(t.Context(), run), ledger.ErrConflict)
}

// Writers that each add one to what they read lose none.
func testConcurrentUpdates(t *testing.T, s ledger.Store) {
	t.Helper()
	const writers, each = 8, 10
	run := create(t, s, Run("ns", "a"))
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() { countUp(t, s, run, fmt.Sprintf("writer-%d", i), each) })
	}
	wg.Wait()
	got := get(t, s, run)
	assert.Len(t, entries(got), writers*each)
	assert.Len(t, got.Status.Nodes, writers*each, "none is written twice")
}

// countUp adds its own entries to the run's status, one by one, reading it again
// whenever somebody else was faster. A write of which nobody knows is done when
// its entry is there.
func countUp(t *testing.T, s ledger.Store, run *aofv1.FlowRun, writer string, times int) {
	t.Helper()
	for done := 0; done < times; {
		got, err := s.Get(t.Context(), run.Namespace, run.Name)
		if !assert.NoError(t, err) {
			return
		}
		id := fmt.Sprintf("%s-%d", writer, done)
		if slices.ContainsFunc(got.Status.Nodes, func(n aofv1.NodeStatus) bool { return n.ID == id }) {
			done++
			continue
		}
		got.Status.Nodes = append(got.Status.Nodes, aofv1.NodeStatus{ID: id, Type: "End", Phase: aofv1.NodePhaseSucceeded})
		if err := s.Update(t.Context(), got); err != nil && !errors.Is(err, ledger.ErrConflict) {
			assert.NoError(t, err)
			return
		}
	}
}

// entries gives the ids of countUp, each once.
func entries(run *aofv1.FlowRun) map[string]bool {
	ids := map[string]bool{}
	for i := range run.Status.Nodes {
		ids[run.Status.Nodes[i].ID] = true
	}
	return ids
}

func testDelete(t *testing.T, s ledger.Store) {
	t.Helper()
	run := create(t, s, Run("ns", "a"))
	create(t, s, Run("ns", "b"))
	require.NoError(t, s.Delete(t.Context(), "ns", "a"))
	require.ErrorIs(t, s.Delete(t.Context(), "ns", "a"), ledger.ErrNotFound)
	require.ErrorIs(t, s.Update(t.Context(), run), ledger.ErrNotFound)
	list, err := s.List(t.Context(), ledger.ListOptions{})
	require.NoError(t, err)
	assert.Equal(t, []string{"ns/b"}, names(list))
}

func testRecreate(t *testing.T, s ledger.Store) {
	t.Helper()
	old := create(t, s, Run("ns", "a"))
	require.NoError(t, s.Delete(t.Context(), "ns", "a"))
	again := create(t, s, Run("ns", "a"))
	assert.NotEqual(t, old.UID, again.UID)
	require.ErrorIs(t, s.Update(t.Context(), old), ledger.ErrConflict)
}

func testTooLarge(t *testing.T, s ledger.Store) {
	t.Helper()
	large := Run("ns", "a")
	large.Spec.Event.Raw = []byte(`{"x":"` + strings.Repeat("x", ledger.MaxRunBytes) + `"}`)
	err := s.Create(t.Context(), large)
	require.ErrorIs(t, err, ledger.ErrTooLarge)
	assert.Less(t, len(err.Error()), 300)

	run := Run("ns", "b")
	run.Spec.Event.Raw = []byte(`{"x":"` + strings.Repeat("x", ledger.MaxRunBytes/2) + `"}`)
	create(t, s, run)
	stored := get(t, s, run)
	run.Status.Result = &aofv1.RunResult{Text: strings.Repeat("x", ledger.MaxRunBytes/2)}
	require.ErrorIs(t, s.Update(t.Context(), run), ledger.ErrTooLarge, "together they are too large")
	same(t, stored, get(t, s, run))
	run.Status.Result.Text = "x"
	require.NoError(t, s.Update(t.Context(), run), "the run can still be written")
}

func testCopies(t *testing.T, s ledger.Store) {
	t.Helper()
	run := create(t, s, Run("ns", "a"))
	want := get(t, s, run)
	run.Spec.Binding.Name = "changed"
	run.Spec.Event.Raw[0] = 'x'
	got := get(t, s, run)
	same(t, want, got)
	got.Labels["team"] = "changed"
	same(t, want, get(t, s, want))
}
