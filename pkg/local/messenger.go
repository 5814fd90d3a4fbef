// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package local

import (
	"context"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/reply"
)

var _ node.Messenger = (*Server)(nil)

// Send sends a message through the platform of the run's trigger, or through
// another trigger of the run's namespace when the message names its platform.
func (s *Server) Send(ctx context.Context, run node.Run, m node.Message) (node.Receipt, error) {
	channel := s.messengerFor(run, m.Platform)
	if channel.err != nil {
		return node.Receipt{}, reply.NotReady(channel.err)
	}
	if channel.Messenger == nil {
		return node.Receipt{}, node.ErrNowhere
	}
	return reply.Send(ctx, channel, channel.platform, m)
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
