// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/event"
)

// slackMessage is a message with every field set.
func slackMessage() event.Message {
	return event.Message{
		ID: "T1:C9:1800000000.000100", Platform: "slack", Type: "message", Source: "slack", Text: "pods of <api> & web are down ✓",
		ChannelID: "C9", ChannelName: "production", ThreadID: "1799999999.000001", ReplyTo: "r1",
		User:      event.User{ID: "U1", Username: "alice", DisplayName: "Alice A.", Email: "alice@example.com"},
		Timestamp: time.Date(2027, time.January, 15, 8, 0, 0, 100_000, time.UTC),
		Metadata:  map[string]any{"team_id": "T1", "event_type": "message.channels", "ts": "1800000000.000100"},
		Raw: map[string]any{
			"type": "message", "user": "U1", "channel": "C9", "ts": "1800000000.000100", "client_msg_id": "m1",
			"files": []any{map[string]any{"name": "a.log", "size": 3.5}}, "edited": map[string]any{"user": "U2", "deep": map[string]any{"er": true}},
		},
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 257)
	for name, test := range map[string]struct {
		change func(*event.Message)
		want   error
		says   string
	}{
		"in order":          {func(*event.Message) {}, nil, ""},
		"no id":             {func(m *event.Message) { m.ID = "" }, event.ErrInvalid, "id is empty"},
		"no platform":       {func(m *event.Message) { m.Platform = "" }, event.ErrInvalid, "platform is empty"},
		"an id in latin-1":  {func(m *event.Message) { m.ID = "\xe9" }, event.ErrInvalid, "id is not UTF-8"},
		"no type":           {func(m *event.Message) { m.Type = "" }, event.ErrInvalid, "type is empty"},
		"an endless id":     {func(m *event.Message) { m.ID = long }, event.ErrInvalid, "id has 257 bytes"},
		"an endless type":   {func(m *event.Message) { m.Type = long }, event.ErrInvalid, "type has 257 bytes"},
		"what isn't JSON":   {func(m *event.Message) { m.Raw = map[string]any{"f": func() {}} }, event.ErrInvalid, "encode slack event"},
		"an endless text":   {func(m *event.Message) { m.Text = strings.Repeat("x", event.MaxBytes) }, event.ErrTooLarge, "are allowed"},
		"an endless object": {func(m *event.Message) { m.Raw = map[string]any{"k": strings.Repeat("x", event.MaxBytes)} }, event.ErrTooLarge, "are allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := slackMessage()
			test.change(&m)
			err := m.Check()
			if test.want == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, test.want)
			assert.ErrorContains(t, err, test.says)
			assert.Less(t, len(err.Error()), 512)
		})
	}
}

func TestDataHasTheNamesThatFlowsUse(t *testing.T) {
	t.Parallel()
	m := slackMessage()
	d := m.Data()
	for key, want := range map[string]any{
		"id": "T1:C9:1800000000.000100", "platform": "slack", "type": "message", "source": "slack", "text": "pods of <api> & web are down ✓",
		"channel": "C9", "channel_id": "C9", "chat_id": "C9", "channel_name": "production",
		"thread_id": "1799999999.000001", "thread_ts": "1799999999.000001", "reply_to": "r1",
		"user_id": "U1", "username": "alice", "from": "U1",
		"ts": "1800000000.000100", "message_id": "1800000000.000100", "timestamp": "2027-01-15T08:00:00.0001Z",
		"team_id": "T1", "client_msg_id": "m1", "metadata": m.Metadata, "files": m.Raw["files"], "body": m.Raw,
		"user": map[string]any{
			"id": "U1", "name": "Alice A.", "username": "alice", "display_name": "Alice A.", "email": "alice@example.com", "is_bot": false,
		},
	} {
		assert.Equal(t, want, d[key], key)
	}
}

func TestDataOfAPoorMessage(t *testing.T) {
	t.Parallel()
	d := event.Message{ID: "tick-1", Platform: "schedule", Type: "tick"}.Data()
	assert.Equal(t, map[string]any{
		"id": "tick-1", "message_id": "tick-1", "platform": "schedule", "source": "schedule", "type": "tick",
		"text": "", "body": "", "metadata": map[string]any{},
	}, d)
}

