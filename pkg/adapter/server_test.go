// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package adapter

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	clocktesting "k8s.io/utils/clock/testing"

	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/match"
	"aof.dev/operator/pkg/source"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var now = time.Date(2026, time.March, 4, 5, 6, 7, 0, time.UTC)

type receiverFunc func(context.Context, source.Request, time.Time) (source.Delivery, error)

func (f receiverFunc) Receive(ctx context.Context, r source.Request, at time.Time) (source.Delivery, error) {
	return f(ctx, r, at)
}

type sinkFunc func(context.Context, event.Message, []match.Verdict) error

func (f sinkFunc) Accept(ctx context.Context, _, _ string, m event.Message, v []match.Verdict) error {
	return f(ctx, m, v)
}

// told is one call of an observer.
type told struct {
	place, id string
	outcome   Outcome
	reason    string
}

type recorder struct {
	mu   sync.Mutex
	seen []told
}

func (r *recorder) Event(namespace, trigger string, m event.Message, outcome Outcome, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, told{namespace + "/" + trigger, m.ID, outcome, reason})
}

func message(id, text string) event.Message {
	return event.Message{ID: id, Platform: "http", Type: "webhook", Text: text, Timestamp: now}
}

func rules(tb testing.TB) *match.Set {
	tb.Helper()
	set, err := match.Compile([]match.Rule{{ID: "b", Filters: []match.Filter{{Name: "trigger", Patterns: []string{"pod"}}}}})
	require.NoError(tb, err)
	return set
}

func gives(messages ...event.Message) receiverFunc {
	return func(context.Context, source.Request, time.Time) (source.Delivery, error) {
		return source.Delivery{Messages: messages}, nil
	}
}

func fails(err error) receiverFunc {
	return func(context.Context, source.Request, time.Time) (source.Delivery, error) {
		return source.Delivery{}, err
	}
}

func post(tb testing.TB, h http.Handler, path string, body io.Reader) *httptest.ResponseRecorder {
	tb.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(tb.Context(), http.MethodPost, path, body))
	return w
}

