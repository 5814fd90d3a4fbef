// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"strings"

	"aof.dev/operator/pkg/flow"
)

// asker puts questions to people.
type asker struct{ messenger Messenger }

// ask shows a wait to those who may end it, and notes in the wait where it was
// shown. A question that can't be shown can still be answered from a command
// line, so that is no error; the details say so, and
// why (notified, notify_error).
func (a *asker) ask(ctx context.Context, req Request, wait *flow.Wait) {
	channel, _ := wait.Details["channel"].(string)
	if a == nil || a.messenger == nil || channel == "" {
		return
	}
	digest, _ := wait.Details["digest"].(string)
	thread, _ := wait.Details["thread"].(string)
	text := wait.Message
	if who, _ := wait.Details["approvers"].([]any); len(who) > 0 {
		names := make([]string, 0, len(who))
		for _, name := range who {
			if s, ok := name.(string); ok {
				names = append(names, s)
			}
		}
		text += "\nWho may decide: " + bound(strings.Join(names, ", "), 500)
	}
	receipt, err := a.messenger.Send(ctx, req.Run, Message{
		Channel: channel, Thread: thread, Text: text, Format: "text",
		Ask: &Ask{Namespace: req.Run.Namespace, Run: req.Run.Name, Node: req.Node.ID, Digest: digest},
	})
	if err != nil {
		wait.Details["notified"] = false
		var said *Error
		if errors.As(err, &said) {
			wait.Details["notify_error"] = bound(said.Message, 500)
		}
		return
	}
	wait.Details["notified"], wait.Details["ts"] = true, receipt.ID
	if receipt.Channel != "" {
		wait.Details["channel"] = receipt.Channel
	}
}
