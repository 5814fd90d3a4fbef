// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package openai_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/llm"
	"aof.dev/operator/pkg/llm/llmtest"
	"aof.dev/operator/pkg/llm/openai"
)

func provider(t *testing.T, url, key string) *openai.Provider {
	t.Helper()
	p, err := openai.New(openai.Config{Name: "openai", BaseURL: url, Key: key, KeyEnv: "OPENAI_API_KEY"})
	require.NoError(t, err)
	return p
}

func ask(text string) llm.Request {
	return llm.Request{Model: "m", Messages: []llm.Message{{Role: llm.RoleUser, Content: text}}}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	llmtest.Conformance(t, func(t *testing.T, s llmtest.Scenario) (llm.Provider, string) {
		t.Helper()
		answer := map[llmtest.Scenario]llmtest.Answer{
			llmtest.Replies:       llmtest.Text(llmtest.Reply, llmtest.ReplyUsage),
			llmtest.RateLimited:   llmtest.Fail(http.StatusTooManyRequests, "rate_limit_exceeded", "slow down"),
			llmtest.Exhausted:     llmtest.Fail(http.StatusServiceUnavailable, "", "no capacity"),
			llmtest.Refused:       llmtest.Fail(http.StatusNotFound, "model_not_found", "no such model"),
			llmtest.FilteredReply: llmtest.Filtered(),
			llmtest.Broken:        llmtest.Malformed(),
			llmtest.NeverReplies:  llmtest.Hang(),
		}[s]
		srv := llmtest.NewServer(t, answer)
		key := srv.Key
		if s == llmtest.WrongKey {
			key = "sk-wrong-key-abcdef"
		}
		return provider(t, srv.URL, key), key
	})
}

func TestRequestOnTheWire(t *testing.T) {
	t.Parallel()
	temperature := 0.0
	req := llm.Request{
		Model: "gpt-4o", System: "be brief", Temperature: &temperature, MaxTokens: 99,
		Messages: []llm.Message{{Role: llm.RoleUser, Content: "a"}, {Role: llm.RoleAssistant, Content: "b"}, {Role: llm.RoleUser, Content: "c"}},
		Agent:    "not for the model", Declared: "nor this",
	}
	srv := llmtest.NewServer(t, llmtest.Text("ok", llm.Usage{}))
	_, err := provider(t, srv.URL, srv.Key).Generate(t.Context(), req)
	require.NoError(t, err)
	assert.Equal(t, []llmtest.Call{{
		Model: "gpt-4o", Temperature: &temperature, MaxTokens: 99,
		Messages: []llmtest.Message{
			{Role: "system", Content: "be brief"},
			{Role: "user", Content: "a"},
			{Role: "assistant", Content: "b"},
			{Role: "user", Content: "c"},
		},
	}}, srv.Calls())
}

func TestRetries(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answers []llmtest.Answer
		calls   int
		kind    llm.Kind
	}{
		"a passing rate limit is waited for": {
			answers: []llmtest.Answer{llmtest.Fail(429, "", "slow"), llmtest.Fail(500, "", "oops"), llmtest.Text("ok", llm.Usage{})}, calls: 3,
		},
		"not for ever":                      {answers: []llmtest.Answer{llmtest.Fail(500, "", "oops")}, calls: openai.MaxRetries + 1, kind: llm.Unavailable},
		"a wrong request is not repeated":   {answers: []llmtest.Answer{llmtest.Fail(400, "", "bad")}, calls: 1, kind: llm.BadRequest},
		"a long wait is left to the caller": {answers: []llmtest.Answer{{Status: 429, Header: map[string]string{"Retry-After": "31"}, Body: "{}"}}, calls: 1, kind: llm.RateLimit},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := llmtest.NewServer(t, tc.answers...)
			_, err := provider(t, srv.URL, srv.Key).Generate(t.Context(), ask("why"))
			assert.Len(t, srv.Calls(), tc.calls)
			if tc.kind == "" {
				require.NoError(t, err)
				return
			}
			var e *llm.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, tc.kind, e.Kind)
		})
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	tooLarge := llmtest.Text(strings.Repeat("y", llm.MaxReplyBytes+1), llm.Usage{})
	for name, tc := range map[string]struct {
		answer    llmtest.Answer
		kind      llm.Kind
		retryable bool
		says      string
	}{
		"a page of a proxy": {llmtest.Answer{Status: 502, Header: map[string]string{"Retry-After": "0", "Content-Type": "text/html"}, Body: "<html>"}, llm.Unavailable, true, "HTTP 502"},
		"html with 200":     {llmtest.Answer{Header: map[string]string{"Content-Type": "text/html"}, Body: "<html>"}, llm.Unavailable, true, "not a chat completion"},
		"no choices":        {llmtest.Answer{Body: `{"choices":[]}`}, llm.Unavailable, true, "no choices"},
		"quota":             {llmtest.Fail(429, "insufficient_quota", "pay"), llm.RateLimit, false, "pay"},
		"forbidden":         {llmtest.Fail(403, "", "your key sk-x may not"), llm.Auth, false, "OPENAI_API_KEY"},
		"prompt filtered":   {llmtest.Fail(400, "content_filter", "no"), llm.ContentFilter, false, "HTTP 400"},
		"redirect":          {llmtest.Answer{Status: 307, Header: map[string]string{"Location": "http://127.0.0.1:1/"}}, llm.BadRequest, false, "redirect"},
		"huge text":         {tooLarge, llm.Unavailable, true, "limit"},
		"huge body":         {llmtest.Answer{Body: `{"choices":[], "x": "` + strings.Repeat("y", 8*llm.MaxReplyBytes) + `"}`}, llm.Unavailable, true, "larger"},
		"long message":      {llmtest.Fail(400, "", strings.Repeat("long ", 1000)), llm.BadRequest, false, "HTTP 400"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := llmtest.NewServer(t, tc.answer)
			_, err := provider(t, srv.URL, srv.Key).Generate(t.Context(), ask("why"))
			var e *llm.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, tc.kind, e.Kind, "%v", err)
			assert.Equal(t, tc.retryable, e.Retryable)
			assert.Contains(t, e.Message, tc.says)
			assert.LessOrEqual(t, len(e.Message), llm.MaxMessageBytes)
			assert.NotContains(t, e.Message, "sk-")
		})
	}
}

