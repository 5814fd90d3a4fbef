// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package answer

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/guard"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/source"
	"aof.dev/operator/pkg/verdict"
)

// maxTries is how often an answer is judged anew because others answered first.
const maxTries = 10

// Runs is what is needed of a ledger.Store.
type Runs interface {
	Get(ctx context.Context, namespace, name string) (*aofv1.FlowRun, error)
	Amend(ctx context.Context, namespace, name string, change func(*aofv1.FlowRunSpec) error) (*aofv1.FlowRun, error)
}

// Taker takes the answers that come to one Trigger.
type Taker struct {
	Runs    Runs
	Clock   clock.PassiveClock
	Trigger types.NamespacedName
	// Platform is its name in lower case, the first part of people's names.
	Platform string
	// Waiting gives the runs of the Trigger that may wait under the message of an
	// answer. Without it only buttons are taken: a reaction does not say which run
	// it is for.
	Waiting func(ctx context.Context, a source.Answer) iter.Seq2[*aofv1.FlowRun, error]
	// Reply says something where an answer was given; may be nil.
	Reply func(ctx context.Context, run *aofv1.FlowRun, a source.Answer, text string)
	// Settle shows what became of a question in the place of the message that asked
	// it, and tells whether it could; what it could not is said by Reply. May be nil.
	Settle func(ctx context.Context, run *aofv1.FlowRun, question source.Receipt, text, outcome string) bool
	// Decided hears of a run that has a new decision; may be nil.
	Decided func(run *aofv1.FlowRun)
}

// Receiver puts the Taker before a receiver: it takes the answers out of what
// came in, and lets the rest pass.
func (t *Taker) Receiver(inner source.Receiver) source.Receiver { return &receiver{inner, t} }

type receiver struct {
	source.Receiver

	taker *Taker
}

// Receive implements source.Receiver.
func (r *receiver) Receive(ctx context.Context, req source.Request, now time.Time) (source.Delivery, error) {
	d, err := r.Receiver.Receive(ctx, req, now)
	if err != nil {
		return d, err
	}
	return r.taker.sift(ctx, d)
}

// sift takes the answers out of what came in. One that was taken is no event.
func (t *Taker) sift(ctx context.Context, d source.Delivery) (source.Delivery, error) {
	for i := range d.Answers {
		taken, err := t.Take(ctx, d.Answers[i])
		if err != nil {
			return source.Delivery{}, &source.Error{Kind: source.Unavailable, Message: "the answer could not be kept", Err: err}
		}
		if taken {
			d.Messages = nil
			d.Taken = append(d.Taken, event.Message{Platform: t.Platform, Type: "answer", Source: t.Platform, User: d.Answers[i].User})
		}
	}
	if len(d.Messages)+len(d.Taken) == 0 && len(d.Answers) > 0 && d.Ignored == "" {
		d.Ignored = "an answer to a question that nobody asks"
	}
	return d, nil
}

// Stream puts the Taker before a connection, as Receiver does before a receiver.
func (t *Taker) Stream(inner source.Stream) source.Stream { return &stream{inner, t} }

type stream struct {
	inner source.Stream
	taker *Taker
}

// Listen implements source.Stream. An answer that could not be kept is not
// acknowledged, so that it comes again.
func (s *stream) Listen(ctx context.Context, deliver func(context.Context, source.Delivery) error) error {
	return s.inner.Listen(ctx, func(ctx context.Context, d source.Delivery) error {
		d, err := s.taker.sift(ctx, d)
		if err != nil {
			return err
		}
		return deliver(ctx, d)
	})
}

// Warnings tells of keys without effect.
func (r *receiver) Warnings() []string {
	if w, ok := r.Receiver.(source.Warner); ok {
		return w.Warnings()
	}
	return nil
}

var errOthersFirst = errors.New("others answered at the same time")

