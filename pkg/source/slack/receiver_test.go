// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package slack_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/source"
	"aof.dev/operator/pkg/source/slack"
	fakeslack "aof.dev/operator/test/fake/slack"
)

const (
	channel = "C0PRODUCTION"
	alice   = "U0ALICE"
)

func newReceiver(t *testing.T, config map[string]any) source.Receiver {
	t.Helper()
	c := map[string]any{"signing_secret": secret}
	for k, v := range config {
		c[k] = v
	}
	r, err := slack.NewReceiver(source.Settings{Config: c})
	require.NoError(t, err)
	return r
}

// one receives a body that gives one message.
func one(t *testing.T, r source.Receiver, body []byte) event.Message {
	t.Helper()
	d, err := r.Receive(t.Context(), request(now, body), now)
	require.NoError(t, err)
	require.Len(t, d.Messages, 1, "ignored: %s", d.Ignored)
	assert.Empty(t, d.Ignored)
	assert.Nil(t, d.Reply)
	return d.Messages[0]
}

func TestMessage(t *testing.T) {
	t.Parallel()
	m := one(t, newReceiver(t, nil), fakeslack.MessageEvent(channel, alice, ts, "pods are down"))
	assert.NotNil(t, m.Raw)
	m.Raw = nil
	assert.Equal(t, event.Message{
		ID: "T0FAKETEAM:C0PRODUCTION:1800000000.000100", Platform: "slack", Type: "message", Source: "slack",
		Text: "pods are down", ChannelID: channel, ThreadID: ts, User: event.User{ID: alice},
		Timestamp: time.Unix(1_800_000_000, 100_000).UTC(),
		Metadata: map[string]any{
			"event_type": "message.channels", "channel_type": "channel", "team_id": "T0FAKETEAM",
			"event_id": "Evmessage" + ts, "api_app_id": "A0FAKEAPP0", "ts": ts,
		},
	}, m)
}

func TestMessageInThread(t *testing.T) {
	t.Parallel()
	m := one(t, newReceiver(t, nil), fakeslack.Event(map[string]any{
		"type": "message", "channel": channel, "channel_type": "im", "user": alice, "ts": ts, "thread_ts": "1799999999.000001", "text": "and now?",
	}))
	assert.Equal(t, "1799999999.000001", m.ThreadID)
	assert.Equal(t, "message.im", m.Facts().Type)
	assert.Equal(t, ts, m.Data()["ts"], "flows know a message by its ts")
}

func TestDeliveriesOfOneMessageHaveOneID(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	message := one(t, r, fakeslack.MessageEvent(channel, alice, ts, "<@U0FAKEBOT0> help"))
	mention := one(t, r, fakeslack.MentionEvent(channel, alice, ts, "<@U0FAKEBOT0> help"))
	assert.Equal(t, message.ID, mention.ID)
	assert.Equal(t, "app_mention", mention.Type)

	later := now.Add(3 * time.Minute)
	retry := request(later, fakeslack.MessageEvent(channel, alice, ts, "<@U0FAKEBOT0> help"))
	retry.Header.Set("X-Slack-Retry-Num", "1")
	retry.Header.Set("X-Slack-Retry-Reason", "http_timeout")
	d, err := r.Receive(t.Context(), retry, later)
	require.NoError(t, err)
	assert.Equal(t, []event.Message{message}, d.Messages)

	for name, other := range map[string][]byte{
		"channel":   fakeslack.MessageEvent("C0STAGING", alice, ts, "<@U0FAKEBOT0> help"),
		"timestamp": fakeslack.MessageEvent(channel, alice, "1800000000.000101", "<@U0FAKEBOT0> help"),
		"team":      fakeslack.Event(map[string]any{"type": "message", "channel": channel, "user": alice, "ts": ts}, map[string]any{"team_id": "T0OTHER"}),
	} {
		assert.NotEqual(t, message.ID, one(t, r, other).ID, "another %s", name)
	}
}

