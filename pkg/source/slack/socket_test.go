// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package slack_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	clocktesting "k8s.io/utils/clock/testing"

	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/source"
	"aof.dev/operator/pkg/source/slack"
	fakeslack "aof.dev/operator/test/fake/slack"
)

// listening is a stream that somebody listens to.
type listening struct {
	socket *fakeslack.Socket
	got    chan event.Message
	said   chan source.Answer
	fail   chan error // what the next delivery gets; nil is fine
	stop   context.CancelFunc
	ended  chan error
}

func listen(t *testing.T) *listening {
	t.Helper()
	l := &listening{socket: fakeslack.NewSocket(t), got: make(chan event.Message, 100), said: make(chan source.Answer, 100), fail: make(chan error, 100), ended: make(chan error, 1)}
	s, err := slack.NewStream(source.Settings{
		BaseURL: l.socket.URL(), HTTPClient: l.socket.Client(), Clock: clocktesting.NewFakePassiveClock(now),
		Config: map[string]any{"app_token": fakeslack.AppToken},
	})
	require.NoError(t, err)
	require.NotNil(t, s)
	ctx, stop := context.WithCancel(t.Context())
	l.stop = stop
	go func() {
		l.ended <- s.Listen(ctx, func(_ context.Context, d source.Delivery) error {
			for _, m := range d.Messages {
				l.got <- m
			}
			for _, a := range d.Answers {
				l.said <- a
			}
			select {
			case err := <-l.fail:
				return err
			default:
				return nil
			}
		})
	}()
	return l
}

func (l *listening) end(t *testing.T) {
	t.Helper()
	l.stop()
	require.Error(t, <-l.ended)
}

func TestSocketMode(t *testing.T) {
	t.Parallel()
	l := listen(t)
	id := l.socket.Send("events_api", fakeslack.MessageEvent(channel, alice, ts, "a pod is down"))
	assert.Equal(t, id, <-l.socket.Acks)
	m := <-l.got
	assert.Equal(t, "a pod is down", m.Text)
	assert.Equal(t, fakeslack.Team+":"+channel+":"+ts, m.ID, "the same as when Slack calls us")

	command, err := json.Marshal(map[string]any{
		"command": "/aof", "text": "pods", "channel_id": channel, "user_id": alice, "team_id": fakeslack.Team, "trigger_id": "1.2",
		"token": "old-secret", "response_url": "https://hooks.slack.com/secret", "is_enterprise_install": false,
	})
	require.NoError(t, err)
	id = l.socket.Send("slash_commands", command)
	assert.Equal(t, id, <-l.socket.Acks)
	m = <-l.got
	assert.Equal(t, "/aof pods", m.Text)
	raw, err := json.Marshal(m)
	require.NoError(t, err)
	assert.NotContains(t, string(raw), "secret")

	id = l.socket.Send("interactive", fakeslack.PressPayload(channel, ts, alice, "aof_deny", `{"namespace":"ns","run":"r","node":"n","digest":"d"}`))
	assert.Equal(t, id, <-l.socket.Acks)
	said := <-l.said
	assert.Equal(t, &source.Question{Namespace: "ns", Run: "r", Node: "n", Digest: "d"}, said.Question)
	assert.Equal(t, alice, said.User.ID)
	assert.False(t, said.Approved)

	for name, envelope := range map[string]struct {
		kind    string
		payload string
	}{
		"a bot's message": {"events_api", `{"type":"event_callback","event":{"type":"message","bot_id":"B1","ts":"1.2"}}`},
		"a button":        {"interactive", `{"type":"block_actions"}`},
		"malformed":       {"events_api", `{"type":"event_callback","event":{"type":"message"}}`},
		"no command":      {"slash_commands", `{}`},
	} {
		id := l.socket.Send(envelope.kind, []byte(envelope.payload))
		assert.Equal(t, id, <-l.socket.Acks, "%s is not sent again", name)
	}
	l.end(t)
	assert.Empty(t, l.got)
}

func TestSocketModeAcknowledgesWhatIsSafe(t *testing.T) {
	t.Parallel()
	l := listen(t)
	l.fail <- errors.New("no quorum")
	body := fakeslack.MessageEvent(channel, alice, ts, "a pod is down")
	l.socket.Send("events_api", body)
	first := <-l.got
	again := l.socket.Send("events_api", body) // Slack heard nothing
	assert.Equal(t, first, <-l.got)
	assert.Equal(t, again, <-l.socket.Acks, "and the first one never")
	l.end(t)
}

func TestSocketModeReconnects(t *testing.T) {
	t.Parallel()
	l := listen(t)
	for range 2 {
		id := l.socket.Send("events_api", fakeslack.MessageEvent(channel, alice, ts, "x"))
		assert.Equal(t, id, <-l.socket.Acks)
		l.socket.Disconnect()
	}
	id := l.socket.Send("events_api", fakeslack.MessageEvent(channel, alice, ts, "x"))
	assert.Equal(t, id, <-l.socket.Acks)
	assert.Equal(t, 3, l.socket.Opened())
	l.end(t)
}

func TestSocketModeThatIsRefusedEnds(t *testing.T) {
	t.Parallel()
	for code, kind := range map[string]source.Kind{"invalid_auth": source.Unauthenticated, "internal_error": source.Unavailable} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			socket := fakeslack.NewSocket(t)
			socket.Refuse(code)
			s, err := slack.NewStream(source.Settings{BaseURL: socket.URL(), HTTPClient: socket.Client(), Config: map[string]any{"app_token": fakeslack.AppToken}})
			require.NoError(t, err)
			err = s.Listen(t.Context(), func(context.Context, source.Delivery) error { return nil })
			assert.Equal(t, kind, source.KindOf(err))
			assert.ErrorContains(t, err, code)
			assert.NotContains(t, err.Error(), fakeslack.AppToken)
		})
	}
}

func TestWhoWantsSocketMode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		config map[string]any
		wanted bool
		says   string
	}{
		{name: "an app token", config: map[string]any{"app_token": "xapp-1"}, wanted: true},
		{name: "in other words", config: map[string]any{"appToken": "xapp-1\n"}, wanted: true},
		{name: "a signing secret", config: map[string]any{"signing_secret": "s"}},
		{name: "both", config: map[string]any{"app_token": "xapp-1", "signing_secret": "s"}},
		{name: "neither", config: map[string]any{}},
		{name: "no text", config: map[string]any{"app_token": 7}, says: "wrong type"},
		{name: "a channel by name without a bot token", config: map[string]any{"app_token": "xapp-1", "channels": "production"}, says: "bot_token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := slack.NewStream(source.Settings{Config: tt.config})
			if tt.says != "" {
				require.ErrorContains(t, err, tt.says)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.wanted, s != nil)
		})
	}
}
