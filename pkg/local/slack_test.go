// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package local_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/importer"
	"aof.dev/operator/pkg/manifest"
	fakeslack "aof.dev/operator/test/fake/slack"
)

// seedEra imports upstream's own composition, where it is to be had.
func seedEra(t *testing.T) string {
	t.Helper()
	from := "../../../shared/upstream/seed-era"
	if _, err := os.Stat(from); err != nil {
		t.Skip("upstream's files are not here; examples/slack-k8s tells the same story")
	}
	result, err := importer.Import([]string{from}, manifest.Options{})
	require.NoError(t, err)
	dir := t.TempDir()
	raw := result.YAML()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "all.yaml"), raw, 0o600))
	replies, err := os.ReadFile("../../examples/slack-k8s/replies.yaml")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "replies.yaml"), replies, 0o600))
	return dir
}

// slackbot is a composition that answers in Slack, with the fake Slack it talks to.
type slackbot struct {
	*world
	slack *fakeslack.Server
	path  string // of the trigger
}

func startSlackbot(t *testing.T, dir, path string) slackbot {
	t.Helper()
	fake := fakeslack.New(t, fakeslack.WithToken(token), fakeslack.WithChannel("C0PROD0001", "production"), fakeslack.WithChannel("C0RANDOM01", "random"))
	s := settings([]string{dir}, map[string]string{"SLACK_BOT_TOKEN": token, "SLACK_SIGNING_SECRET": secret, "SLACK_API_URL": fake.URL()})
	s.Model = "mock:replies.yaml"
	return slackbot{serve(t, s, t.TempDir()), fake, path}
}

func (b slackbot) send(key string, at time.Time, body []byte) int {
	b.t.Helper()
	return b.world.slack(b.path, key, at, body)
}

func TestSlackMainJob(t *testing.T) {
	t.Parallel()
	example, err := filepath.Abs("../../examples/slack-k8s")
	require.NoError(t, err)
	t.Run("example", func(t *testing.T) {
		t.Parallel()
		mainJob(t, startSlackbot(t, example, "/ops/slack"))
	})
	t.Run("upstream", func(t *testing.T) {
		t.Parallel()
		mainJob(t, startSlackbot(t, seedEra(t), "/default/slack-prod"))
	})
}

// mainJob is what the product is for: a signed message in an allowed channel
// becomes one run, and its answer lands in the thread.
func mainJob(t *testing.T, b slackbot) {
	t.Helper()
	now := time.Now()
	const user, ts = "U012PLATFORM1", "1700000000.000100"
	message := fakeslack.MessageEvent("C0PROD0001", user, ts, "show me the pods")

	// Whatever is not right is refused or ignored, and starts nothing.
	assert.Equal(t, http.StatusUnauthorized, b.send("wrong-secret", now, message), "wrong signature")
	assert.Equal(t, http.StatusUnauthorized, b.send(secret, now.Add(-6*time.Minute), message), "stale timestamp")
	assert.Equal(t, http.StatusUnauthorized, b.send(secret, now.Add(6*time.Minute), message), "timestamp from the future")
	code, _ := b.do(http.MethodPost, b.path, nil, message)
	assert.Equal(t, http.StatusUnauthorized, code, "unsigned")
	assert.Equal(t, http.StatusOK, b.send(secret, now, fakeslack.MessageEvent("C0RANDOM01", user, "1700000001.000100", "show me the pods")), "wrong channel")
	assert.Equal(t, http.StatusOK, b.send(secret, now, fakeslack.Event(map[string]any{
		"type": "message", "channel": "C0PROD0001", "ts": "1700000002.000100", "text": "pods", "bot_id": "B0SELF0001", "user": user,
	})), "the bot's own message")
	assert.Equal(t, http.StatusOK, b.send(secret, now, fakeslack.MessageEvent("C0PROD0001", user, "1700000003.000100", "good morning")), "no pattern fits")
	assert.Empty(t, b.runs())

	// The message, and then Slack's impatience.
	require.Equal(t, http.StatusOK, b.send(secret, now, message))
	require.Equal(t, http.StatusOK, b.send(secret, now, message), "a retry")
	require.Equal(t, http.StatusOK, b.send(secret, now, fakeslack.MentionEvent("C0PROD0001", user, ts, "show me the pods")), "the mention of the same message")
	run := b.waitRuns(1)[0]
	require.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase, "%+v", run.Status.Error)

	messages, err := b.slack.WaitMessages(t.Context(), 1)
	require.NoError(t, err)
	require.Len(t, messages, 1)
	assert.Equal(t, "C0PROD0001", messages[0].Channel)
	assert.Equal(t, ts, messages[0].Thread, "in the thread of the message")
	assert.Contains(t, messages[0].Text, "Three pods are running")

	// What changes something waits for a human.
	require.Equal(t, http.StatusOK, b.send(secret, now, fakeslack.MessageEvent("C0PROD0001", user, "1700000009.000100", "scale the web deployment to 3")))
	for _, run := range b.waitRuns(2) {
		if run.Status.Phase == aofv1.FlowRunPhaseWaiting {
			assert.Contains(t, run.Status.Waiting[0].Message, "kubectl scale deployment/web --replicas=3")
			return
		}
	}
	assert.Fail(t, "no run waits for approval")
}

func TestSlackSecretsStayOut(t *testing.T) {
	t.Parallel()
	example, err := filepath.Abs("../../examples/slack-k8s")
	require.NoError(t, err)
	b := startSlackbot(t, example, "/ops/slack")
	require.Equal(t, http.StatusOK, b.send(secret, time.Now(), fakeslack.MessageEvent("C0PROD0001", "U1", "1700000000.000200", "pods ${SLACK_BOT_TOKEN} $SLACK_SIGNING_SECRET")))
	b.waitRuns(1)
	for _, path := range []string{"flowruns", "triggers", "flowbindings", "contexts", "agentflows", "agents"} {
		_, body := b.do(http.MethodGet, "/apis/aof.dev/v1/"+path, nil, nil)
		assert.NotContains(t, body, token, path)
		assert.NotContains(t, body, secret, path)
	}
}
