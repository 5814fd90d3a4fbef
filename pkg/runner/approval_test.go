// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/node"
)

// says adds a decision about what the run waits for now.
func (s *scene) says(t *testing.T, user string, approved bool) {
	t.Helper()
	run := s.stored(t)
	require.NotEmpty(t, run.Status.Waiting)
	wait := run.Status.Waiting[0]
	digest, _ := wait.Details["digest"].(string)
	s.adds(t, aofv1.RunDecision{Node: wait.Node, Digest: digest, Approved: approved, User: user, At: metav1.NewMicroTime(s.clock.Now())})
}

func (s *scene) adds(t *testing.T, d aofv1.RunDecision) {
	t.Helper()
	_, err := s.store.Amend(t.Context(), "ns", "r", func(spec *aofv1.FlowRunSpec) error {
		spec.Decisions = append(spec.Decisions, d)
		return nil
	})
	require.NoError(t, err)
}

// asking is a flow that asks before it deploys.
func asking(t *testing.T, details map[string]any) *scene {
	t.Helper()
	s := setScene(t, chain(flow.Node{ID: "ask", Kind: flow.KindApproval}, step("deploy", flow.KindScript)))
	details["digest"] = node.Digest("ask", "deploy?")
	s.fakes.by["ask"] = waitFor(flow.Wait{Kind: flow.WaitApproval, Message: "deploy?", Until: began.Add(5 * time.Minute), Details: details})
	require.Equal(t, aofv1.FlowRunPhaseWaiting, s.run(t).Status.Phase)
	return s
}

func TestApprovalsAreDecided(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		details map[string]any
		says    func(t *testing.T, s *scene)
		phase   aofv1.FlowRunPhase
		output  string
		deploys int
	}{
		{
			"approved",
			map[string]any{},
			func(t *testing.T, s *scene) { t.Helper(); s.says(t, "alice", true) },
			"Succeeded",
			`{"status":"approved","approved":true,"timeout":false,"approved_by":"alice","decided_by":"alice","decided_at":"2025-12-18T10:01:00Z"}`,
			1,
		},
		{
			"denied",
			map[string]any{},
			func(t *testing.T, s *scene) { t.Helper(); s.says(t, "alice", false) },
			"Succeeded",
			`{"status":"denied","approved":false,"timeout":false,"denied_by":"alice","decided_by":"alice","decided_at":"2025-12-18T10:01:00Z"}`,
			0,
		},
		{
			"by a foreigner",
			map[string]any{"approvers": []any{"bob@example.com"}},
			func(t *testing.T, s *scene) { t.Helper(); s.says(t, "mallory", true) },
			"Waiting", "", 0,
		},
		{
			"about another question",
			map[string]any{},
			func(t *testing.T, s *scene) {
				t.Helper()
				s.adds(t, aofv1.RunDecision{Node: "ask", Digest: node.Digest("ask", "delete?"), Approved: true, User: "alice"})
			},
			"Waiting", "", 0,
		},
		{
			"about another node",
			map[string]any{},
			func(t *testing.T, s *scene) {
				t.Helper()
				s.adds(t, aofv1.RunDecision{Node: "deploy", Digest: node.Digest("ask", "deploy?"), Approved: true, User: "alice"})
			},
			"Waiting", "", 0,
		},
		{
			"by one of two",
			map[string]any{"min_approvers": 2},
			func(t *testing.T, s *scene) { t.Helper(); s.says(t, "alice", true); s.says(t, "alice", true) },
			"Waiting", "", 0,
		},
		{
			"by two",
			map[string]any{"min_approvers": "2"},
			func(t *testing.T, s *scene) { t.Helper(); s.says(t, "alice", true); s.run(t); s.says(t, "bob", true) },
			"Succeeded",
			`{"status":"approved","approved":true,"timeout":false,"approved_by":"alice, bob","decided_by":"alice, bob","decided_at":"2025-12-18T10:01:00Z"}`,
			1,
		},
		{
			"by nobody knows how many",
			map[string]any{"min_approvers": "a few"},
			func(t *testing.T, s *scene) { t.Helper(); s.says(t, "alice", true) },
			"Waiting", "", 0,
		},
		{
			"by who asked",
			map[string]any{},
			func(t *testing.T, s *scene) { t.Helper(); s.says(t, "webhook:U1", true) },
			"Waiting", "", 0,
		},
		{
			"by who asked, by another name",
			map[string]any{},
			func(t *testing.T, s *scene) { t.Helper(); s.says(t, "ann@example.com", true) },
			"Waiting", "", 0,
		},
		{
			"by who asked and may",
			map[string]any{"allow_self_approval": true, "approvers": []any{"U1"}},
			func(t *testing.T, s *scene) { t.Helper(); s.says(t, "webhook:U1", true) },
			"Succeeded", "", 1,
		},
		{
			"too late",
			map[string]any{},
			func(t *testing.T, s *scene) { t.Helper(); s.clock.Step(time.Hour); s.says(t, "alice", true) },
			"Succeeded", `{"status":"timeout","approved":false,"timeout":true}`, 0,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := asking(t, test.details)
			s.clock.Step(time.Minute)
			test.says(t, s)
			run, err := s.runner("b").Run(t.Context(), "ns", "r")
			require.NoError(t, err)
			assert.Equal(t, test.phase, run.Status.Phase)
			if test.output != "" {
				assert.JSONEq(t, test.output, string(nodeOf(t, run, "ask").Output.Raw))
			}
			assert.Equal(t, test.deploys, s.fakes.count("deploy"))
			assert.Equal(t, 1, s.fakes.count("ask"), "people are asked once")
			assert.Equal(t, run.ResourceVersion, s.run(t).ResourceVersion, "and once is enough")
		})
	}
}

