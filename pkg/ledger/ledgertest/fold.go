// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/ledger"
)

const (
	kindCount = "count"
	keyCount  = "prod-slack"
)

// count folds a run into the document that the fold tests look at.
func count(docs ledger.Documents, run *aofv1.FlowRun) error {
	seen := map[string]int{}
	if _, err := docs.Load(kindCount, keyCount, &seen); err != nil {
		return err
	}
	seen[run.Name]++
	return docs.Save(kindCount, keyCount, seen)
}

// counted returns how often each run was folded by count.
func counted(t *testing.T, s ledger.Folder) map[string]int {
	t.Helper()
	seen := map[string]int{}
	require.NoError(t, s.View(t.Context(), func(docs ledger.Documents) error {
		_, err := docs.Load(kindCount, keyCount, &seen)
		return err
	}))
	return seen
}

// finish creates a run and brings it to a phase.
func finish(t *testing.T, s ledger.Store, name string, phase aofv1.FlowRunPhase) *aofv1.FlowRun {
	t.Helper()
	run := create(t, s, Run("ns", name))
	run.Status.Phase = phase
	require.NoError(t, s.Update(t.Context(), run))
	return run
}

// FoldConformance runs what every Folder must do. open gives an empty store; it
// is called once for each test.
func FoldConformance(t *testing.T, open func(t *testing.T) ledger.Folder) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, ledger.Folder){
		"final runs are folded once":              testFold,
		"an error undoes a fold":                  testFoldError,
		"a panic undoes a fold":                   testFoldPanic,
		"an ended context undoes a fold":          testFoldCancelled,
		"a run that is reopened is folded once":   testFoldReopened,
		"a run that is no longer final is not":    testFoldTakenBack,
		"folding goes in steps":                   testFoldSteps,
		"documents are kept":                      testDocuments,
		"a failed change changes nothing":         testChangeFails,
		"a view can't write":                      testView,
		"a document that is too large is refused": testLargeDocument,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func testFold(t *testing.T, s ledger.Folder) {
	t.Helper()
	n, err := s.Fold(t.Context(), 10, count)
	require.NoError(t, err)
	assert.Zero(t, n)

	finish(t, s, "ok", aofv1.FlowRunPhaseSucceeded)
	finish(t, s, "bad", aofv1.FlowRunPhaseFailed)
	finish(t, s, "gone", aofv1.FlowRunPhaseCancelled)
	finish(t, s, "busy", aofv1.FlowRunPhaseRunning)
	finish(t, s, "wait", aofv1.FlowRunPhaseWaiting)
	create(t, s, Run("ns", "new"))
	var order []string
	n, err = s.Fold(t.Context(), 10, func(docs ledger.Documents, run *aofv1.FlowRun) error {
		order = append(order, run.Name)
		assert.NotEmpty(t, run.Status.Phase)
		return count(docs, run)
	})
	require.NoError(t, err)
	assert.Equal(t, 3, n)
	assert.Equal(t, []string{"ok", "bad", "gone"}, order)
	n, err = s.Fold(t.Context(), 10, count)
	require.NoError(t, err)
	assert.Zero(t, n)
	assert.Equal(t, map[string]int{"ok": 1, "bad": 1, "gone": 1}, counted(t, s))

	for name, want := range map[string]string{"ok": "true", "busy": ""} {
		assert.Equal(t, want, get(t, s, Run("ns", name)).Labels[ledger.LabelFolded], name)
	}
	_, err = s.Fold(t.Context(), 0, count)
	require.ErrorIs(t, err, ledger.ErrInvalid)
}

var errStop = errors.New("stop")

func testFoldError(t *testing.T, s ledger.Folder) {
	t.Helper()
	finish(t, s, "a", aofv1.FlowRunPhaseSucceeded)
	finish(t, s, "b", aofv1.FlowRunPhaseSucceeded)
	_, err := s.Fold(t.Context(), 10, func(docs ledger.Documents, run *aofv1.FlowRun) error {
		if run.Name == "b" {
			return errStop
		}
		return count(docs, run)
	})
	require.ErrorIs(t, err, errStop)
	assert.Empty(t, counted(t, s))
	foldAll(t, s)
	assert.Equal(t, map[string]int{"a": 1, "b": 1}, counted(t, s))
}

func foldAll(t *testing.T, s ledger.Folder) {
	t.Helper()
	_, err := s.Fold(t.Context(), 1000, count)
	require.NoError(t, err)
}

func testFoldPanic(t *testing.T, s ledger.Folder) {
	t.Helper()
	finish(t, s, "a", aofv1.FlowRunPhaseSucceeded)
	assert.Panics(t, func() {
		_, _ = s.Fold(t.Context(), 10, func(docs ledger.Documents, run *aofv1.FlowRun) error {
			require.NoError(t, count(docs, run))
			panic("crash")
		})
	})
	assert.Empty(t, counted(t, s))
	foldAll(t, s)
	assert.Equal(t, map[string]int{"a": 1}, counted(t, s))
}

func testFoldCancelled(t *testing.T, s ledger.Folder) {
	t.Helper()
	finish(t, s, "a", aofv1.FlowRunPhaseSucceeded)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.Fold(ctx, 10, func(docs ledger.Documents, run *aofv1.FlowRun) error {
		defer cancel()
		return count(docs, run)
	})
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, counted(t, s))
	foldAll(t, s)
	assert.Equal(t, map[string]int{"a": 1}, counted(t, s))
}

