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

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/runner"
)

// unclaimed is a run as a runner makes it of an event that nobody has claimed.
func unclaimed(t *testing.T) *aofv1.FlowRun {
	t.Helper()
	run := newRun(t)
	run.Name = "new"
	return run
}

func (s *scene) storedNew(t *testing.T) *aofv1.FlowRun {
	t.Helper()
	run, err := s.store.Get(t.Context(), "ns", "new")
	require.NoError(t, err)
	return run
}

func TestAnUnclaimedEventOfOneCostlyNodeTakesTwoWrites(t *testing.T) {
	t.Parallel()
	for _, kind := range []flow.Kind{flow.KindAgent, flow.KindScript} {
		s := setScene(t, chain(step("n", kind)))
		s.fakes.by["n"] = func(context.Context, node.Request) (node.Result, error) {
			claimed := s.storedNew(t)
			assert.Equal(t, aofv1.FlowRunPhaseRunning, claimed.Status.Phase, "the ledger knows before it begins")
			assert.Equal(t, "a", claimed.Status.Lease.Holder)
			s.store.gets = 0
			return node.Result{}, nil
		}
		run, err := s.runner("a").Carry(t.Context(), unclaimed(t))
		require.NoError(t, err)
		assert.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase)
		assert.Equal(t, []int{1, 1}, []int{s.store.creates, s.store.updates})
		assert.Zero(t, s.store.gets, "a created run is not read again")
		assert.Equal(t, 1, s.fakes.count("n"))
		assert.Equal(t, began, run.Status.StartTime.UTC())
		assert.Nil(t, run.Status.Lease)
		assert.Equal(t, run.ResourceVersion, s.storedNew(t).ResourceVersion)
	}
}

// unheard is a message that nobody gets: of it only the record is left.
func unheard(id string) flow.Node {
	return flow.Node{ID: id, Kind: flow.KindResponse, Config: map[string]any{"message": "done"}}
}

func TestARunOfFreeNodesIsCreatedFinished(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("t", flow.KindTransform), unheard("r")))
	run, err := s.runner("a").Carry(t.Context(), unclaimed(t))
	require.NoError(t, err)
	assert.Equal(t, []int{1, 0, 0}, []int{s.store.creates, s.store.updates, s.store.gets})
	stored := s.storedNew(t)
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, stored.Status.Phase)
	assert.Equal(t, "from r", stored.Status.Result.Text)
	assert.Equal(t, run.ResourceVersion, stored.ResourceVersion)

	s.clock.Step(time.Second)
	_, err = s.runner("b").Carry(t.Context(), unclaimed(t))
	require.ErrorIs(t, err, runner.ErrExists)
	assert.Equal(t, stored.ResourceVersion, s.storedNew(t).ResourceVersion)
}

// A message that somebody gets is nothing free.
func TestAMessageIsSentAfterTheEventIsClaimed(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("r", flow.KindResponse)))
	s.fakes.by["r"] = func(context.Context, node.Request) (node.Result, error) {
		assert.Equal(t, aofv1.NodePhaseRunning, nodeOf(t, s.storedNew(t), "r").Phase)
		return node.Result{}, nil
	}
	_, err := s.runner("a").Carry(t.Context(), unclaimed(t))
	require.NoError(t, err)
	assert.Equal(t, 1, s.fakes.count("r"))
}

func TestWrites(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		nodes            []flow.Node
		claimed          bool
		creates, updates int
	}{
		"claimed by somebody else":        {[]flow.Node{step("a", flow.KindAgent)}, true, 0, 2},
		"free nodes, claimed":             {[]flow.Node{step("t", flow.KindTransform)}, true, 0, 2},
		"free nodes":                      {[]flow.Node{step("t", flow.KindTransform), unheard("r")}, false, 1, 0},
		"a transform before a script":     {[]flow.Node{step("t", flow.KindTransform), step("s", flow.KindScript)}, false, 1, 1},
		"a transform after an agent":      {[]flow.Node{step("a", flow.KindAgent), step("t", flow.KindTransform)}, false, 1, 2},
		"an agent, a script and a thread": {[]flow.Node{step("a", flow.KindAgent), step("s", flow.KindScript), step("r", flow.KindResponse)}, false, 1, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setScene(t, chain(test.nodes...))
			run := unclaimed(t)
			if test.claimed {
				run = s.stored(t)
			}
			run, err := s.runner("a").Carry(t.Context(), run)
			require.NoError(t, err)
			assert.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase)
			assert.Equal(t, []int{test.creates, test.updates}, []int{s.store.creates, s.store.updates})
		})
	}
}

