// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"strings"

	"k8s.io/utils/clock"

	"aof.dev/operator/pkg/flow"
)

// messageExecutor sends what Response, Notify and the platforms' own nodes say.
type messageExecutor struct {
	messenger Messenger
	clock     clock.PassiveClock
}

// Execute renders the message and sends it. Without a messenger, a channel or
// anything to say, the message is only recorded: sent is false.
func (e *messageExecutor) Execute(ctx context.Context, req Request) (Result, error) {
	if ctx.Err() != nil {
		return Result{}, ctx.Err()
	}
	s := settings{renderer: newRenderer(req), values: req.Node.Config}
	m, err := s.message(req)
	if err != nil {
		return Result{}, err
	}
	output := map[string]any{
		"platform": m.Platform, "channel": m.Channel, "message": m.Text, "output": m.Text, "sent": false,
	}
	if m.Thread != "" {
		output["thread"] = m.Thread
	}
	if e.messenger != nil && m.Channel != "" && (strings.TrimSpace(m.Text) != "" || len(m.Blocks) > 0) {
		receipt, err := e.messenger.Send(ctx, req.Run, m)
		switch {
		case errors.Is(err, ErrNowhere):
		case err != nil:
			return Result{}, foreign(ctx, ReasonSend, true, err)
		default:
			output["sent"], output["ts"], output["id"] = true, receipt.ID, receipt.ID
			if receipt.Channel != "" {
				output["channel"] = receipt.Channel
			}
		}
	}
	reactions, waits, err := s.awaited()
	if err != nil || !waits {
		return Result{Output: output}, err
	}
	patience, err := s.timeout(policyTimeout(req.Node, defaultPatience))
	if err != nil {
		return Result{}, err
	}
	details := map[string]any{"reactions": reactions, "digest": Digest(req.Node.ID, m.Text)}
	for _, key := range []string{"platform", "channel", "thread", "sent", "ts", "id"} {
		if v := output[key]; v != nil && v != "" {
			details[key] = v
		}
	}
	wait := &flow.Wait{Kind: flow.WaitReaction, Message: m.Text, Until: e.clock.Now().Add(patience), Details: details}
	return Result{Output: output, Wait: wait}, nil
}

// message renders what is said, and where.
func (s settings) message(req Request) (m Message, err error) {
	text, err := s.marked("message", "text", "content")
	if err != nil {
		return m, err
	}
	m.Text, m.Data, m.Sorted = text.Text, text.Data, true
	if m.Blocks, err = s.blocks(); err != nil {
		return m, err
	}
	format, err := s.word("format", "parse_mode")
	if err != nil {
		return m, err
	}
	switch m.Format = strings.ToLower(format); {
	case len(m.Blocks) > 0:
		m.Format = "blocks"
	case strings.HasPrefix(m.Format, "markdown"):
		m.Format = "markdown" // Telegram's MarkdownV2 too: turning it into theirs is the platform's work
	}
	return m, s.place(req, &m)
}

// place says where a message goes: where the node says, else where the event
// came from when that is the same platform.
func (s settings) place(req Request, m *Message) (err error) {
	if m.Platform, err = s.word("platform"); err != nil {
		return err
	}
	switch req.Node.Kind { //nolint:exhaustive // the other kinds name no platform
	case flow.KindSlack, flow.KindDiscord, flow.KindTelegram:
		m.Platform = string(req.Node.Kind)
	}
	here := strings.ToLower(req.Run.Platform)
	if m.Platform = strings.ToLower(m.Platform); m.Platform == "" {
		m.Platform = here
	}
	if m.Channel, err = s.word(keysOfChannel...); err != nil {
		return err
	}
	if m.Channel == "" && m.Platform == here {
		m.Channel = req.Run.Channel
	}
	if m.Thread, err = s.word("thread_ts", "thread", "thread_id"); err != nil {
		return err
	}
	if _, given := s.first("thread_ts", "thread", "thread_id"); !given && m.Platform == here && m.Channel == req.Run.Channel {
		m.Thread = req.Run.Thread
	}
	return nil
}

// keysOfChannel are those by which a message node names where to.
var keysOfChannel = []string{"channel", "channel_id", "chat_id"}

// Unheard says of a message node that nobody will get its message: it names no
// channel, and the event came from none. All it does is to record the text.
func Unheard(n flow.Node, run Run) bool {
	if run.Channel != "" {
		return false
	}
	for _, key := range keysOfChannel {
		if _, named := n.Config[key]; named {
			return false
		}
	}
	return true
}

// blocks renders a platform's structured form.
func (s settings) blocks() ([]any, error) {
	v, ok := s.first("blocks", "embeds")
	if !ok {
		return nil, nil
	}
	filled, err := s.deepMarked(v)
	if err != nil {
		return nil, at("blocks", err)
	}
	switch t := filled.(type) {
	case nil:
		return nil, nil
	case []any:
		return t, nil
	case map[string]any:
		return []any{t}, nil
	default:
		return nil, fail(ReasonInvalidConfig, "blocks: must be a list")
	}
}

// awaited says whether the node waits for a reaction, and for which; none means
// any.
func (s settings) awaited() (reactions []any, waits bool, err error) {
	if waits, err = s.bool(false, "wait_for_reaction"); err != nil || !waits {
		return nil, false, err
	}
	names, err := s.list("reactions")
	reactions = make([]any, len(names))
	for i, name := range names {
		reactions[i] = strings.Trim(name, ":")
	}
	return reactions, true, err
}
