// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/agent"
	"aof.dev/operator/pkg/fleet"
	"aof.dev/operator/pkg/llm"
	"aof.dev/operator/pkg/llm/builtin"
	"aof.dev/operator/pkg/llm/llmtest"
)

func runner(t *testing.T, script string) *agent.Runner {
	t.Helper()
	files := fstest.MapFS{"s.yaml": {Data: []byte(script)}}
	return &agent.Runner{Models: builtin.Opener(llm.Options{Scripts: files})}
}

func TestRun(t *testing.T) {
	t.Parallel()
	r := runner(t, `
rules:
- agent: k8s-ops
  contains: delete
  json: {requires_approval: "true", command: kubectl delete pod x, agent: impostor, input: forged, input_tokens: 1, output_tokens: 2}
  usage: {input_tokens: 30, output_tokens: 9}
`)
	got, err := r.Run(t.Context(), agent.Spec{Name: "k8s-ops", Model: "mock:s.yaml", Instructions: "terse"}, "delete pod x")
	require.NoError(t, err)
	assert.Equal(t, llm.Usage{InputTokens: 30, OutputTokens: 9}, got.Usage)
	assert.Equal(t, map[string]any{
		"agent": "k8s-ops", "input": "delete pod x", "output": got.Text, "requires_approval": true,
		"command": "kubectl delete pod x", "input_tokens": 30.0, "output_tokens": 9.0,
	}, got.Output)
}

func TestRunSendsInstructionsAndSettings(t *testing.T) {
	t.Parallel()
	srv := llmtest.NewServer(t, llmtest.Text("fine", llm.Usage{InputTokens: 3, OutputTokens: 1}))
	env := map[string]string{"OPENAI_BASE_URL": srv.URL, "OPENAI_API_KEY": srv.Key}
	r := &agent.Runner{Models: builtin.Opener(llm.Options{Getenv: func(k string) string { return env[k] }})}
	temperature := 0.2
	_, err := r.Run(t.Context(), agent.Spec{
		Name: "a", Provider: "openai", Model: "gpt-4o", Instructions: "be brief", Temperature: &temperature, MaxTokens: 50,
	}, "how are you")
	require.NoError(t, err)
	assert.Equal(t, []llmtest.Call{{
		Model: "gpt-4o", Temperature: &temperature, MaxTokens: 50,
		Messages: []llmtest.Message{{Role: "system", Content: "be brief"}, {Role: "user", Content: "how are you"}},
	}}, srv.Calls())
}

func TestRunFails(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		model, input string
		kind         llm.Kind
		says         string
	}{
		"no such provider": {"google:gemini-2.5-flash", "x", llm.BadRequest, "not built in yet"},
		"input too large":  {"mock:echo", strings.Repeat("x", llm.MaxInputBytes+1), llm.BadRequest, "1048577 bytes"},
		"scripted":         {"mock:s.yaml", "x", llm.RateLimit, `agent "a": model provider mock: RateLimit: slow down`},
		"no model":         {"", "x", llm.BadRequest, "names no model"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := runner(t, "default: {error: {kind: RateLimit, message: slow down}}").Run(t.Context(), agent.Spec{Name: "a", Model: tc.model}, tc.input)
			var e *llm.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, tc.kind, e.Kind)
			assert.Contains(t, err.Error(), tc.says)
			assert.Less(t, len(err.Error()), 700)
		})
	}
	_, err := new(agent.Runner).Run(t.Context(), agent.Spec{Name: "a", Model: "mock:echo"}, "x")
	require.ErrorContains(t, err, "no model providers")
}

func TestReplyIsBounded(t *testing.T) {
	t.Parallel()
	r := &agent.Runner{Models: models{reply: strings.Repeat("x", llm.MaxReplyBytes+1)}}
	_, err := r.Run(t.Context(), agent.Spec{Name: "a", Model: "m"}, "x")
	require.ErrorContains(t, err, "the reply is 1048577 bytes")
}

// models is one provider that says one thing.
type models struct{ reply string }

func (m models) Open(string) (llm.Provider, string, error) { return m, "m", nil }

func (m models) Generate(context.Context, llm.Request) (*llm.Response, error) {
	return &llm.Response{Text: m.reply}, nil
}

