// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"context"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"aof.dev/operator/pkg/answer"
	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/source"
)

// answering has a receiver take the answers to runs' questions: what people do
// with the buttons under a message. The decision goes into the run; the
// controller sees it there and has the run go on. Reactions are left to flows,
// since the adapter may not look for the run that one is for.
func (r *Routes) answering(receiver source.Receiver, platform source.Platform, settings source.Settings) source.Receiver {
	runs, ok := r.options.Runs.(answer.Runs)
	if !ok || platform.NewMessenger == nil {
		return receiver
	}
	taker := &answer.Taker{
		Runs: runs, Clock: r.options.Clock, Trigger: types.NamespacedName{Namespace: settings.Namespace, Name: settings.Name},
		Platform: strings.ToLower(platform.Type),
		Reply: func(ctx context.Context, run *aofv1.FlowRun, a source.Answer, text string) {
			messenger, err := platform.NewMessenger(settings)
			if err == nil {
				_, err = messenger.Send(ctx, source.Target{Platform: platform.Type, Channel: a.Channel, Thread: a.Thread, Format: "text"}, text)
			}
			if err != nil {
				r.options.Log.Warn("the answer to a decision could not be sent", "run", run.Name, "error", bounded(err))
			}
		},
	}
	return taker.Receiver(receiver)
}