func TestReaction(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	body := fakeslack.ReactionEvent(channel, alice, ts, "white_check_mark", "1800000050.000200")
	m := one(t, r, body)
	assert.Equal(t, "reaction_added", m.Type)
	assert.Equal(t, "reaction:white_check_mark", m.Text)
	assert.Equal(t, channel, m.ChannelID)
	assert.Equal(t, ts, m.ThreadID)
	assert.Equal(t, alice, m.User.ID)
	assert.Equal(t, "white_check_mark", m.Metadata["reaction"])
	assert.Equal(t, ts, m.Metadata["item_ts"])
	assert.Equal(t, time.Unix(1_800_000_050, 200_000).UTC(), m.Timestamp)

	assert.Equal(t, m.ID, one(t, r, body).ID)
	for name, other := range map[string][]byte{
		"user":     fakeslack.ReactionEvent(channel, "U0BOB", ts, "white_check_mark", "1800000050.000200"),
		"reaction": fakeslack.ReactionEvent(channel, alice, ts, "x", "1800000050.000200"),
		"message":  fakeslack.ReactionEvent(channel, alice, "1800000000.000101", "white_check_mark", "1800000050.000200"),
		"time":     fakeslack.ReactionEvent(channel, alice, ts, "white_check_mark", "1800000051.000200"),
	} {
		assert.NotEqual(t, m.ID, one(t, r, other).ID, "another %s", name)
	}
}

func TestWhatPeopleWriteWithAFileIsTaken(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	for _, subtype := range []string{"file_share", "thread_broadcast"} {
		m := one(t, r, fakeslack.Event(map[string]any{
			"type": "message", "subtype": subtype, "channel": channel, "user": alice, "ts": "1700000000.000100", "text": "look at this",
		}))
		assert.Equal(t, "look at this", m.Text, subtype)
	}
}

func TestSlashCommand(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	m := one(t, r, fakeslack.Command(channel, alice, "/aof", "status of api & web"))
	assert.Equal(t, "slash_command", m.Type)
	assert.Equal(t, "/aof status of api & web", m.Text)
	assert.Equal(t, event.User{ID: alice, Username: "somebody"}, m.User)
	assert.Equal(t, channel, m.ChannelID)
	assert.Empty(t, m.ChannelName, "privategroup is no name")
	assert.Empty(t, m.ThreadID)
	assert.Equal(t, "/aof", m.Metadata["command"])
	assert.NotContains(t, m.Metadata, "response_url", "it lets its holder post")
	assert.NotContains(t, m.Raw, "response_url")
	assert.NotContains(t, m.Raw, "token")

	bare := one(t, r, []byte("command=%2Faof&channel_id=C1&channel_name=general&team_id=T1"))
	assert.Equal(t, "/aof", bare.Text)
	assert.Equal(t, "general", bare.ChannelName)
	assert.Equal(t, bare.ID, one(t, r, []byte("command=%2Faof&channel_id=C1&channel_name=general&team_id=T1")).ID)
	assert.NotEqual(t, bare.ID, one(t, r, []byte("command=%2Faof&channel_id=C1&channel_name=general&team_id=T1&text=x")).ID)
}

func TestHandshakes(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	d, err := r.Receive(t.Context(), request(now, fakeslack.ChallengeEvent("3eZbrw1a")), now)
	require.NoError(t, err)
	require.NotNil(t, d.Reply)
	assert.Equal(t, http.StatusOK, d.Reply.Status)
	assert.Equal(t, "3eZbrw1a", string(d.Reply.Body))
	assert.Empty(t, d.Messages)
	assert.Empty(t, d.Ignored)

	d, err = r.Receive(t.Context(), request(now, []byte("ssl_check=1&token=x")), now)
	require.NoError(t, err)
	assert.Equal(t, source.Delivery{}, d)
}

