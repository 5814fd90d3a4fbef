// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package reply_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/reply"
	"aof.dev/operator/pkg/source"
)

// platform notes what it is to send.
type platform struct {
	source.Messenger

	to   source.Target
	text string
	err  error
}

// Send implements source.Messenger.
func (p *platform) Send(_ context.Context, to source.Target, text string) (source.Receipt, error) {
	p.to, p.text = to, text
	return source.Receipt{ID: "1", Channel: "C1"}, p.err
}

func TestSend(t *testing.T) {
	t.Parallel()
	on := &platform{}
	receipt, err := reply.Send(t.Context(), on, "slack", node.Message{
		Channel: "C1", Thread: "t", Text: "hi", Format: "markdown", Sorted: true, Data: make([]expr.Span, 1), Blocks: []any{"b"},
		Ask: &node.Ask{Namespace: "ns", Run: "r", Node: "n", Digest: "d"},
	})
	require.NoError(t, err)
	assert.Equal(t, node.Receipt{ID: "1", Channel: "C1"}, receipt)
	assert.Equal(t, "hi", on.text)
	assert.Equal(t, source.Target{
		Platform: "slack", Channel: "C1", Thread: "t", Format: "markdown", Sorted: true, Data: make([]expr.Span, 1), Blocks: []any{"b"},
		Ask: &source.Question{Namespace: "ns", Run: "r", Node: "n", Digest: "d"},
	}, on.to)
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err       error
		message   string
		retryable bool
	}{
		"for people":   {source.Fail(source.Refused, "not in that channel"), "not in that channel", false},
		"for now":      {source.Fail(source.Unavailable, "try again"), "try again", true},
		"of a library": {errors.New("token xoxb-1 is bad"), "the platform did not take the message", false},
	} {
		_, err := reply.Send(t.Context(), &platform{err: tc.err}, "slack", node.Message{})
		var typed *node.Error
		require.ErrorAs(t, err, &typed, name)
		assert.Equal(t, "SendFailed", typed.Reason, name)
		assert.Equal(t, tc.message, typed.Message, name)
		assert.Equal(t, tc.retryable, typed.Retryable, name)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := reply.Send(ended, &platform{err: errors.New("cut off")}, "slack", node.Message{})
	require.ErrorIs(t, err, context.Canceled)

	require.ErrorContains(t, reply.NotReady(source.Fail(source.Malformed, "bot_token is empty")), "bot_token is empty")
	assert.NotContains(t, reply.NotReady(errors.New("xoxb-1")).Error(), "xoxb")
}