// The write that claims an event says that the first nodes may have begun. What
// may not be repeated is not, whoever comes next.
func TestTheClaimSaysWhatHasBegun(t *testing.T) {
	t.Parallel()
	for _, next := range []string{"another", "the same"} {
		for kind, want := range map[flow.Kind]aofv1.FlowRunPhase{
			flow.KindScript: aofv1.FlowRunPhaseFailed, flow.KindHTTP: aofv1.FlowRunPhaseFailed, flow.KindAgent: aofv1.FlowRunPhaseSucceeded,
		} {
			t.Run(fmt.Sprintf("%s process, %s", next, kind), func(t *testing.T) {
				t.Parallel()
				s := setScene(t, chain(step("n", kind), step("r", flow.KindResponse)))
				first := s.runner("a")
				s.store.before = func(int, *aofv1.FlowRun) error { return errDown }
				_, err := first.Carry(t.Context(), unclaimed(t))
				require.ErrorIs(t, err, errDown)
				require.Equal(t, 1, s.fakes.count("n"))
				s.store.before = nil
				stored := s.storedNew(t)

				second := first
				if next == "another" {
					second = s.runner("b")
					_, err = second.Carry(t.Context(), stored)
					require.ErrorIs(t, err, runner.ErrBusy)
					s.clock.Step(runner.DefaultLease)
				}
				run, err := second.Carry(t.Context(), stored)
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
	r := s.runner("a")
	s.fakes.by["n"] = func(ctx context.Context, _ node.Request) (node.Result, error) {
		_, err := r.Carry(ctx, unclaimed(t))
		assert.ErrorIs(t, err, runner.ErrBusy)
		_, err = r.Run(ctx, "ns", "new")
		assert.ErrorIs(t, err, runner.ErrBusy, "however the run is come by")
		return node.Result{}, nil
	}
	_, err := r.Carry(t.Context(), unclaimed(t))
	require.NoError(t, err)
	assert.Equal(t, 1, s.fakes.count("n"))
}

// A create that was done and not answered is our own claim, not somebody else's.
func TestAClaimWhoseAnswerGotLost(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]flow.Flow{
		"begun":    chain(step("n", flow.KindScript)),
		"finished": chain(step("n", flow.KindTransform)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setScene(t, f)
			s.store.created = func(int) error { return fmt.Errorf("create: %w", ledger.ErrUnavailable) }
			done, event := make(chan outcome, 1), unclaimed(t)
			go func() {
				run, err := s.runner("a").Carry(t.Context(), event)
				done <- outcome{run, err}
			}()
			got := s.await(t, done, time.Second)
			require.NoError(t, got.err)
			assert.Equal(t, aofv1.FlowRunPhaseSucceeded, s.storedNew(t).Status.Phase)
			assert.Equal(t, s.storedNew(t).ResourceVersion, got.run.ResourceVersion)
			assert.Equal(t, 1, s.fakes.count("n"))
		})
	}
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

// A broker may deliver twice, and the second delivery come when the first is done.
func TestAnEventIsClaimedOnce(t *testing.T) {
	t.Parallel()
	for _, kind := range []flow.Kind{flow.KindAgent, flow.KindHTTP, flow.KindScript} {
		s := setScene(t, chain(step("n", kind)))
		r := s.runner("a")
		_, err := r.Carry(t.Context(), unclaimed(t))
		require.NoError(t, err)
		_, err = r.Carry(t.Context(), unclaimed(t))
		require.ErrorIs(t, err, runner.ErrExists)
		assert.Equal(t, 1, s.fakes.count("n"))
		assert.Equal(t, aofv1.FlowRunPhaseSucceeded, s.storedNew(t).Status.Phase)
	}
}
