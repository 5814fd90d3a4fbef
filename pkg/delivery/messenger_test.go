// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package delivery_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/delivery"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/plan"
	"aof.dev/operator/pkg/source"
)

// chat is a platform that keeps what it is made from and what it is told.
type chat struct {
	settings source.Settings
	to       source.Target
	err      error
}

func (c *chat) Send(_ context.Context, to source.Target, _ string) (source.Receipt, error) {
	c.to = to
	return source.Receipt{ID: "17.5", Channel: "C1"}, c.err
}

func (c *chat) registry() *source.Registry {
	return source.NewRegistry(
		source.Platform{Type: "Slack", NewMessenger: func(s source.Settings) (source.Messenger, error) {
			c.settings = s
			if s.Config["bot_token"] == nil {
				return nil, source.Fail(source.Unauthenticated, "bot_token is not configured")
			}
			return c, nil
		}},
		source.Platform{Type: "HTTP"},
	)
}

// send has a node of a run send a message, in the work that the delivery of an
// event begins.
func send(t *testing.T, change func(*plan.Trigger), c *chat, message node.Message) (receipt node.Receipt, err error) {
	t.Helper()
	s := setScene(t)
	trigger := &plan.Trigger{Namespace: "shop", Name: "intake", Type: "Slack", Config: map[string]string{"bot_token": "${BOT}", "other": "${GONE}"}}
	change(trigger)
	s.keep(t, "web-1", &plan.Plan{Namespace: "team", Binding: "web", Trigger: trigger})
	messenger := &delivery.Messenger{
		Platforms: c.registry(),
		Lookup:    func(name string) (string, bool) { return "xoxb-1", name == "BOT" },
		BaseURL:   func(string) string { return "http://fake" },
	}
	s.runs.do = func(ctx context.Context, run *aofv1.FlowRun) (*aofv1.FlowRun, error) {
		receipt, err = messenger.Send(ctx, node.Run{}, message)
		return run, nil
	}
	run := &aofv1.FlowRun{}
	run.Namespace, run.Name = "team", "web-1"
	run.Spec.Plan, run.Spec.Binding = "web-1", &aofv1.ObjectReference{Name: "web"}
	require.NoError(t, s.store.Create(t.Context(), run))
	require.Equal(t, http.StatusOK, s.post(t, path, resume(t, "web-1")).Code)
	return receipt, err
}

func TestRepliesGoThroughTheTriggerOfThePlan(t *testing.T) {
	t.Parallel()
	c := &chat{}
	receipt, err := send(t, func(*plan.Trigger) {}, c, node.Message{
		Platform: "slack", Channel: "C1", Thread: "3", Ask: &node.Ask{Namespace: "team", Run: "r", Node: "n", Digest: "d"},
	})
	require.NoError(t, err)
	assert.Equal(t, node.Receipt{ID: "17.5", Channel: "C1"}, receipt)
	assert.Equal(t, map[string]any{"bot_token": "xoxb-1"}, c.settings.Config, "what has no credential is left out")
	assert.Equal(t, "http://fake", c.settings.BaseURL)
	assert.Equal(t, "3", c.to.Thread)
	assert.Equal(t, &source.Question{Namespace: "team", Run: "r", Node: "n", Digest: "d"}, c.to.Ask)
}

func TestReplyErrors(t *testing.T) {
	t.Parallel()
	var typed *node.Error
	_, err := send(t, func(tr *plan.Trigger) { tr.Config = nil }, &chat{}, node.Message{})
	require.ErrorAs(t, err, &typed)
	assert.Equal(t, "TriggerNotReady", typed.Reason)
	assert.Contains(t, typed.Message, "bot_token")

	_, err = send(t, func(*plan.Trigger) {}, &chat{err: source.Fail(source.Unavailable, "busy")}, node.Message{})
	require.ErrorAs(t, err, &typed)
	assert.Equal(t, "SendFailed", typed.Reason)
	assert.True(t, typed.Retryable)

	_, err = send(t, func(tr *plan.Trigger) { tr.Type = "HTTP" }, &chat{}, node.Message{})
	require.ErrorIs(t, err, node.ErrNowhere)
	_, err = send(t, func(*plan.Trigger) {}, &chat{}, node.Message{Platform: "discord"})
	require.ErrorIs(t, err, node.ErrNowhere)
}
