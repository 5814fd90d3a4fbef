// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package intake_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/fold"
	"aof.dev/operator/pkg/intake"
	"aof.dev/operator/pkg/trace"
	fakekube "aof.dev/operator/test/fake/kube"
)

const traceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestAnEventIsClaimedForEveryBindingThatMatches(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	put(t, api, hook("pod", "down", "disk"))
	p := start(t, api, "a")
	w := p.post("delivery-1", "a pod is down", "traceparent", traceParent, "tracestate", "a=1")
	require.Equal(t, http.StatusAccepted, w.Code)
	assert.JSONEq(t, `{"accepted":true,"id":"delivery-1"}`, w.Body.String())

	require.Len(t, p.runs(), 2)
	var stored cloudevents.Event
	for i, word := range []string{"down", "pod"} {
		var run aofv1.FlowRun
		require.True(t, api.Get(p.runs()[i], &run))
		assert.Equal(t, word, run.Spec.Binding.Name)
		assert.Equal(t, word+"-plan", run.Spec.Plan)
		assert.Equal(t, &aofv1.ObjectReference{Namespace: "ops", Name: "hook"}, run.Spec.Trigger)
		assert.Equal(t, word, run.Annotations[fold.AnnotationPattern])
		require.NoError(t, json.Unmarshal(run.Spec.Event.Raw, &stored))
		assert.Equal(t, "delivery-1", stored.ID())
		assert.Equal(t, trace.Context{Parent: traceParent, State: "a=1"}, trace.FromEvent(stored), "the run knows its trace")
	}
	require.Len(t, p.broker.events(), 1, "one event for all bindings")
	sent := p.broker.events()[0]
	assert.Equal(t, "/namespaces/ops/triggers/hook", sent.Source())
	assert.Equal(t, "hook", sent.Extensions()[event.ExtensionTrigger])
	assert.Equal(t, "|team/down|team/pod|", sent.Extensions()[event.ExtensionMatch])
	assert.Equal(t, traceParent, sent.Extensions()[trace.Parent])
}

func TestATraceBeginsHere(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	put(t, api, hook("pod"))
	p := start(t, api, "a")
	require.Equal(t, http.StatusAccepted, p.post("1", "pod", "traceparent", "00-not-a-trace\r\nx: y").Code)
	got := trace.FromEvent(p.broker.events()[0])
	assert.False(t, got.IsZero())
}

func TestAnEventTwiceIsClaimedOnce(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	put(t, api, hook("pod"))
	p := start(t, api, "a")
	require.Equal(t, http.StatusAccepted, p.post("1", "pod").Code)
	require.Equal(t, http.StatusAccepted, p.post("1", "pod").Code)
	assert.Len(t, p.runs(), 1)
	p.counts.Flush(t.Context())
	assertCounts(t, api, 2, 2, 0, 0, map[string]fold.Compared{"team/pod": {Compared: 1, Matched: 1}})
}

func TestNothingIsAcknowledgedThatIsNotClaimed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		moment fakekube.Moment
		status int
	}{
		{"API down", fakekube.Before, http.StatusServiceUnavailable},
		{"no right", fakekube.Before, http.StatusForbidden},
		{"quota", fakekube.Before, http.StatusTooManyRequests},
		{"answer lost", fakekube.After, http.StatusInternalServerError},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			api := fakekube.New(t)
			put(t, api, hook("pod", "down"))
			p := start(t, api, "a")
			var failed atomic.Bool // one of the two claims fails
			api.Trouble(func(m fakekube.Moment, method, path string) int {
				if method == http.MethodPost && m == tt.moment && strings.HasSuffix(path, "flowruns") && failed.CompareAndSwap(false, true) {
					return tt.status
				}
				return 0
			})
			w := p.post("1", "a pod is down")
			assert.Equal(t, http.StatusServiceUnavailable, w.Code)
			assert.JSONEq(t, `{"error":"the event could not be stored"}`, w.Body.String())
			assert.Empty(t, p.broker.events())

			require.Equal(t, http.StatusAccepted, p.post("1", "a pod is down").Code, "the platform tries again")
			assert.Len(t, p.runs(), 2)
			assert.Len(t, p.broker.events(), 1)
			p.counts.Flush(t.Context())
			have := document(t, api)
			assert.Equal(t, int64(1), have.Received)
			assert.Equal(t, int64(1), have.Processed)
			assert.Equal(t, int64(1), have.Errors)
			for id, n := range have.Bindings {
				assert.Equal(t, int64(1), n.Compared, id)
			}
		})
	}
}

func TestABindingWhoseNamespaceIsGoneHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	table := hook("pod", "down")
	table.Bindings[1].Rule.ID, table.Bindings[1].Claim.Namespace = "gone/down", "gone"
	put(t, api, table)
	api.Trouble(func(_ fakekube.Moment, _, path string) int {
		if strings.Contains(path, "/namespaces/gone/") {
			return http.StatusNotFound
		}
		return 0
	})
	p := start(t, api, "a")
	assert.Equal(t, http.StatusAccepted, p.post("1", "a pod is down").Code)
	assert.Len(t, p.runs(), 1)
	assert.Contains(t, p.logged(), "namespace is gone")
}

func TestABrokerThatIsDownDelaysARunAndLosesNone(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*process){
		"down":        func(p *process) { p.broker.err = errors.New("connection refused") },
		"not yet one": func(p *process) { table := hook("pod"); table.Broker = ""; put(p.t, p.api, table) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := fakekube.New(t)
			put(t, api, hook("pod"))
			p := start(t, api, "a")
			prepare(p)
			assert.Equal(t, http.StatusAccepted, p.post("1", "pod").Code)
			require.Len(t, p.runs(), 1)
			var run aofv1.FlowRun
			require.True(t, api.Get(p.runs()[0], &run))
			assert.Empty(t, run.Status.Phase, "it is pending, for the sweep to find")
			p.counts.Flush(t.Context())
			assert.Equal(t, int64(1), document(t, api).Unsent)
		})
	}
}

func TestManyBindings(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	table := hook()
	for i := range 300 {
		one := hook("pod").Bindings[0]
		one.Rule.ID, one.Claim.Name, one.Claim.UID = fmt.Sprintf("team/b%d", i), fmt.Sprintf("b%d", i), ""
		table.Bindings = append(table.Bindings, one)
	}
	put(t, api, table)
	p := start(t, api, "a")
	require.Equal(t, http.StatusAccepted, p.post("1", "pod").Code)
	assert.Len(t, p.runs(), 300)
}

func TestHTTPBroker(t *testing.T) {
	t.Parallel()
	e, err := event.Message{ID: "1", Platform: "http", Type: "webhook", Text: "é \r\n x", ChannelID: "a\r\nX-Evil: 1", Timestamp: now}.CloudEvent("ops", "hook", []string{"team/pod"})
	require.NoError(t, err)
	trace.Context{Parent: traceParent, State: "a=1"}.SetEvent(&e)
	answer, calls := http.StatusAccepted, 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		var got cloudevents.Event
		assert.NoError(t, json.Unmarshal(body, &got))
		assert.Equal(t, e.String(), got.String())
		assert.Equal(t, http.MethodPost, r.Method)
		assert.Equal(t, "application/cloudevents+json; charset=utf-8", r.Header.Get("Content-Type"))
		assert.Equal(t, traceParent, r.Header.Get("Traceparent"))
		assert.Equal(t, "a=1", r.Header.Get("Tracestate"))
		assert.Empty(t, r.Header.Get("X-Evil"))
		w.WriteHeader(answer)
	}))
	t.Cleanup(server.Close)
	b := intake.HTTPBroker{Client: server.Client()}
	require.NoError(t, b.Send(t.Context(), server.URL+"/ops/default", e))
	for _, answer = range []int{400, 404, 500, 503} {
		require.ErrorContains(t, b.Send(t.Context(), server.URL, e), strconv.Itoa(answer))
	}
	assert.Equal(t, 5, calls)
	for _, address := range []string{"", "file:///etc/passwd", "//x", "http://", "http://%zz"} {
		require.Error(t, b.Send(t.Context(), address, e), address)
	}
	assert.Equal(t, 5, calls)
}

func TestProcessingTakesTime(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	put(t, api, hook("pod"))
	p := start(t, api, "a")
	api.Trouble(func(m fakekube.Moment, method, _ string) int {
		if method == http.MethodPost && m == fakekube.Before {
			p.clock.SetTime(p.clock.Now().Add(40 * time.Millisecond))
		}
		return 0
	})
	require.Equal(t, http.StatusAccepted, p.post("1", "pod").Code)
	api.Trouble(nil)
	p.counts.Flush(t.Context())
	have := document(t, api)
	assert.Equal(t, 40*time.Millisecond, have.TotalProcessing)
	assert.Equal(t, &fold.LastEvent{Timestamp: now.Add(40 * time.Millisecond), Type: "webhook"}, have.Last)
}

func TestAnEventThatNobodyClaimedWasNotCompared(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	put(t, api, hook("pod"))
	p := start(t, api, "a")
	api.Trouble(func(_ fakekube.Moment, method, _ string) int {
		if method == http.MethodPost {
			return http.StatusServiceUnavailable
		}
		return 0
	})
	require.Equal(t, http.StatusServiceUnavailable, p.post("1", "pod").Code)
	api.Trouble(nil)
	require.Equal(t, http.StatusAccepted, p.post("1", "pod").Code)
	p.counts.Flush(t.Context())
	assertCounts(t, api, 1, 1, 0, 1, map[string]fold.Compared{"team/pod": {Compared: 1, Matched: 1}})
}
