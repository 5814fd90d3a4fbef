// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package slack

import (
	"context"
	"errors"
	"strings"

	slackapi "github.com/slack-go/slack"

	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/source"
)

// messenger sends the answers of one Trigger.
type messenger struct {
	client *slackapi.Client
}

var (
	_ source.Reactor = (*messenger)(nil)
	_ source.Settler = (*messenger)(nil)
)

// NewMessenger makes the messenger of one Slack Trigger; it needs bot_token.
func NewMessenger(s source.Settings) (source.Messenger, error) {
	c, err := parseConfig(s.Config)
	if err != nil {
		return nil, err
	}
	if c.botToken == "" {
		return nil, source.Fail(source.Unauthenticated, "slack: bot_token is not configured, so nothing can be sent")
	}
	return &messenger{client: newClient(c.botToken, s)}, nil
}

// Send posts one message, in the thread the target names.
func (m *messenger) Send(ctx context.Context, to source.Target, text string) (source.Receipt, error) {
	if to.Channel == "" {
		return source.Receipt{}, malformed("the target has no channel")
	}
	blocks, err := makeBlocks(to, text)
	if err != nil {
		return source.Receipt{}, err
	}
	if to.Sorted {
		text = shortened(markup(expr.Marked{Text: text, Data: to.Data}))
	} else {
		text = sayable(text)
	}
	if strings.TrimSpace(text) == "" && len(blocks) == 0 {
		return source.Receipt{}, malformed("the message is empty")
	}
	options := []slackapi.MsgOption{slackapi.MsgOptionText(text, false)}
	if len(blocks) > 0 {
		options = append(options, slackapi.MsgOptionBlocks(blocks...))
	}
	if to.Thread != "" {
		options = append(options, slackapi.MsgOptionTS(to.Thread))
	}
	if to.Format == "text" {
		options = append(options, slackapi.MsgOptionDisableMarkdown())
	}
	channel, ts, err := m.client.PostMessageContext(ctx, to.Channel, options...)
	switch {
	case err != nil:
		return source.Receipt{}, apiError("send a message", err)
	case ts == "":
		return source.Receipt{}, source.Fail(source.Unavailable, "slack: send a message: Slack didn't say that it was taken")
	}
	return source.Receipt{ID: ts, Channel: channel}, nil
}

// React adds a reaction to a message.
func (m *messenger) React(ctx context.Context, message source.Receipt, reaction string) error {
	reaction = strings.Trim(reaction, ":")
	if message.ID == "" || message.Channel == "" || reaction == "" {
		return malformed("the reaction has no message or no name")
	}
	err := m.client.AddReactionContext(ctx, reaction, slackapi.NewRefToMessage(message.Channel, message.ID))
	var said slackapi.SlackErrorResponse
	if err == nil || errors.As(err, &said) && said.Err == "already_reacted" {
		return nil
	}
	return apiError("add a reaction", err)
}

// Settle changes a question into one that was answered. The outcome is markup, so
// that it can name people; the question is anybody's text.
func (m *messenger) Settle(ctx context.Context, message source.Receipt, question, outcome string) error {
	if message.ID == "" || message.Channel == "" {
		return malformed("the question has no message")
	}
	_, _, _, err := m.client.UpdateMessageContext(ctx, message.Channel, message.ID,
		slackapi.MsgOptionText(sayable(outcome), false), slackapi.MsgOptionBlocks(settledBlocks(question, outcome)...))
	if err != nil {
		return apiError("change a message", err)
	}
	return nil
}
