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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/runner"
)

// continuing makes a run of that name which continues another from the nodes given.
func continuing(t *testing.T, store ledger.Store, name string, old *aofv1.FlowRun, from ...string) *aofv1.FlowRun {
	t.Helper()
	run := newRun(t)
	run.Name, run.Spec.Plan = name, old.Spec.Plan
	run.Spec.Event = *old.Spec.Event.DeepCopy()
	run.Spec.Retry = &aofv1.RunRetry{Run: old.Name, UID: old.UID, From: from}
	require.NoError(t, store.Create(t.Context(), run))
	return run
}

// approvedThenBroken is a flow that asks, does, and fails; with its run.
func approvedThenBroken(t *testing.T) (*scene, *aofv1.FlowRun) {
	t.Helper()
	s := setScene(t, chain(step("a", flow.KindAgent), flow.Node{ID: "ask", Kind: flow.KindApproval}, step("post", flow.KindHTTP), step("s", flow.KindScript), step("r", flow.KindResponse)))
	s.fakes.by["a"] = func(context.Context, node.Request) (node.Result, error) {
		return node.Result{Output: map[string]any{"output": json.Number("9007199254740993")}, Usage: flow.Usage{InputTokens: 5}}, nil
	}
	s.fakes.by["ask"] = waitFor(flow.Wait{Kind: flow.WaitApproval, Message: "go on?", Details: map[string]any{"digest": "d"}})
	s.fakes.by["s"] = func(context.Context, node.Request) (node.Result, error) {
		return node.Result{}, &node.Error{Reason: "Exit", Message: "exit code 7"}
	}
	require.Equal(t, aofv1.FlowRunPhaseWaiting, s.run(t).Status.Phase)
	s.says(t, "alice", true)
	old := s.run(t)
	require.Equal(t, aofv1.FlowRunPhaseFailed, old.Status.Phase)
	s.fakes.by["s"] = nil
	return s, old
}

func TestARunGoesOnFromANode(t *testing.T) {
	t.Parallel()
	s, old := approvedThenBroken(t)
	continuing(t, s.store, "r2", old, "s")
	run, err := s.runner("b").Run(t.Context(), "ns", "r2")
	require.NoError(t, err)
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase, run.Status.Error)
	assert.Equal(t, []string{"a", "ask", "post", "s", "s", "r"}, s.fakes.executed(), "what was over, the approval too, is not done again")
	for _, id := range []string{"a", "ask", "post"} {
		now, was := nodeOf(t, run, id), nodeOf(t, old, id)
		assert.Equal(t, "r", now.TakenFrom, id)
		now.TakenFrom, now.Usage = "", was.Usage
		assert.Equal(t, encoded(t, was), encoded(t, now), "as it was")
	}
	assert.Empty(t, nodeOf(t, run, "s").TakenFrom)
	assert.Nil(t, run.Status.Usage, "tokens were counted with the run that used them")
	assert.Equal(t, old, s.stored(t), "the old run stays as it is")

	// And once more from there: what the first run did is still the first run's.
	continuing(t, s.store, "r3", run, "r")
	run, err = s.runner("b").Run(t.Context(), "ns", "r3")
	require.NoError(t, err)
	assert.Equal(t, "r", nodeOf(t, run, "post").TakenFrom)
	assert.Equal(t, "r2", nodeOf(t, run, "s").TakenFrom)
	assert.Contains(t, string(nodeOf(t, run, "a").Output.Raw), "9007199254740993")
}

func TestWhatIsRunAnewIsApprovedAnew(t *testing.T) {
	t.Parallel()
	s, old := approvedThenBroken(t)
	continuing(t, s.store, "r2", old, "ask")
	run, err := s.runner("b").Run(t.Context(), "ns", "r2")
	require.NoError(t, err)
	assert.Equal(t, aofv1.FlowRunPhaseWaiting, run.Status.Phase)
	assert.Equal(t, map[string]string{"a": "Succeeded", "ask": "Waiting"}, phasesOf(run))
	assert.Equal(t, 1, s.fakes.count("post"))
}

