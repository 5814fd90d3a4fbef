// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package local

import (
	"context"
	"errors"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/source"
)

var _ node.Messenger = (*Server)(nil)

// Send sends a message through the platform of the run's trigger, or through
// another trigger of the run's namespace when the message names its platform.
func (s *Server) Send(ctx context.Context, run node.Run, m node.Message) (node.Receipt, error) {
	channel := s.messengerFor(run, m.Platform)
	if channel.err != nil {
		return node.Receipt{}, &node.Error{Reason: "TriggerNotReady", Message: "the trigger's configuration has errors, see its status"}
	}
	if channel.Messenger == nil {
		return node.Receipt{}, node.ErrNowhere
	}
	to := source.Target{Platform: channel.platform, Channel: m.Channel, Thread: m.Thread, Format: m.Format, Sorted: m.Sorted, Data: m.Data, Blocks: m.Blocks}
	if m.Ask != nil {
		to.Ask = &source.Question{Namespace: m.Ask.Namespace, Run: m.Ask.Run, Node: m.Ask.Node, Digest: m.Ask.Digest}
	}
	receipt, err := channel.Send(ctx, to, m.Text)
	if err != nil {
		return node.Receipt{}, sendError(ctx, err)
	}
	return node.Receipt{ID: receipt.ID, Channel: receipt.Channel}, nil
}

func (s *Server) messengerFor(run node.Run, platform string) messenger {
	scene := s.current()
	namespace, name, _ := strings.Cut(run.Trigger, "/")
	own := types.NamespacedName{Namespace: namespace, Name: name}
	if platform == "" || strings.EqualFold(platform, run.Platform) {
		return scene.messengers[own]
	}
	for key, t := range scene.world.triggers {
		if key.Namespace == namespace && strings.EqualFold(string(t.Spec.Type), platform) {
			return scene.messengers[key]
		}
	}
	return messenger{}
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
