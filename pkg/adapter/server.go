// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package adapter

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"

	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/source"
)

// acceptTimeout bounds what one request may take once its body is here. It
// outlives a sender that hangs up, so that an event isn't half accepted.
const acceptTimeout = 10 * time.Second

// Server serves every Trigger at /<namespace>/<trigger>. It is used by many
// goroutines at once, and its routes may change at any time.
type Server struct {
	sink     Sink
	observer Observer
	clock    clock.PassiveClock
	routes   atomic.Pointer[map[place]Route]
}

// place is where a Trigger is served.
type place struct{ namespace, trigger string }

// New makes a Server without routes. A nil observer is one that doesn't listen.
func New(sink Sink, observer Observer, clk clock.PassiveClock) *Server {
	return &Server{sink: sink, observer: observer, clock: clk}
}

// SetRoutes replaces all routes at once. Requests on their way end on those they
// began with. Of two routes with one path the later counts.
func (s *Server) SetRoutes(routes []Route) {
	table := make(map[place]Route, len(routes))
	for _, r := range routes {
		table[place{r.Namespace, r.Trigger}] = r
	}
	s.routes.Store(&table)
}

// ServeHTTP answers one request of a platform. Of a path that is nobody's the
// observer isn't told: anybody can think of any number of them.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	route, ok := s.route(r)
	if !ok {
		refuse(w, answer{status: http.StatusNotFound, text: "no trigger is served here"})
		return
	}
	if a, ok := misconfigured(route); !ok {
		s.tell(route, event.Message{}, Failed, a.reason)
		refuse(w, a)
		return
	}
	body, a, ok := readBody(w, r)
	if !ok {
		s.tell(route, event.Message{}, Rejected, a.reason)
		refuse(w, a)
		return
	}
	request := source.Request{Method: r.Method, Header: r.Header, Query: r.URL.Query(), Body: body}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), acceptTimeout)
	defer cancel()
	delivery, err := s.receive(ctx, route, request)
	if err != nil {
		a := answerTo(err)
		s.tell(route, event.Message{}, outcomeOf(a.status), a.reason)
		refuse(w, a)
		return
	}
	if worst := s.take(ctx, route, delivery); worst.status != 0 {
		refuse(w, worst)
		return
	}
	reply(w, delivery.Reply)
}

// route finds the Trigger of a path. An escaped path is another path than the
// one it stands for.
func (s *Server) route(r *http.Request) (Route, bool) {
	table := s.routes.Load()
	path, ok := strings.CutPrefix(r.URL.Path, "/")
	if table == nil || !ok || r.URL.RawPath != "" {
		return Route{}, false
	}
	namespace, trigger, ok := strings.Cut(path, "/")
	if !ok || namespace == "" || trigger == "" {
		return Route{}, false
	}
	route, ok := (*table)[place{namespace, trigger}]
	return route, ok
}

// receive lets the platform look at the request.
func (s *Server) receive(ctx context.Context, route Route, request source.Request) (d source.Delivery, err error) {
	defer func() {
		if p := recover(); p != nil {
			d, err = source.Delivery{}, panicked("the platform", p)
		}
	}()
	return route.Receiver.Receive(ctx, request, s.clock.Now())
}

// take goes through all messages, so that one which fails doesn't hold up its
// neighbors, and gives the worst of their answers; its status is zero when all
// are safe. A delivery tried again has the same ids, so nothing is taken twice.
func (s *Server) take(ctx context.Context, route Route, d source.Delivery) (worst answer) {
	if len(d.Messages) == 0 && d.Ignored != "" {
		s.tell(route, event.Message{}, Dropped, truncate(d.Ignored))
	}
	for _, m := range d.Messages {
		outcome, a := s.takeOne(ctx, route, m)
		s.tell(route, m, outcome, a.reason)
		if a.status > worst.status {
			worst = a
		}
	}
	return worst
}

// takeOne checks, matches and hands on one message. The answer's status is zero
// when the sender may go.
func (s *Server) takeOne(ctx context.Context, route Route, m event.Message) (outcome Outcome, a answer) {
	defer func() {
		if p := recover(); p != nil {
			outcome, a = Failed, answerTo(panicked("accepting the event", p))
		}
	}()
	if err := m.Check(); err != nil {
		a := answerToEvent(err)
		return outcomeOf(a.status), a
	}
	if route.Rules == nil {
		return Dropped, answer{reason: "nothing is bound to the trigger"}
	}
	matched := route.Rules.Match(m.Facts())
	if len(matched) == 0 {
		return Dropped, answer{reason: "no rule matched"}
	}
	if err := s.sink.Accept(ctx, route.Namespace, route.Trigger, m, matched); err != nil {
		return Failed, unavailable("the event could not be stored", err)
	}
	return Accepted, answer{}
}

func (s *Server) tell(route Route, m event.Message, outcome Outcome, reason string) {
	if s.observer != nil {
		s.observer.Event(route.Namespace, route.Trigger, m, outcome, reason)
	}
}
