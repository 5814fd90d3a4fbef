// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package reply

import (
	"context"
	"errors"

	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/source"
)

// Send sends a message of a node on a platform. Its errors are the context's, or a
// *node.Error.
func Send(ctx context.Context, on source.Messenger, platform string, m node.Message) (node.Receipt, error) {
	to := source.Target{
		Platform: platform, Channel: m.Channel, Thread: m.Thread, Format: m.Format, Sorted: m.Sorted, Data: m.Data, Blocks: m.Blocks,
	}
	if q := m.Ask; q != nil {
		to.Ask = &source.Question{Namespace: q.Namespace, Run: q.Run, Node: q.Node, Digest: q.Digest}
	}
	receipt, err := on.Send(ctx, to, m.Text)
	if err != nil {
		return node.Receipt{}, sendError(ctx, err)
	}
	return node.Receipt{ID: receipt.ID, Channel: receipt.Channel}, nil
}

func sendError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var typed *source.Error
	if errors.As(err, &typed) {
		return &node.Error{Reason: "SendFailed", Message: typed.Message, Retryable: typed.Kind == source.Unavailable, Err: err}
	}
	return &node.Error{Reason: "SendFailed", Message: "the platform did not take the message", Err: err}
}

// NotReady is the error of a message whose Trigger can't send because of err. Only
// what is meant for people is told of it.
func NotReady(err error) error {
	message := "the trigger's configuration has errors, see its status"
	var typed *source.Error
	if errors.As(err, &typed) {
		message = typed.Message
	}
	return &node.Error{Reason: "TriggerNotReady", Message: message, Err: err}
}