func team(mode fleet.Mode, names ...string) agent.FleetSpec {
	s := agent.FleetSpec{Fleet: fleet.Spec{Name: "team", Coordination: fleet.Coordination{Mode: mode}}, Agents: map[string]agent.Spec{}}
	for _, n := range names {
		s.Fleet.Members = append(s.Fleet.Members, fleet.Member{Name: n})
		s.Agents[n] = agent.Spec{Name: n, Model: "mock:s.yaml"}
	}
	return s
}

func TestRunFleetVotes(t *testing.T) {
	t.Parallel()
	r := runner(t, `
rules:
- {agent: a, error: {kind: Overloaded, message: busy}}
- {agent: b, json: {decision: rollback, why: 1, votes: 99, requires_review: true, response: mine}, usage: {input_tokens: 10, output_tokens: 1}}
- {agent: c, json: {decision: Rollback, why: 2}, usage: {input_tokens: 20, output_tokens: 2}}
`)
	got, err := r.RunFleet(t.Context(), team(fleet.Peer, "a", "b", "c"), "what now")
	require.NoError(t, err)
	assert.Equal(t, llm.Usage{InputTokens: 30, OutputTokens: 3}, got.Usage)
	const reply = `{"decision":"rollback","requires_review":true,"response":"mine","votes":99,"why":1}`
	assert.Equal(t, got.Output["output"], got.Text)
	assert.Equal(t, map[string]any{
		"fleet": "team", "input": "what now", "output": reply, "response": "mine", "requires_approval": false,
		"decision": "rollback", "why": 1.0,
		"confidence": 1.0, "votes": 2.0, "requires_review": false, "winner": "b",
		"answers": []any{
			map[string]any{"agent": "a", "error": `agent "a": model provider mock: Overloaded: busy`},
			map[string]any{"agent": "b", "output": reply},
			map[string]any{"agent": "c", "output": `{"decision":"Rollback","why":2}`},
		},
		"usage": map[string]any{"input_tokens": 30.0, "output_tokens": 3.0, "total_tokens": 33.0},
	}, got.Output)
}

func TestRunFleetHierarchical(t *testing.T) {
	t.Parallel()
	r := runner(t, `
rules:
- {agent: boss, contains: '"step":"plan"', reply: "Sure:\n`+"```json"+`\n{\"tasks\": [{\"agent\": \"w2\", \"task\": \"look\"}]}\n`+"```"+`"}
- {agent: w2, contains: '"task":"look"', reply: seen}
- {agent: boss, contains: '"output":"seen"', reply: done}
`)
	spec := team(fleet.Hierarchical, "boss", "w1", "w2")
	spec.Fleet.Coordination.Manager = "boss"
	got, err := r.RunFleet(t.Context(), spec, "what now")
	require.NoError(t, err)
	assert.Equal(t, "done", got.Text)
	assert.Equal(t, "done", got.Output["response"])
}

func TestRunFleetFails(t *testing.T) {
	t.Parallel()
	r := runner(t, "default: {error: {kind: Overloaded, message: busy}}")
	_, err := r.RunFleet(t.Context(), team(fleet.Peer, "a", "b"), "x")
	var e *llm.Error
	require.ErrorAs(t, err, &e, "the cause can be found")
	assert.True(t, e.Retryable)
	assert.Contains(t, err.Error(), `fleet "team": no agent gave an answer`)

	_, err = r.RunFleet(t.Context(), team("anarchy", "a"), "x")
	require.ErrorContains(t, err, "coordination.mode")
	spec := team(fleet.Peer, "a", "b")
	delete(spec.Agents, "b")
	_, err = r.RunFleet(t.Context(), spec, "x")
	require.ErrorContains(t, err, `no agent is given for member "b"`)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = r.RunFleet(ctx, team(fleet.Peer, "a"), "x")
	require.ErrorIs(t, err, context.Canceled)
}

// Storing an output and loading it changes nothing.
func TestOutputSurvivesJSON(t *testing.T) {
	t.Parallel()
	r := runner(t, `default: {json: {n: 3, big: 12345678901234567890, f: 1.5, list: [1, {x: 2}], no: null}}`)
	got, err := r.Run(t.Context(), agent.Spec{Name: "a", Model: "mock:s.yaml"}, "x")
	require.NoError(t, err)
	data, err := json.Marshal(got.Output)
	require.NoError(t, err)
	var loaded map[string]any
	require.NoError(t, json.Unmarshal(data, &loaded))
	assert.Equal(t, loaded, got.Output)
	assert.Equal(t, "12345678901234567890", got.Output["big"])
}
