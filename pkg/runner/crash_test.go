// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/node"
)

func fiveNodes() flow.Flow {
	return chain(step("t", flow.KindTransform), step("a", flow.KindAgent), step("post", flow.KindHTTP),
		step("s", flow.KindScript), step("r", flow.KindResponse))
}

// crash is how a process ends around its n-th write.
type crash struct {
	name string
	// stored says that the n-th write is in the ledger.
	stored bool
	// prepare makes it happen and gives the context to run with.
	prepare func(t *testing.T, s *scene, n int) context.Context
}

func crashes() []crash {
	at := func(n int, do func() error) func(int, *aofv1.FlowRun) error {
		return func(k int, _ *aofv1.FlowRun) error {
			if k < n {
				return nil
			}
			return do()
		}
	}
	down := func() error { return errDown }
	return []crash{
		{"killed before the write", false, func(t *testing.T, s *scene, n int) context.Context {
			t.Helper()
			s.store.before = at(n, down)
			return t.Context()
		}},
		{"killed after the write", true, func(t *testing.T, s *scene, n int) context.Context {
			t.Helper()
			s.store.after = at(n, down)
			return t.Context()
		}},
		{"told to stop before the write", true, func(t *testing.T, s *scene, n int) context.Context {
			t.Helper()
			ctx, cancel := context.WithCancel(t.Context())
			s.store.before = at(n, func() error { cancel(); return nil })
			return ctx
		}},
		{"told to stop after the write", true, func(t *testing.T, s *scene, n int) context.Context {
			t.Helper()
			ctx, cancel := context.WithCancel(t.Context())
			s.store.after = at(n, func() error { cancel(); return nil })
			return ctx
		}},
	}
}

func TestCrashAtEveryWrite(t *testing.T) {
	t.Parallel()
	undisturbed := setScene(t, fiveNodes())
	want := undisturbed.run(t)
	require.Equal(t, aofv1.FlowRunPhaseSucceeded, want.Status.Phase)
	writes := undisturbed.store.updates
	require.Equal(t, 5, writes)
	for _, c := range crashes() {
		for n := 1; n <= writes; n++ {
			t.Run(fmt.Sprintf("%s %d", c.name, n), func(t *testing.T) {
				t.Parallel()
				s := setScene(t, fiveNodes())
				ctx := c.prepare(t, s, n)
				_, err := s.runner("a").Run(ctx, "ns", "r")
				if n < writes || !c.stored {
					require.Error(t, err)
				}
				s.store.before, s.store.after = nil, nil
				finished := s.stored(t)
				executedBefore := map[string]int{}
				for _, step := range fiveNodes().Nodes {
					executedBefore[step.ID] = s.fakes.count(step.ID)
				}
				s.clock.Step(time.Minute) // the lease runs out

				run, err := s.runner("b").Run(t.Context(), "ns", "r")
				require.NoError(t, err)
				for i := range finished.Status.Nodes {
					if was := &finished.Status.Nodes[i]; was.Phase == aofv1.NodePhase(flow.PhaseSucceeded) {
						assert.Equal(t, executedBefore[was.ID], s.fakes.count(was.ID), "%s was over and is executed again", was.ID)
						assert.Equal(t, encoded(t, was), encoded(t, nodeOf(t, run, was.ID)), "what was written stays")
					}
				}
				for _, id := range []string{"post", "s", "r"} {
					assert.LessOrEqual(t, s.fakes.count(id), 1, "%s can't be repeated", id)
				}
				checkEnd(t, s, want, run)
			})
		}
	}
}

// checkEnd: the end is that of the undisturbed run, or says which node was cut
// off, and then nothing behind it was executed.
func checkEnd(t *testing.T, s *scene, want, run *aofv1.FlowRun) {
	t.Helper()
	if l := run.Status.Lease; l != nil {
		assert.Empty(t, l.Holder)
	}
	if run.Status.Phase == aofv1.FlowRunPhaseSucceeded {
		assert.Equal(t, phasesOf(want), phasesOf(run))
		assert.Equal(t, want.Status.Result, run.Status.Result)
		for i := range want.Status.Nodes {
			id := want.Status.Nodes[i].ID
			assert.Equal(t, want.Status.Nodes[i].Output, nodeOf(t, run, id).Output)
			assert.GreaterOrEqual(t, s.fakes.count(id), 1)
		}
		return
	}
	require.Equal(t, aofv1.FlowRunPhaseFailed, run.Status.Phase)
	require.NotNil(t, run.Status.Error)
	assert.Equal(t, "Interrupted", run.Status.Error.Reason)
	assert.Contains(t, []string{"post", "s", "r"}, run.Status.Error.Node)
	behind := false
	for _, step := range fiveNodes().Nodes {
		if behind {
			assert.Zero(t, s.fakes.count(step.ID))
			assert.Equal(t, "Skipped", phasesOf(run)[step.ID])
		}
		behind = behind || step.ID == run.Status.Error.Node
	}
}

func TestInterruptedOnlyWhereItMustBe(t *testing.T) {
	t.Parallel()
	// Before write 2 only the transform and the agent have been at work: both
	// may be done again. Writes 3 to 5 hold the results of what may not.
	for n, end := range []aofv1.FlowRunPhase{"Succeeded", "Succeeded", "Failed", "Failed", "Failed"} {
		s := setScene(t, fiveNodes())
		s.store.before = func(k int, _ *aofv1.FlowRun) error {
			if k == n+1 {
				return errDown
			}
			return nil
		}
		_, err := s.runner("a").Run(t.Context(), "ns", "r")
		require.ErrorIs(t, err, errDown)
		assert.Equal(t, end, s.run(t).Status.Phase, "write %d", n+1)
	}
}

func TestLargeNumbersSurviveARestart(t *testing.T) {
	t.Parallel()
	const large = int64(9007199254740993) // 2^53 + 1
	s := setScene(t, chain(step("a", flow.KindAgent), step("s", flow.KindScript), step("b", flow.KindAgent)))
	s.fakes.by["a"] = func(context.Context, node.Request) (node.Result, error) {
		return node.Result{Output: map[string]any{"id": large}}, nil
	}
	s.fakes.by["b"] = func(_ context.Context, req node.Request) (node.Result, error) {
		id, _ := req.Scope.Resolve([]string{"a", "output", "id"})
		return node.Result{Output: map[string]any{"seen": id}}, nil
	}
	s.store.before = func(n int, _ *aofv1.FlowRun) error {
		if n == 4 {
			return errDown
		}
		return nil
	}
	_, err := s.runner("a").Run(t.Context(), "ns", "r")
	require.ErrorIs(t, err, errDown)
	run := s.run(t)
	assert.JSONEq(t, `{"id":9007199254740993}`, string(nodeOf(t, run, "a").Output.Raw))
	assert.Contains(t, string(nodeOf(t, run, "a").Output.Raw), "9007199254740993")
	assert.Contains(t, string(nodeOf(t, run, "b").Output.Raw), "9007199254740993")
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return string(raw)
}
