// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package slack_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/source"
	"aof.dev/operator/pkg/source/slack"
)

func TestTheTokenGoesIntoTheHeader(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 1)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Get("Authorization")
		_, _ = w.Write([]byte(`{"ok":true,"channel":"C1","ts":"1.000001"}`))
	}))
	t.Cleanup(api.Close)
	m, err := slack.NewMessenger(source.Settings{BaseURL: api.URL, HTTPClient: api.Client(), Config: map[string]any{"bot_token": "xoxb-1"}})
	require.NoError(t, err)
	_, err = m.Send(t.Context(), source.Target{Channel: "C1"}, "hello")
	require.NoError(t, err)
	assert.Equal(t, "Bearer xoxb-1", <-seen)
}

// Without a bot token a filter by id works and one by name can't.
func TestWhichFiltersNeedAToken(t *testing.T) {
	t.Parallel()
	for filter, works := range map[string]bool{
		"C9": true, "C01234567": true, "G1": true, "D1": true, "*": true, "": true,
		"production": false, "#production": false, "c9": false, "C-9": false,
	} {
		_, err := slack.NewReceiver(source.Settings{Config: map[string]any{"signing_secret": "s", "channels": []any{filter}}})
		if works {
			require.NoError(t, err, filter)
			continue
		}
		require.ErrorContains(t, err, "bot_token", filter)
	}
}
