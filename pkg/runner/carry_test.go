// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/runner"
)

// claimed creates a run as a runner does that means to carry it on.
func (s *scene) claimed(t *testing.T, holder string, lasts time.Duration) *aofv1.FlowRun {
	t.Helper()
	run := newRun(t)
	run.Name = "claimed"
	run.Spec.Claim = &aofv1.RunClaim{Holder: holder, ExpiresAt: metav1.NewMicroTime(s.clock.Now().Add(lasts))}
	require.NoError(t, s.store.Create(t.Context(), run))
	return run
}

func TestOneNodeCostsOneWrite(t *testing.T) {
	t.Parallel()
	for _, kind := range []flow.Kind{flow.KindAgent, flow.KindScript} {
		s := setScene(t, chain(step("n", kind)))
		s.store.gets = 0
		run, err := s.runner("a").Carry(t.Context(), s.claimed(t, "a", runner.DefaultLease))
		require.NoError(t, err)
		assert.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase)
		assert.Equal(t, 1, s.store.updates, "beside the create")
		assert.Zero(t, s.store.gets, "a created run is not read again")
		assert.Equal(t, 1, s.fakes.count("n"))
		assert.Equal(t, began, run.Status.StartTime.UTC())
		assert.Nil(t, run.Status.Lease)
		stored, err := s.store.Get(t.Context(), "ns", "claimed")
		require.NoError(t, err)
		assert.Equal(t, run.ResourceVersion, stored.ResourceVersion)
	}
}

func TestWritesOfClaimedRuns(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		nodes  []flow.Node
		holder string
		lasts  time.Duration
		writes int
	}{
		{"somebody else's run", []flow.Node{step("a", flow.KindAgent)}, "", 0, 2},
		{"a claim that is nearly over", []flow.Node{step("a", flow.KindAgent)}, "a", runner.DefaultLease / 3, 2},
		{"a transform before a script", []flow.Node{step("t", flow.KindTransform), step("s", flow.KindScript)}, "a", time.Minute, 2},
		{"three costly nodes", []flow.Node{step("a", flow.KindAgent), step("s", flow.KindScript), step("r", flow.KindResponse)}, "a", time.Minute, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := setScene(t, chain(test.nodes...))
			run := s.stored(t)
			if test.holder != "" {
				run = s.claimed(t, test.holder, test.lasts)
			}
			run, err := s.runner("a").Carry(t.Context(), run)
			require.NoError(t, err)
			assert.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase)
			assert.Equal(t, test.writes, s.store.updates)
		})
	}
}

// A claim says that the first nodes may have begun. What may not be repeated is
// not, whoever comes next.
func TestClaimStandsForTheFirstNodes(t *testing.T) {
	t.Parallel()
	for _, next := range []string{"another", "the same"} {
		for kind, want := range map[flow.Kind]aofv1.FlowRunPhase{
			flow.KindScript: aofv1.FlowRunPhaseFailed, flow.KindHTTP: aofv1.FlowRunPhaseFailed, flow.KindAgent: aofv1.FlowRunPhaseSucceeded,
		} {
			t.Run(fmt.Sprintf("%s process, %s", next, kind), func(t *testing.T) {
				t.Parallel()
				s := setScene(t, chain(step("n", kind), step("r", flow.KindResponse)))
				run := s.claimed(t, "a", runner.DefaultLease)
				first := s.runner("a")
				s.store.before = func(int, *aofv1.FlowRun) error { return errDown }
				_, err := first.Carry(t.Context(), run)
				require.ErrorIs(t, err, errDown)
				require.Equal(t, 1, s.fakes.count("n"))
				s.store.before = nil
				stored, err := s.store.Get(t.Context(), "ns", "claimed")
				require.NoError(t, err)
				require.Nil(t, stored.Status.StartTime, "the ledger knows nothing")

				second := first
				if next == "another" {
					second = s.runner("b")
					_, err = second.Carry(t.Context(), stored)
					require.ErrorIs(t, err, runner.ErrBusy)
					s.clock.Step(runner.DefaultLease)
				}
				run, err = second.Carry(t.Context(), stored)
				require.NoError(t, err)
				assert.Equal(t, want, run.Status.Phase)
				if want == aofv1.FlowRunPhaseFailed {
					assert.Equal(t, "Interrupted", run.Status.Error.Reason)
					assert.Equal(t, 1, s.fakes.count("n"))
					assert.Zero(t, s.fakes.count("r"))
				}
				if next == "another" {
					require.NotNil(t, run.Status.Lease)
					assert.Equal(t, aofv1.RunLease{Takeovers: 1}, *run.Status.Lease, "who held it is counted, nobody holds it")
				}
			})
		}
	}
}

