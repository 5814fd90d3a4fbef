// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package llmtest

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/llm"
)

// Scenario is a situation that a harness brings a provider into.
type Scenario string

// The scenarios of Conformance.
const (
	// Replies: every call is answered with Reply and ReplyUsage.
	Replies Scenario = "Replies"
	// WrongKey: the service refuses the credentials.
	WrongKey Scenario = "WrongKey"
	// RateLimited: the service says that the rate is used up, on every call.
	RateLimited Scenario = "RateLimited"
	// Exhausted: the service has no capacity, on every call.
	Exhausted Scenario = "Exhausted"
	// Refused: the service says that the request is wrong.
	Refused Scenario = "Refused"
	// FilteredReply: the service's content filter strikes.
	FilteredReply Scenario = "FilteredReply"
	// Broken: the service fails, or answers with something that is no reply.
	Broken Scenario = "Broken"
	// NeverReplies: the service does not answer before the context ends.
	NeverReplies Scenario = "NeverReplies"
)

// Reply and ReplyUsage are what a provider in scenario Replies says.
const Reply = "three pods are restarting\n{\"a\": \"<b>\"}"

// ReplyUsage is the usage that goes with Reply.
var ReplyUsage = llm.Usage{InputTokens: 21, OutputTokens: 7}

// Harness returns a provider in the given scenario and the secret that must
// never appear in an error ("" when there is none).
type Harness func(t *testing.T, s Scenario) (p llm.Provider, secret string)

// Conformance runs what every provider has to do.
func Conformance(t *testing.T, h Harness) {
	t.Helper()
	t.Run("replies with text and usage", func(t *testing.T) {
		t.Parallel()
		p, _ := h(t, Replies)
		resp, err := p.Generate(t.Context(), request("why"))
		require.NoError(t, err)
		assert.Equal(t, Reply, resp.Text)
		assert.Equal(t, ReplyUsage, resp.Usage)
		assert.Equal(t, "stop", resp.StopReason)
	})
	t.Run("serves concurrent calls", func(t *testing.T) {
		t.Parallel()
		p, _ := h(t, Replies)
		concurrent(t, p)
	})
	for s, kind := range map[Scenario]llm.Kind{
		WrongKey: llm.Auth, RateLimited: llm.RateLimit, Exhausted: llm.Overloaded,
		Refused: llm.BadRequest, FilteredReply: llm.ContentFilter, Broken: llm.Unavailable,
	} {
		t.Run("reports "+string(s), func(t *testing.T) {
			t.Parallel()
			p, secret := h(t, s)
			_, err := p.Generate(t.Context(), request("why"))
			requireError(t, err, kind, secret)
		})
	}
	t.Run("refuses what no model can read", func(t *testing.T) {
		t.Parallel()
		p, secret := h(t, Replies)
		_, err := p.Generate(t.Context(), request(strings.Repeat("x", llm.MaxInputBytes+1)))
		requireError(t, err, llm.BadRequest, secret)
		_, err = p.Generate(t.Context(), llm.Request{Model: "m", System: "s"})
		requireError(t, err, llm.BadRequest, secret)
	})
	t.Run("ends with its context", func(t *testing.T) { endsWithContext(t, h) })
}

func endsWithContext(t *testing.T, h Harness) {
	t.Helper()
	t.Parallel()
	p, secret := h(t, NeverReplies)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := p.Generate(ctx, request("why"))
		done <- err
	}()
	cancel()
	err := <-done
	requireError(t, err, llm.Timeout, secret)
	require.ErrorIs(t, err, context.Canceled)

	expired, cancel := context.WithTimeout(t.Context(), 1)
	defer cancel()
	<-expired.Done()
	_, err = p.Generate(expired, request("why"))
	requireError(t, err, llm.Timeout, secret)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func concurrent(t *testing.T, p llm.Provider) {
	t.Helper()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			resp, err := p.Generate(t.Context(), request("why"))
			if assert.NoError(t, err) {
				assert.Equal(t, Reply, resp.Text)
			}
		})
	}
	wg.Wait()
}

func request(text string) llm.Request {
	return llm.Request{
		Model:    "m",
		System:   "you are terse",
		Messages: []llm.Message{{Role: llm.RoleUser, Content: text}},
		Agent:    "tester",
	}
}

func requireError(t *testing.T, err error, kind llm.Kind, secret string) {
	t.Helper()
	var e *llm.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, kind, e.Kind, "%v", err)
	assert.NotEmpty(t, e.Message)
	assert.LessOrEqual(t, len(e.Message), llm.MaxMessageBytes)
	assert.NotContains(t, err.Error(), strings.Repeat("x", 1000), "errors don't echo the input")
	if secret != "" {
		assert.NotContains(t, err.Error(), secret)
	}
}
