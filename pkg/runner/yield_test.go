// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/runner"
)

// request is a context whose deadline is in the test's time.
type request struct {
	context.Context //nolint:containedctx // it is one
	deadline        time.Time
}

func (r request) Deadline() (time.Time, bool) { return r.deadline, true }

func (s *scene) request(t *testing.T, lasts time.Duration) context.Context {
	t.Helper()
	return request{t.Context(), s.clock.Now().Add(lasts)}
}

// slow has every node take that long.
func (s *scene) slow(takes time.Duration) {
	for _, n := range s.plan.Flow.Nodes {
		s.fakes.by[n.ID] = func(context.Context, node.Request) (node.Result, error) {
			s.clock.Step(takes)
			return node.Result{Output: "done"}, nil
		}
	}
}

// A flow of 40 minutes on a service whose requests may last one.
func TestALongFlowGoesOnInTheNextRequest(t *testing.T) {
	t.Parallel()
	var nodes []flow.Node
	for i := range 120 {
		nodes = append(nodes, step(fmt.Sprintf("n%03d", i), []flow.Kind{flow.KindScript, flow.KindAgent, flow.KindTransform}[i%3]))
	}
	s := setScene(t, chain(nodes...))
	s.slow(20 * time.Second)
	requests := 0
	for {
		requests++
		started := s.clock.Now()
		r := s.runner(fmt.Sprintf("pod-%d", requests)) // each time another
		r.Yield = 15 * time.Second
		run, err := r.Run(s.request(t, time.Minute), "ns", "r")
		assert.LessOrEqual(t, s.clock.Since(started), time.Minute)
		if errors.Is(err, runner.ErrYielded) {
			assert.Equal(t, aofv1.FlowRunPhaseRunning, run.Status.Phase)
			assert.Nil(t, run.Status.Lease, "the next one may begin at once")
			assert.Equal(t, s.stored(t).ResourceVersion, run.ResourceVersion)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase)
		assert.Equal(t, "40m0s", run.Status.Duration)
		break
	}
	assert.Equal(t, 40, requests)
	for _, n := range nodes {
		assert.Equal(t, 1, s.fakes.count(n.ID), n.ID)
	}
}

func TestNodesAtWorkFinishBeforeTheRunYields(t *testing.T) {
	t.Parallel()
	f := chain(step("long", flow.KindScript), step("after", flow.KindScript))
	f.Nodes = append(f.Nodes, step("short", flow.KindScript), step("next", flow.KindScript))
	f.Edges = append(f.Edges, flow.Edge{From: "short", To: "next"})
	s := setScene(t, f)
	finish, told := make(chan struct{}), make(chan struct{})
	s.fakes.by["long"] = func(context.Context, node.Request) (node.Result, error) {
		<-finish
		return node.Result{}, nil
	}
	s.fakes.by["short"] = func(context.Context, node.Request) (node.Result, error) {
		s.clock.Step(50 * time.Second)
		return node.Result{}, nil
	}
	s.store.after = func(n int, run *aofv1.FlowRun) error {
		if n > 1 && phasesOf(run)["short"] == "Succeeded" && phasesOf(run)["long"] == "Running" {
			close(told)
			s.store.after = nil
		}
		return nil
	}
	r := s.runner("a")
	r.Yield, r.Lease = 15*time.Second, time.Hour
	done := s.start(s.request(t, time.Minute), r)
	<-told
	close(finish)
	got := <-done
	require.ErrorIs(t, got.err, runner.ErrYielded)
	assert.Equal(t, map[string]string{"long": "Succeeded", "short": "Succeeded", "after": "Pending", "next": "Pending"}, phasesOf(s.stored(t)))
	assert.Zero(t, s.fakes.count("after")+s.fakes.count("next"))
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, s.run(t).Status.Phase)
}

func TestARunThatIsTakenUpMoves(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("a", flow.KindScript), step("b", flow.KindScript), step("c", flow.KindScript)))
	r := s.runner("a")
	r.Yield = time.Hour // more than a request has
	for range 2 {
		_, err := r.Run(s.request(t, time.Minute), "ns", "r")
		require.ErrorIs(t, err, runner.ErrYielded)
	}
	run, err := r.Run(s.request(t, time.Minute), "ns", "r")
	require.NoError(t, err)
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase)
	assert.Equal(t, []string{"a", "b", "c"}, s.fakes.executed())
}

func TestALongPauseBeforeARetryYields(t *testing.T) {
	t.Parallel()
	n := step("n", flow.KindScript)
	n.Policy = &flow.Policy{MaxAttempts: 2, InitialDelay: 3 * time.Minute}
	s := setScene(t, chain(n))
	s.fakes.by["n"] = func(_ context.Context, req node.Request) (node.Result, error) {
		if req.Attempt == 1 {
			return node.Result{}, &node.Error{Reason: "Busy", Retryable: true}
		}
		return node.Result{}, nil
	}
	requests := 0
	for {
		requests++
		r := s.runner("a")
		r.Yield, r.Lease = 15*time.Second, time.Hour
		got := s.hurry(s.start(s.request(t, time.Minute), r), 5*time.Second)
		if errors.Is(got.err, runner.ErrYielded) {
			continue
		}
		require.NoError(t, got.err)
		assert.Equal(t, aofv1.FlowRunPhaseSucceeded, got.run.Status.Phase)
		break
	}
	assert.Greater(t, requests, 1)
	assert.Equal(t, 2, s.fakes.count("n"))
}

// hurry lets time pass in steps whenever something waits for it, until the run
// is carried on.
func (s *scene) hurry(done <-chan outcome, step time.Duration) outcome {
	for {
		select {
		case got := <-done:
			return got
		default:
			if s.clock.HasWaiters() {
				s.clock.Step(step)
			}
			runtime.Gosched()
		}
	}
}