func TestOneProcessCarriesARunOnce(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("n", flow.KindScript)))
	run := s.claimed(t, "a", runner.DefaultLease)
	again := run.DeepCopy()
	r := s.runner("a")
	s.fakes.by["n"] = func(ctx context.Context, _ node.Request) (node.Result, error) {
		_, err := r.Carry(ctx, again)
		assert.ErrorIs(t, err, runner.ErrBusy)
		return node.Result{}, nil
	}
	_, err := r.Carry(t.Context(), run)
	require.NoError(t, err)
	assert.Equal(t, 1, s.fakes.count("n"))
}

func cancel(user string) func(*aofv1.FlowRunSpec) error {
	return func(spec *aofv1.FlowRunSpec) error {
		spec.Cancel = &aofv1.RunCancel{User: user, Reason: "wrong cluster"}
		return nil
	}
}

func TestCancelledBeforeItBegins(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("n", flow.KindScript)))
	_, err := s.store.Amend(t.Context(), "ns", "r", cancel("alice"))
	require.NoError(t, err)
	run := s.run(t)
	assert.Equal(t, aofv1.FlowRunPhaseCancelled, run.Status.Phase)
	assert.Equal(t, "cancelled by alice: wrong cluster", run.Status.GetCondition(aofv1.FlowRunConditionSucceeded).Message)
	assert.NotNil(t, run.Status.CompletionTime)
	assert.Empty(t, s.fakes.executed())
	assert.Equal(t, 1, s.store.updates)
}

func TestCancelledAtWork(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("a", flow.KindScript), step("b", flow.KindScript)))
	s.fakes.by["a"] = func(ctx context.Context, _ node.Request) (node.Result, error) {
		_, err := s.store.Amend(ctx, "ns", "r", cancel("alice"))
		return node.Result{Output: "done"}, err
	}
	run := s.run(t)
	assert.Equal(t, aofv1.FlowRunPhaseCancelled, run.Status.Phase)
	assert.Equal(t, map[string]string{"a": "Succeeded", "b": "Skipped"}, phasesOf(run), "what was done is told")
	assert.Equal(t, []string{"a"}, s.fakes.executed())
	assert.Nil(t, run.Status.Lease)
}

// An order to stop ends nodes that are at work, at the latest when the lease is
// renewed.
func TestCancelStopsNodesAtWork(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("a", flow.KindScript), step("b", flow.KindScript)))
	s.fakes.by["a"] = func(ctx context.Context, _ node.Request) (node.Result, error) {
		_, err := s.store.Amend(ctx, "ns", "r", cancel("alice"))
		assert.NoError(t, err)
		s.clock.Step(runner.DefaultLease / 3)
		<-ctx.Done()
		return node.Result{}, ctx.Err()
	}
	run := s.run(t)
	assert.Equal(t, aofv1.FlowRunPhaseCancelled, run.Status.Phase)
	assert.Equal(t, map[string]string{"a": "Skipped", "b": "Skipped"}, phasesOf(run))
}

// What others may write into a run does not take it from its holder.
func TestAmendmentsKeepTheRunGoing(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("a", flow.KindScript), step("b", flow.KindScript)))
	for _, id := range []string{"a", "b"} {
		s.fakes.by[id] = func(ctx context.Context, _ node.Request) (node.Result, error) {
			_, err := s.store.Amend(ctx, "ns", "r", func(spec *aofv1.FlowRunSpec) error {
				spec.Decisions = append(spec.Decisions, aofv1.RunDecision{Node: "nobody asked"})
				return nil
			})
			return node.Result{}, err
		}
	}
	run := s.run(t)
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase)
	assert.Equal(t, []string{"a", "b"}, s.fakes.executed())
	assert.Len(t, run.Spec.Decisions, 2)
}

func TestALedgerThatIsAwayForAMoment(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"before", "after"} {
		t.Run(when+" the write", func(t *testing.T) {
			t.Parallel()
			s := setScene(t, chain(step("a", flow.KindScript), step("b", flow.KindScript)))
			away := 0
			fail := func(int, *aofv1.FlowRun) error {
				if away++; away%3 == 0 {
					return nil
				}
				return fmt.Errorf("write: %w", ledger.ErrUnavailable)
			}
			if when == "before" {
				s.store.before = fail
			} else {
				s.store.after = fail
			}
			done := s.start(t.Context(), s.runner("a"))
			got := s.await(t, done, time.Second)
			require.NoError(t, got.err)
			assert.Equal(t, aofv1.FlowRunPhaseSucceeded, got.run.Status.Phase)
			assert.Equal(t, []string{"a", "b"}, s.fakes.executed())
			assert.Equal(t, got.run.ResourceVersion, s.stored(t).ResourceVersion)
		})
	}
}

func TestALedgerThatStaysAwayIsGivenUp(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("a", flow.KindScript)))
	s.store.before = func(int, *aofv1.FlowRun) error { return ledger.ErrUnavailable }
	got := s.await(t, s.start(t.Context(), s.runner("a")), 2*time.Second)
	require.ErrorIs(t, got.err, ledger.ErrUnavailable)
	assert.Empty(t, s.fakes.executed())
}

