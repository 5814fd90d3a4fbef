// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package adapter

import (
	"context"
	"errors"
	"time"

	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/match"
	"aof.dev/operator/pkg/source"
)

// Route is one Trigger's place in the server.
type Route struct {
	// Namespace and Trigger name the path.
	Namespace, Trigger string
	// Receiver is the Trigger's platform.
	Receiver source.Receiver
	// Rules are those of every binding of this Trigger; an event that none of
	// them matches is dropped. Nil drops every event.
	Rules *match.Set
	// Err says that the Trigger is misconfigured: requests get a 503, so that
	// a platform tries again after somebody has put it right. The sender sees
	// its text when it is a [*source.Error], else only that something is wrong.
	Err error
	// Sink takes the events of this route, and Observer hears of them, instead
	// of the server's; nil leaves it to those.
	Sink     Sink
	Observer Observer
	// Version changes whenever anything of the route does. Routes that are
	// never looked up again need none.
	Version string
}

// Routes finds the route of a path. It is called by many goroutines at once.
type Routes interface {
	// Route is what is served at a path, not older than since; a zero since
	// leaves to the implementation how old it may be. Found is false for a path
	// that is nobody's. An error asks the sender to try again.
	Route(ctx context.Context, namespace, trigger string, since time.Time) (route Route, found bool, err error)
}

// Sink takes the events that matched.
type Sink interface {
	// Accept makes the event durable for every rule that matched and returns
	// only then; its success is told to the sender. Its context is not the
	// request's: a sender that hangs up doesn't cancel it, a deadline does. An event
	// accepted before, by the same id, is a success. An error that wraps
	// ErrDuplicate is one for the sender, too.
	Accept(ctx context.Context, namespace, trigger string, m event.Message, matched []match.Verdict) error
}

// ErrDuplicate says that an event starts nothing, because others that were about
// the same thing did. The sender may go.
var ErrDuplicate = errors.New("others that are about the same thing came before")

// Outcome is what became of an event.
type Outcome string

const (
	// Accepted is an event that is durable, and the sender knows.
	Accepted Outcome = "Accepted"
	// Dropped is an authentic one, ignored by its platform or matched by nothing.
	Dropped Outcome = "Dropped"
	// Duplicate is one that matched and is about what others were about before.
	Duplicate Outcome = "Duplicate"
	// Rejected is one that is not authentic, malformed or too large.
	Rejected Outcome = "Rejected"
	// Failed is one that met trouble of ours or the platform's; the sender was
	// asked to try again.
	Failed Outcome = "Failed"
)

// Observer hears of each event exactly once per delivery, for counters and
// status. Requests that carry no event, such as handshakes, are not told.
// Calls come from many goroutines and should return at once.
type Observer interface {
	// Event tells what became of an event, and why when it was not accepted.
	// For a request that never became an event m is zero.
	Event(namespace, trigger string, m event.Message, outcome Outcome, reason string)
}

// TimedObserver is an Observer that wants to know how long it took: EventAfter is
// called in place of Event, with the time since the request arrived.
type TimedObserver interface {
	Observer
	EventAfter(namespace, trigger string, m event.Message, outcome Outcome, reason string, took time.Duration)
}
