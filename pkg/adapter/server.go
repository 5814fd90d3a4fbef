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
	"aof.dev/operator/pkg/trace"
)

// acceptTimeout bounds what one request may take once its body is here. It
// outlives a sender that hangs up, so that an event isn't half accepted.
const acceptTimeout = 10 * time.Second

// Server serves every Trigger at /<namespace>/<trigger>. It is used by many
// goroutines at once, and its routes may change at any time.
type Server struct {
	// Timeout bounds what one request may take beside sending its body; zero is
	// ten seconds. Set it before the server is used.
	Timeout time.Duration

	sink     Sink
	observer Observer
	clock    clock.PassiveClock
	routes   atomic.Pointer[Routes]
}

// New makes a Server without routes. A nil observer is one that doesn't listen.
func New(sink Sink, observer Observer, clk clock.PassiveClock) *Server {
	return &Server{sink: sink, observer: observer, clock: clk}
}

// SetRoutes replaces all routes at once. Requests on their way end on those they
// began with. Of two routes with one path the later counts.
func (s *Server) SetRoutes(routes []Route) {
	t := make(table, len(routes))
	for _, r := range routes {
		t[place{r.Namespace, r.Trigger}] = r
	}
	s.UseRoutes(t)
}

// UseRoutes has the server look each route up when it is asked for.
func (s *Server) UseRoutes(routes Routes) { s.routes.Store(&routes) }

// place is where a Trigger is served.
type place struct{ namespace, trigger string }

// table is Routes that are all known.
type table map[place]Route

// Route implements Routes.
func (t table) Route(_ context.Context, namespace, trigger string, _ time.Time) (Route, bool, error) {
	route, ok := t[place{namespace, trigger}]
	return route, ok, nil
}

// visit is one request on its way through the server.
type visit struct {
	*Server
	routes  Routes
	arrived time.Time
	route   Route
}

// ServeHTTP answers one request of a platform. Of a path that is nobody's the
// observer isn't told: anybody can think of any number of them.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at, ok := placeOf(r)
	routes := s.routes.Load()
	if !ok || routes == nil {
		refuse(w, nobody())
		return
	}
	v := &visit{Server: s, routes: *routes, arrived: s.clock.Now()}
	budget := s.timeout()
	if a, ok := v.find(r.Context(), at, budget); !ok {
		refuse(w, a)
		return
	}
	budget -= s.clock.Since(v.arrived)
	body, a, ok := readBody(w, r)
	if !ok {
		v.tell(event.Message{}, Rejected, a.reason)
		refuse(w, a)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), budget)
	defer cancel()
	answered, a := v.serve(ctx, source.Request{Method: r.Method, Header: r.Header, Query: r.URL.Query(), Body: body})
	if a.status != 0 {
		refuse(w, a)
		return
	}
	reply(w, answered)
}

func (s *Server) timeout() time.Duration {
	if s.Timeout <= 0 {
		return acceptTimeout
	}
	return s.Timeout
}

// placeOf reads a path. An escaped path is another path than the one it stands
// for.
func placeOf(r *http.Request) (place, bool) {
	path, ok := strings.CutPrefix(r.URL.Path, "/")
	if !ok || r.URL.RawPath != "" {
		return place{}, false
	}
	namespace, trigger, ok := strings.Cut(path, "/")
	return place{namespace, trigger}, ok && namespace != "" && trigger != ""
}

// find looks the route up; the answer says why it is not served.
func (v *visit) find(ctx context.Context, at place, budget time.Duration) (answer, bool) {
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	route, found, err := v.routes.Route(ctx, at.namespace, at.trigger, time.Time{})
	switch {
	case err != nil:
		return unavailable("the trigger can't be looked up now", err), false
	case !found:
		return nobody(), false
	}
	v.route = route
	if a, ok := misconfigured(route); !ok {
		v.tell(event.Message{}, Failed, a.reason)
		return a, false
	}
	return answer{}, true
}

// serve takes what a request holds. The answer's status is zero when all of it is
// safe.
func (v *visit) serve(ctx context.Context, request source.Request) (*source.Reply, answer) {
	c := trace.FromHeader(request.Header)
	if c.IsZero() {
		c = trace.Begin()
	}
	ctx = trace.With(ctx, c)
	now := v.clock.Now()
	delivery, verdicts, a := v.read(ctx, request, now)
	if a.status == 0 && verdicts.missed() {
		delivery, verdicts, a = v.readAgain(ctx, request, now, delivery, verdicts)
	}
	if a.status != 0 {
		v.tell(event.Message{}, outcomeOf(a.status), a.reason)
		return nil, a
	}
	return delivery.Reply, v.take(ctx, delivery, verdicts)
}

// read lets the platform look at the request, and the rules at its messages.
func (v *visit) read(ctx context.Context, request source.Request, now time.Time) (source.Delivery, verdicts, answer) {
	delivery, err := v.receive(ctx, request, now)
	if err != nil {
		return source.Delivery{}, nil, answerTo(err)
	}
	return delivery, v.judgeAll(delivery), answer{}
}

// readAgain reads a request anew when its route has changed in between: before an
// event is dropped, nobody may have been bound to it who wants it.
func (v *visit) readAgain(ctx context.Context, request source.Request, now time.Time, d source.Delivery, judged verdicts) (source.Delivery, verdicts, answer) {
	route, found, err := v.routes.Route(ctx, v.route.Namespace, v.route.Trigger, v.arrived)
	switch {
	case err != nil:
		return d, nil, unavailable("the trigger can't be looked up now", err)
	case !found:
		return d, nil, nobody()
	case route.Version == v.route.Version:
		return d, judged, answer{}
	}
	v.route = route
	if a, ok := misconfigured(route); !ok {
		return d, nil, a
	}
	return v.read(ctx, request, now)
}

// receive lets the platform look at the request.
func (v *visit) receive(ctx context.Context, request source.Request, now time.Time) (d source.Delivery, err error) {
	defer func() {
		if p := recover(); p != nil {
			d, err = source.Delivery{}, panicked("the platform", p)
		}
	}()
	return v.route.Receiver.Receive(ctx, request, now)
}

func (v *visit) tell(m event.Message, outcome Outcome, reason string) {
	observer := v.observer
	if v.route.Observer != nil {
		observer = v.route.Observer
	}
	switch o := observer.(type) {
	case nil:
	case TimedObserver:
		o.EventAfter(v.route.Namespace, v.route.Trigger, m, outcome, reason, v.clock.Since(v.arrived))
	default:
		o.Event(v.route.Namespace, v.route.Trigger, m, outcome, reason)
	}
}

func nobody() answer {
	return answer{status: http.StatusNotFound, text: "no trigger is served here", reason: "the trigger is gone"}
}