func TestDataOfAWebhookKeepsItsPayload(t *testing.T) {
	t.Parallel()
	raw := map[string]any{
		"source": "prometheus", "severity": "critical", "id": 7.0, "user": "bob", "body": "inner", "metadata": nil,
		"incident": map[string]any{"id": "P1"}, "text": nil,
	}
	d := event.Message{ID: "d1", Platform: "http", Type: "push", Text: "disk full", Raw: raw}.Data()
	assert.Equal(t, "prometheus", d["source"])
	assert.Equal(t, "critical", d["severity"])
	assert.Equal(t, "d1", d["id"], "what is certain goes before the payload")
	assert.Equal(t, "bob", d["user"], "nobody else is known to have caused it")
	assert.Equal(t, "disk full", d["text"])
	assert.Equal(t, raw, d["body"], "${event.body.x} is the payload")
	assert.Equal(t, map[string]any{"id": "P1"}, d["incident"])
	assert.Equal(t, map[string]any{}, d["metadata"])
}

func TestDataNamesTheUserByWhatIsKnown(t *testing.T) {
	t.Parallel()
	for want, u := range map[string]event.User{
		"Alice": {ID: "U1", Username: "alice", DisplayName: "Alice"},
		"alice": {ID: "U1", Username: "alice"},
		"U1":    {ID: "U1"},
	} {
		user, ok := event.Message{User: u}.Data()["user"].(map[string]any)
		require.True(t, ok)
		assert.Equal(t, want, user["name"])
		assert.Equal(t, "U1", user["id"])
	}
}

func TestDataIsTheCallers(t *testing.T) {
	t.Parallel()
	m := slackMessage()
	d := m.Data()
	d["text"], d["client_msg_id"] = "changed", "changed"
	assert.Equal(t, slackMessage(), m)
}

func TestFacts(t *testing.T) {
	t.Parallel()
	f := slackMessage().Facts()
	assert.Equal(t, "pods of <api> & web are down ✓", f.Text)
	assert.Equal(t, "message.channels", f.Type)
	assert.Equal(t, []string{"C9", "production", "#production"}, f.Channels)
	assert.Equal(t, []string{"U1", "alice", "@alice", "alice@example.com"}, f.Users, "anybody can have any display name")
	assert.Equal(t, map[string]string{
		"team_id": "T1", "event_type": "message.channels", "ts": "1800000000.000100", "platform": "slack", "type": "message",
		"user": "U1", "channel": "C9", "client_msg_id": "m1", "edited.user": "U2", "edited.deep.er": "true",
	}, f.Attributes)
}

func TestFactsBelieveMetadataBeforeThePayload(t *testing.T) {
	t.Parallel()
	f := event.Message{
		ID: "1", Platform: "http", Type: "push",
		Metadata: map[string]any{"severity": "low", "event_type": "pushed"},
		Raw:      map[string]any{"severity": "critical", "platform": "slack", "n": 3.0, "list": []any{"x"}},
	}.Facts()
	assert.Equal(t, map[string]string{"severity": "low", "event_type": "pushed", "platform": "http", "type": "push", "n": "3"}, f.Attributes)
	assert.Equal(t, "push", f.Type, "pushed is no finer push")
	assert.Empty(t, f.Channels)
	assert.Empty(t, f.Users)
}

func TestFactsAreBounded(t *testing.T) {
	t.Parallel()
	raw := map[string]any{"deep": map[string]any{"a": map[string]any{"b": map[string]any{"c": map[string]any{"d": "too deep"}, "seen": "x"}}}}
	f := event.Message{Platform: "http", Raw: raw}.Facts()
	assert.Equal(t, map[string]string{"platform": "http", "deep.a.b.seen": "x"}, f.Attributes)

	many := map[string]any{}
	for i := range 5000 {
		many[strings.Repeat("k", i%70+1)+string(rune('a'+i%26))+time.Duration(i).String()] = "v"
	}
	first := event.Message{Platform: "http", Raw: many}.Facts()
	assert.Len(t, first.Attributes, 512)
	assert.Equal(t, first, event.Message{Platform: "http", Raw: many}.Facts(), "the bound always cuts the same")
}
