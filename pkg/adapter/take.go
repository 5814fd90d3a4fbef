// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package adapter

import (
	"context"
	"errors"
	"net/http"
	"time"

	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/match"
	"aof.dev/operator/pkg/source"
	"aof.dev/operator/pkg/trace"
)

// errNotTaken is why a delivery of a connection has to be sent again; observers
// know more.
var errNotTaken = errors.New("the event could not be taken now")

// Take takes what came to a Trigger over a connection that is kept open, by the
// same rules as what comes over HTTP. Nil says that the platform may forget it;
// after an error it has to send it again.
func (s *Server) Take(ctx context.Context, namespace, trigger string, d source.Delivery) error {
	routes := s.routes.Load()
	if routes == nil {
		return errNotTaken
	}
	v := &visit{Server: s, routes: *routes, arrived: s.clock.Now()}
	ctx, cancel := context.WithTimeout(trace.With(ctx, trace.Begin()), s.timeout())
	defer cancel()
	var judged verdicts
	for _, since := range []time.Time{{}, v.arrived} {
		route, found, err := v.routes.Route(ctx, namespace, trigger, since)
		switch {
		case err != nil:
			return err
		case !found:
			return errNotTaken
		}
		v.route = route
		if route.Err != nil {
			v.tell(event.Message{}, Failed, truncate(route.Err.Error()))
			return errNotTaken
		}
		if judged = v.judgeAll(d); !judged.missed() {
			break
		}
	}
	// An event that can't be taken at all doesn't get better by coming again.
	if worst := v.take(ctx, d, judged); worst.status >= http.StatusInternalServerError {
		return errNotTaken
	}
	return nil
}

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

func (v *visit) judgeAll(d source.Delivery) verdicts {
	judged := make(verdicts, 0, len(d.Messages))
	for _, m := range d.Messages {
		judged = append(judged, v.judge(m))
	}
	return judged
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
	for _, m := range d.Taken {
		v.tell(m, Accepted, "an answer to a run's question")
	}
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
	switch err := sink.Accept(ctx, v.route.Namespace, v.route.Trigger, m, one.matched); {
	case errors.Is(err, ErrDuplicate):
		return Duplicate, answer{reason: truncate(err.Error())}
	case err != nil:
		return Failed, unavailable("the event could not be stored", err)
	}
	return Accepted, answer{}
}
