// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/event"
)

func TestCloudEvent(t *testing.T) {
	t.Parallel()
	m := slackMessage()
	e, err := m.CloudEvent("ops", "slack-prod", []string{"k8s", "alerts"})
	require.NoError(t, err)
	require.NoError(t, e.Validate())
	assert.Equal(t, "dev.aof.slack.message", e.Type())
	assert.Equal(t, "/namespaces/ops/triggers/slack-prod", e.Source())
	assert.Equal(t, m.ID, e.ID())
	assert.Equal(t, "C9", e.Subject())
	assert.Equal(t, m.Timestamp, e.Time())
	assert.Equal(t, "application/json", e.DataContentType())
	assert.Equal(t, map[string]any{"aoftrigger": "slack-prod", "aofmatch": "|k8s|alerts|"}, e.Extensions())
	assert.Contains(t, string(e.Data()), "<api> &", "brackets stay one byte")

	again, err := m.CloudEvent("ops", "slack-prod", []string{"k8s", "alerts"})
	require.NoError(t, err)
	assert.Equal(t, e, again, "the same message gives the same event")

	matched, looked := event.Matched(e)
	assert.True(t, looked)
	assert.Equal(t, []string{"k8s", "alerts"}, matched)
}

func TestCloudEventNamesStrangeTypes(t *testing.T) {
	t.Parallel()
	e, err := event.Message{ID: "1", Platform: "Jira", Type: "jira:issue_created é"}.CloudEvent("ops", "t", nil)
	require.NoError(t, err)
	assert.Equal(t, "dev.aof.jira.jira_issue_created__", e.Type())
	assert.True(t, e.Time().IsZero())
	_, looked := event.Matched(e)
	assert.False(t, looked, "nobody looked")
}

func TestCloudEventMatchList(t *testing.T) {
	t.Parallel()
	m := slackMessage()
	for _, id := range []string{"", "a|b", "a%", "a'", `a"`, "a\\", "a\r\nX: y"} {
		_, err := m.CloudEvent("ops", "t", []string{"fine", id})
		require.ErrorIs(t, err, event.ErrInvalid, "%q", id)
	}
	long := make([]string, 1000)
	for i := range long {
		long[i] = strings.Repeat("x", 60)
	}
	e, err := m.CloudEvent("ops", "t", long)
	require.NoError(t, err)
	_, looked := event.Matched(e)
	assert.False(t, looked, "a list too long for a header means that everybody looks")
}

func TestCloudEventRefuses(t *testing.T) {
	t.Parallel()
	_, err := slackMessage().CloudEvent("", "t", nil)
	require.ErrorIs(t, err, event.ErrInvalid)
	_, err = slackMessage().CloudEvent("ops", "", nil)
	require.ErrorIs(t, err, event.ErrInvalid)
	_, err = event.Message{}.CloudEvent("ops", "t", nil)
	require.ErrorIs(t, err, event.ErrInvalid)
	m := slackMessage()
	m.Text = strings.Repeat("x", event.MaxBytes)
	_, err = m.CloudEvent("ops", "t", nil)
	require.ErrorIs(t, err, event.ErrTooLarge)
}

// TestCloudEventsFit makes the largest event there can be.
func TestCloudEventsFit(t *testing.T) {
	t.Parallel()
	ids := make([]string, 100)
	for i := range ids {
		ids[i] = strings.Repeat("b", 79)
	}
	size := func(text int) (int, error) {
		m := slackMessage()
		m.ID, m.ChannelID, m.Text = strings.Repeat("i", 256), strings.Repeat("c", 1000), strings.Repeat("x", text)
		e, err := m.CloudEvent(strings.Repeat("n", 63), strings.Repeat("t", 253), ids)
		if err != nil {
			return 0, err
		}
		encoded, err := json.Marshal(e)
		return len(encoded), err
	}
	fits, above := 0, event.MaxBytes
	for above-fits > 1 {
		middle := (fits + above) / 2
		if _, err := size(middle); err != nil {
			require.ErrorIs(t, err, event.ErrTooLarge)
			above = middle
			continue
		}
		fits = middle
	}
	assert.Greater(t, fits, event.MaxBytes/2)
	bytes, err := size(fits)
	require.NoError(t, err)
	assert.LessOrEqual(t, bytes, event.MaxBytes)
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	numbers := map[string]any{"float": 0.25, "small": 42.0, "id": "12345678901234567890", "list": []any{1.0, nil, "x"}, "empty": map[string]any{}}
	for name, m := range map[string]event.Message{
		"everything":      slackMessage(),
		"next to nothing": {ID: "1", Platform: "http", Type: "request"},
		"numbers":         {ID: "1", Platform: "http", Type: "request", Raw: numbers, Metadata: map[string]any{"n": 7.0}},
		"strange texts":   {ID: "a b/é", Platform: "http", Type: "x:y", Text: "\u2028<>&\"\\\x00", Raw: map[string]any{"": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent, err := m.CloudEvent("ops", "t", []string{"b"})
			require.NoError(t, err)
			wire, err := json.Marshal(sent)
			require.NoError(t, err)
			var arrived cloudevents.Event
			require.NoError(t, json.Unmarshal(wire, &arrived))
			got, err := event.FromCloudEvent(arrived)
			require.NoError(t, err)
			assert.Empty(t, cmp.Diff(m, got))

			resent, err := got.CloudEvent("ops", "t", []string{"b"})
			require.NoError(t, err)
			assert.Equal(t, string(sent.Data()), string(resent.Data()))
		})
	}
}

