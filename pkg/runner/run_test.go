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

func TestWritesAreAsFewAsPromised(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		nodes  []flow.Node
		writes int
	}{
		{"one agent", []flow.Node{step("a", flow.KindAgent)}, 2},
		{"one script", []flow.Node{step("s", flow.KindScript)}, 2},
		{"a transform rides along", []flow.Node{step("t", flow.KindTransform), step("a", flow.KindAgent)}, 2},
		{"one for each further costly node", []flow.Node{step("a", flow.KindAgent), step("s", flow.KindScript), step("r", flow.KindResponse)}, 4},
		{"but one before what can't be repeated", []flow.Node{step("t", flow.KindTransform), step("s", flow.KindScript)}, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := setScene(t, chain(test.nodes...))
			run := s.run(t)
			assert.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase)
			assert.Equal(t, test.writes, s.store.updates)
			assert.Nil(t, run.Status.Lease)
			assert.NotNil(t, run.Status.CompletionTime)
			require.Len(t, run.Status.Nodes, len(test.nodes))
			for _, n := range test.nodes {
				assert.Equal(t, 1, s.fakes.count(n.ID))
			}
		})
	}
}

func wide(ids ...string) flow.Flow {
	f := flow.Flow{Name: "f"}
	for _, id := range ids {
		f.Nodes = append(f.Nodes, step(id, flow.KindAgent))
	}
	return f
}

func TestNodesRunAtTheSameTime(t *testing.T) {
	t.Parallel()
	s := setScene(t, wide("a", "b", "c"))
	arrived, open := make(chan struct{}, 3), make(chan struct{})
	for _, id := range []string{"a", "b", "c"} {
		s.fakes.by[id] = func(context.Context, node.Request) (node.Result, error) {
			arrived <- struct{}{}
			<-open
			return node.Result{}, nil
		}
	}
	done := s.start(t.Context(), s.runner("a"))
	for range 3 { // none may go on before all are there
		<-arrived
	}
	close(open)
	got := <-done
	require.NoError(t, got.err)
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, got.run.Status.Phase)
}

func TestParallelismBoundsNodes(t *testing.T) {
	t.Parallel()
	s := setScene(t, wide("a", "b", "c", "d", "e"))
	inside := make(chan struct{}, 2) // the third one finds it full
	var crowded bool
	pair := make(chan struct{})
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		s.fakes.by[id] = func(context.Context, node.Request) (node.Result, error) {
			select {
			case inside <- struct{}{}:
			default:
				crowded = true
				return node.Result{}, nil
			}
			select { // two meet here, or the last one passes
			case pair <- struct{}{}:
			case <-pair:
			case <-meetAlone(s):
			}
			<-inside
			return node.Result{}, nil
		}
	}
	r := s.runner("a")
	r.Parallelism = 2
	run, err := r.Run(t.Context(), "ns", "r")
	require.NoError(t, err)
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase)
	assert.False(t, crowded)
}

// meetAlone is closed for the fifth of five nodes.
func meetAlone(s *scene) <-chan struct{} {
	if len(s.fakes.executed()) < 5 {
		return nil
	}
	alone := make(chan struct{})
	close(alone)
	return alone
}

func TestRetryWaitsForTheClock(t *testing.T) {
	t.Parallel()
	n := step("a", flow.KindAgent)
	n.Policy = &flow.Policy{MaxAttempts: 3, InitialDelay: 2 * time.Second}
	s := setScene(t, chain(n))
	s.fakes.by["a"] = func(_ context.Context, req node.Request) (node.Result, error) {
		if req.Attempt < 3 {
			return node.Result{Usage: flow.Usage{InputTokens: 5}}, &node.Error{Reason: "Busy", Message: "later", Retryable: true}
		}
		return node.Result{Output: "ok", Usage: flow.Usage{InputTokens: 5}}, nil
	}
	done := s.start(t.Context(), s.runner("a"))
	s.clock.await(2 * time.Second)
	assert.Equal(t, 1, s.fakes.count("a"))
	s.clock.Step(2 * time.Second)
	s.clock.await(4 * time.Second)
	assert.Equal(t, 2, s.fakes.count("a"))
	s.clock.Step(4 * time.Second)
	got := <-done
	require.NoError(t, got.err)
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, got.run.Status.Phase)
	a := nodeOf(t, got.run, "a")
	assert.EqualValues(t, 3, a.Attempt)
	assert.EqualValues(t, 15, got.run.Status.Usage.InputTokens, "failed attempts cost, too")
	assert.Equal(t, "6s", got.run.Status.Duration)
}

