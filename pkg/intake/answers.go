// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"context"
	"errors"
	"iter"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"aof.dev/operator/pkg/answer"
	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/route"
	"aof.dev/operator/pkg/source"
)

// answers takes the answers to runs' questions: what people do with the buttons
// under a message, whether the platform calls us or we listen to it. The decision
// goes into the run; the controller sees it there and has the run go on. The adapter
// may not look for the run that a reaction is for: the controller keeps, for each
// Trigger, a list of those that ask. Nil for platforms where nothing can be asked.
func (r *Routes) answers(platform source.Platform, settings source.Settings) *answer.Taker {
	runs, ok := r.options.Runs.(answer.Runs)
	if !ok || platform.NewMessenger == nil {
		return nil
	}
	unsaid := func(run *aofv1.FlowRun, err error) {
		r.options.Log.Warn("the answer to a decision could not be sent", "run", run.Name, "error", bounded(err))
	}
	key := types.NamespacedName{Namespace: settings.Namespace, Name: settings.Name}
	return &answer.Taker{
		Runs: runs, Clock: r.options.Clock, Trigger: key,
		Platform: strings.ToLower(platform.Type),
		Waiting: func(ctx context.Context, a source.Answer) iter.Seq2[*aofv1.FlowRun, error] {
			return func(yield func(*aofv1.FlowRun, error) bool) { r.asking(ctx, key, runs, a, yield) }
		},
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

// asking gives the runs that wait under the message of an answer.
func (r *Routes) asking(ctx context.Context, trigger types.NamespacedName, runs answer.Runs, a source.Answer, yield func(*aofv1.FlowRun, error) bool) {
	object, err := r.options.Objects.ConfigMap(ctx, trigger.Namespace, names.Questions(trigger.Name))
	if apierrors.IsNotFound(err) {
		return // no run has ever asked
	}
	var questions []route.Question
	if err == nil {
		questions, err = route.DecodeQuestions(object.Data[names.KeyQuestions])
	}
	if err != nil {
		yield(nil, err)
		return
	}
	for _, q := range questions {
		if q.Channel != a.Channel || q.Message != a.Message {
			continue
		}
		run, err := runs.Get(ctx, q.Namespace, q.Run)
		if errors.Is(err, ledger.ErrNotFound) {
			continue
		}
		if !yield(run, err) || err != nil {
			return
		}
	}
}