func testFoldReopened(t *testing.T, s ledger.Folder) {
	t.Helper()
	finish(t, s, "a", aofv1.FlowRunPhaseFailed)
	foldAll(t, s)
	run := get(t, s, Run("ns", "a"))
	for _, phase := range []aofv1.FlowRunPhase{aofv1.FlowRunPhaseRunning, aofv1.FlowRunPhaseSucceeded} {
		run.Status.Phase = phase
		require.NoError(t, s.Update(t.Context(), run))
		foldAll(t, s)
	}
	assert.Equal(t, map[string]int{"a": 1}, counted(t, s))
}

func testFoldTakenBack(t *testing.T, s ledger.Folder) {
	t.Helper()
	run := finish(t, s, "a", aofv1.FlowRunPhaseFailed)
	run.Status.Phase = aofv1.FlowRunPhaseRunning
	require.NoError(t, s.Update(t.Context(), run))
	foldAll(t, s)
	assert.Empty(t, counted(t, s))
}

func testFoldSteps(t *testing.T, s ledger.Folder) {
	t.Helper()
	for i := range 7 {
		finish(t, s, fmt.Sprintf("run-%d", i), aofv1.FlowRunPhaseSucceeded)
	}
	for _, want := range []int{3, 3, 1, 0} {
		n, err := s.Fold(t.Context(), 3, count)
		require.NoError(t, err)
		assert.Equal(t, want, n)
	}
	assert.Len(t, counted(t, s), 7)
}

func testDocuments(t *testing.T, s ledger.Folder) {
	t.Helper()
	require.NoError(t, s.Change(t.Context(), func(docs ledger.Documents) error {
		for _, key := range []string{"b", "a", ""} {
			require.NoError(t, docs.Save("kind", key, map[string]string{"key": key}))
		}
		require.NoError(t, docs.Save("other", "a", 1))
		return docs.Save("kind", "b", []int{1})
	}))
	require.NoError(t, s.Change(t.Context(), func(docs ledger.Documents) error {
		keys, err := docs.Keys("kind")
		require.NoError(t, err)
		assert.Equal(t, []string{"", "a", "b"}, keys)
		var list []int
		found, err := docs.Load("kind", "b", &list)
		require.NoError(t, err)
		assert.True(t, found)
		assert.Equal(t, []int{1}, list)
		_, err = docs.Load("kind", "a", &list)
		require.Error(t, err, "a document of another form is not taken for this one")
		require.NoError(t, docs.Remove("kind", "b"))
		require.NoError(t, docs.Remove("kind", "b"))
		found, err = docs.Load("kind", "b", &list)
		require.NoError(t, err)
		assert.False(t, found)
		return nil
	}))
}

func testChangeFails(t *testing.T, s ledger.Folder) {
	t.Helper()
	require.ErrorIs(t, s.Change(t.Context(), func(docs ledger.Documents) error {
		require.NoError(t, docs.Save("kind", "a", 1))
		return errStop
	}), errStop)
	require.NoError(t, s.View(t.Context(), func(docs ledger.Documents) error {
		keys, err := docs.Keys("kind")
		assert.Empty(t, keys)
		return err
	}))
}

func testView(t *testing.T, s ledger.Folder) {
	t.Helper()
	require.Error(t, s.View(t.Context(), func(docs ledger.Documents) error { return docs.Save("kind", "a", 1) }))
	require.ErrorIs(t, s.View(t.Context(), func(ledger.Documents) error { return errStop }), errStop)
	require.NoError(t, s.Change(t.Context(), func(docs ledger.Documents) error { return docs.Save("kind", "a", 1) }), "views leave nothing behind")
}

func testLargeDocument(t *testing.T, s ledger.Folder) {
	t.Helper()
	err := s.Change(t.Context(), func(docs ledger.Documents) error {
		return docs.Save("kind", "a", strings.Repeat("x", ledger.MaxRunBytes))
	})
	require.ErrorIs(t, err, ledger.ErrTooLarge)
}
