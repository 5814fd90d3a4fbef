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

// answers takes the answers to runs' questions: what people do with the buttons
// under a message, whether the platform calls us or we listen to it. The decision
// goes into the run; the controller sees it there and has the run go on. Reactions
// are left to flows, since the adapter may not look for the run that one is for.
// Nil for platforms where nothing can be asked.
func (r *Routes) answers(platform source.Platform, settings source.Settings) *answer.Taker {
	runs, ok := r.options.Runs.(answer.Runs)
	if !ok || platform.NewMessenger == nil {
		return nil
	}
	unsaid := func(run *aofv1.FlowRun, err error) {
		r.options.Log.Warn("the answer to a decision could not be sent", "run", run.Name, "error", bounded(err))
	}
	return &answer.Taker{
		Runs: runs, Clock: r.options.Clock, Trigger: types.NamespacedName{Namespace: settings.Namespace, Name: settings.Name},
		Platform: strings.ToLower(platform.Type),
		Reply: func(ctx context.Context, run *aofv1.FlowRun, a source.Answer, text string) {
			messenger, err := platform.NewMessenger(settings)
			if err == nil {
				_, err = messenger.Send(ctx, source.Target{Platform: platform.Type, Channel: a.Channel, Thread: a.Thread, Format: "text"}, text)
			}
			if err != nil {
				unsaid(run, err)
			}
		},
		Settle: func(ctx context.Context, run *aofv1.FlowRun, question source.Receipt, text, outcome string) bool {
			messenger, err := platform.NewMessenger(settings)
			settler, ok := messenger.(source.Settler)
			if err != nil || !ok {
				return false
			}
			if err = settler.Settle(ctx, question, text, outcome); err != nil {
				unsaid(run, err)
			}
			return err == nil
		},
	}
}
