// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package document_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/dedupe"
	"aof.dev/operator/pkg/ledger/sqlite"
	"aof.dev/operator/pkg/once"
	"aof.dev/operator/pkg/once/document"
	"aof.dev/operator/pkg/once/oncetest"
)

func open(t *testing.T) *sqlite.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{Synchronous: sqlite.Normal})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	return store
}

func TestStore(t *testing.T) {
	t.Parallel()
	oncetest.Run(t, func(t *testing.T) oncetest.World {
		t.Helper()
		store := open(t)
		return oncetest.World{Namespace: "ns", Keys: document.New(store), Runs: store}
	})
}

func TestSweepRemovesWhatIsOver(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	store := document.New(open(t))
	put := func(name string, window time.Duration) *once.Record {
		r := &once.Record{Namespace: "ns", Name: name, Entry: dedupe.Entry{Run: "r", First: noon, Until: noon.Add(window), Claimed: noon}}
		require.NoError(t, store.Save(t.Context(), r))
		return r
	}
	over := put("over", time.Second)
	put("goes-on", time.Hour)
	n, err := store.Sweep(t.Context(), noon.Add(dedupe.Grace-1))
	require.NoError(t, err)
	assert.Zero(t, n, "its run may still come to be")
	n, err = store.Sweep(t.Context(), noon.Add(dedupe.Grace))
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	_, found, err := store.Load(t.Context(), "ns", "over")
	require.NoError(t, err)
	assert.False(t, found)

	// Whoever read it before must not take the next one for it.
	again := *over
	again.Version = ""
	again.Entry.Claimed = noon.Add(time.Minute)
	require.NoError(t, store.Save(t.Context(), &again))
	require.ErrorIs(t, store.Save(t.Context(), over), once.ErrConflict)
}
