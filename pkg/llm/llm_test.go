// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package llm_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/llm"
	"aof.dev/operator/pkg/llm/builtin"
)

func TestParseRef(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]llm.Ref{
		"openai:gpt-4o":              {Provider: "openai", Model: "gpt-4o"},
		"claude-3-5-sonnet-20241022": {Provider: "anthropic", Model: "claude-3-5-sonnet-20241022"},
		"Ollama: llama3:8b":          {Provider: "ollama", Model: "llama3:8b"},
		"mock:dir/a.yaml":            {Provider: "mock", Model: "dir/a.yaml"},
		"":                           {Provider: "anthropic"},
	} {
		assert.Equal(t, want, llm.ParseRef(in), in)
	}
}

func TestJoin(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ provider, model, want string }{
		{"", "gpt-4o", "gpt-4o"},
		{"openai", "gpt-4o", "openai:gpt-4o"},
		{"openai", "groq:llama", "groq:llama"},
		{"Ollama", "llama3:8b", "ollama:llama3:8b"},
		{"openai", "", ""},
	} {
		assert.Equal(t, tc.want, llm.Join(tc.provider, tc.model))
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		ref, model string
		says       []string
	}{
		"mock":                 {ref: "mock:echo", model: "echo"},
		"alias":                {ref: "gpt:gpt-4o", model: "gpt-4o"},
		"not built in":         {ref: "google:gemini-2.5-flash", says: []string{"not built in yet", "mock, ollama, openai, openrouter", "AOF_MODEL=mock:echo", "--model"}},
		"bare is anthropic":    {ref: "claude-3-5-sonnet-20241022", says: []string{`"anthropic"`, "not built in yet"}},
		"unknown":              {ref: "acme:big", says: []string{`"acme"`, "not a known provider"}},
		"empty":                {ref: "", says: []string{"names no model"}},
		"long garbage is kept": {ref: strings.Repeat("x", 10000) + ":m", says: []string{"not a known provider"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := builtin.Opener(llm.Options{Getenv: func(k string) string { return map[string]string{"OPENAI_API_KEY": "k"}[k] }})
			p, model, err := o.Open(tc.ref)
			if len(tc.says) == 0 {
				require.NoError(t, err)
				assert.NotNil(t, p)
				assert.Equal(t, tc.model, model)
				return
			}
			var e *llm.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, llm.BadRequest, e.Kind)
			assert.False(t, e.Retryable)
			assert.LessOrEqual(t, len(e.Message), llm.MaxMessageBytes)
			for _, s := range tc.says {
				assert.Contains(t, e.Message, s)
			}
		})
	}
}

func TestOverride(t *testing.T) {
	t.Parallel()
	env := func(k string) string {
		if k == llm.ModelEnv {
			return " mock:echo "
		}
		return ""
	}
	_, model, err := builtin.Opener(llm.Options{Getenv: env}).Open("google:gemini-2.5-flash")
	require.NoError(t, err)
	assert.Equal(t, "echo", model)

	o := builtin.Opener(llm.Options{Getenv: env, Model: "ollama:m"})
	_, model, err = o.Open("google:gemini-2.5-flash")
	require.NoError(t, err)
	assert.Equal(t, "m", model, "a flag wins over the environment")
	assert.Equal(t, "ollama:m", o.Override())
}

func TestContextError(t *testing.T) {
	t.Parallel()
	e := llm.ContextError("openai", context.DeadlineExceeded)
	require.ErrorIs(t, e, context.DeadlineExceeded)
	assert.True(t, e.Retryable)
	e = llm.ContextError("openai", context.Canceled)
	require.ErrorIs(t, e, context.Canceled)
	assert.False(t, e.Retryable)
	assert.Equal(t, "model provider openai: Timeout: no reply before the call was ended: context canceled", e.Error())
}

func TestParseKind(t *testing.T) {
	t.Parallel()
	k, ok := llm.ParseKind("ratelimit")
	assert.True(t, ok)
	assert.Equal(t, llm.RateLimit, k)
	_, ok = llm.ParseKind("")
	assert.False(t, ok)
}

func FuzzShorten(f *testing.F) {
	for _, s := range []string{"", "short", "line\nbreak\x00", "ééééééé", "\xff\xfe", "日本語日本語"} {
		f.Add(s, 8)
	}
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = 3 + (limit&0x7fffffff)%1000
		got := llm.Shorten(s, limit)
		if len(got) > limit || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\x00\x1b") {
			t.Errorf("Shorten(%q, %d) = %q", s, limit, got)
		}
	})
}

func TestErrorWithoutProvider(t *testing.T) {
	t.Parallel()
	err := error(llm.NewError(llm.BadRequest, "", "no %s", "model"))
	assert.Equal(t, "model: BadRequest: no model", err.Error())
	assert.NoError(t, errors.Unwrap(err))
}