func TestServe(t *testing.T) {
	t.Parallel()
	pod := message("1", "a pod is down")
	ok := sinkFunc(func(context.Context, event.Message, []match.Verdict) error { return nil })
	broken := sinkFunc(func(_ context.Context, m event.Message, _ []match.Verdict) error {
		if m.ID == "1" {
			return errors.New("no quorum at https://user:hunter2@store")
		}
		return nil
	})
	withReply := func(messages ...event.Message) receiverFunc {
		return func(context.Context, source.Request, time.Time) (source.Delivery, error) {
			return source.Delivery{Messages: messages, Reply: &source.Reply{Status: 202, ContentType: "application/json", Body: []byte(`{"ok":1}`)}}, nil
		}
	}
	long := strings.Repeat("é", 2000)
	var nilMap map[string]int
	for _, tt := range []struct {
		name     string
		receiver source.Receiver
		err      error
		sink     Sink
		unbound  bool
		status   int
		body     string
		header   map[string]string
		want     []told
	}{
		{name: "accepted", receiver: gives(pod), status: 200, want: []told{{id: "1", outcome: Accepted}}},
		{name: "accepted with the platform's reply", receiver: withReply(pod), status: 202, body: `{"ok":1}`, header: map[string]string{"Content-Type": "application/json"}, want: []told{{id: "1", outcome: Accepted}}},
		{name: "nothing matches", receiver: gives(message("2", "all is well")), status: 200, want: []told{{id: "2", outcome: Dropped, reason: "no rule matched"}}},
		{name: "nothing is bound", receiver: gives(pod), unbound: true, status: 200, want: []told{{id: "1", outcome: Dropped, reason: "nothing is bound to the trigger"}}},
		{name: "handshake", receiver: withReply(), status: 202, body: `{"ok":1}`},
		{
			name: "ignored", status: 200, want: []told{{outcome: Dropped, reason: "written by a bot"}},
			receiver: receiverFunc(func(context.Context, source.Request, time.Time) (source.Delivery, error) {
				return source.Delivery{Ignored: "written by a bot"}, nil
			}),
		},
		{name: "unauthenticated", receiver: fails(source.Fail(source.Unauthenticated, "bad signature")), status: 401, body: `{"error":"bad signature"}`, want: []told{{outcome: Rejected, reason: "bad signature"}}},
		{name: "malformed", receiver: fails(source.Fail(source.Malformed, "no JSON")), status: 400, body: `{"error":"no JSON"}`, want: []told{{outcome: Rejected, reason: "no JSON"}}},
		{name: "malformed since too large", receiver: fails(&source.Error{Kind: source.Malformed, Message: "big", Err: event.ErrTooLarge}), status: 413, body: `{"error":"big"}`, want: []told{{outcome: Rejected, reason: "big"}}},
		{name: "unsupported", receiver: fails(&source.Error{Kind: source.Unsupported, Message: "method", Allow: []string{"GET", "PUT"}}), status: 405, body: `{"error":"method"}`, header: map[string]string{"Allow": "GET, PUT"}, want: []told{{outcome: Rejected, reason: "method"}}},
		{name: "unavailable", receiver: fails(&source.Error{Kind: source.Unavailable, Message: "later", RetryAfter: 1500 * time.Millisecond}), status: 503, body: `{"error":"later"}`, header: map[string]string{"Retry-After": "2"}, want: []told{{outcome: Failed, reason: "later"}}},
		{name: "unavailable for a year", receiver: fails(&source.Error{Kind: source.Unavailable, Message: "later", RetryAfter: 1 << 62}), status: 503, body: `{"error":"later"}`, header: map[string]string{"Retry-After": "3600"}, want: []told{{outcome: Failed, reason: "later"}}},
		{name: "refused by the platform", receiver: fails(source.Fail(source.Refused, "bad token")), status: 503, body: `{"error":"bad token"}`, header: map[string]string{"Retry-After": "5"}, want: []told{{outcome: Failed, reason: "bad token"}}},
		{name: "an error of no kind", receiver: fails(errors.New("secret hunter2")), status: 503, body: `{"error":"the trigger can't take requests now"}`, header: map[string]string{"Retry-After": "5"}, want: []told{{outcome: Failed, reason: "the trigger can't take requests now: secret hunter2"}}},
		{name: "a long error", receiver: fails(source.Fail(source.Malformed, long)), status: 400, body: `{"error":"` + strings.Repeat("é", 256) + `"}`, want: []told{{outcome: Rejected, reason: strings.Repeat("é", 256)}}},
		{name: "misconfigured", err: source.Fail(source.Malformed, "config.method is odd"), status: 503, body: `{"error":"the trigger is misconfigured: config.method is odd"}`, header: map[string]string{"Retry-After": "5"}, want: []told{{outcome: Failed, reason: "the trigger is misconfigured: config.method is odd"}}},
		{name: "misconfigured in private", err: errors.New("hunter2"), status: 503, body: `{"error":"the trigger is misconfigured"}`, want: []told{{outcome: Failed, reason: "the trigger is misconfigured: hunter2"}}},
		{name: "no receiver", status: 503, body: `{"error":"the trigger takes no requests"}`, want: []told{{outcome: Failed, reason: "the trigger takes no requests"}}},
		{name: "sink down", receiver: withReply(pod), sink: broken, status: 503, body: `{"error":"the event could not be stored"}`, header: map[string]string{"Retry-After": "5"}, want: []told{{id: "1", outcome: Failed, reason: "the event could not be stored: no quorum at https://user:hunter2@store"}}},
		{name: "one of two fails", receiver: gives(pod, message("2", "pod")), sink: broken, status: 503, body: `{"error":"the event could not be stored"}`, want: []told{{id: "1", outcome: Failed, reason: "the event could not be stored: no quorum at https://user:hunter2@store"}, {id: "2", outcome: Accepted}}},
		{name: "one of two is invalid", receiver: gives(message("", "pod"), pod), status: 400, body: `{"error":"event is invalid: id is empty"}`, want: []told{{outcome: Rejected, reason: "event is invalid: id is empty"}, {id: "1", outcome: Accepted}}},
		{name: "event too large", receiver: gives(message("1", "pod"+strings.Repeat("x", event.MaxBytes))), status: 413, want: []told{{id: "1", outcome: Rejected, reason: "*"}}},
		{
			name: "platform panics", status: 500, body: `{"error":"internal error"}`, want: []told{{outcome: Failed, reason: "panic in the platform: assignment to entry in nil map at aof.dev/operator/pkg/adapter.TestServe.*"}},
			receiver: receiverFunc(func(context.Context, source.Request, time.Time) (source.Delivery, error) {
				nilMap["a"] = 1
				return source.Delivery{}, nil
			}),
		},
		{
			name: "sink panics", receiver: gives(pod), status: 500, body: `{"error":"internal error"}`, want: []told{{id: "1", outcome: Failed, reason: "panic in accepting the event: string at aof.dev/operator/pkg/adapter.TestServe.*"}},
			sink: sinkFunc(func(context.Context, event.Message, []match.Verdict) error { panic("hunter2") }),
		},
		{
			name: "an odd reply", status: 200, body: "<b>hi", header: map[string]string{"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"},
			receiver: receiverFunc(func(context.Context, source.Request, time.Time) (source.Delivery, error) {
				return source.Delivery{Reply: &source.Reply{Status: 7, Body: []byte("<b>hi")}}, nil
			}),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.sink == nil {
				tt.sink = ok
			}
			var seen recorder
			s := New(tt.sink, &seen, clocktesting.NewFakePassiveClock(now))
			route := Route{Namespace: "ns", Trigger: "t", Receiver: tt.receiver, Rules: rules(t), Err: tt.err}
			if tt.unbound {
				route.Rules = nil
			}
			s.SetRoutes([]Route{route})
			w := post(t, s, "/ns/t", strings.NewReader("{}"))
			assert.Equal(t, tt.status, w.Code)
			if tt.status != 413 || tt.body != "" {
				assert.Equal(t, tt.body, w.Body.String())
			}
			assert.LessOrEqual(t, w.Body.Len(), 600)
			for k, v := range tt.header {
				assert.Equal(t, v, w.Header().Get(k), k)
			}
			require.Len(t, seen.seen, len(tt.want))
			for i, want := range tt.want {
				got := seen.seen[i]
				if prefix, any := strings.CutSuffix(want.reason, "*"); any {
					assert.Greater(t, len(got.reason), len(prefix))
					assert.Equal(t, prefix, got.reason[:len(prefix)])
					want.reason = got.reason
				}
				want.place = "ns/t"
				assert.Equal(t, want, got)
			}
		})
	}
}

