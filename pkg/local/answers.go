// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package local

import (
	"context"
	"errors"
	"iter"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"aof.dev/operator/pkg/answer"
	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/source"
)

// taker takes the answers that come to a Trigger, buttons and reactions.
func (s *Server) taker(trigger types.NamespacedName, platform string) *answer.Taker {
	return &answer.Taker{
		Runs: s.store, Clock: s.settings.Clock, Trigger: trigger, Platform: strings.ToLower(platform), Reply: s.reply, Settle: s.settle,
		Waiting: func(ctx context.Context, _ source.Answer) iter.Seq2[*aofv1.FlowRun, error] {
			// A run that waits with one branch may be at work in another.
			phases := []aofv1.FlowRunPhase{aofv1.FlowRunPhaseWaiting, aofv1.FlowRunPhaseRunning}
			return ledger.All(ctx, s.store, ledger.ListOptions{Trigger: trigger.Name, Phases: phases})
		},
		Decided: func(run *aofv1.FlowRun) {
			s.dispatcher.submit(types.NamespacedName{Namespace: run.Namespace, Name: run.Name})
		},
	}
}

// reply says something where an answer was given. That it can't be said is no
// reason to refuse the answer.
func (s *Server) reply(ctx context.Context, run *aofv1.FlowRun, a source.Answer, text string) {
	where := origin(run)
	where.Channel, where.Thread = a.Channel, a.Thread
	if _, err := s.Send(ctx, where, node.Message{Channel: a.Channel, Thread: a.Thread, Text: text, Format: "text"}); err != nil && !errors.Is(err, node.ErrNowhere) {
		s.log.Warn("the answer to a decision could not be sent", "run", run.Name, "error", err)
	}
}

// settle shows what became of a question in its place.
func (s *Server) settle(ctx context.Context, run *aofv1.FlowRun, question source.Receipt, text, outcome string) bool {
	settler, ok := s.messengerFor(origin(run), "").Messenger.(source.Settler)
	if !ok {
		return false
	}
	if err := settler.Settle(ctx, question, text, outcome); err != nil {
		s.log.Warn("the question could not be changed", "run", run.Name, "error", err)
		return false
	}
	return true
}

// origin is a run as far as messages have to know it.
func origin(run *aofv1.FlowRun) node.Run {
	where := node.Run{Namespace: run.Namespace, Name: run.Name}
	if t := run.Spec.Trigger; t != nil {
		where.Trigger = t.NamespacedName(run.Namespace).String()
	}
	return where
}
