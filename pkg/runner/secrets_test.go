// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/runner"
)

func waitFor(w flow.Wait) behaviour {
	return func(context.Context, node.Request) (node.Result, error) { return node.Result{Wait: &w}, nil }
}

func TestWaitsEnd(t *testing.T) {
	t.Parallel()
	until := began.Add(5 * time.Minute)
	tests := []struct {
		name     string
		node     flow.Node
		wait     flow.Wait
		output   string
		executed []string
	}{
		{
			"an approval nobody gave is a no",
			flow.Node{ID: "w", Kind: flow.KindApproval},
			flow.Wait{Kind: flow.WaitApproval, Message: "may I?", Until: until},
			`{"status":"timeout","timeout":true,"approved":false}`,
			[]string{"w"},
		},
		{
			"but for its fallback",
			flow.Node{ID: "w", Kind: flow.KindApproval},
			flow.Wait{Kind: flow.WaitApproval, Message: "may I?", Until: until, Details: map[string]any{"fallback": "approve"}},
			`{"status":"timeout","timeout":true,"approved":true}`,
			[]string{"w", "s"},
		},
		{
			"a timer is done", step("w", flow.KindWait),
			flow.Wait{Kind: flow.WaitTimer, Until: until},
			`{"waited":true}`,
			[]string{"w", "s"},
		},
		{
			"a reaction that did not come", step("w", flow.KindWait),
			flow.Wait{Kind: flow.WaitReaction, Until: until},
			`{"timeout":true,"approved":false,"reaction":null}`,
			[]string{"w", "s"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := setScene(t, chain(test.node, step("s", flow.KindScript)))
			s.fakes.by["w"] = waitFor(test.wait)
			run := s.run(t)
			assert.Equal(t, aofv1.FlowRunPhaseWaiting, run.Status.Phase)
			assert.Nil(t, run.Status.Lease, "nobody holds what waits")
			assert.Nil(t, run.Status.CompletionTime)
			require.Len(t, run.Status.Waiting, 1)
			assert.Equal(t, "w", run.Status.Waiting[0].Node)
			assert.Equal(t, until, run.Status.Waiting[0].Until.UTC())

			s.clock.SetTime(until.Add(-time.Microsecond))
			run = s.run(t)
			assert.Equal(t, aofv1.FlowRunPhaseWaiting, run.Status.Phase, "not yet")

			s.clock.SetTime(until)
			run, err := s.runner("b").Run(t.Context(), "ns", "r")
			require.NoError(t, err)
			assert.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase)
			assert.JSONEq(t, test.output, string(nodeOf(t, run, "w").Output.Raw))
			assert.Empty(t, run.Status.Waiting)
			assert.Equal(t, test.executed, s.fakes.executed())
		})
	}
}

func TestAWaitWithoutEndGoesOn(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(flow.Node{ID: "w", Kind: flow.KindApproval}))
	s.fakes.by["w"] = waitFor(flow.Wait{Kind: flow.WaitApproval})
	s.run(t)
	s.clock.Step(1000 * time.Hour)
	assert.Equal(t, aofv1.FlowRunPhaseWaiting, s.run(t).Status.Phase)
}

const secret = "xoxb-very-secret"

func TestSecretsStayOutOfTheLedger(t *testing.T) {
	t.Parallel()
	give := func(result node.Result, failure error) behaviour {
		return func(_ context.Context, req node.Request) (node.Result, error) {
			got, ok := req.Scope.Resolve([]string{"TOKEN"})
			if !ok || got != secret {
				return node.Result{}, &node.Error{Reason: "NoSecret"}
			}
			return result, failure
		}
	}
	type typed struct{ Header []string }
	tests := []struct {
		name string
		do   behaviour
	}{
		{"text", give(node.Result{Output: "Bearer " + secret}, nil)},
		{"nested", give(node.Result{Output: map[string]any{"a": []any{secret, map[string]any{"k" + secret: 1}}}}, nil)},
		{"a map of strings", give(node.Result{Output: map[string]string{"a": secret}}, nil)},
		{"a list of strings", give(node.Result{Output: []string{secret}}, nil)},
		{"a list of maps", give(node.Result{Output: []map[string]any{{"a": secret}}}, nil)},
		{"a type of its own", give(node.Result{Output: map[string]any{"a": &typed{[]string{secret}}}}, nil)},
		{"raw JSON", give(node.Result{Output: json.RawMessage(`{"a":"` + secret + `"}`)}, nil)},
		{"exports", give(node.Result{Exports: map[string]string{"A": "x" + secret}}, nil)},
		{"an error", give(node.Result{}, &node.Error{Reason: "Refused", Message: "token " + secret + " refused"})},
		{"a plain error", give(node.Result{}, &pathError{secret})},
		{"a wait's message", give(node.Result{Wait: &flow.Wait{Kind: flow.WaitApproval, Message: "use " + secret + "?"}}, nil)},
		{"a wait's details", give(node.Result{Wait: &flow.Wait{Kind: flow.WaitApproval, Details: map[string]any{"command": secret}}}, nil)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := setScene(t, chain(step("s", flow.KindScript)))
			s.fakes.by["s"] = test.do
			seen := s.runWithSecret(t)
			assert.NotContains(t, seen, "NoSecret")
			assert.NotContains(t, seen, secret)
			assert.Contains(t, seen, "***")
		})
	}
}