func TestRoundTripInAnotherZone(t *testing.T) {
	t.Parallel()
	m := slackMessage()
	want := m.Timestamp
	m.Timestamp = want.In(time.FixedZone("x", 3600))
	e, err := m.CloudEvent("ops", "t", nil)
	require.NoError(t, err)
	got, err := event.FromCloudEvent(e)
	require.NoError(t, err)
	assert.Equal(t, want, got.Timestamp)
}

func TestRoundTripKeepsLargeIdentifiers(t *testing.T) {
	t.Parallel()
	m := event.Message{
		ID: "1", Platform: "http", Type: "request",
		Raw: map[string]any{"id": int64(1<<60 + 1)}, Metadata: map[string]any{"id": int64(1<<60 + 1)},
	}
	e, err := m.CloudEvent("ops", "t", nil)
	require.NoError(t, err)
	got, err := event.FromCloudEvent(e)
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"id": "1152921504606846977"}, got.Raw)
	assert.Equal(t, map[string]any{"id": "1152921504606846977"}, got.Metadata)
}

// foreign makes an event that somebody else sent.
func foreign(t *testing.T, kind, contentType, data string) cloudevents.Event {
	t.Helper()
	e := cloudevents.New()
	e.SetID("e1")
	e.SetSource("/sensors/7")
	e.SetType(kind)
	if data != "" {
		e.SetDataContentType(contentType)
		e.DataEncoded = []byte(data)
	}
	return e
}

func TestForeignEvents(t *testing.T) {
	t.Parallel()
	const jsonType = "application/json"
	source := map[string]any{"source": "/sensors/7"}
	for name, test := range map[string]struct {
		given cloudevents.Event
		want  event.Message
	}{
		"a text": {
			foreign(t, "com.example.alert", "text/plain", "disk full"),
			event.Message{Platform: "cloudevent", Type: "com.example.alert", Source: "/sensors/7", Text: "disk full", Metadata: source},
		},
		"nothing but attributes": {
			foreign(t, "com.example.alert", "", ""),
			event.Message{Platform: "cloudevent", Type: "com.example.alert", Source: "/sensors/7", Metadata: source},
		},
		"a chat": {
			foreign(t, "com.example.chat", jsonType, `{"text":"hi","channel":"C9","channel_name":"#prod","user":"U1","username":"al","thread_ts":"1.2","platform":"Matrix"}`),
			event.Message{
				Platform: "matrix", Type: "com.example.chat", Source: "/sensors/7", Text: "hi", ChannelID: "C9", ChannelName: "prod", ThreadID: "1.2",
				User: event.User{ID: "U1", Username: "al"}, Metadata: source,
				Raw: map[string]any{"text": "hi", "channel": "C9", "channel_name": "#prod", "user": "U1", "username": "al", "thread_ts": "1.2", "platform": "Matrix"},
			},
		},
		"a user that is an object": {
			foreign(t, "dev.aof.slack.message", jsonType, `{"message":"hi","chat_id":-7,"user":{"id":1,"name":"Al","is_bot":true}}`),
			event.Message{
				Platform: "slack", Type: "message", Source: "/sensors/7", Text: "hi", ChannelID: "-7", User: event.User{ID: "1", DisplayName: "Al", IsBot: true},
				Metadata: source, Raw: map[string]any{"message": "hi", "chat_id": -7.0, "user": map[string]any{"id": 1.0, "name": "Al", "is_bot": true}},
			},
		},
		"a tick": {
			foreign(t, "dev.knative.sources.ping", jsonType, `{"text":"go"}`),
			event.Message{Platform: "schedule", Type: "tick", Source: "/sensors/7", Text: "go", Metadata: source, Raw: map[string]any{"text": "go"}},
		},
		"a list": {
			foreign(t, "x", jsonType, `[1,2]`),
			event.Message{Platform: "cloudevent", Type: "x", Source: "/sensors/7", Text: "[1,2]", Metadata: source},
		},
		"one that pretends to be ours": {
			foreign(t, "dev.aof.slack.message", jsonType, `{"id":"other","platform":"slack","type":"message","text":"hi"}`),
			event.Message{
				Platform: "slack", Type: "message", Source: "/sensors/7", Text: "hi", Metadata: source,
				Raw: map[string]any{"id": "other", "platform": "slack", "type": "message", "text": "hi"},
			},
		},
		"bytes that are no text": {
			foreign(t, "x", "application/octet-stream", "\xff\xfe"),
			event.Message{Platform: "cloudevent", Type: "x", Source: "/sensors/7", Metadata: source},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := event.FromCloudEvent(test.given)
			require.NoError(t, err)
			test.want.ID = "e1"
			assert.Empty(t, cmp.Diff(test.want, got))
			require.NoError(t, got.Check())
		})
	}
}

