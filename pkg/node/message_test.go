// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/node"
)

func TestMessagesGoWhereTheyShould(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind   flow.Kind
		config values
		want   node.Message
	}{
		"a reply":            {flow.KindResponse, values{"message": "hi ${event.user}"}, node.Message{Platform: "slack", Channel: "C9", Thread: "1.2", Text: "hi U1", Data: within(3, "U1")}},
		"the same platform":  {flow.KindSlack, values{"text": "x"}, node.Message{Platform: "slack", Channel: "C9", Thread: "1.2", Text: "x"}},
		"another channel":    {flow.KindSlack, values{"message": "x", "channel": "#ops"}, node.Message{Platform: "slack", Channel: "#ops", Text: "x"}},
		"the same channel":   {flow.KindSlack, values{"message": "x", "channel_id": "C9"}, node.Message{Platform: "slack", Channel: "C9", Thread: "1.2", Text: "x"}},
		"no thread":          {flow.KindSlack, values{"message": "x", "thread_ts": ""}, node.Message{Platform: "slack", Channel: "C9", Text: "x"}},
		"another platform":   {flow.KindTelegram, values{"message": "x", "chat_id": float64(-1001234567890), "parse_mode": "MarkdownV2"}, node.Message{Platform: "telegram", Channel: "-1001234567890", Text: "x", Format: "markdown"}},
		"a platform by name": {flow.KindNotify, values{"message": "x", "platform": "Discord", "channel": "7"}, node.Message{Platform: "discord", Channel: "7", Text: "x"}},
		"a format":           {flow.KindResponse, values{"message": "x", "format": "text"}, node.Message{Platform: "slack", Channel: "C9", Thread: "1.2", Text: "x", Format: "text"}},
		"blocks": {
			flow.KindSlack,
			values{"blocks": []any{values{"type": "section", "text": values{"type": "mrkdwn", "text": "${event.text}"}, "n": "${n}"}}},
			node.Message{Platform: "slack", Channel: "C9", Thread: "1.2", Format: "blocks", Blocks: []any{values{"type": "section", "text": values{"type": "mrkdwn", "text": expr.Value(`"}],"x`)}, "n": 3}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			scope := event(`"}],"x`)
			scope["n"] = 3
			out := b.ok(t, test.kind, test.config, scope)
			test.want.Sorted = true
			require.Equal(t, []node.Message{test.want}, b.messenger.sent)
			assert.Equal(t, true, out["sent"])
			assert.Equal(t, "17.5", out["ts"])
			assert.Equal(t, "C1", out["channel"])
			assert.Equal(t, test.want.Text, out["message"])
			assert.Equal(t, test.want.Text, out["output"])
		})
	}
}

func TestMessagesThatAreOnlyRecorded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	assert.Equal(t, false, b.ok(t, flow.KindDiscord, values{"message": "x"}, nil)["sent"], "nobody says which channel")
	assert.Equal(t, false, b.ok(t, flow.KindResponse, values{"message": " ${none}"}, nil)["sent"], "nothing to say")
	assert.Empty(t, b.messenger.sent)
	b = newBench(t, func(o *node.Options) { o.Messenger = nil })
	assert.Equal(t, values{
		"platform": "slack", "channel": "C9", "thread": "1.2", "message": "x", "output": "x", "sent": false,
	}, b.ok(t, flow.KindResponse, values{"message": "x"}, nil))
}

func TestMessagesThatFail(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.messenger.err = errors.New("no")
	assert.True(t, b.fails(t, flow.KindResponse, values{"message": "x"}, nil, node.ReasonSend).Retryable)
	b.messenger.err = &node.Error{Reason: "ChannelNotFound"}
	b.fails(t, flow.KindResponse, values{"message": "x"}, nil, "ChannelNotFound")
	b.fails(t, flow.KindResponse, values{"blocks": "text"}, nil, node.ReasonInvalidConfig)
}

func TestWaitForReaction(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	res, err := b.run(t, flow.KindSlack, values{
		"message": "deploy?", "wait_for_reaction": true, "reactions": []any{":white_check_mark:", "x"}, "timeout_seconds": 300,
	}, nil)
	require.NoError(t, err)
	assert.Equal(t, &flow.Wait{
		Kind: flow.WaitReaction, Message: "deploy?", Until: start.Add(5 * time.Minute),
		Details: values{
			"platform": "slack", "channel": "C1", "thread": "1.2", "ts": "17.5", "id": "17.5", "sent": true, "reactions": []any{"white_check_mark", "x"}, "digest": node.Digest("n", "deploy?"),
		},
	}, res.Wait)
	assert.Equal(t, "deploy?", res.Output.(map[string]any)["message"])
}