func TestSecretsOfTheContextStayOutOfResults(t *testing.T) {
	t.Parallel()
	end := flow.Node{ID: "e", Kind: flow.KindEnd, Config: map[string]any{"output": "it is ${env.MINE}"}}
	s := setScene(t, chain(step("a", flow.KindAgent), end))
	s.plan.Context.Env = map[string]string{"MINE": "${TOKEN}"}
	seen := s.runWithSecret(t)
	assert.NotContains(t, seen, secret)
	assert.Contains(t, seen, "it is ***")
}

type pathError struct{ path string }

func (e *pathError) Error() string { return "open " + e.path }

// runWithSecret gives all that came into the ledger or before an observer.
func (s *scene) runWithSecret(t *testing.T) string {
	t.Helper()
	var seen strings.Builder
	keep := func(v any) {
		raw, err := json.Marshal(v)
		require.NoError(t, err)
		seen.Write(raw)
	}
	r := s.runner("a")
	r.Secrets = func(namespace string) *runner.Secrets {
		assert.Equal(t, "ns", namespace)
		return runner.NewSecrets(func(name string) (string, bool) { return secret, name == "TOKEN" })
	}
	r.Observe = func(p runner.Progress) { keep(p.Node) }
	s.store.after = func(_ int, run *aofv1.FlowRun) error {
		keep(run)
		return nil
	}
	_, err := r.Run(t.Context(), "ns", "r")
	require.NoError(t, err)
	return seen.String()
}

func TestOnlyUpperSnakeNamesAreSecrets(t *testing.T) {
	t.Parallel()
	secrets := runner.NewSecrets(func(string) (string, bool) { return secret, true })
	for name, want := range map[string]bool{"TOKEN": true, "A_1": true, "_": true, "": false, "1A": false, "Token": false, "a-b": false} {
		_, ok := secrets.Resolve([]string{name})
		assert.Equal(t, want, ok, name)
	}
	_, ok := secrets.Resolve([]string{"TOKEN", "A"})
	assert.False(t, ok)
	assert.Equal(t, int64(3), secrets.Redact(int64(3)))
	assert.Nil(t, secrets.Redact(nil))
}

func TestTheLongerSecretGoesFirst(t *testing.T) {
	t.Parallel()
	secrets := runner.NewSecrets(func(name string) (string, bool) { return strings.ToLower(name), true })
	for _, name := range []string{"ABCDEF", "ABCDEFGH", "ON"} {
		_, ok := secrets.Resolve([]string{name})
		require.True(t, ok)
	}
	assert.Equal(t, "on *** ***.", secrets.RedactText("on abcdefgh abcdef."), "short ones hide nothing")
}

func TestRunsTooLargeFail(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", 600<<10)
	tests := []struct {
		name   string
		result node.Result
	}{
		{"outputs", node.Result{Output: big}},
		{"exports", node.Result{Output: "small", Exports: map[string]string{"A": big}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := setScene(t, chain(step("first", flow.KindAgent), step("a", flow.KindAgent), step("b", flow.KindAgent), step("s", flow.KindScript)))
			for _, id := range []string{"a", "b"} {
				s.fakes.by[id] = func(context.Context, node.Request) (node.Result, error) { return test.result, nil }
			}
			run := s.run(t)
			assert.Equal(t, aofv1.FlowRunPhaseFailed, run.Status.Phase)
			require.NotNil(t, run.Status.Error)
			assert.Equal(t, "RunTooLarge", run.Status.Error.Reason)
			assert.Nil(t, run.Status.Lease)
			assert.NotNil(t, run.Status.CompletionTime)
			assert.Equal(t, map[string]string{"first": "Succeeded", "a": "Succeeded", "b": "Succeeded", "s": "Skipped"}, phasesOf(run))
			assert.JSONEq(t, `{"output":"from first"}`, string(nodeOf(t, run, "first").Output.Raw), "small outputs stay")
			assert.Zero(t, s.fakes.count("s"))
			assert.Equal(t, run, s.run(t), "it is over")
		})
	}
}

func TestManySmallOutputsMayBeTooLargeToo(t *testing.T) {
	t.Parallel()
	f := flow.Flow{Name: "f"}
	for i := range 400 {
		f.Nodes = append(f.Nodes, step("n"+strings.Repeat("i", i%20)+string(rune('a'+i/20)), flow.KindTransform))
	}
	s := setScene(t, f)
	text := strings.Repeat("x", 4000)
	for i := range f.Nodes {
		s.fakes.by[f.Nodes[i].ID] = func(context.Context, node.Request) (node.Result, error) { return node.Result{Output: text}, nil }
	}
	run := s.run(t)
	assert.Equal(t, aofv1.FlowRunPhaseFailed, run.Status.Phase)
	assert.Equal(t, "RunTooLarge", run.Status.Error.Reason)
	assert.Len(t, run.Status.Nodes, 400)
}