func TestADecisionReachesARunAtWork(t *testing.T) {
	t.Parallel()
	f := chain(flow.Node{ID: "ask", Kind: flow.KindApproval}, step("deploy", flow.KindScript))
	f.Nodes = append(f.Nodes, step("a", flow.KindScript), step("b", flow.KindScript))
	f.Edges = append(f.Edges, flow.Edge{From: "a", To: "b"})
	s := setScene(t, f)
	s.fakes.by["ask"] = waitFor(flow.Wait{Kind: flow.WaitApproval, Details: map[string]any{"digest": "d"}})
	s.fakes.by["b"] = func(context.Context, node.Request) (node.Result, error) {
		s.adds(t, aofv1.RunDecision{Node: "ask", Digest: "d", Approved: true, User: "alice"})
		return node.Result{}, nil
	}
	run := s.run(t)
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase)
	assert.Equal(t, 1, s.fakes.count("deploy"))
}

// gated is a run whose one script has to pass the gate of its Context.
func gated(t *testing.T, action *node.Action, requireFor ...string) *scene {
	t.Helper()
	s := setScene(t, chain(step("s", flow.KindScript), step("after", flow.KindTransform)))
	s.plan.Context.Approval.Required = true
	s.plan.Context.Approval.RequireFor = requireFor
	s.plan.Context.Approval.AllowedUsers = []string{"alice", "bob"}
	s.plan.Context.Approval.TimeoutSeconds = 60
	s.fakes.by["s"] = func(_ context.Context, req node.Request) (node.Result, error) {
		if req.Gate == nil {
			return node.Result{}, &node.Error{Reason: "NoGate"}
		}
		if wait, err := req.Gate(*action); wait != nil || err != nil {
			return node.Result{Wait: wait}, err
		}
		s.effects.Add(1)
		return node.Result{Output: action.Text}, nil
	}
	return s
}

func TestGateHoldsActionsUntilTheyAreApproved(t *testing.T) {
	t.Parallel()
	action := &node.Action{Text: "kubectl delete pod x", Fingerprint: "f1"}
	s := gated(t, action)
	run := s.run(t)
	require.Equal(t, aofv1.FlowRunPhaseWaiting, run.Status.Phase)
	wait := run.Status.Waiting[0]
	assert.Contains(t, wait.Message, "kubectl delete pod x")
	assert.Equal(t, "kubectl delete pod x", wait.Details["command"])
	assert.Equal(t, node.Digest("s", "f1"), wait.Details["digest"])
	assert.Equal(t, []any{"alice", "bob"}, wait.Details["approvers"])
	assert.Equal(t, began.Add(time.Minute), wait.Until.UTC())
	assert.Zero(t, s.effects.Load())

	s.says(t, "mallory", true)
	assert.Equal(t, aofv1.FlowRunPhaseWaiting, s.run(t).Status.Phase)
	s.says(t, "bob", true)
	run = s.run(t)
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase)
	assert.EqualValues(t, 1, s.effects.Load())
	assert.Equal(t, node.Digest("s", "f1"), nodeOf(t, run, "s").Grant)
}

