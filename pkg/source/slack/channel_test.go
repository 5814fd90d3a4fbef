// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package slack_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/source"
	"aof.dev/operator/pkg/source/slack"
	fakeslack "aof.dev/operator/test/fake/slack"
)

const info = "conversations.info"

// naming makes a receiver whose Trigger is filtered by the names of channels.
func naming(t *testing.T, api *fakeslack.Server) source.Receiver {
	t.Helper()
	r, err := slack.NewReceiver(source.Settings{
		BaseURL: api.URL(), HTTPClient: api.Client(), Channels: []string{"#production"},
		Config: map[string]any{"signing_secret": secret, "bot_token": fakeslack.Token},
	})
	require.NoError(t, err)
	return r
}

func receiveIn(ctx context.Context, r source.Receiver, channel string, at time.Time) (event.Message, error) {
	d, err := r.Receive(ctx, request(at, fakeslack.MessageEvent(channel, alice, ts, "x")), at)
	if err != nil || len(d.Messages) != 1 {
		return event.Message{}, err
	}
	return d.Messages[0], nil
}

func TestChannelName(t *testing.T) {
	t.Parallel()
	api := fakeslack.New(t, fakeslack.WithChannel(channel, "production"))
	m, err := receiveIn(t.Context(), naming(t, api), channel, now)
	require.NoError(t, err)
	assert.Equal(t, "production", m.ChannelName)
	assert.Equal(t, []string{channel, "production", "#production"}, m.Facts().Channels)
	assert.Equal(t, "production", m.Metadata["channel_name"])
}

func TestChannelNameIsAskedForOnlyWhenNeeded(t *testing.T) {
	t.Parallel()
	api := fakeslack.New(t, fakeslack.WithChannel(channel, "production"))
	byID, err := slack.NewReceiver(source.Settings{
		BaseURL: api.URL(), HTTPClient: api.Client(), Channels: []string{"*"},
		Config: map[string]any{"signing_secret": secret, "bot_token": fakeslack.Token, "channels": []any{channel, "G0123456789"}},
	})
	require.NoError(t, err)
	_, err = receiveIn(t.Context(), byID, channel, now)
	require.NoError(t, err)

	r := naming(t, api)
	_, err = receiveIn(t.Context(), r, "D0DIRECT00", now)
	require.NoError(t, err)
	_, err = r.Receive(t.Context(), request(now, fakeslack.Event(map[string]any{"type": "message", "bot_id": "B1"})), now)
	require.NoError(t, err)
	_, err = r.Receive(t.Context(), request(now, []byte("command=%2Faof&channel_id=C1&channel_name=general")), now)
	require.NoError(t, err)
	assert.Zero(t, api.Calls(info))
}

func TestChannelNameIsRemembered(t *testing.T) {
	t.Parallel()
	api := fakeslack.New(t, fakeslack.WithChannel(channel, "production"))
	r := naming(t, api)
	for _, step := range []struct {
		channel string
		after   time.Duration
		calls   int
	}{
		{channel, 0, 1},
		{channel, 9 * time.Minute, 1},
		{channel, 10 * time.Minute, 2},
		{"C0UNKNOWN0", 0, 3},
		{"C0UNKNOWN0", 59 * time.Second, 3},
		{"C0UNKNOWN0", time.Minute, 4},
	} {
		_, err := receiveIn(t.Context(), r, step.channel, now.Add(step.after))
		require.NoError(t, err)
		assert.Equal(t, step.calls, api.Calls(info), "%s after %s", step.channel, step.after)
	}
}

func TestUnknownChannelHasNoName(t *testing.T) {
	t.Parallel()
	api := fakeslack.New(t, fakeslack.WithChannel(channel, "production"))
	m, err := receiveIn(t.Context(), naming(t, api), "C0UNKNOWN0", now)
	require.NoError(t, err)
	assert.Empty(t, m.ChannelName)
	assert.Equal(t, []string{"C0UNKNOWN0"}, m.Facts().Channels)
}

func TestChannelNameThatCannotBeHadIsAskedForAgain(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"ratelimited", "internal_error", "500", "503", "404", "invalid_auth", "missing_scope", "Not <A> code"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			api := fakeslack.New(t, fakeslack.WithChannel(channel, "production"))
			r := naming(t, api)
			api.FailNext(info, code)
			_, err := receiveIn(t.Context(), r, channel, now)
			var e *source.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, source.Unavailable, e.Kind, "Slack has to try again")
			assert.NotContains(t, e.Error(), fakeslack.Token)
			assert.NotContains(t, e.Error(), "<A>")

			m, err := receiveIn(t.Context(), r, channel, now)
			require.NoError(t, err)
			assert.Equal(t, "production", m.ChannelName)
		})
	}
}

func TestChannelNameWithoutSlack(t *testing.T) {
	t.Parallel()
	api := fakeslack.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := receiveIn(ctx, naming(t, api), channel, now)
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, source.Unavailable, source.KindOf(err))
}

func TestBusyChannelIsAskedForOnce(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}, 16), make(chan struct{})
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		<-answer
		_, _ = w.Write([]byte(`{"ok":true,"channel":{"name":"production"}}`))
	}))
	t.Cleanup(api.Close)
	r, err := slack.NewReceiver(source.Settings{
		BaseURL: api.URL, HTTPClient: api.Client(), Channels: []string{"production"},
		Config: map[string]any{"signing_secret": secret, "bot_token": fakeslack.Token},
	})
	require.NoError(t, err)

	var wg sync.WaitGroup
	receive := func() {
		m, err := receiveIn(t.Context(), r, channel, now)
		assert.NoError(t, err)
		assert.Equal(t, "production", m.ChannelName)
	}
	wg.Go(receive)
	<-asked
	for range 8 {
		wg.Go(receive)
	}
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = receiveIn(impatient, r, channel, now)
	assert.ErrorIs(t, err, context.Canceled, "who has gone doesn't wait for the others' answer")
	close(answer)
	wg.Wait()
	assert.Empty(t, asked, "somebody asked again")
}

func TestBusyChannelsAreBounded(t *testing.T) {
	t.Parallel()
	api := fakeslack.New(t)
	r := naming(t, api)
	const channels = 1500 // more than are remembered
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := worker; i < channels; i += 4 {
				m, err := receiveIn(t.Context(), r, fmt.Sprintf("C%08d", i), now.Add(time.Duration(i)*time.Millisecond))
				assert.NoError(t, err)
				assert.Equal(t, fmt.Sprintf("c%08d", i), m.ChannelName)
			}
		})
	}
	wg.Wait()
	require.Equal(t, channels, api.Calls(info))

	_, err := receiveIn(t.Context(), r, fmt.Sprintf("C%08d", channels-1), now.Add(2*time.Second))
	require.NoError(t, err)
	assert.Equal(t, channels, api.Calls(info), "the newest is remembered")
	_, err = receiveIn(t.Context(), r, "C00000000", now.Add(2*time.Second))
	require.NoError(t, err)
	assert.Equal(t, channels+1, api.Calls(info), "the oldest is forgotten")
}
