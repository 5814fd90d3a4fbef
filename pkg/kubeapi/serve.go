// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package kubeapi

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// drainTimeout is how long requests may go on once the process is to end.
const drainTimeout = 20 * time.Second

// ErrUnauthorized is how serving ends when the API no longer takes the token.
var ErrUnauthorized = errors.New("the Kubernetes API no longer takes the token; started again, the process reads the renewed one")

// Server answers requests as long as the API takes the token of its process.
type Server struct {
	API     *Client
	Handler http.Handler
	// ReadTimeout is how long a request may take to arrive.
	ReadTimeout time.Duration
	// Stop, when set, is called when the process is to end, before the requests
	// under way are waited for.
	Stop func()
	Log  *slog.Logger
}

var _ http.Handler = (*Server)(nil)

// ServeHTTP passes requests on. Once the token is refused it asks to come again:
// by then there is another process.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case <-s.API.Unauthorized():
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		s.Handler.ServeHTTP(w, r)
	}
}

// Serve answers until the context ends or the token does, and lets requests under
// way finish. The error is ErrUnauthorized, the listener's, or says that a request
// did not finish in time.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler: s, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: s.ReadTimeout, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	go s.API.Connect(ctx) // while the pod is found to be ready
	s.Log.Info("serving", "address", listener.Addr().String())

	var err error
	select {
	case <-ctx.Done():
	case <-s.API.Unauthorized():
		err = ErrUnauthorized
	case err = <-failed:
	}
	if s.Stop != nil {
		s.Stop()
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	return errors.Join(err, server.Shutdown(drain))
}
