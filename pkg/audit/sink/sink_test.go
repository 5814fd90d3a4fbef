// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package sink_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	clocktesting "k8s.io/utils/clock/testing"

	"aof.dev/operator/pkg/audit"
	"aof.dev/operator/pkg/audit/sink"
	fakeaudit "aof.dev/operator/test/fake/audit"
)

var began = time.Date(2025, 12, 18, 10, 0, 0, 0, time.UTC)

func newSinks() (*sink.Sinks, *clocktesting.FakePassiveClock, *bytes.Buffer) {
	clk, out := clocktesting.NewFakePassiveClock(began), &bytes.Buffer{}
	return &sink.Sinks{Stdout: out, HTTPClient: &http.Client{}, Clock: clk}, clk, out
}

func lines(t *testing.T, n int) []string {
	t.Helper()
	out := make([]string, n)
	for i := range out {
		r := audit.Record{Event: audit.Node, Timestamp: began, About: audit.About{Run: "r"}}
		r.Number("u", int64(i)+1)
		line, err := r.Line()
		require.NoError(t, err)
		out[i] = line
	}
	return out
}

func receiver(t *testing.T) *fakeaudit.Receiver {
	t.Helper()
	r := fakeaudit.New()
	t.Cleanup(func() { r.Close(); assert.Empty(t, r.Wrong()) })
	return r
}

func TestStdout(t *testing.T) {
	t.Parallel()
	s, _, out := newSinks()
	n, err := s.Deliver(t.Context(), audit.Target{Sink: "stdout"}, []string{"a", "b"})
	require.NoError(t, err)
	assert.Equal(t, 2, n)
	assert.Equal(t, "a\nb\n", out.String())
	s.Stdout = full{}
	n, err = s.Deliver(t.Context(), audit.Target{Sink: "stdout"}, []string{"a"})
	require.ErrorContains(t, err, "no space")
	assert.Zero(t, n)
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	s, _, _ := newSinks()
	var writers sync.WaitGroup
	for i := range 8 {
		writers.Go(func() {
			n, err := s.Deliver(t.Context(), audit.Target{Sink: "file", Path: path}, []string{fmt.Sprint(i, strings.Repeat("x", 5000)), fmt.Sprint(i, "y")})
			assert.NoError(t, err)
			assert.Equal(t, 2, n)
		})
	}
	writers.Wait()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Len(t, strings.Split(strings.TrimSpace(string(raw)), "\n"), 16, "no line cuts into another")
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	require.NoError(t, os.WriteFile(path, []byte("whole\ncut o"), 0o600))
	_, err = s.Deliver(t.Context(), audit.Target{Sink: "file", Path: path}, []string{"next"})
	require.NoError(t, err)
	raw, err = os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "whole\ncut o\nnext\n", string(raw), "what is cut off does not spoil what follows")
}

func TestAFileThatCannotBe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _, _ := newSinks()
	for _, path := range []string{dir, filepath.Join(dir, "no", "such"), "/dev/null", ""} {
		n, err := s.Deliver(t.Context(), audit.Target{Sink: "file", Path: path}, []string{"a"})
		require.Error(t, err, path)
		assert.Zero(t, n)
	}
	_, err := s.Deliver(t.Context(), audit.Target{Sink: "s3"}, []string{"a"})
	assert.ErrorContains(t, err, "no audit sink")
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	r := receiver(t)
	s, _, _ := newSinks()
	target := audit.Target{Sink: "webhook", URL: r.URL, Headers: map[string]string{"Authorization": "Bearer t"}}
	n, err := s.Deliver(t.Context(), target, lines(t, 250))
	require.NoError(t, err)
	assert.Equal(t, 250, n)
	assert.Len(t, r.Records(), 250)
	requests, _ := r.Requests()
	assert.Equal(t, 3, requests, "a request carries a hundred at most")
	assert.Equal(t, "Bearer t", r.Header().Get("Authorization"))
}

func TestAWebhookThatTakesAPart(t *testing.T) {
	t.Parallel()
	r := receiver(t)
	s, clk, _ := newSinks()
	r.Next(func(w http.ResponseWriter, req *http.Request) { r.ServeHTTP(w, req) }, fakeaudit.Status(http.StatusServiceUnavailable))
	target, all := audit.Target{Sink: "webhook", URL: r.URL}, lines(t, 250)
	n, err := s.Deliver(t.Context(), target, all)
	require.ErrorContains(t, err, "the webhook answered 503")
	assert.Equal(t, 0, n%100)
	requests, _ := r.Requests()
	_, err = s.Deliver(t.Context(), target, all[n:])
	require.ErrorContains(t, err, "the webhook answered 503", "it is left alone for a while")
	again, _ := r.Requests()
	assert.Equal(t, requests, again)
	clk.SetTime(began.Add(4 * time.Second))
	_, err = s.Deliver(t.Context(), target, all[n:])
	require.NoError(t, err)
	assert.Len(t, r.Records(), 250)
}

func TestAWebhookThatDoesNotTakeThem(t *testing.T) {
	t.Parallel()
	elsewhere := receiver(t)
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"it fails":    {fakeaudit.Status(http.StatusInternalServerError), "the webhook answered 500"},
		"it refuses":  {fakeaudit.Status(http.StatusForbidden), "the webhook answered 403"},
		"it hangs up": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "could not be asked: EOF"},
		"it sends us away": {func(w http.ResponseWriter, req *http.Request) {
			http.Redirect(w, req, elsewhere.URL, http.StatusTemporaryRedirect)
		}, "the webhook answered 307"},
		"it talks without end": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			_, _ = w.Write(bytes.Repeat([]byte("x"), 1<<20))
		}, "the webhook answered 502"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := receiver(t)
			s, _, _ := newSinks()
			r.Next(test.answer)
			n, err := s.Deliver(t.Context(), audit.Target{Sink: "webhook", URL: r.URL + "/secret-path"}, lines(t, 3))
			require.ErrorContains(t, err, test.want)
			assert.NotContains(t, err.Error(), "secret-path")
			assert.Zero(t, n)
			assert.Empty(t, r.Records())
		})
	}
	assert.Empty(t, elsewhere.Records(), "records go where the Context says and nowhere else")
}

func TestAWebhookThatHangsIsNotBlamedForOurLeaving(t *testing.T) {
	t.Parallel()
	r := receiver(t)
	s, _, _ := newSinks()
	arrived := make(chan struct{})
	r.Next(func(_ http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body) // or it would not find out that we left
		close(arrived)
		<-req.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	target := audit.Target{Sink: "webhook", URL: r.URL}
	_, err := s.Deliver(ctx, target, lines(t, 1))
	require.ErrorIs(t, err, context.Canceled)
	n, err := s.Deliver(t.Context(), target, lines(t, 1))
	require.NoError(t, err, "it may be asked at once")
	assert.Equal(t, 1, n)
}

func TestWhatIsNoAddress(t *testing.T) {
	t.Parallel()
	s, _, _ := newSinks()
	for _, url := range []string{"", "audit", "file:///etc/passwd", "http://", "http://a b/secret", "://x"} {
		_, err := s.Deliver(t.Context(), audit.Target{Sink: "webhook", URL: url}, lines(t, 1))
		require.ErrorContains(t, err, "no http(s) URL", url)
		assert.NotContains(t, err.Error(), "secret")
	}
}
