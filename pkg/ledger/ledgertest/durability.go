// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package ledgertest

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/ledger"
)

// Reopenable is a store that can be closed and opened again.
type Reopenable interface {
	ledger.Folder
	Close() error
}

// DurabilityConformance runs what a store must do that lives longer than its
// process. at gives a function that opens one and the same place each time it
// is called; it is called once for each test.
func DurabilityConformance(t *testing.T, at func(t *testing.T) (open func() Reopenable)) {
	t.Helper()
	t.Run("reopening keeps all", func(t *testing.T) {
		t.Parallel()
		testReopen(t, at(t))
	})
	t.Run("what was folded stays folded", func(t *testing.T) {
		t.Parallel()
		open := at(t)
		s := open()
		finish(t, s, "a", aofv1.FlowRunPhaseSucceeded)
		foldAll(t, s)
		finish(t, s, "b", aofv1.FlowRunPhaseSucceeded)
		require.NoError(t, s.Close())
		s = open()
		foldAll(t, s)
		assert.Equal(t, map[string]int{"a": 1, "b": 1}, counted(t, s))
		require.NoError(t, s.Close())
	})
	t.Run("two may have it open", func(t *testing.T) {
		t.Parallel()
		open := at(t)
		first, second := open(), open()
		run := create(t, first, Run("ns", "a"))
		require.ErrorIs(t, second.Create(t.Context(), Run("ns", "a")), ledger.ErrExists)
		seen := get(t, second, run)
		seen.Status.Phase = aofv1.FlowRunPhaseRunning
		require.NoError(t, second.Update(t.Context(), seen))
		require.ErrorIs(t, first.Update(t.Context(), run), ledger.ErrConflict)
		require.NoError(t, first.Close())
		require.NoError(t, second.Close())
	})
	t.Run("two may write at once", func(t *testing.T) {
		t.Parallel()
		open := at(t)
		first, second := open(), open()
		run := create(t, first, Run("ns", "a"))
		var wg sync.WaitGroup
		for name, s := range map[string]Reopenable{"first": first, "second": second} {
			wg.Go(func() { countUp(t, s, run, name, 20) })
		}
		wg.Wait()
		assert.Len(t, entries(get(t, first, run)), 40)
		require.NoError(t, first.Close())
		require.NoError(t, second.Close())
	})
}

func testReopen(t *testing.T, open func() Reopenable) {
	t.Helper()
	s := open()
	run := finish(t, s, "a", aofv1.FlowRunPhaseSucceeded)
	require.NoError(t, s.Change(t.Context(), func(docs ledger.Documents) error { return docs.Save("kind", "a", "kept") }))
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "closing twice is safe")

	s = open()
	same(t, run, get(t, s, run))
	require.ErrorIs(t, s.Create(t.Context(), Run("ns", "a")), ledger.ErrExists, "a claim outlives the process")
	other := create(t, s, Run("ns", "b"))
	assert.Greater(t, version(t, other), version(t, run), "versions go on")
	var value string
	require.NoError(t, s.View(t.Context(), func(docs ledger.Documents) error {
		_, err := docs.Load("kind", "a", &value)
		return err
	}))
	assert.Equal(t, "kept", value)
	require.NoError(t, s.Close())
}