// Take takes one answer, and says what came of it where it was given. Taken is
// false for one that belongs to no run of the Trigger.
func (t *Taker) Take(ctx context.Context, a source.Answer) (taken bool, err error) {
	for range maxTries {
		run, d, err := t.asked(ctx, a)
		if err != nil || run == nil {
			return false, err
		}
		if answer := verdict.Judge(run, d, t.Clock.Now()); answer != guard.Accepted {
			t.reply(ctx, run, a, answer.Text())
			return true, nil
		}
		amended, err := t.Runs.Amend(ctx, run.Namespace, run.Name, func(spec *aofv1.FlowRunSpec) error {
			if len(spec.Decisions) != len(run.Spec.Decisions) {
				return errOthersFirst // what they said counts first
			}
			spec.Decisions = append(spec.Decisions, d)
			return nil
		})
		if errors.Is(err, errOthersFirst) {
			continue
		}
		if err != nil {
			return false, err
		}
		if t.Decided != nil {
			t.Decided(run)
		}
		t.tell(ctx, amended, a, d)
		return true, nil
	}
	return false, errOthersFirst
}

// tell tells everybody of a decision that counts: where the question stands when
// it is settled by it, else below.
func (t *Taker) tell(ctx context.Context, run *aofv1.FlowRun, a source.Answer, d aofv1.RunDecision) {
	word := "denied"
	if d.Approved {
		word = "approved"
	}
	said := fmt.Sprintf("<@%s> has %s this.", a.User.ID, word)
	v, wait := verdict.Stands(run, d.Node, t.Clock.Now())
	if v != nil && v.Outcome == guard.Undecided {
		said += fmt.Sprintf(" Approvals still needed: %d.", v.Missing)
	}
	if v != nil && v.Outcome != guard.Undecided && t.Settle != nil {
		channel, _ := wait.Details["channel"].(string)
		ts, _ := wait.Details["ts"].(string)
		if ts != "" && t.Settle(ctx, run, source.Receipt{ID: ts, Channel: channel}, wait.Message, said) {
			return
		}
	}
	if a.Question != nil {
		t.reply(ctx, run, a, said)
	}
}

func (t *Taker) reply(ctx context.Context, run *aofv1.FlowRun, a source.Answer, text string) {
	if t.Reply != nil {
		t.Reply(ctx, run, a, text)
	}
}

// asked finds the run whose question an answer is for, and makes a decision of
// it. A Trigger answers only for runs of its own.
func (t *Taker) asked(ctx context.Context, a source.Answer) (*aofv1.FlowRun, aofv1.RunDecision, error) {
	d := aofv1.RunDecision{Approved: a.Approved, User: t.Platform + ":" + a.User.ID, At: metav1.NewMicroTime(t.Clock.Now())}
	for _, alias := range []string{a.User.Username, a.User.Email} {
		if alias != "" {
			d.Aliases = append(d.Aliases, alias)
		}
	}
	if q := a.Question; q != nil {
		run, err := t.Runs.Get(ctx, q.Namespace, q.Run)
		if errors.Is(err, ledger.ErrNotFound) || err == nil && !t.owns(run) {
			return nil, d, nil
		}
		d.Node, d.Digest = q.Node, q.Digest
		return run, d, err
	}
	if t.Waiting == nil {
		return nil, d, nil
	}
	for run, err := range t.Waiting(ctx, a) {
		if err != nil {
			return nil, d, err
		}
		if wait := shownAt(run, a); wait != nil && t.owns(run) && reacts(wait, a.Reaction, &d) {
			return run, d, nil
		}
	}
	return nil, d, nil
}

func (t *Taker) owns(run *aofv1.FlowRun) bool {
	return run.Spec.Trigger != nil && run.Spec.Trigger.NamespacedName(run.Namespace) == t.Trigger
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
	approves, denies := slices.Contains(verdict.YesReactions, reaction), slices.Contains(verdict.NoReactions, reaction)
	d.Approved = approves
	if w.Kind == "Approval" {
		return approves || denies
	}
	wanted, _ := w.Details["reactions"].([]any)
	d.Reaction = reaction
	return len(wanted) == 0 || slices.Contains(wanted, any(reaction))
}