func TestKeyIsTakenOutOfMessages(t *testing.T) {
	t.Parallel()
	srv := llmtest.NewServer(t)
	other := llmtest.NewServer(t, llmtest.Fail(400, "", "you sent "+srv.Key))
	_, err := provider(t, other.URL, other.Key).Generate(t.Context(), ask("why"))
	require.ErrorContains(t, err, "you sent [key]")
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	p, err := openai.New(openai.Config{Name: "ollama", BaseURL: srv.URL, Key: "k", MaxRetries: -1})
	require.NoError(t, err)
	_, err = p.Generate(t.Context(), ask("why"))
	var e *llm.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, llm.Unavailable, e.Kind)
	assert.Contains(t, e.Message, "connection refused")
}

func TestBuilders(t *testing.T) {
	t.Parallel()
	env := func(m map[string]string) func(string) string { return func(k string) string { return m[k] } }
	for name, tc := range map[string]struct {
		builder string
		env     map[string]string
		kind    llm.Kind
		says    string
	}{
		"openai needs a key":             {"openai", nil, llm.Auth, "OPENAI_API_KEY"},
		"openai":                         {"openai", map[string]string{"OPENAI_API_KEY": "k"}, "", ""},
		"groq needs its own key":         {"groq", map[string]string{"OPENAI_API_KEY": "k"}, llm.Auth, "GROQ_API_KEY"},
		"ollama needs none":              {"ollama", nil, "", ""},
		"a base URL is a URL":            {"openai", map[string]string{"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "ftp://user:secret@x"}, llm.BadRequest, "OPENAI_BASE_URL"},
		"openrouter needs a key as well": {"openrouter", nil, llm.Auth, "OPENROUTER_API_KEY"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _, err := llm.NewOpener(llm.Options{Getenv: env(tc.env)}, openai.Builders()...).Open(tc.builder + ":m")
			if tc.kind == "" {
				require.NoError(t, err)
				assert.NotNil(t, p)
				return
			}
			var e *llm.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, tc.kind, e.Kind)
			assert.Contains(t, e.Message, tc.says)
			assert.NotContains(t, e.Message, "secret")
		})
	}
}

func TestOllamaHost(t *testing.T) {
	t.Parallel()
	srv := llmtest.NewServer(t, llmtest.Text("hi", llm.Usage{}))
	srv.Key = "ollama"
	host := strings.TrimSuffix(srv.URL, "/v1")
	for name, value := range map[string]string{
		"as it is": srv.URL, "without path": host, "with a slash": host + "/", "without scheme": strings.TrimPrefix(host, "http://"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := llm.NewOpener(llm.Options{Getenv: func(k string) string {
				if k == "OLLAMA_HOST" {
					return value
				}
				return ""
			}}, openai.Builders()...)
			p, model, err := o.Open("ollama:llama3:8b")
			require.NoError(t, err)
			assert.Equal(t, "llama3:8b", model)
			resp, err := p.Generate(t.Context(), llm.Request{Model: model, Messages: ask("x").Messages, MaxTokens: 5})
			require.NoError(t, err)
			assert.Equal(t, "hi", resp.Text)
		})
	}
}