func TestServeGivesThePlatformTheRequest(t *testing.T) {
	t.Parallel()
	var got source.Request
	var at time.Time
	s := New(nil, nil, clocktesting.NewFakePassiveClock(now))
	s.SetRoutes([]Route{{Namespace: "ns", Trigger: "t", Receiver: receiverFunc(func(_ context.Context, r source.Request, when time.Time) (source.Delivery, error) {
		got, at = r, when
		return source.Delivery{}, nil
	})}})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/ns/t?a=b", strings.NewReader("body"))
	r.Header.Set("X-Custom", "v")
	s.ServeHTTP(httptest.NewRecorder(), r)
	assert.Equal(t, now, at)
	assert.Equal(t, http.MethodPut, got.Method)
	assert.Equal(t, "body", string(got.Body))
	assert.Equal(t, "b", got.Query.Get("a"))
	assert.Equal(t, "v", got.Header.Get("X-Custom"))
}

func TestServePaths(t *testing.T) {
	t.Parallel()
	var seen recorder
	s := New(nil, &seen, clocktesting.NewFakePassiveClock(now))
	assert.Equal(t, http.StatusNotFound, post(t, s, "/ns/t", nil).Code, "before there are routes")
	s.SetRoutes([]Route{{Namespace: "ns", Trigger: "t", Err: errors.New("old")}, {Namespace: "ns", Trigger: "t", Receiver: gives()}})
	assert.Equal(t, http.StatusOK, post(t, s, "/ns/t", nil).Code, "the later of two")
	for _, path := range []string{"/", "/ns", "/ns/", "/ns/t/", "//ns/t", "/ns//t", "/ns/t/x", "/ns%2Ft", "/ns/%74%2F", "/NS/t", "/other/t", "/ns/t2"} {
		w := post(t, s, path, nil)
		assert.Equal(t, http.StatusNotFound, w.Code, path)
		assert.JSONEq(t, `{"error":"no trigger is served here"}`, w.Body.String())
	}
	s.SetRoutes(nil)
	assert.Equal(t, http.StatusNotFound, post(t, s, "/ns/t", nil).Code, "after it went")
	assert.Empty(t, seen.seen, "nobody's path was told")
}

