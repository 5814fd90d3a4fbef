// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package slack_test

import (
	"context"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/source"
	"aof.dev/operator/pkg/source/slack"
	fakeslack "aof.dev/operator/test/fake/slack"
)

func newMessenger(t *testing.T, api *fakeslack.Server, token string) source.Messenger {
	t.Helper()
	m, err := slack.NewMessenger(source.Settings{
		BaseURL: strings.TrimSuffix(api.URL(), "/"), HTTPClient: api.Client(), Config: map[string]any{"bot_token": token},
	})
	require.NoError(t, err)
	return m
}

func TestSend(t *testing.T) {
	t.Parallel()
	api := fakeslack.New(t, fakeslack.WithChannel(channel, "production"))
	m := newMessenger(t, api, fakeslack.Token)
	receipt, err := m.Send(t.Context(), source.Target{Channel: channel, Thread: ts}, "*3* pods & <@U0ALICE>")
	require.NoError(t, err)
	named, err := m.Send(t.Context(), source.Target{Channel: "#production", Format: "text"}, "done")
	require.NoError(t, err)
	assert.Equal(t, channel, named.Channel)

	sent, err := api.WaitMessages(t.Context(), 2)
	require.NoError(t, err)
	assert.Equal(t, []fakeslack.Message{
		{Channel: channel, Thread: ts, Text: "*3* pods & <@U0ALICE>", TS: receipt.ID},
		{Channel: channel, Text: "done", TS: named.ID},
	}, sent)
	assert.NotEqual(t, receipt.ID, named.ID)
}

func TestSendAlertsNobody(t *testing.T) {
	t.Parallel()
	api := fakeslack.New(t)
	m := newMessenger(t, api, fakeslack.Token)
	text := "<!channel> <!here|here> <!everyone><<!!channel> <!subteam^S0123|@sre> <!Channel>"
	_, err := m.Send(t.Context(), source.Target{Channel: channel, Format: "blocks", Blocks: []any{
		map[string]any{"type": "section", "text": map[string]any{"type": "mrkdwn", "text": text}},
		map[string]any{"type": "rich_text", "elements": []any{map[string]any{"type": "rich_text_section", "elements": []any{
			map[string]any{"type": "broadcast", "range": "channel"},
			map[string]any{"type": "usergroup", "usergroup_id": "S0123"},
			map[string]any{"type": "user", "user_id": alice},
		}}}},
	}}, text)
	require.NoError(t, err)
	sent := api.Messages()
	require.Len(t, sent, 1)
	assert.NotContains(t, sent[0].Text, "<!")
	assert.Contains(t, sent[0].Text, "&lt;!channel>", "it is still shown")
	require.Len(t, sent[0].Blocks, 2)
	section, ok := sent[0].Blocks[0].(map[string]any)["text"].(map[string]any)
	require.True(t, ok)
	assert.NotContains(t, section["text"], "<!")
	assert.Equal(t, map[string]any{"type": "rich_text", "elements": []any{map[string]any{"type": "rich_text_section", "elements": []any{
		map[string]any{"type": "text", "text": "@group"},
		map[string]any{"type": "text", "text": "@group"},
		map[string]any{"type": "user", "user_id": alice},
	}}}}, sent[0].Blocks[1])
}

// TestSendTellsTheAuthorFromOthers sends texts whose parts are known: what the
// author of the flow wrote works, and what came from elsewhere is only shown.
func TestSendTellsTheAuthorFromOthers(t *testing.T) {
	t.Parallel()
	const evil = "<!channel> <@U1> <http://evil|good> & \u202ex\x1b[1m"
	const shown = "&lt;!channel&gt; &lt;@U1&gt; &lt;http://evil|good&gt; &amp; x [1m"
	scope := expr.Root(map[string]any{"evil": evil, "user": "U1|admin", "url": "http://a/?b&c|d>", "mention": "!channel", "link": "#C1"})
	for written, want := range map[string]string{
		"<!here> ${evil} & <@U9>":       "<!here> " + shown + " & <@U9>",
		"<@${user}> *${evil}*":          "<@U1%7Cadmin> *" + shown + "*",
		"<${url}|View> ${evil}":         "<http://a/?b&amp;c%7Cd%3E|View> " + shown,
		"<${mention}> <${link}> <x":     "<%21channel> <%23C1> <x",
		"<!${mention}":                  "<!!channel",
		"${none:-<!here>}":              "<!here>",
		"a > ${evil}":                   "a > " + shown,
		"<http://a|${evil}>":            "<http://a|%3C!channel%3E %3C@U1%3E %3Chttp://evil%7Cgood%3E &amp; x [1m>",
		"${evil}":                       shown,
		"&lt; is the author's ${nope}.": "&lt; is the author's .",
	} {
		api := fakeslack.New(t)
		template, err := expr.ParseTemplate(written)
		require.NoError(t, err)
		m, err := template.RenderMarked(scope)
		require.NoError(t, err)
		_, err = newMessenger(t, api, fakeslack.Token).Send(t.Context(), source.Target{
			Channel: channel, Sorted: true, Data: m.Data, Format: "blocks", Blocks: []any{
				map[string]any{"type": "section", "text": map[string]any{"type": "mrkdwn", "text": m}},
				map[string]any{"type": "section", "text": map[string]any{"type": "mrkdwn", "text": "<!here>"}},
				map[string]any{"type": "actions", "elements": []any{map[string]any{"type": "button", "action_id": expr.Value("aof_approve")}}},
				map[string]any{"type": expr.Value("broadcast"), "range": expr.Value("channel")},
			},
		}, m.Text)
		require.NoError(t, err)
		sent := api.Messages()[0]
		assert.Equal(t, want, sent.Text, written)
		assert.Equal(t, []any{
			map[string]any{"type": "section", "text": map[string]any{"type": "mrkdwn", "text": want}},
			map[string]any{"type": "section", "text": map[string]any{"type": "mrkdwn", "text": "<!here>"}},
			map[string]any{"type": "actions", "elements": []any{map[string]any{"type": "button", "action_id": "x_aof_approve"}}},
			map[string]any{"type": "text", "text": "@group"},
		}, sent.Blocks, written)
	}
}