func TestAttemptFails(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		do     behaviour
		reason string
	}{
		{"its own error", func(context.Context, node.Request) (node.Result, error) {
			return node.Result{}, &node.Error{Reason: "Refused", Message: "no"}
		}, "Refused"},
		{"an error of no type", func(context.Context, node.Request) (node.Result, error) {
			return node.Result{}, errDown
		}, "Failed"},
		{"too long", func(ctx context.Context, _ node.Request) (node.Result, error) {
			<-ctx.Done()
			return node.Result{}, ctx.Err()
		}, "Timeout"},
		{"a panic", func(context.Context, node.Request) (node.Result, error) { panic("boom") }, "Internal"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			n := step("s", flow.KindScript)
			n.Policy = &flow.Policy{TimeoutSeconds: 3600}
			if test.reason == "Timeout" {
				n.Policy.TimeoutSeconds = 0.001
			}
			f := chain(n, step("next", flow.KindResponse))
			f.Nodes = append(f.Nodes, step("apart", flow.KindAgent))
			f.Edges = append(f.Edges, flow.Edge{From: "trigger", To: "s"}, flow.Edge{From: "trigger", To: "apart"})
			s := setScene(t, f)
			s.fakes.by["s"] = test.do
			run := s.run(t)
			assert.Equal(t, aofv1.FlowRunPhaseFailed, run.Status.Phase)
			assert.Equal(t, map[string]string{"s": "Failed", "next": "Skipped", "apart": "Succeeded"}, phasesOf(run))
			require.NotNil(t, run.Status.Error)
			assert.Equal(t, test.reason, run.Status.Error.Reason)
			assert.Equal(t, "s", run.Status.Error.Node)
			assert.Zero(t, s.fakes.count("next"))
		})
	}
}

func TestAttemptWithoutTimeoutOfItsOwnHasTheRunners(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("a", flow.KindAgent)))
	s.fakes.by["a"] = func(ctx context.Context, _ node.Request) (node.Result, error) {
		<-ctx.Done()
		return node.Result{}, ctx.Err()
	}
	r := s.runner("a")
	r.Timeout = time.Millisecond
	run, err := r.Run(t.Context(), "ns", "r")
	require.NoError(t, err)
	assert.Equal(t, "Timeout", run.Status.Error.Reason)
}

func TestRunThatIsOverIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("a", flow.KindAgent)))
	first := s.run(t)
	writes := s.store.updates
	assert.Equal(t, first, s.run(t))
	assert.Equal(t, writes, s.store.updates)
	assert.Equal(t, 1, s.fakes.count("a"))
}

func TestRunThatCannotRun(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		spoil   func(r *aofv1.FlowRun, s *scene)
		message string
	}{
		{"no plan", func(r *aofv1.FlowRun, _ *scene) { r.Spec.Plan = "gone" }, "plan gone"},
		{"no event", func(r *aofv1.FlowRun, _ *scene) { r.Spec.Event.Raw = []byte(`{"specversion":"9"}`) }, "spec.event"},
		{"no flow", func(_ *aofv1.FlowRun, s *scene) { s.plan.Flow = flow.Flow{Name: "f"} }, "at least one node"},
		{
			"a context that can't be read",
			func(_ *aofv1.FlowRun, s *scene) { s.plan.Context.Env = map[string]string{"X": "${unclosed"} }, "context env X",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := setScene(t, chain(step("a", flow.KindAgent)))
			run := newRun(t)
			run.Name = "broken"
			test.spoil(run, s)
			require.NoError(t, s.store.Create(t.Context(), run))
			got, err := s.runner("a").Run(t.Context(), "ns", "broken")
			require.NoError(t, err)
			assert.Equal(t, aofv1.FlowRunPhaseFailed, got.Status.Phase)
			require.NotNil(t, got.Status.Error)
			assert.Equal(t, "CannotRun", got.Status.Error.Reason)
			assert.Contains(t, got.Status.Error.Message, test.message)
			assert.NotNil(t, got.Status.CompletionTime)
			assert.Empty(t, s.fakes.executed())
		})
	}
}

func TestAPlanThatCannotBeReadNowIsReadLater(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("a", flow.KindAgent)))
	run := newRun(t)
	run.Name, run.Spec.Plan = "patient", "away"
	require.NoError(t, s.store.Create(t.Context(), run))
	_, err := s.runner("a").Run(t.Context(), "ns", "patient")
	require.ErrorContains(t, err, "away")
	left, err := s.store.Get(t.Context(), "ns", "patient")
	require.NoError(t, err)
	assert.False(t, left.IsDone(), "the run waits for the plan")
}

func TestRunThatIsNotThere(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("a", flow.KindAgent)))
	_, err := s.runner("a").Run(t.Context(), "ns", "nobody")
	require.Error(t, err)
}

func TestObserversHearOfPhasesInOrder(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("t", flow.KindTransform), step("a", flow.KindAgent)))
	var heard []string
	r := s.runner("a")
	r.Observe = func(p runner.Progress) { heard = append(heard, p.Node.ID+" "+string(p.Node.Phase)) }
	_, err := r.Run(t.Context(), "ns", "r")
	require.NoError(t, err)
	assert.Equal(t, []string{"t Running", "a Pending", "t Succeeded", "a Running", "a Succeeded"}, heard)
}