func TestIgnored(t *testing.T) {
	t.Parallel()
	message := func(more map[string]any) []byte {
		e := map[string]any{"type": "message", "channel": channel, "user": alice, "ts": ts, "text": "x"}
		for k, v := range more {
			e[k] = v
		}
		return fakeslack.Event(e)
	}
	for name, test := range map[string]struct {
		body []byte
		why  string
	}{
		"a bot's message":            {message(map[string]any{"bot_id": "B1"}), "a bot"},
		"a bot's message, old form":  {message(map[string]any{"subtype": "bot_message"}), "a bot"},
		"the app's message":          {message(map[string]any{"app_id": fakeslack.App}), "the app itself"},
		"the bot's user":             {message(map[string]any{"user": fakeslack.BotUser}), "own bot"},
		"the bot's user, configured": {message(map[string]any{"user": "U0CONFIGURED"}), "own bot"},
		"the bot's reaction":         {fakeslack.ReactionEvent(channel, fakeslack.BotUser, ts, "eyes", ts), "own bot"},
		"an edit":                    {message(map[string]any{"subtype": "message_changed"}), "subtype"},
		"somebody joining":           {message(map[string]any{"subtype": "channel_join"}), "subtype"},
		"a reaction taken back":      {fakeslack.Event(map[string]any{"type": "reaction_removed"}), "type"},
		"a user's change":            {fakeslack.Event(map[string]any{"type": "user_change", "user": map[string]any{"id": alice}}), "type"},
		"a reaction to a file":       {fakeslack.Event(map[string]any{"type": "reaction_added", "item": map[string]any{"type": "file"}}), "no message"},
		"another workspace":          {fakeslack.Event(map[string]any{"type": "message"}, map[string]any{"team_id": "T0OTHER"}), "allowed_workspaces"},
		"a command elsewhere":        {[]byte("command=%2Faof&channel_id=C1&team_id=T0OTHER"), "allowed_workspaces"},
		"a form of a dialog":         {[]byte("payload=%7B%22type%22%3A%22view_submission%22%7D"), "interactive"},
		"a button elsewhere":         {[]byte("payload=%7B%22type%22%3A%22block_actions%22%7D"), "allowed_workspaces"},
		"somebody else's button": {
			[]byte("payload=" + url.QueryEscape(`{"type":"block_actions","team":{"id":"`+fakeslack.Team+`"},"user":{"id":"U1"},"actions":[{"action_id":"other"}]}`)),
			"not one of ours",
		},
		"a word about the rate limits": {[]byte(`{"type":"app_rate_limited","team_id":"T0FAKETEAM"}`), "type"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t, map[string]any{"bot_user_id": "U0CONFIGURED", "allowed_workspaces": []any{fakeslack.Team}})
			d, err := r.Receive(t.Context(), request(now, test.body), now)
			require.NoError(t, err)
			assert.Empty(t, d.Messages)
			assert.Nil(t, d.Reply)
			assert.Contains(t, d.Ignored, test.why)
		})
	}
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	for name, body := range map[string]string{
		"no JSON":                     "hello",
		"no object":                   `["event_callback"]`,
		"no type":                     `{}`,
		"a type that is none":         `{"type":["event_callback"]}`,
		"no event":                    `{"type":"event_callback"}`,
		"an event that is none":       `{"type":"event_callback","event":"message"}`,
		"no type of the event":        `{"type":"event_callback","event":{}}`,
		"no channel":                  `{"type":"event_callback","event":{"type":"message","ts":"1800000000.000100"}}`,
		"no ts":                       `{"type":"event_callback","event":{"type":"message","channel":"C1"}}`,
		"a ts that is no time":        `{"type":"event_callback","event":{"type":"message","channel":"C1","ts":"soon"}}`,
		"a ts from another age":       `{"type":"event_callback","event":{"type":"message","channel":"C1","ts":"99999999999.000100"}}`,
		"a text that is none":         `{"type":"event_callback","event":{"type":"message","channel":"C1","ts":"1800000000.000100","text":7}}`,
		"a reaction without a name":   `{"type":"event_callback","event":{"type":"reaction_added","user":"U1","event_ts":"1800000000.000100","item":{"type":"message","channel":"C1","ts":"1800000000.000100"}}}`,
		"a challenge that is missing": `{"type":"url_verification"}`,
		"an identifier without end":   `{"type":"event_callback","event":{"type":"message","channel":"C` + strings.Repeat("1", 400) + `","ts":"1800000000.000100"}}`,
		"a form that is no command":   "text=hello&channel_id=C1",
		"a command without a slash":   "command=aof&channel_id=C1",
		"a broken form":               "command=%2Faof&channel_id=%zz",
		"a form in another charset":   "command=%2Faof&channel_id=C1&text=%ff",
		"a form without end":          "command=%2Faof&channel_id=C1" + strings.Repeat("&a=b", 1000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := request(now, []byte(body))
			if strings.HasPrefix(body, "hello") {
				req.Header.Set("Content-Type", "application/json")
			}
			d, err := r.Receive(t.Context(), req, now)
			require.Error(t, err)
			assert.Equal(t, source.Malformed, source.KindOf(err))
			assert.Equal(t, source.Delivery{}, d)
		})
	}
}

func TestOnlyPosts(t *testing.T) {
	t.Parallel()
	req := request(now, fakeslack.MessageEvent(channel, alice, ts, "x"))
	req.Method = http.MethodGet
	_, err := newReceiver(t, nil).Receive(t.Context(), req, now)
	var e *source.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, source.Unsupported, e.Kind)
	assert.Equal(t, []string{http.MethodPost}, e.Allow)
}

