// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package adapter

import (
	"context"

	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/match"
	"aof.dev/operator/pkg/source"
)

// verdict is what the rules say of one message.
type verdict struct {
	matched []match.Verdict
	// refused is set when the message can't be taken.
	refused answer
	// why says in a word why nothing matched.
	why string
}

// verdicts are those of the messages of a delivery, in their order.
type verdicts []verdict

// missed tells whether there is a message that nothing matched.
func (all verdicts) missed() bool {
	for _, one := range all {
		if one.refused.status == 0 && len(one.matched) == 0 {
			return true
		}
	}
	return false
}

// judge checks and matches one message.
func (v *visit) judge(m event.Message) (out verdict) {
	defer func() {
		if p := recover(); p != nil {
			out = verdict{refused: answerTo(panicked("matching the event", p))}
		}
	}()
	if err := m.Check(); err != nil {
		return verdict{refused: answerToEvent(err)}
	}
	if v.route.Rules == nil {
		return verdict{why: "nothing is bound to the trigger"}
	}
	return verdict{matched: v.route.Rules.Match(m.Facts()), why: "no rule matched"}
}

// take goes through all messages, so that one which fails doesn't hold up its
// neighbors, and gives the worst of their answers; its status is zero when all
// are safe. A delivery tried again has the same ids, so nothing is taken twice.
func (v *visit) take(ctx context.Context, d source.Delivery, judged verdicts) (worst answer) {
	if len(d.Messages) == 0 && d.Ignored != "" {
		v.tell(event.Message{}, Dropped, truncate(d.Ignored))
	}
	for i, m := range d.Messages {
		outcome, a := v.takeOne(ctx, m, judged[i])
		v.tell(m, outcome, a.reason)
		if a.status > worst.status {
			worst = a
		}
	}
	return worst
}

// takeOne hands one message on. The answer's status is zero when the sender may
// go.
func (v *visit) takeOne(ctx context.Context, m event.Message, one verdict) (outcome Outcome, a answer) {
	defer func() {
		if p := recover(); p != nil {
			outcome, a = Failed, answerTo(panicked("accepting the event", p))
		}
	}()
	switch {
	case one.refused.status != 0:
		return outcomeOf(one.refused.status), one.refused
	case len(one.matched) == 0:
		return Dropped, answer{reason: one.why}
	}
	sink := v.sink
	if v.route.Sink != nil {
		sink = v.route.Sink
	}
	if err := sink.Accept(ctx, v.route.Namespace, v.route.Trigger, m, one.matched); err != nil {
		return Failed, unavailable("the event could not be stored", err)
	}
	return Accepted, answer{}
}