func TestGateThatStaysClosed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		says   func(t *testing.T, s *scene, a *node.Action)
		reason string
	}{
		{"denied", func(t *testing.T, s *scene, _ *node.Action) { t.Helper(); s.says(t, "bob", false) }, "Denied"},
		{"nobody says a word", func(_ *testing.T, s *scene, _ *node.Action) { s.clock.Step(time.Minute) }, "ApprovalTimeout"},
		{"the action has changed", func(t *testing.T, s *scene, a *node.Action) {
			t.Helper()
			s.says(t, "bob", true)
			a.Fingerprint = "f2"
		}, "ActionChanged"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			action := &node.Action{Text: "kubectl delete pod x", Fingerprint: "f1"}
			s := gated(t, action)
			s.run(t)
			test.says(t, s, action)
			run := s.run(t)
			assert.Equal(t, aofv1.FlowRunPhaseFailed, run.Status.Phase)
			assert.Equal(t, test.reason, run.Status.Error.Reason)
			assert.Zero(t, s.effects.Load())
			assert.Zero(t, s.fakes.count("after"))
		})
	}
}

func TestGateHoldsWhatItsPatternsName(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		action  node.Action
		pattern []string
		held    bool
	}{
		{"everything that changes something", node.Action{Text: "x"}, nil, true},
		{"but not what reads", node.Action{Text: "kubectl get pods", ReadOnly: true}, nil, false},
		{"a pattern", node.Action{Text: "kubectl delete pod x"}, []string{"apply", `\bdelete\b`}, true},
		{"no pattern", node.Action{Text: "kubectl scale"}, []string{"apply", `\bdelete\b`}, false},
		{"what reads and is named", node.Action{Text: "kubectl get secrets", ReadOnly: true}, []string{"secrets"}, true},
		{"a pattern nobody can read", node.Action{Text: "x"}, []string{"("}, true},
	} {
		s := gated(t, &test.action, test.pattern...)
		want := aofv1.FlowRunPhaseSucceeded
		if test.held {
			want = aofv1.FlowRunPhaseWaiting
		}
		assert.Equal(t, want, s.run(t).Status.Phase, test.name)
	}
}

// Between the grant and the end of the action a crash is what it always is: it
// is not done twice.
func TestCrashBehindTheGate(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 2; n++ {
		action := &node.Action{Text: "kubectl delete pod x", Fingerprint: "f1"}
		s := gated(t, action)
		s.run(t)
		s.says(t, "bob", true)
		s.store.updates = 0
		s.store.before = func(k int, _ *aofv1.FlowRun) error {
			if k == n {
				return errDown
			}
			return nil
		}
		_, err := s.runner("b").Run(t.Context(), "ns", "r")
		require.ErrorIs(t, err, errDown)
		s.store.before = nil
		s.clock.Step(time.Hour)
		run := s.run(t)
		assert.EqualValues(t, 1, s.effects.Load())
		want := aofv1.FlowRunPhaseSucceeded // the grant was in the ledger, the action not begun
		if n == 2 {
			want = aofv1.FlowRunPhaseFailed
			assert.Equal(t, "Interrupted", run.Status.Error.Reason)
		}
		assert.Equal(t, want, run.Status.Phase)
	}
}

func TestReactionsAreTaken(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		reaction string
		user     string
		allowed  []string
		output   string
	}{
		{"a yes", "white_check_mark", "slack:U2", nil, `{"reaction":"white_check_mark","user":"slack:U2","approved":true,"timeout":false,"channel":"C1","ts":"1.2","message":"go?"}`},
		{"a no", "x", "slack:U2", nil, `{"reaction":"x","user":"slack:U2","approved":false,"timeout":false,"channel":"C1","ts":"1.2","message":"go?"}`},
		{"one that was not asked for", "tada", "slack:U2", nil, ""},
		{"a yes of a foreigner", "white_check_mark", "slack:U2", []string{"U3"}, ""},
		{"something else of a foreigner", "eyes", "slack:U2", []string{"U3"}, `{"reaction":"eyes","user":"slack:U2","approved":false,"timeout":false,"channel":"C1","ts":"1.2","message":"go?"}`},
	} {
		s := setScene(t, chain(step("ask", flow.KindSlack), step("deploy", flow.KindScript)))
		s.plan.Context.Approval.AllowedUsers = test.allowed
		s.fakes.by["ask"] = waitFor(flow.Wait{Kind: flow.WaitReaction, Message: "go?", Until: began.Add(time.Hour), Details: map[string]any{
			"digest": "d", "channel": "C1", "ts": "1.2", "reactions": []any{"white_check_mark", "x", "eyes"},
		}})
		s.run(t)
		s.adds(t, aofv1.RunDecision{Node: "ask", Digest: "d", Reaction: test.reaction, User: test.user, At: metav1.NewMicroTime(began)})
		run := s.run(t)
		if test.output == "" {
			assert.Equal(t, aofv1.FlowRunPhaseWaiting, run.Status.Phase, test.name)
			continue
		}
		assert.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase, test.name)
		assert.JSONEq(t, test.output, string(nodeOf(t, run, "ask").Output.Raw), test.name)
	}
}
