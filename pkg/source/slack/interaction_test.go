// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package slack_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/source"
	"aof.dev/operator/pkg/source/slack"
	fakeslack "aof.dev/operator/test/fake/slack"
)

// What is asked goes out with buttons and comes back with who pressed one.
func TestQuestionsComeBackAnswered(t *testing.T) {
	t.Parallel()
	fake := fakeslack.New(t, fakeslack.WithToken("xoxb-1"), fakeslack.WithChannel("C1", "ops"))
	m, err := slack.NewMessenger(source.Settings{Config: map[string]any{"bot_token": "xoxb-1"}, HTTPClient: fake.Client(), BaseURL: fake.URL()})
	require.NoError(t, err)
	question := source.Question{Namespace: "ns", Run: "r", Node: "ask", Digest: "d"}
	text := "run `rm -rf /` <!channel> *now*? " + strings.Repeat("ü", 4000)
	_, err = m.Send(t.Context(), source.Target{Channel: "C1", Ask: &question}, text)
	require.NoError(t, err)
	sent := fake.Messages()[0]
	require.Len(t, sent.Blocks, 2)
	raw, err := json.Marshal(sent.Blocks[0])
	require.NoError(t, err)
	assert.Contains(t, string(raw), `"plain_text"`, "nothing in it is markup")
	assert.NotContains(t, string(raw), "mrkdwn")

	raw, err = json.Marshal(sent.Blocks[1])
	require.NoError(t, err)
	var actions struct {
		Elements []map[string]any `json:"elements"`
	}
	require.NoError(t, json.Unmarshal(raw, &actions))
	require.Len(t, actions.Elements, 2)
	for i, approved := range []bool{true, false} {
		payload, err := json.Marshal(map[string]any{
			"type": "block_actions", "team": map[string]any{"id": "T1"}, "user": map[string]any{"id": "U1", "username": "ann"},
			"channel": map[string]any{"id": "C1"}, "message": map[string]any{"ts": "1.2"},
			"actions": []any{actions.Elements[i]},
		})
		require.NoError(t, err)
		d, err := newReceiver(t, nil).Receive(t.Context(), request(now, []byte("payload="+url.QueryEscape(string(payload)))), now)
		require.NoError(t, err)
		assert.Equal(t, []source.Answer{{
			User: event.User{ID: "U1", Username: "ann"}, Channel: "C1", Message: "1.2", Thread: "1.2", Question: &question, Approved: approved,
		}}, d.Answers)
		assert.Empty(t, d.Messages)
	}
}

func TestBrokenInteractionsAreRefused(t *testing.T) {
	t.Parallel()
	for name, payload := range map[string]string{
		"no JSON":      `{`,
		"no user":      `{"type":"block_actions"}`,
		"no question":  `{"type":"block_actions","user":{"id":"U1"},"actions":[{"action_id":"aof_approve","value":"{}"}]}`,
		"broken value": `{"type":"block_actions","user":{"id":"U1"},"actions":[{"action_id":"aof_approve","value":"x"}]}`,
		"a long value": `{"type":"block_actions","user":{"id":"U1"},"actions":[{"action_id":"aof_deny","value":"` + strings.Repeat("x", 3000) + `"}]}`,
	} {
		_, err := newReceiver(t, nil).Receive(t.Context(), request(now, []byte("payload="+url.QueryEscape(payload))), now)
		require.Error(t, err, name)
		assert.Less(t, len(err.Error()), 300)
	}
}
