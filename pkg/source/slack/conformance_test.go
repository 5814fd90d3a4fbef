// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package slack_test

import (
	"net/http"
	"testing"
	"time"

	"aof.dev/operator/pkg/source"
	"aof.dev/operator/pkg/source/slack"
	"aof.dev/operator/pkg/source/sourcetest"
	fakeslack "aof.dev/operator/test/fake/slack"
)

// secret signs every request in the tests.
const secret = "8f742231b10e8888abcd99yyyzzz85a5"

// now is the time of every request in the tests.
var now = time.Unix(1_800_000_100, 0).UTC()

// ts is the message of every event in the tests.
const ts = "1800000000.000100"

func request(at time.Time, body []byte) source.Request {
	return source.Request{Method: http.MethodPost, Header: fakeslack.Header(secret, at, body), Body: body}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	api := fakeslack.New(t, fakeslack.WithChannel("C0PRODUCTION", "production"))
	sourcetest.Run(t, sourcetest.Harness{
		Platform: slack.Platform(),
		Settings: source.Settings{
			Namespace: "ops", Name: "slack-prod", BaseURL: api.URL(), HTTPClient: api.Client(),
			Config: map[string]any{"signing_secret": secret, "bot_token": fakeslack.Token, "channels": []any{"production"}},
		},
		Sign: request,
		Valid: [][]byte{
			fakeslack.MessageEvent("C0PRODUCTION", "U0ALICE", ts, "pods of api are down"),
			fakeslack.MentionEvent("C0PRODUCTION", "U0ALICE", ts, "<@U0FAKEBOT0> help"),
			fakeslack.ReactionEvent("C0PRODUCTION", "U0ALICE", ts, "white_check_mark", "1800000050.000200"),
			fakeslack.Command("C0PRODUCTION", "U0ALICE", "/aof", "status of api"),
			fakeslack.ChallengeEvent("3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"),
			fakeslack.Event(map[string]any{"type": "channel_rename", "channel": map[string]any{"id": "C0PRODUCTION"}}),
		},
		Secrets: []string{secret, fakeslack.Token, fakeslack.VerificationToken},
		Window:  5 * time.Minute,
	})
}
