// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package kubeapi_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	"aof.dev/operator/pkg/kubeapi"
)

func TestServing(t *testing.T) {
	t.Parallel()
	var refuse atomic.Bool
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if refuse.Load() {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(api.Close)
	client, err := kubeapi.New(&rest.Config{Host: api.URL, BearerToken: "t"})
	require.NoError(t, err)
	stops := make(chan string, 2)
	server := &kubeapi.Server{
		API: client, ReadTimeout: time.Second, Log: slog.New(slog.DiscardHandler), Stop: func() { stops <- "stopped" },
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }),
	}
	ask := func() int {
		w := httptest.NewRecorder()
		server.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", http.NoBody))
		return w.Code
	}
	listen := func() net.Listener {
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		return listener
	}
	assert.Equal(t, http.StatusTeapot, ask())
	ended, stop := context.WithCancel(t.Context())
	stop()
	require.NoError(t, server.Serve(ended, listen()), "being told to end is no error")
	assert.Equal(t, "stopped", <-stops)

	refuse.Store(true)
	require.ErrorIs(t, server.Serve(t.Context(), listen()), kubeapi.ErrUnauthorized)
	assert.Equal(t, "stopped", <-stops)
	assert.Equal(t, http.StatusServiceUnavailable, ask(), "whoever asks is told to come again")
}