// await lets time pass in steps until the run is carried on.
func (s *scene) await(t *testing.T, done <-chan outcome, step time.Duration) outcome {
	t.Helper()
	for {
		select {
		case got := <-done:
			return got
		case <-s.clock.timers:
			s.clock.Step(step)
		}
	}
}

func TestARunThatStillWaitsIsNotWritten(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(flow.Node{ID: "w", Kind: flow.KindApproval}))
	s.fakes.by["w"] = waitFor(flow.Wait{Kind: flow.WaitApproval, Until: began.Add(time.Hour)})
	s.run(t)
	writes := s.store.updates
	assert.Equal(t, aofv1.FlowRunPhaseWaiting, s.run(t).Status.Phase)
	assert.Equal(t, writes, s.store.updates)
}

// A retry that was only due when the process ended is not taken for one at work.
func TestRetryGoesOnElsewhereAfterItsPause(t *testing.T) {
	t.Parallel()
	n := step("n", flow.KindScript)
	n.Policy = &flow.Policy{MaxAttempts: 3, InitialDelay: 10 * time.Second}
	s := setScene(t, chain(n))
	s.fakes.by["n"] = func(_ context.Context, req node.Request) (node.Result, error) {
		if req.Attempt < 2 {
			return node.Result{}, &node.Error{Reason: "Busy", Message: "later", Retryable: true}
		}
		return node.Result{Output: "ok"}, nil
	}
	ctx, stop := context.WithCancel(t.Context())
	done := s.start(ctx, s.runner("a"))
	s.clock.awaitPause(10 * time.Second)
	stop()
	require.ErrorIs(t, (<-done).err, context.Canceled)
	left := nodeOf(t, s.stored(t), "n")
	assert.Equal(t, aofv1.NodePhasePending, left.Phase)
	assert.EqualValues(t, 2, left.Attempt)
	assert.Equal(t, began.Add(10*time.Second), left.NotBefore.UTC())
	assert.Equal(t, "Busy", left.Error.Reason)

	s.clock.Step(4 * time.Second)
	done = s.start(t.Context(), s.runner("b"))
	s.clock.await(6 * time.Second)
	assert.Equal(t, 1, s.fakes.count("n"))
	s.clock.Step(6 * time.Second)
	got := <-done
	require.NoError(t, got.err)
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, got.run.Status.Phase)
	assert.EqualValues(t, 2, nodeOf(t, got.run, "n").Attempt)
	assert.Nil(t, nodeOf(t, got.run, "n").NotBefore)
}

// awaitPause is await for a timer that is not the lease's, which may be as long.
func (c *watchedClock) awaitPause(d time.Duration) {
	c.await(runner.DefaultLease / 3)
	c.await(d)
}

// A node that waited for its turn when the process died had not begun.
func TestNodesThatHadNotBegunAreNotInterrupted(t *testing.T) {
	t.Parallel()
	f := flow.Flow{Name: "f", Nodes: []flow.Node{step("x", flow.KindScript), step("y", flow.KindScript)}}
	s := setScene(t, f)
	r := s.runner("a")
	r.Parallelism = 1
	s.store.after = func(n int, _ *aofv1.FlowRun) error {
		if n == 1 {
			return errDown
		}
		return nil
	}
	_, err := r.Run(t.Context(), "ns", "r")
	require.ErrorIs(t, err, errDown)
	assert.Equal(t, map[string]string{"x": "Running", "y": "Pending"}, phasesOf(s.stored(t)))
	s.clock.Step(runner.DefaultLease)
	run, err := s.runner("b").Run(t.Context(), "ns", "r")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"x": "Failed", "y": "Succeeded"}, phasesOf(run))
	assert.Equal(t, "Interrupted", nodeOf(t, run, "x").Error.Reason)
}

// A broker that delivers twice may have the second delivery read the run before
// the first one has written it, and carry it on after.
func TestAClaimIsGoodForOneBeginning(t *testing.T) {
	t.Parallel()
	for _, kind := range []flow.Kind{flow.KindAgent, flow.KindHTTP, flow.KindScript} {
		s := setScene(t, chain(step("n", kind)))
		r := s.runner("a")
		run := s.claimed(t, "a", runner.DefaultLease)
		stale := run.DeepCopy()
		_, err := r.Carry(t.Context(), run)
		require.NoError(t, err)
		_, err = r.Carry(t.Context(), stale)
		require.ErrorIs(t, err, runner.ErrLost)
		assert.Equal(t, 1, s.fakes.count("n"))
		stored, err := s.store.Get(t.Context(), "ns", "claimed")
		require.NoError(t, err)
		assert.Equal(t, aofv1.FlowRunPhaseSucceeded, stored.Status.Phase)
	}
}