func TestSendCutsLongTexts(t *testing.T) {
	t.Parallel()
	api := fakeslack.New(t)
	m := newMessenger(t, api, fakeslack.Token)
	fits := strings.Repeat("é", 40_000)
	for _, text := range []string{fits, fits + "é", strings.Repeat("<!", 40_000)} {
		_, err := m.Send(t.Context(), source.Target{Channel: channel}, text)
		require.NoError(t, err)
	}
	sent := api.Messages()
	require.Len(t, sent, 3)
	assert.Equal(t, fits, sent[0].Text)
	for _, s := range sent[1:] {
		assert.Equal(t, 40_000, utf8.RuneCountInString(s.Text))
		assert.True(t, strings.HasSuffix(s.Text, "(cut: too long for Slack)"), "nobody is told")
	}
}

func TestSendRefuses(t *testing.T) {
	t.Parallel()
	api := fakeslack.New(t)
	m := newMessenger(t, api, fakeslack.Token)
	deep := map[string]any{}
	for range 100 {
		deep = map[string]any{"type": "section", "text": deep}
	}
	for name, test := range map[string]struct {
		to   source.Target
		text string
	}{
		"no channel":            {source.Target{}, "x"},
		"no text":               {source.Target{Channel: channel}, " \n"},
		"a block that is none":  {source.Target{Channel: channel, Format: "blocks", Blocks: []any{"section"}}, "x"},
		"a block that is deep":  {source.Target{Channel: channel, Format: "blocks", Blocks: []any{deep}}, "x"},
		"a block without JSON":  {source.Target{Channel: channel, Format: "blocks", Blocks: []any{map[string]any{"f": func() {}}}}, "x"},
		"blocks without an end": {source.Target{Channel: channel, Format: "blocks", Blocks: make([]any, 51)}, "x"},
	} {
		_, err := m.Send(t.Context(), test.to, test.text)
		require.Error(t, err, name)
		assert.Equal(t, source.Malformed, source.KindOf(err), name)
	}
	assert.Zero(t, api.Calls("chat.postMessage"))
}

func TestSendFailures(t *testing.T) {
	t.Parallel()
	for code, kind := range map[string]source.Kind{
		"invalid_auth": source.Unauthenticated, "token_revoked": source.Unauthenticated, "missing_scope": source.Unauthenticated,
		"ratelimited": source.Unavailable, "internal_error": source.Unavailable, "500": source.Unavailable, "503": source.Unavailable, "429": source.Unavailable,
		"200": source.Unavailable, // a page instead of an answer
		"404": source.Malformed, "is_archived": source.Malformed, "not_in_channel": source.Malformed,
		fakeslack.Token + " is wrong": source.Malformed,
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			api := fakeslack.New(t)
			api.FailNext("chat.postMessage", code)
			_, err := newMessenger(t, api, fakeslack.Token).Send(t.Context(), source.Target{Channel: channel}, "x")
			var e *source.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, kind, e.Kind)
			assert.NotContains(t, e.Error(), fakeslack.Token)
			if code == "ratelimited" {
				assert.Equal(t, 7*time.Second, e.RetryAfter)
			}
			assert.Empty(t, api.Messages())
		})
	}
}

func TestSendWithoutSlack(t *testing.T) {
	t.Parallel()
	api := fakeslack.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newMessenger(t, api, fakeslack.Token).Send(ctx, source.Target{Channel: channel}, "x")
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, source.Unavailable, source.KindOf(err))
	assert.NotContains(t, err.Error(), api.URL())
}

func TestSendWithAnotherToken(t *testing.T) {
	t.Parallel()
	api := fakeslack.New(t)
	_, err := newMessenger(t, api, "xoxb-another").Send(t.Context(), source.Target{Channel: channel}, "x")
	assert.Equal(t, source.Unauthenticated, source.KindOf(err))
	assert.NotContains(t, err.Error(), "xoxb-another")

	_, err = slack.NewMessenger(source.Settings{Config: map[string]any{"signing_secret": secret}})
	assert.Equal(t, source.Unauthenticated, source.KindOf(err))
	assert.ErrorContains(t, err, "bot_token")
}

func TestReact(t *testing.T) {
	t.Parallel()
	api := fakeslack.New(t)
	r, ok := newMessenger(t, api, fakeslack.Token).(source.Reactor)
	require.True(t, ok)
	to := source.Receipt{ID: ts, Channel: channel}
	require.NoError(t, r.React(t.Context(), to, ":eyes:"))
	require.NoError(t, r.React(t.Context(), to, "eyes"), "it stands already")
	assert.Equal(t, []fakeslack.Reaction{{Channel: channel, TS: ts, Name: "eyes"}}, api.Reactions())

	api.FailNext("reactions.add", "invalid_auth")
	assert.Equal(t, source.Unauthenticated, source.KindOf(r.React(t.Context(), to, "eyes")))
	assert.Equal(t, source.Malformed, source.KindOf(r.React(t.Context(), to, "::")))
}
