// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package mock_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/llm"
	"aof.dev/operator/pkg/llm/llmtest"
	"aof.dev/operator/pkg/llm/mock"
)

func scripted(t *testing.T, script string) *mock.Scripted {
	t.Helper()
	s, err := mock.ParseScript([]byte(script))
	require.NoError(t, err)
	return mock.New("test.yaml", s)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	llmtest.Conformance(t, func(t *testing.T, s llmtest.Scenario) (llm.Provider, string) {
		t.Helper()
		if s == llmtest.Replies {
			return scripted(t, `
rules:
- reply: "three pods are restarting\n{\"a\": \"<b>\"}"
  usage: {input_tokens: 21, output_tokens: 7}`), ""
		}
		kind := map[llmtest.Scenario]string{
			llmtest.WrongKey: "auth", llmtest.RateLimited: "RateLimit", llmtest.Exhausted: "overloaded",
			llmtest.Refused: "badrequest", llmtest.FilteredReply: "ContentFilter", llmtest.Broken: "Unavailable",
		}[s]
		if kind == "" {
			return scripted(t, "default: {hang: true}"), ""
		}
		return scripted(t, "default: {error: {kind: "+kind+", message: scripted}}"), ""
	})
}

func TestEcho(t *testing.T) {
	t.Parallel()
	req := llm.Request{System: "s", Messages: []llm.Message{
		{Role: llm.RoleUser, Content: "first"}, {Role: llm.RoleAssistant, Content: "reply"}, {Role: llm.RoleUser, Content: " show\n\tpods "},
	}}
	resp, err := mock.Echo{}.Generate(t.Context(), req)
	require.NoError(t, err)
	assert.Equal(t, &llm.Response{Text: "echo: show pods", Usage: llm.Usage{InputTokens: 6, OutputTokens: 4}, StopReason: "stop"}, resp)

	req.Messages = []llm.Message{{Role: llm.RoleUser, Content: strings.Repeat("é", 1000)}}
	resp, err = mock.Echo{}.Generate(t.Context(), req)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(resp.Text), 206)
	assert.True(t, strings.HasSuffix(resp.Text, "é…"), resp.Text)
}

const rules = `
rules:
- {agent: k8s, contains: PODS, times: 1, json: {severity: high, n: 1.5, a: "<x>"}}
- {agent: k8s, matches: "^delete\\b", reply: "requires_approval: true"}
- {model: "openai:gpt-4o", reply: by model}
- {contains: terse, reply: by system}
`

func TestRules(t *testing.T) {
	t.Parallel()
	p := scripted(t, rules)
	for _, tc := range []struct{ agent, declared, system, user, want string }{
		{"k8s", "", "", "list pods", `{"a":"<x>","n":1.5,"severity":"high"}`},
		{"k8s", "", "", "delete pods", "requires_approval: true"}, // the first rule is used up
		{"x", "openai:gpt-4o", "", "hello", "by model"},
		{"x", "", "be Terse", "hello", "by system"},
	} {
		resp, err := p.Generate(t.Context(), llm.Request{
			Agent: tc.agent, Declared: tc.declared, System: tc.system, Messages: []llm.Message{{Role: llm.RoleUser, Content: tc.user}},
		})
		require.NoError(t, err)
		assert.Equal(t, tc.want, resp.Text)
	}
	_, err := p.Generate(t.Context(), llm.Request{Agent: "other", Messages: []llm.Message{{Role: llm.RoleUser, Content: "hello"}}})
	require.ErrorContains(t, err, `no rule left for agent "other"`)
}

func TestParseScriptRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ script, says string }{
		"nothing":         {"{}", "neither rules nor a default"},
		"unknown field":   {"rules: [{replay: x}]", "replay"},
		"duplicate key":   {"rules: [{reply: x, reply: y}]", "reply"},
		"two answers":     {"rules: [{reply: x}, {reply: x, json: {}}]", "rules[1]: needs exactly one"},
		"no answer":       {"rules: [{agent: x}]", "rules[0]: needs exactly one"},
		"pattern":         {"rules: [{matches: '(', reply: x}]", "rules[0]: matches"},
		"error kind":      {"rules: [{error: {kind: Nope}}]", "rules[0]: error.kind"},
		"times":           {"rules: [{times: -1, reply: x}]", "times"},
		"default with if": {"default: {agent: x, reply: y}", "default: takes no conditions"},
		"keys":            {"rules: [{json: {1: x}}]", "rules[0]: json"},
		"no YAML":         {"rules: [", "read script"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := mock.ParseScript([]byte(tc.script))
			require.ErrorContains(t, err, tc.says)
		})
	}
}

func TestBuilder(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{
		"dir/ok.yaml":  {Data: []byte("rules: [{times: 1, reply: one}]\ndefault: {reply: two}")},
		"bad.yaml":     {Data: []byte("{}")},
		"large.yaml":   {Data: make([]byte, 1<<20+1)},
		"secrets.yaml": {Data: []byte("password: hunter2")},
	}
	o := llm.NewOpener(llm.Options{Scripts: files}, mock.Builder())
	for ref, says := range map[string]string{
		"mock:nope": "mock:echo", "mock:bad.yaml": "neither", "mock:large.yaml": "larger", "mock:missing.yaml": "not exist",
		"mock:../x.yaml": "not exist", "mock:": "names no model",
	} {
		_, _, err := o.Open(ref)
		require.ErrorContains(t, err, says, ref)
	}
	_, _, err := o.Open("mock:secrets.yaml")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")

	ask := llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: "hello"}}}
	for _, want := range []string{"one", "two"} { // an Opener keeps the script's counters
		p, _, err := o.Open("mock:./dir/ok.yaml")
		require.NoError(t, err)
		resp, err := p.Generate(t.Context(), ask)
		require.NoError(t, err)
		assert.Equal(t, want, resp.Text)
	}
}
