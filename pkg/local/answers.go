// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package local

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/guard"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/runner"
	"aof.dev/operator/pkg/source"
)

// answering is a receiver that takes the answers to runs' questions out of what
// came in; the rest goes on to the bindings.
type answering struct {
	source.Receiver

	server   *Server
	trigger  types.NamespacedName
	platform string // its name in lower case
}

// Receive implements source.Receiver.
func (a *answering) Receive(ctx context.Context, req source.Request, now time.Time) (source.Delivery, error) {
	d, err := a.Receiver.Receive(ctx, req, now)
	if err != nil {
		return d, err
	}
	for i := range d.Answers {
		taken, err := a.server.answer(ctx, a.trigger, a.platform, d.Answers[i])
		if err != nil {
			return source.Delivery{}, &source.Error{Kind: source.Unavailable, Message: "the answer could not be kept", Err: err}
		}
		if taken {
			d.Messages, d.Ignored = nil, "an answer to a run's question"
		}
	}
	if len(d.Messages) == 0 && len(d.Answers) > 0 && d.Ignored == "" {
		d.Ignored = "an answer to a question that nobody asks"
	}
	return d, nil
}

// Warnings tells of keys without effect.
func (a *answering) Warnings() []string {
	if w, ok := a.Receiver.(source.Warner); ok {
		return w.Warnings()
	}
	return nil
}

// answer takes one answer, and says what came of it where it was given. Taken is
// false for one that belongs to no run of the trigger.
func (s *Server) answer(ctx context.Context, trigger types.NamespacedName, platform string, a source.Answer) (taken bool, err error) {
	for range 10 {
		run, d, err := s.asked(ctx, trigger, platform, a)
		if err != nil || run == nil {
			return false, err
		}
		verdict := runner.Judge(run, d, s.settings.Clock.Now())
		if verdict != guard.Accepted {
			s.reply(ctx, run, a, verdict.Text())
			return true, nil
		}
		_, err = s.amend(ctx, run, []aofv1.RunDecision{d}, nil)
		if errors.Is(err, errStale) {
			continue // somebody else was faster: what they said counts first
		}
		if err != nil {
			return false, err
		}
		s.dispatcher.submit(types.NamespacedName{Namespace: run.Namespace, Name: run.Name})
		if a.Question != nil {
			word := "denied"
			if d.Approved {
				word = "approved"
			}
			s.reply(ctx, run, a, fmt.Sprintf("<@%s> has %s this.", a.User.ID, word))
		}
		return true, nil
	}
	return false, errStale
}

// asked finds the run whose question an answer is for, and makes a decision of
// it. A trigger answers only for runs of its own.
func (s *Server) asked(ctx context.Context, trigger types.NamespacedName, platform string, a source.Answer) (*aofv1.FlowRun, aofv1.RunDecision, error) {
	d := aofv1.RunDecision{
		Approved: a.Approved, User: platform + ":" + a.User.ID, At: metav1.NewMicroTime(s.settings.Clock.Now()),
	}
	for _, alias := range []string{a.User.Username, a.User.Email} {
		if alias != "" {
			d.Aliases = append(d.Aliases, alias)
		}
	}
	if q := a.Question; q != nil {
		run, err := s.store.Get(ctx, q.Namespace, q.Run)
		if errors.Is(err, ledger.ErrNotFound) || err == nil && !ownedBy(run, trigger) {
			return nil, d, nil
		}
		d.Node, d.Digest = q.Node, q.Digest
		return run, d, err
	}
	options := ledger.ListOptions{Trigger: trigger.Name, Phases: []aofv1.FlowRunPhase{aofv1.FlowRunPhaseWaiting, aofv1.FlowRunPhaseRunning}}
	for run, err := range ledger.All(ctx, s.store, options) {
		if err != nil {
			return nil, d, err
		}
		if wait := shownAt(run, a); wait != nil && ownedBy(run, trigger) && reacts(wait, a.Reaction, &d) {
			return run, d, nil
		}
	}
	return nil, d, nil
}

func ownedBy(run *aofv1.FlowRun, trigger types.NamespacedName) bool {
	return run.Spec.Trigger != nil && run.Spec.Trigger.NamespacedName(run.Namespace) == trigger
}

// shownAt is the wait that a message belongs to.
func shownAt(run *aofv1.FlowRun, a source.Answer) *aofv1.WaitStatus {
	for i := range run.Status.Waiting {
		w := &run.Status.Waiting[i]
		place := w.Details["ts"]
		if place == nil && w.Kind == "Reaction" {
			place = w.Details["thread"] // a Wait for a reaction has no message of its own
		}
		if place == a.Message && w.Details["channel"] == a.Channel {
			return w
		}
	}
	return nil
}

// reacts makes a decision of a reaction; false when it means nothing here.
func reacts(w *aofv1.WaitStatus, reaction string, d *aofv1.RunDecision) bool {
	d.Node = w.Node
	d.Digest, _ = w.Details["digest"].(string)
	approves, denies := slices.Contains(runner.YesReactions, reaction), slices.Contains(runner.NoReactions, reaction)
	d.Approved = approves
	if w.Kind == "Approval" {
		return approves || denies
	}
	wanted, _ := w.Details["reactions"].([]any)
	d.Reaction = reaction
	return len(wanted) == 0 || slices.Contains(wanted, any(reaction))
}

// reply says something where an answer was given. That it can't be said is no
// reason to refuse the answer.
func (s *Server) reply(ctx context.Context, run *aofv1.FlowRun, a source.Answer, text string) {
	where := node.Run{Namespace: run.Namespace, Name: run.Name, Channel: a.Channel, Thread: a.Thread}
	if t := run.Spec.Trigger; t != nil {
		where.Trigger = t.NamespacedName(run.Namespace).String()
	}
	if _, err := s.Send(ctx, where, node.Message{Channel: a.Channel, Thread: a.Thread, Text: text, Format: "text"}); err != nil && !errors.Is(err, node.ErrNowhere) {
		s.log.Warn("the answer to a decision could not be sent", "run", run.Name, "error", err)
	}
}
