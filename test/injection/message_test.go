// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package injection

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/source"
	"aof.dev/operator/pkg/source/slack"
	fakeslack "aof.dev/operator/test/fake/slack"
)

// channel sends messages to a fake Slack, as the messengers of runs do.
type channel struct{ source.Messenger }

// Send implements node.Messenger.
func (c channel) Send(ctx context.Context, _ node.Run, m node.Message) (node.Receipt, error) {
	to := source.Target{Platform: "Slack", Channel: m.Channel, Thread: m.Thread, Format: m.Format, Sorted: m.Sorted, Data: m.Data, Blocks: m.Blocks}
	if m.Ask != nil {
		to.Ask = &source.Question{Namespace: m.Ask.Namespace, Run: m.Ask.Run, Node: m.Ask.Node, Digest: m.Ask.Digest}
	}
	r, err := c.Messenger.Send(ctx, to, m.Text)
	return node.Receipt{ID: r.ID, Channel: r.Channel}, err
}

func slackBench(t *testing.T) (*bench, *fakeslack.Server) {
	t.Helper()
	api := fakeslack.New(t)
	m, err := slack.NewMessenger(source.Settings{
		BaseURL: strings.TrimSuffix(api.URL(), "/"), HTTPClient: api.Client(), Config: map[string]any{"bot_token": fakeslack.Token},
	})
	require.NoError(t, err)
	b := newBench(t)
	b.executors = node.New(node.Options{Messenger: channel{m}})
	return b, api
}

// asShown is how Slack shows a text: no link and no mention is left of it.
var asShown = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

// seen is what people can see of a text.
func seen(text string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Bidi_Control, r):
			return -1
		default:
			return r
		}
	}, strings.ToValidUTF8(text, "\uFFFD"))), " ")
}

// harmless asserts that of a text in Slack only the author's part is markup.
func harmless(t *testing.T, e Entry, before, after, got string) {
	t.Helper()
	middle, ok := strings.CutPrefix(got, before)
	if !assert.True(t, ok, "%s: %q", e.Line, got) {
		return
	}
	middle, ok = strings.CutSuffix(middle, after)
	if !assert.True(t, ok, "%s: %q", e.Line, got) {
		return
	}
	assert.NotContains(t, middle, "<", "%s: a link or a mention: %q", e.Line, got)
	assert.NotContains(t, middle, ">", e.Line)
	for _, rest := range strings.Split(middle, "&")[1:] {
		assert.Regexp(t, `^(amp|lt|gt);`, rest, "%s: %q", e.Line, got)
	}
	assert.Equal(t, seen(e.Text), seen(asShown.Replace(middle)), e.Line)
	for _, c := range got {
		assert.True(t, c == '\n' || c == '\t' || !unicode.IsControl(c) && !unicode.Is(unicode.Bidi_Control, c), "%s: %q", e.Line, got)
	}
}

func TestSlackMessages(t *testing.T) {
	t.Parallel()
	b, api := slackBench(t)
	sent := 0
	for _, e := range b.corpus(t) {
		for _, kind := range []flow.Kind{flow.KindResponse, flow.KindSlack, flow.KindNotify} {
			out := b.output(t, kind, values{"message": "<!here> ${event.text} <@U9>"}, e)
			assert.Equal(t, "<!here> "+e.Text+" <@U9>", out["message"], "what is recorded is the plain text")
			messages := api.Messages()
			require.Len(t, messages, sent+1)
			harmless(t, e, "<!here> ", " <@U9>", messages[sent].Text)
			assert.Equal(t, "C9", messages[sent].Channel)
			sent++
		}
	}
	b.quiet(t)
}

func TestSlackLinksAndMentions(t *testing.T) {
	t.Parallel()
	b, api := slackBench(t)
	for i, e := range b.corpus(t) {
		b.output(t, flow.KindSlack, values{"message": "<${event.text}> <@${event.user}> <http://a/${event.text}|label>"}, e)
		text := api.Messages()[i].Text
		assert.Equal(t, 3, strings.Count(text, "<"), "%s: %q", e.Line, text)
		assert.Equal(t, 3, strings.Count(text, ">"), "%s: %q", e.Line, text)
		assert.Equal(t, 1, strings.Count(text, "|"), "%s: no value gives a link another label: %q", e.Line, text)
		assert.NotContains(t, text, "<!", "%s: %q", e.Line, text)
		assert.Equal(t, 1, strings.Count(text, "<@"), "%s: %q", e.Line, text)
		assert.NotContains(t, text, "<#", "%s: %q", e.Line, text)
	}
}

func TestSlackBlocks(t *testing.T) {
	t.Parallel()
	b, api := slackBench(t)
	for i, e := range b.corpus(t) {
		b.output(t, flow.KindSlack, values{"message": "x", "blocks": []any{
			values{"type": "section", "text": values{"type": "mrkdwn", "text": "*by* ${event.text} <!here>"}},
			values{"type": "section", "text": values{"type": "plain_text", "text": "${event.text}"}},
			values{"type": "actions", "elements": []any{values{"type": "button", "action_id": "${event.text}", "value": "${event.text}"}}},
		}}, e)
		blocks := api.Messages()[i].Blocks
		require.Len(t, blocks, 3, e.Line)
		var read []struct {
			Type string
			Text struct{ Type, Text string }
		}
		raw, err := json.Marshal(blocks)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(raw, &read))
		harmless(t, e, "*by* ", " <!here>", read[0].Text.Text)
		assert.Equal(t, "plain_text", read[1].Text.Type)
		assert.Equal(t, "actions", read[2].Type)
		assert.NotContains(t, string(raw), `"action_id":"aof_`, "no button of ours")
	}
}

// TestQuestionsInSlack has people asked: what they see is plain text, and the
// buttons belong to this question.
func TestQuestionsInSlack(t *testing.T) {
	t.Parallel()
	b, api := slackBench(t)
	for i, e := range b.corpus(t) {
		_, err := b.run(t, flow.KindApproval, values{"message": "Do ${event.text}?"}, e.Text)
		require.NoError(t, err)
		m := api.Messages()[i]
		assert.NotContains(t, m.Text, "<!", e.Line)
		raw, err := json.Marshal(m.Blocks)
		require.NoError(t, err)
		var read []struct {
			Type     string
			Text     struct{ Type, Text string }
			Elements []struct {
				ActionID string `json:"action_id"`
				Value    string
			}
		}
		require.NoError(t, json.Unmarshal(raw, &read))
		require.Len(t, read, 2, e.Line)
		assert.Equal(t, "plain_text", read[0].Text.Type)
		assert.Equal(t, seen("Do "+e.Text+"?"), seen(read[0].Text.Text), e.Line)
		for _, c := range read[0].Text.Text {
			assert.False(t, unicode.Is(unicode.Bidi_Control, c), "%s: what people approve reads as it is", e.Line)
			assert.True(t, c == '\n' || c == '\t' || !unicode.IsControl(c), "%s: %q", e.Line, read[0].Text.Text)
		}
		require.Len(t, read[1].Elements, 2)
		assert.Equal(t, "aof_approve", read[1].Elements[0].ActionID)
		var q source.Question
		require.NoError(t, json.Unmarshal([]byte(read[1].Elements[0].Value), &q))
		assert.Equal(t, source.Question{Namespace: "prod", Run: "r1", Node: "n", Digest: node.Digest("n", "Do "+e.Text+"?")}, q, e.Line)
	}
}
