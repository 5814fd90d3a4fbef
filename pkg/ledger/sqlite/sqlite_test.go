// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package sqlite_test

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/ledger/ledgertest"
	"aof.dev/operator/pkg/ledger/sqlite"
)

// fast leaves the disk out of tests that don't need it.
var fast = sqlite.Options{Synchronous: sqlite.Normal}

func open(t *testing.T, dir string, o sqlite.Options) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), dir, o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func TestConformance(t *testing.T) {
	t.Parallel()
	ledgertest.Conformance(t, func(t *testing.T) ledger.Store { t.Helper(); return open(t, t.TempDir(), fast) })
	ledgertest.FaultyConformance(t, func(t *testing.T) ledger.Store { t.Helper(); return open(t, t.TempDir(), fast) })
	ledgertest.FoldConformance(t, func(t *testing.T) ledger.Folder { t.Helper(); return open(t, t.TempDir(), fast) })
	ledgertest.DurabilityConformance(t, func(t *testing.T) func() ledgertest.Reopenable {
		t.Helper()
		dir := t.TempDir()
		return func() ledgertest.Reopenable { return open(t, dir, sqlite.Options{}) }
	})
}

func TestClockAndIDsAreInjected(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, 12, 18, 10, 0, 0, 999, time.UTC)
	s := open(t, t.TempDir(), sqlite.Options{
		Clock:  clocktesting.NewFakePassiveClock(now),
		NewUID: func() types.UID { return "uid-1" },
	})
	run := ledgertest.Run("ns", "a")
	require.NoError(t, s.Create(t.Context(), run))
	assert.Equal(t, types.UID("uid-1"), run.UID)
	assert.Equal(t, now.Truncate(time.Second), run.CreationTimestamp.UTC())
	got, err := s.Get(t.Context(), "ns", "a")
	require.NoError(t, err)
	assert.Equal(t, "aof.dev/v1", got.APIVersion)
	assert.Equal(t, "FlowRun", got.Kind)
}

func TestOpen(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "odd ?name%20#", "deeper")
	open(t, dir, fast)
	info, err := os.Stat(filepath.Join(dir, sqlite.FileName))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "events are nobody else's business")
	info, err = os.Stat(dir)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())

	_, err = sqlite.Open(t.Context(), dir, sqlite.Options{Synchronous: "OFF); DROP TABLE runs; --"})
	require.ErrorContains(t, err, "want FULL or NORMAL")
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("x"), 0o600))
	_, err = sqlite.Open(t.Context(), file, fast)
	require.Error(t, err)
}

func TestOpenLeavesOtherFilesAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := []byte(strings.Repeat("this is no database ", 100))
	file := filepath.Join(dir, sqlite.FileName)
	require.NoError(t, os.WriteFile(file, text, 0o600))
	_, err := sqlite.Open(t.Context(), dir, fast)
	require.ErrorContains(t, err, "not a database")
	kept, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, text, kept)

	dir = t.TempDir()
	s := open(t, dir, fast)
	require.NoError(t, s.Close())
	db, err := sql.Open("sqlite", filepath.Join(dir, sqlite.FileName))
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), "PRAGMA user_version = 99")
	require.NoError(t, err)
	require.NoError(t, db.Close())
	_, err = sqlite.Open(t.Context(), dir, fast)
	require.ErrorContains(t, err, "later release")
}

// crashEnv makes this test binary the process that crashes.
const crashEnv = "AOF_TEST_CRASH_DIR"

// A process that is killed between changing the documents and the end of the
// fold leaves runs that are folded exactly once by the next one.
func TestCrashWithinFold(t *testing.T) {
	if dir := os.Getenv(crashEnv); dir != "" {
		crash(t, dir)
	}
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrashWithinFold$")
	cmd.Env = append(os.Environ(), crashEnv+"="+dir)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, "%s", out)
	require.Equal(t, 99, exit.ExitCode(), "%s", out)

	s := open(t, dir, fast)
	counts := map[string]int{}
	for n := -1; n != 0; {
		n, err = s.Fold(t.Context(), 2, func(docs ledger.Documents, run *aofv1.FlowRun) error {
			return addOne(docs, run.Name)
		})
		require.NoError(t, err)
	}
	require.NoError(t, s.View(t.Context(), func(docs ledger.Documents) error {
		_, err := docs.Load("count", "all", &counts)
		return err
	}))
	assert.Equal(t, map[string]int{"run-0": 1, "run-1": 1, "run-2": 1, "run-3": 1, "run-4": 1}, counts)
}

func crash(t *testing.T, dir string) {
	t.Helper()
	s := open(t, dir, sqlite.Options{})
	for i := range 5 {
		run := ledgertest.Run("ns", fmt.Sprintf("run-%d", i))
		require.NoError(t, s.Create(t.Context(), run))
		run.Status.Phase = aofv1.FlowRunPhaseSucceeded
		require.NoError(t, s.Update(t.Context(), run))
	}
	folded := 0
	for {
		_, err := s.Fold(t.Context(), 2, func(docs ledger.Documents, run *aofv1.FlowRun) error {
			if err := addOne(docs, run.Name); err != nil {
				return err
			}
			if folded++; folded == 3 {
				os.Exit(99) // the first fold is through, the second is under way
			}
			return nil
		})
		require.NoError(t, err)
	}
}

func addOne(docs ledger.Documents, name string) error {
	counts := map[string]int{}
	if _, err := docs.Load("count", "all", &counts); err != nil {
		return err
	}
	counts[name]++
	return docs.Save("count", "all", counts)
}

func benchmarkCheckpoint(b *testing.B, sync sqlite.Synchronous) {
	b.Helper()
	s, err := sqlite.Open(b.Context(), b.TempDir(), sqlite.Options{Synchronous: sync})
	require.NoError(b, err)
	defer func() { _ = s.Close() }()
	run := ledgertest.Run("ns", "a")
	require.NoError(b, s.Create(b.Context(), run))
	run.Status.Result = &aofv1.RunResult{Text: strings.Repeat("x", 4<<10)}
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Update(b.Context(), run); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckpointFull(b *testing.B)   { benchmarkCheckpoint(b, sqlite.Full) }
func BenchmarkCheckpointNormal(b *testing.B) { benchmarkCheckpoint(b, sqlite.Normal) }
