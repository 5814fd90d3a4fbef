// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package adapter

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	clocktesting "k8s.io/utils/clock/testing"

	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/match"
	"aof.dev/operator/pkg/source"
	"aof.dev/operator/pkg/trace"
)

// looked is what somebody looked up.
type looked struct {
	place string
	since time.Time
}

// lookups answers one lookup after the other, the last one for ever.
type lookups struct {
	answers []func() (Route, bool, error)
	asked   []looked
}

func (l *lookups) Route(_ context.Context, namespace, trigger string, since time.Time) (Route, bool, error) {
	l.asked = append(l.asked, looked{namespace + "/" + trigger, since})
	answer := l.answers[0]
	if len(l.answers) > 1 {
		l.answers = l.answers[1:]
	}
	return answer()
}

func is(r Route) func() (Route, bool, error) {
	return func() (Route, bool, error) { return r, true, nil }
}

func TestRoutesAreLookedUp(t *testing.T) {
	t.Parallel()
	var seen recorder
	route := func(version, pattern string, receiver source.Receiver) Route {
		set, err := match.Compile([]match.Rule{{ID: "b", Filters: []match.Filter{{Name: "binding", Patterns: []string{pattern}}}}})
		require.NoError(t, err)
		return Route{Namespace: "ns", Trigger: "t", Receiver: receiver, Rules: set, Version: version}
	}
	pod := gives(message("1", "a pod is down"))
	gone := func() (Route, bool, error) { return Route{}, false, nil }
	down := func() (Route, bool, error) { return Route{}, false, errors.New("API at https://10.0.0.1 down") }
	broken := route("2", "pod", pod)
	broken.Err = source.Fail(source.Malformed, "config is odd")
	for _, tt := range []struct {
		name    string
		answers []func() (Route, bool, error)
		status  int
		asked   int
		text    string
		want    []told
	}{
		{name: "found", answers: []func() (Route, bool, error){is(route("1", "pod", pod))}, status: 200, asked: 1, want: []told{{"ns/t", "1", Accepted, ""}}},
		{name: "nobody's", answers: []func() (Route, bool, error){gone}, status: 404, asked: 1, text: "no trigger"},
		{name: "not to be had", answers: []func() (Route, bool, error){down}, status: 503, asked: 1, text: "can't be looked up now"},
		{name: "not matched by what is current", answers: []func() (Route, bool, error){is(route("1", "disk", pod))}, status: 200, asked: 2, want: []told{{"ns/t", "1", Dropped, "no rule matched"}}},
		{name: "matched by what is newer", answers: []func() (Route, bool, error){is(route("1", "disk", pod)), is(route("2", "pod", pod))}, status: 200, asked: 2, want: []told{{"ns/t", "1", Accepted, ""}}},
		{name: "read anew by what is newer", answers: []func() (Route, bool, error){is(route("1", "disk", pod)), is(route("2", "disk", gives(message("2", "a disk is full"))))}, status: 200, asked: 2, want: []told{{"ns/t", "2", Accepted, ""}}},
		{name: "refused by what is newer", answers: []func() (Route, bool, error){is(route("1", "disk", pod)), is(route("2", "disk", fails(source.Fail(source.Unauthenticated, "no"))))}, status: 401, asked: 2, want: []told{{"ns/t", "", Rejected, "no"}}},
		{name: "gone when it is dropped", answers: []func() (Route, bool, error){is(route("1", "disk", pod)), gone}, status: 404, asked: 2, want: []told{{"ns/t", "", Rejected, "the trigger is gone"}}},
		{name: "misconfigured when it is dropped", answers: []func() (Route, bool, error){is(route("1", "disk", pod)), is(broken)}, status: 503, asked: 2, text: "config is odd", want: []told{{"ns/t", "", Failed, "the trigger is misconfigured: config is odd"}}},
		{name: "not to be had when it is dropped", answers: []func() (Route, bool, error){is(route("1", "disk", pod)), down}, status: 503, asked: 2, text: "can't be looked up now", want: []told{{"ns/t", "", Failed, "the trigger can't be looked up now: API at https://10.0.0.1 down"}}},
		{name: "a handshake needs no second look", answers: []func() (Route, bool, error){is(route("1", "disk", gives()))}, status: 200, asked: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			seen = recorder{}
			all := &lookups{answers: tt.answers}
			s := New(sinkFunc(func(context.Context, event.Message, []match.Verdict) error { return nil }), &seen, clocktesting.NewFakePassiveClock(now))
			s.UseRoutes(all)
			w := post(t, s, "/ns/t", nil)
			assert.Equal(t, tt.status, w.Code)
			assert.Contains(t, w.Body.String(), tt.text)
			assert.NotContains(t, w.Body.String(), "10.0.0.1")
			assert.Equal(t, tt.want, seen.seen)
			want := []looked{{place: "ns/t"}, {place: "ns/t", since: now}}
			assert.Equal(t, want[:tt.asked], all.asked, "the second look is for what stands since the request arrived")
		})
	}
}

// stopwatch is an observer that wants to know how long it took.
type stopwatch struct {
	recorder
	took []time.Duration
}

func (s *stopwatch) EventAfter(namespace, trigger string, m event.Message, outcome Outcome, reason string, took time.Duration) {
	s.Event(namespace, trigger, m, outcome, reason)
	s.took = append(s.took, took)
}

func TestARouteHasItsOwnSinkAndObserver(t *testing.T) {
	t.Parallel()
	var common recorder
	var own stopwatch
	clk := clocktesting.NewFakePassiveClock(now)
	accepted := 0
	s := New(sinkFunc(func(context.Context, event.Message, []match.Verdict) error {
		return errors.New("the server's was asked")
	}), &common, clk)
	s.SetRoutes([]Route{{
		Namespace: "ns", Trigger: "t", Receiver: gives(message("1", "pod")), Rules: rules(t), Observer: &own,
		Sink: sinkFunc(func(context.Context, event.Message, []match.Verdict) error {
			accepted++
			clk.SetTime(now.Add(30 * time.Millisecond))
			return nil
		}),
	}})
	assert.Equal(t, http.StatusOK, post(t, s, "/ns/t", nil).Code)
	assert.Equal(t, 1, accepted)
	assert.Empty(t, common.seen)
	assert.Equal(t, []told{{"ns/t", "1", Accepted, ""}}, own.seen)
	assert.Equal(t, []time.Duration{30 * time.Millisecond}, own.took)
}

func TestASinkKnowsTheTraceAndItsTime(t *testing.T) {
	t.Parallel()
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	var got []trace.Context
	s := New(sinkFunc(func(ctx context.Context, _ event.Message, _ []match.Verdict) error {
		got = append(got, trace.From(ctx))
		deadline, ok := ctx.Deadline()
		assert.True(t, ok)
		assert.LessOrEqual(t, time.Until(deadline), time.Second)
		return nil
	}), nil, clocktesting.NewFakePassiveClock(now))
	s.Timeout = time.Second
	s.SetRoutes([]Route{{Namespace: "ns", Trigger: "t", Receiver: gives(message("1", "pod")), Rules: rules(t)}})
	for _, header := range []string{parent, "", "nonsense"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/ns/t", nil)
		r.Header.Set("Traceparent", header)
		s.ServeHTTP(httptest.NewRecorder(), r)
	}
	require.Len(t, got, 3)
	assert.Equal(t, trace.Context{Parent: parent}, got[0])
	assert.False(t, got[1].IsZero(), "one begins here")
	assert.NotEqual(t, got[1], got[2])
}
