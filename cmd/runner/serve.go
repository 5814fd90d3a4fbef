// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"aof.dev/operator/pkg/delivery"
	"aof.dev/operator/pkg/kubeapi"
)

// drainTimeout is how long requests under way have to give their runs back.
const drainTimeout = 20 * time.Second

var errUnauthorized = errors.New("the Kubernetes API no longer takes the token; started again, the runner reads the renewed one")

// server answers deliveries.
type server struct {
	*process
	api     *kubeapi.Client
	handler *delivery.Handler
}

// ServeHTTP answers requests as long as the API takes our token.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case <-s.api.Unauthorized():
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		s.handler.ServeHTTP(w, r)
	}
}

// serve answers until the context ends or the token does. Then runs under way
// are given back to the ledger, so that another process goes on with them.
func (s *server) serve(ctx context.Context, listener net.Listener) error {
	srv := &http.Server{
		Handler: s, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(listener) }()
	s.log.Info("serving", "address", listener.Addr().String())
	go s.api.Connect(ctx) // while the pod is found to be ready
	var err error
	select {
	case <-ctx.Done():
	case <-s.api.Unauthorized():
		err = errUnauthorized
	case err = <-failed:
	}
	s.handler.Stop()
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	return errors.Join(err, srv.Shutdown(drain))
}
