// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package adapter

import (
	"net/http"

	"k8s.io/utils/clock"
)

// Server serves every Trigger at /<namespace>/<trigger>. It is used by many
// goroutines at once, and its routes may change at any time.
type Server struct {
	sink     Sink
	observer Observer
	clock    clock.PassiveClock
}

// New makes a Server without routes. A nil observer is one that doesn't listen.
func New(sink Sink, observer Observer, clk clock.PassiveClock) *Server {
	return &Server{sink: sink, observer: observer, clock: clk}
}

// SetRoutes replaces all routes at once. Requests on their way end on those they
// began with. Of two routes with one path the later counts.
func (s *Server) SetRoutes([]Route) {}

// ServeHTTP answers one request of a platform.
func (s *Server) ServeHTTP(http.ResponseWriter, *http.Request) {}
