// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/runner"
)

// hold has a process called first begin the run and die with the lease in hand.
func (s *scene) hold(t *testing.T) {
	t.Helper()
	s.store.after = func(int, *aofv1.FlowRun) error { return errDown }
	_, err := s.runner("first").Run(t.Context(), "ns", "r")
	require.ErrorIs(t, err, errDown)
	s.store.after = nil
	lease := s.stored(t).Status.Lease
	require.NotNil(t, lease)
	assert.Equal(t, "first", lease.Holder)
	assert.Equal(t, runner.DefaultLease, lease.ExpiresAt.Sub(s.clock.Now()))
}

func TestLeaseKeepsOthersOut(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("a", flow.KindAgent)))
	s.hold(t)
	s.clock.Step(runner.DefaultLease - time.Microsecond)
	run, err := s.runner("second").Run(t.Context(), "ns", "r")
	require.ErrorIs(t, err, runner.ErrBusy)
	assert.Equal(t, "first", run.Status.Lease.Holder)
	assert.Zero(t, s.fakes.count("a"))

	s.clock.Step(time.Microsecond)
	var takeovers int64
	s.fakes.by["a"] = func(context.Context, node.Request) (node.Result, error) {
		if l := s.stored(t).Status.Lease; assert.NotNil(t, l) {
			assert.Equal(t, "second", l.Holder)
			takeovers = l.Takeovers
		}
		return node.Result{}, nil
	}
	run, err = s.runner("second").Run(t.Context(), "ns", "r")
	require.NoError(t, err)
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase)
	assert.EqualValues(t, 1, takeovers)
}

func TestHolderGoesOnAtOnce(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("a", flow.KindAgent)))
	s.hold(t)
	run, err := s.runner("first").Run(t.Context(), "ns", "r")
	require.NoError(t, err)
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase)
}

func TestLeaseIsRenewed(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("a", flow.KindAgent)))
	begun, release, written := make(chan struct{}), make(chan struct{}), make(chan *aofv1.FlowRun, 10)
	s.fakes.by["a"] = func(context.Context, node.Request) (node.Result, error) {
		close(begun)
		<-release
		return node.Result{}, nil
	}
	s.store.after = func(_ int, run *aofv1.FlowRun) error {
		written <- run.DeepCopy()
		return nil
	}
	done := s.start(t.Context(), s.runner("a"))
	<-written
	<-begun // by then the timer is set
	for range 3 {
		s.clock.Step(runner.DefaultLease / 3)
		lease := (<-written).Status.Lease
		require.NotNil(t, lease)
		assert.Equal(t, runner.DefaultLease, lease.ExpiresAt.Sub(s.clock.Now()))
		for !s.clock.HasWaiters() { // until the timer is set again
			continue
		}
	}
	close(release)
	require.NoError(t, (<-done).err)
}

func TestRunTakenOverMeanwhile(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("a", flow.KindAgent), step("s", flow.KindScript)))
	s.fakes.by["a"] = func(ctx context.Context, _ node.Request) (node.Result, error) {
		other := s.stored(t)
		other.Status.Lease.Holder = "somebody"
		return node.Result{}, s.store.Store.Update(ctx, other)
	}
	_, err := s.runner("a").Run(t.Context(), "ns", "r")
	require.ErrorIs(t, err, runner.ErrLost)
	assert.Equal(t, []string{"a"}, s.fakes.executed())
	assert.Equal(t, "somebody", s.stored(t).Status.Lease.Holder)
}

func TestRunLostBeforeItBegins(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("s", flow.KindScript)))
	s.store.before = func(_ int, run *aofv1.FlowRun) error {
		return s.store.Delete(t.Context(), run.Namespace, run.Name)
	}
	_, err := s.runner("a").Run(t.Context(), "ns", "r")
	require.ErrorIs(t, err, runner.ErrLost)
	assert.Empty(t, s.fakes.executed())
}

func TestBeingToldToStopGivesTheLeaseBack(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("a", flow.KindAgent)))
	ctx, cancel := context.WithCancel(t.Context())
	s.fakes.by["a"] = func(ctx context.Context, _ node.Request) (node.Result, error) {
		cancel()
		<-ctx.Done()
		return node.Result{}, ctx.Err()
	}
	_, err := s.runner("a").Run(ctx, "ns", "r")
	require.ErrorIs(t, err, context.Canceled)
	stored := s.stored(t)
	assert.Nil(t, stored.Status.Lease)
	assert.Equal(t, "Running", phasesOf(stored)["a"])

	delete(s.fakes.by, "a")
	run, err := s.runner("b").Run(t.Context(), "ns", "r") // at once
	require.NoError(t, err)
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase)
}

func TestBeingToldToStopWhileWritingGivesTheLeaseBack(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("a", flow.KindAgent), step("b", flow.KindAgent)))
	ctx, cancel := context.WithCancel(t.Context())
	s.store.before = func(n int, _ *aofv1.FlowRun) error {
		if n == 2 {
			cancel()
		}
		return nil
	}
	_, err := s.runner("a").Run(ctx, "ns", "r")
	require.ErrorIs(t, err, context.Canceled)
	stored := s.stored(t)
	assert.Nil(t, stored.Status.Lease)
	assert.Equal(t, "Succeeded", phasesOf(stored)["a"])
}