func TestHugeMessageLosesItsPayload(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	huge := map[string]any{
		"type": "message", "channel": channel, "user": alice, "ts": ts, "text": "it burns",
		"blocks": strings.Repeat("x", event.MaxBytes),
	}
	m := one(t, r, fakeslack.Event(huge))
	assert.Equal(t, "it burns", m.Text)
	assert.Nil(t, m.Raw)
	assert.Equal(t, true, m.Metadata["payload_omitted"])

	huge["text"] = strings.Repeat("x", event.MaxBytes)
	_, err := r.Receive(t.Context(), request(now, fakeslack.Event(huge)), now)
	require.ErrorIs(t, err, event.ErrTooLarge)
	assert.Equal(t, source.Malformed, source.KindOf(err))
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		settings source.Settings
		kind     source.Kind
		says     string
	}{
		"nothing":                    {source.Settings{}, source.Unauthenticated, "signing_secret"},
		"an empty secret":            {source.Settings{Config: map[string]any{"signing_secret": " \n"}}, source.Unauthenticated, "signing_secret"},
		"a secret that is no text":   {source.Settings{Config: map[string]any{"signing_secret": 7}}, source.Malformed, "signing_secret"},
		"channels that are no texts": {source.Settings{Config: map[string]any{"signing_secret": "s", "channels": []any{7}}}, source.Malformed, "channels"},
		"a name but no token":        {source.Settings{Config: map[string]any{"signing_secret": "s", "channels": []any{"prod"}}}, source.Unauthenticated, "bot_token"},
		"a binding's name but no token": {
			source.Settings{Config: map[string]any{"signing_secret": "s"}, Channels: []string{"*", "#prod"}}, source.Unauthenticated, "bot_token",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := slack.NewReceiver(test.settings)
			require.Error(t, err)
			assert.Equal(t, test.kind, source.KindOf(err))
			assert.ErrorContains(t, err, test.says)
		})
	}
}

func TestConfigurationInOtherWords(t *testing.T) {
	t.Parallel()
	r, err := slack.NewReceiver(source.Settings{Channels: []string{"*", channel}, Config: map[string]any{
		"signingSecret": secret + "\n", "channels": []any{channel}, "users": nil, "app_token": "xapp-secret",
		"rate_limit": map[string]any{"burst": 5}, "chanels": []any{"a"},
	}})
	require.NoError(t, err)
	one(t, r, fakeslack.MessageEvent(channel, alice, ts, "x"))
	w, ok := r.(source.Warner)
	require.True(t, ok)
	warnings := strings.Join(w.Warnings(), "\n")
	assert.Len(t, w.Warnings(), 3)
	for _, key := range []string{"app_token", "chanels", "rate_limit"} {
		assert.Contains(t, warnings, key)
	}
	assert.NotContains(t, warnings, "xapp-secret")
}

// FuzzReceive sends signed and unsigned bodies of every kind.
func FuzzReceive(f *testing.F) {
	for _, body := range [][]byte{
		fakeslack.MessageEvent(channel, alice, ts, "x"), fakeslack.MentionEvent(channel, alice, ts, "x"),
		fakeslack.ReactionEvent(channel, alice, ts, "x", ts), fakeslack.Command(channel, alice, "/aof", "x"),
		fakeslack.ChallengeEvent("x"), []byte("payload={}"), []byte("{"), []byte(`{"type":"event_callback","event":{"type":"message"}}`),
	} {
		f.Add(body, "", "")
		f.Add(body, "v0=00", "1800000100")
	}
	r, err := slack.NewReceiver(source.Settings{Config: map[string]any{"signing_secret": secret}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte, signature, timestamp string) {
		req := request(now, body)
		if signature != "" || timestamp != "" {
			req.Header.Set("X-Slack-Signature", signature)
			req.Header.Set("X-Slack-Request-Timestamp", timestamp)
			_, err := r.Receive(t.Context(), req, now)
			require.Error(t, err)
			return
		}
		d, err := r.Receive(t.Context(), req, now)
		if err != nil {
			require.Empty(t, d.Messages)
			require.Contains(t, []source.Kind{source.Malformed, source.Unsupported}, source.KindOf(err))
			return
		}
		for _, m := range d.Messages {
			require.NoError(t, m.Check())
			_, err := json.Marshal(m.Data())
			require.NoError(t, err)
		}
	})
}