func TestForeignAttributesBecomeMetadata(t *testing.T) {
	t.Parallel()
	e := foreign(t, "x", "application/json", `{"source":"prometheus","metadata":{"severity":"low","source":"forged"}}`)
	e.SetSubject("disk")
	e.SetExtension("team", "sre")
	e.SetExtension("retries", 3)
	e.SetExtension(event.ExtensionTrigger, "t")
	e.SetExtension(event.ExtensionMatch, "|a|")
	e.SetTime(time.Unix(1_800_000_000, 0).In(time.FixedZone("x", 3600)))
	m, err := event.FromCloudEvent(e)
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"source": "/sensors/7", "subject": "disk", "team": "sre", "retries": "3", "severity": "low"}, m.Metadata)
	assert.Equal(t, "prometheus", m.Source)
	assert.Equal(t, time.Unix(1_800_000_000, 0).UTC(), m.Timestamp)
}

func TestFromCloudEventRefuses(t *testing.T) {
	t.Parallel()
	const jsonType = "application/json"
	for name, test := range map[string]struct {
		given cloudevents.Event
		want  error
	}{
		"no attributes":        {cloudevents.New(), event.ErrInvalid},
		"a broken object":      {foreign(t, "x", jsonType, `{"a":`), event.ErrInvalid},
		"two objects":          {foreign(t, "x", jsonType, `{"a":1} {"a":2}`), event.ErrInvalid},
		"an object too deep":   {foreign(t, "x", jsonType, strings.Repeat(`{"a":`, 65)+"1"+strings.Repeat("}", 65)), event.ErrInvalid},
		"too much of anything": {foreign(t, "x", "text/plain", strings.Repeat("x", event.MaxBytes)), event.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := event.FromCloudEvent(test.given)
			require.ErrorIs(t, err, test.want)
			assert.Equal(t, event.Message{}, m)
			assert.Less(t, len(err.Error()), 512)
		})
	}
}

// FuzzFromCloudEvent reads whatever a broker may bring.
func FuzzFromCloudEvent(f *testing.F) {
	ours, err := slackMessage().CloudEvent("ops", "t", nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(ours.ID(), ours.Type(), ours.Data())
	f.Add("1", "dev.aof.slack.message", []byte(`{"id":"1","platform":"slack","type":"message","raw":{"n":12345678901234567890}}`))
	f.Add("1", "dev.aof.http.x", []byte(`{"ID":"1","platform":"http","type":"x","Raw":{"a":1}}`))
	f.Add("1", "dev.knative.sources.ping", []byte(`{"user":{"id":1},"metadata":{"a":null}}`))
	f.Add("1", "x", []byte("\xff"))
	f.Add("1", "dev.aof..", []byte(`{"platform":"é"}`))
	f.Fuzz(func(t *testing.T, id, kind string, data []byte) {
		e := cloudevents.New()
		e.SetID(id)
		e.SetType(kind)
		e.SetSource("/s")
		e.SetDataContentType("application/json")
		e.DataEncoded = data
		m, err := event.FromCloudEvent(e)
		if err != nil {
			require.Equal(t, event.Message{}, m)
			return
		}
		_, _ = m.Data(), m.Facts()
		if m.Check() != nil {
			return // an identifier or a payload that became too long
		}
		sent, err := m.CloudEvent("ops", "t", nil)
		require.NoError(t, err)
		again, err := event.FromCloudEvent(sent)
		require.NoError(t, err)
		require.Equal(t, m.ID, again.ID)
		require.Equal(t, m.Platform, again.Platform)
	})
}