func TestServeBoundsTheBody(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		body   io.Reader
		status int
		reads  int
	}{
		{"as large as allowed", strings.NewReader(strings.Repeat("x", event.MaxBytes)), 200, event.MaxBytes},
		{"one more", strings.NewReader(strings.Repeat("x", event.MaxBytes+1)), 413, -1},
		{"without end", endless{}, 413, -1},
		{"broken off", io.MultiReader(strings.NewReader("x"), brokenReader{}), 400, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var seen recorder
			read := -1
			s := New(nil, &seen, clocktesting.NewFakePassiveClock(now))
			s.SetRoutes([]Route{{Namespace: "ns", Trigger: "t", Receiver: receiverFunc(func(_ context.Context, r source.Request, _ time.Time) (source.Delivery, error) {
				read = len(r.Body)
				return source.Delivery{}, nil
			})}})
			assert.Equal(t, tt.status, post(t, s, "/ns/t", tt.body).Code)
			assert.Equal(t, tt.reads, read)
			if tt.status == 200 {
				assert.Empty(t, seen.seen)
				return
			}
			require.Len(t, seen.seen, 1)
			assert.Equal(t, Rejected, seen.seen[0].outcome)
		})
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestAcceptOutlivesTheRequest(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var inSink error
	var deadline bool
	s := New(sinkFunc(func(ctx context.Context, _ event.Message, v []match.Verdict) error {
		cancel()
		inSink = ctx.Err()
		_, deadline = ctx.Deadline()
		assert.Len(t, v, 1)
		return nil
	}), nil, clocktesting.NewFakePassiveClock(now))
	s.SetRoutes([]Route{{Namespace: "ns", Trigger: "t", Receiver: gives(message("1", "pod")), Rules: rules(t)}})
	s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodPost, "/ns/t", nil))
	require.Error(t, ctx.Err(), "the sink was never called")
	assert.NoError(t, inSink)
	assert.True(t, deadline)
}

func TestSetRoutesWhileServing(t *testing.T) {
	t.Parallel()
	var seen recorder
	s := New(sinkFunc(func(context.Context, event.Message, []match.Verdict) error { return nil }), &seen, clocktesting.NewFakePassiveClock(now))
	set := rules(t)
	table := func(id string) []Route {
		return []Route{
			{Namespace: "ns", Trigger: "a", Receiver: gives(message(id, "pod")), Rules: set},
			{Namespace: "ns", Trigger: "b", Receiver: gives(message(id, "pod")), Rules: set},
		}
	}
	s.SetRoutes(table("0"))
	const senders, each = 4, 200
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			for i := range each {
				assert.Equal(t, http.StatusOK, post(t, s, []string{"/ns/a", "/ns/b"}[i%2], nil).Code)
			}
		})
	}
	wg.Go(func() {
		for i := range each {
			s.SetRoutes(table(string(rune('0' + i%10))))
		}
	})
	wg.Wait()
	assert.Len(t, seen.seen, senders*each)
	for _, o := range seen.seen {
		assert.Equal(t, Accepted, o.outcome)
	}
}

func FuzzServe(f *testing.F) {
	f.Add("POST", "/ns/t", "", []byte(`{"a":1}`))
	f.Add("GET", "/ns%2Ft", "a=b;c", []byte(nil))
	f.Add("POST", "//", "%zz", []byte("pod"))
	set := rules(f)
	f.Fuzz(func(t *testing.T, method, path, query string, body []byte) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(string(body)))
		r.Method, r.URL.Path, r.URL.RawQuery = method, path, query
		var seen recorder
		s := New(sinkFunc(func(context.Context, event.Message, []match.Verdict) error { return nil }), &seen, clocktesting.NewFakePassiveClock(now))
		s.SetRoutes([]Route{{Namespace: "ns", Trigger: "t", Rules: set, Receiver: receiverFunc(func(_ context.Context, r source.Request, _ time.Time) (source.Delivery, error) {
			return source.Delivery{Messages: []event.Message{message(string(r.Body), string(r.Body))}}, nil
		})}})
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if path != "/ns/t" {
			assert.Equal(t, http.StatusNotFound, w.Code)
			assert.Empty(t, seen.seen)
			return
		}
		require.Len(t, seen.seen, 1)
		assert.Equal(t, w.Code == http.StatusOK, seen.seen[0].outcome == Accepted || seen.seen[0].outcome == Dropped)
	})
}