func TestARunThatCannotGoOnSaysWhy(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(old, run *aofv1.FlowRun)
		says   string
	}{
		"the old one is gone":      {func(_, run *aofv1.FlowRun) { run.Spec.Retry.Run = "nobody" }, "spec.retry: run nobody is gone"},
		"it is another":            {func(_, run *aofv1.FlowRun) { run.Spec.Retry.UID = "other" }, "run old is another one of that name by now"},
		"it is not over":           {func(old, _ *aofv1.FlowRun) { old.Status.Phase = aofv1.FlowRunPhaseRunning }, "run old is not over: it is Running"},
		"it has another plan":      {func(old, _ *aofv1.FlowRun) { old.Spec.Plan = "q" }, "run old has another plan (q)"},
		"it is of another event":   {func(old, _ *aofv1.FlowRun) { old.Spec.Event = runtime.RawExtension{Raw: []byte(`{"id":"2"}`)} }, "run old is of another event"},
		"the node is unknown":      {func(_, run *aofv1.FlowRun) { run.Spec.Retry.From = []string{"x"} }, `there is no node "x"; it came to "a", "ask", "post", "s"`},
		"it did not come there":    {func(_, run *aofv1.FlowRun) { run.Spec.Retry.From = []string{"r"} }, `run old: the run did not come to node "r"`},
		"outputs were cut":         {func(old, _ *aofv1.FlowRun) { old.Status.Error.Reason = "RunTooLarge" }, "of run old the outputs were not kept"},
		"the journal is no longer": {func(old, _ *aofv1.FlowRun) { old.Status.Nodes[0].ID = "zz" }, `the plan has no node "zz"`},
		"another node was at work": {func(old, _ *aofv1.FlowRun) {
			n := &old.Status.Nodes[2]
			n.Phase, n.Output = aofv1.NodePhaseSkipped, nil
		}, "node post was at work"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, old := approvedThenBroken(t)
			before := len(s.fakes.executed())
			old.Name, old.ResourceVersion, old.UID = "old", "", ""
			run := newRun(t)
			run.Name = "r2"
			run.Spec.Retry = &aofv1.RunRetry{Run: "old", From: []string{"s"}}
			tt.change(old, run)
			status := old.Status
			require.NoError(t, s.store.Create(t.Context(), old))
			if run.Spec.Retry.UID == "" {
				run.Spec.Retry.UID = old.UID
			}
			old.Status = status
			require.NoError(t, s.store.Store.Update(t.Context(), old))
			require.NoError(t, s.store.Create(t.Context(), run))
			got, err := s.runner("b").Run(t.Context(), "ns", "r2")
			require.NoError(t, err)
			require.Equal(t, aofv1.FlowRunPhaseFailed, got.Status.Phase)
			assert.Equal(t, "CannotRun", got.Status.Error.Reason)
			assert.Contains(t, got.Status.Error.Message, tt.says)
			assert.Len(t, s.fakes.executed(), before, "nothing was done")
		})
	}
}

// broken is a run of the ten nodes that failed in the middle, as the ledger has it.
func broken(t *testing.T) *aofv1.FlowRun {
	t.Helper()
	w := newWorld(stores["kube"](t))
	w.outcome["s"] = func(int) (node.Result, error) { return node.Result{}, &node.Error{Reason: "Exit", Message: "7"} }
	run := w.process(t, w.ledger, "undisturbed", 0).live(t)
	require.Equal(t, aofv1.FlowRunPhaseFailed, run.Status.Phase)
	return w.stored(t)
}

// continued is a world in which a run that failed is continued by the run that
// the processes of a world carry on.
func continued(t *testing.T, store ledger.Store, was *aofv1.FlowRun) *world {
	t.Helper()
	w := newWorld(store)
	old := was.DeepCopy()
	old.ObjectMeta = metav1.ObjectMeta{Namespace: "ns", Name: "old"}
	require.NoError(t, store.Create(t.Context(), old))
	old.Status = *was.Status.DeepCopy()
	require.NoError(t, store.Update(t.Context(), old))
	continuing(t, store, "r", old, "s")
	return w
}

// TestCrashEverywhereOfARunThatContinues ends the process that takes over what a
// run had done at every write and every external call, and the next one too. The
// end is that of a run in which nothing ever failed, and nothing of what was over
// in the old run is done again.
func TestCrashEverywhereOfARunThatContinues(t *testing.T) {
	t.Parallel()
	was := broken(t)
	kept := []string{"hook", "t", "a", "post", "ask"}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refs := references{}
			once := func(crash ...int64) (points int64) {
				w := continued(t, open(t), was)
				over, executed := map[string]string{}, map[string]int{}
				var p *process
				for i, at := range append(crash, 0) {
					p = w.process(t, w.ledger, fmt.Sprintf("process-%d", i), at)
					if run := p.live(t); run == nil {
						w.clock.Step(runner.DefaultLease + time.Second)
					}
					w.checkFinished(t, over, executed)
					over = finished(t, w.stored(t))
					for id := range over {
						executed[id] = w.count(id, 0)
					}
				}
				w.check(t, refs, w.stored(t))
				for _, id := range kept {
					assert.Zero(t, w.count(id, 0), "%s was over in the old run", id)
					assert.Equal(t, "old", nodeOf(t, w.stored(t), id).TakenFrom)
				}
				if t.Failed() {
					t.Fatalf("crash at %v", crash)
				}
				return p.points.Load()
			}
			points := once()
			require.Greater(t, points, int64(20), "that many places to die there are")
			for k := int64(1); k <= points; k++ {
				once(k)
				if testing.Short() || brief && k%8 != 0 || name == "sqlite" && k%4 != 0 {
					continue
				}
				for _, second := range []int64{1, 2, 3, 5, 8} {
					once(k, second)
				}
			}
		})
	}
}
