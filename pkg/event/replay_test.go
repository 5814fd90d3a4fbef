// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"encoding/json"
	"strings"
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/event"
)

func TestReplay(t *testing.T) {
	t.Parallel()
	stored, err := slackMessage().CloudEvent("ops", "slack-prod", []string{"ops/k8s"})
	require.NoError(t, err)
	stored.SetExtension("traceparent", "00-1-2-01")
	stored.SetExtension("knativeerrorcode", "503")
	stored.SetExtension("aofforce", "true")
	stored.SetExtension("severity", "high")
	before, err := json.Marshal(stored)
	require.NoError(t, err)

	again := event.Replay(stored, "7f")
	assert.Equal(t, stored.ID()+"+replay-7f", again.ID())
	assert.Equal(t, map[string]any{"aoftrigger": "slack-prod", "aofreplayof": stored.ID(), "severity": "high"}, again.Extensions())
	assert.Equal(t, stored.Source(), again.Source())
	assert.Equal(t, stored.Type(), again.Type())
	assert.Equal(t, stored.Time(), again.Time())
	assert.Equal(t, string(stored.Data()), string(again.Data()))
	require.NoError(t, again.Validate())
	after, err := json.Marshal(stored)
	require.NoError(t, err)
	assert.JSONEq(t, string(before), string(after), "the stored one stays")

	once := event.Replay(again, "80")
	assert.Equal(t, stored.ID()+"+replay-80", once.ID(), "ids don't grow")
	assert.Equal(t, stored.ID(), once.Extensions()["aofreplayof"])
	assert.NotEqual(t, again.ID(), once.ID())
}

func TestReplayOfALongID(t *testing.T) {
	t.Parallel()
	stored := cloudevents.New()
	stored.SetID(strings.Repeat("x", 256))
	again := event.Replay(stored, "7f")
	assert.LessOrEqual(t, len(again.ID()), 256)
	assert.True(t, strings.HasSuffix(again.ID(), "+replay-7f"))
	assert.Equal(t, stored.ID(), again.Extensions()["aofreplayof"])
}

func TestForced(t *testing.T) {
	t.Parallel()
	e := cloudevents.New()
	assert.False(t, event.Forced(e))
	for value, want := range map[any]bool{"true": true, true: true, "false": false, "yes": false, int32(1): false} {
		e.SetExtension(event.ExtensionForce, value)
		assert.Equal(t, want, event.Forced(e), value)
	}
}
