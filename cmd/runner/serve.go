// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net"
	"time"

	"aof.dev/operator/pkg/delivery"
	"aof.dev/operator/pkg/kubeapi"
)

// server answers deliveries.
type server struct {
	*process
	api     *kubeapi.Client
	handler *delivery.Handler
}

// serve answers until the context ends or the token does. Then runs under way
// are given back to the ledger, so that another process goes on with them.
func (s *server) serve(ctx context.Context, listener net.Listener) error {
	server := &kubeapi.Server{API: s.api, Handler: s.handler, ReadTimeout: 30 * time.Second, Stop: s.handler.Stop, Log: s.log}
	return server.Serve(ctx, listener)
}
