// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package resume

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"aof.dev/operator/pkg/names"
)

func anEvent() cloudevents.Event {
	e := cloudevents.New()
	e.SetType(names.TypeResume)
	e.SetSource("/s")
	e.SetID("1")
	e.SetExtension(names.ExtensionRun, "r")
	return e
}

func minute() time.Duration { return time.Minute }

func TestResumeSendsTheEvent(t *testing.T) {
	t.Parallel()
	var contentType, body string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		contentType, body = r.Header.Get("Content-Type"), string(raw)
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	require.NoError(t, New(clock.RealClock{}, minute).Resume(t.Context(), server.URL, anEvent()))
	assert.Equal(t, "application/cloudevents+json", contentType)
	assert.JSONEq(t, `{"specversion":"1.0","type":"dev.aof.run.resume","source":"/s","id":"1","aofrun":"r"}`, body)
}

func TestResumeSaysWhatTheBrokerDidNotTake(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		handler http.HandlerFunc
		want    string
	}{
		{"it is overloaded", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, "the broker answered 503"},
		{"it sends elsewhere", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusTemporaryRedirect) }, "the broker answered 307"},
		{"it talks without end", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.Copy(w, strings.NewReader(strings.Repeat("x", 1<<20)))
		}, "the broker answered 400"},
		{"it hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "send event"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(tc.handler)
			defer server.Close()
			assert.ErrorContains(t, New(clock.RealClock{}, minute).Resume(t.Context(), server.URL, anEvent()), tc.want)
		})
	}
	assert.ErrorContains(t, New(clock.RealClock{}, minute).Resume(t.Context(), "::", anEvent()), "broker's address")
}

func TestABrokerThatAnswersWhenTheRunIsOver(t *testing.T) {
	t.Parallel()
	arrived, over := make(chan context.Context, 1), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrived <- r.Context()
		<-over
	}))
	defer server.Close()
	clk := clocktesting.NewFakeClock(time.Now())
	s := New(clk, minute)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Resume(ctx, server.URL, anEvent()) }()
	request := <-arrived
	for !clk.HasWaiters() {
		select {
		case err := <-done:
			t.Fatal("it did not wait for the answer", err)
		default:
		}
	}
	clk.Step(patience)
	require.NoError(t, <-done)
	cancel()
	require.NoError(t, request.Err(), "the broker still has its sender")
	close(over)
}

func TestTooManyRequestsAreUnderWay(t *testing.T) {
	t.Parallel()
	s := New(clock.RealClock{}, minute)
	for range underWay {
		s.slots <- struct{}{}
	}
	assert.ErrorIs(t, s.Resume(t.Context(), "http://broker.invalid", anEvent()), ErrBusy)
}
