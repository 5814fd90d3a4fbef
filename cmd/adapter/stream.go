// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"aof.dev/operator/pkg/adapter"
	"aof.dev/operator/pkg/intake"
	"aof.dev/operator/pkg/kubeapi"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/source"
	"aof.dev/operator/pkg/stream"
)

// triggers are those whose connections are kept open.
type triggers struct {
	keys   []types.NamespacedName
	routes *intake.Routes
	server *adapter.Server
}

var _ stream.Triggers = (*triggers)(nil)

// Streams implements stream.Triggers.
func (t *triggers) Streams(context.Context) ([]types.NamespacedName, error) { return t.keys, nil }

// Stream implements stream.Triggers.
func (t *triggers) Stream(ctx context.Context, key types.NamespacedName) (source.Stream, string, error) {
	return t.routes.Stream(ctx, key)
}

// Take implements stream.Triggers.
func (t *triggers) Take(ctx context.Context, key types.NamespacedName, d source.Delivery) error {
	return t.server.Take(ctx, key.Namespace, key.Name, d)
}

// parseStreams reads namespace/name, separated by commas.
func parseStreams(list string) ([]types.NamespacedName, error) {
	var keys []types.NamespacedName
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		namespace, name, ok := strings.Cut(item, "/")
		if !ok || namespace == "" || name == "" || strings.Contains(name, "/") {
			return nil, fmt.Errorf("%s lists something that is not namespace/name", names.EnvStreams)
		}
		keys = append(keys, types.NamespacedName{Namespace: namespace, Name: name})
	}
	return keys, nil
}

// elect has run work while this process leads.
type elect func(ctx context.Context, run func(context.Context)) error

// stream keeps the connections of Triggers open until the context ends, the token
// or the lease does.
func (d *door) stream(ctx context.Context, keys []types.NamespacedName, lead elect) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-d.api.Unauthorized():
			cancel(kubeapi.ErrUnauthorized)
		case <-ctx.Done():
		}
	}()
	stopCounting := d.count(ctx)
	defer stopCounting()
	d.log.Info("keeping connections open", "triggers", len(keys))
	err := lead(ctx, func(term context.Context) {
		m := stream.New(stream.Options{
			Triggers: &triggers{keys: keys, routes: d.routes, server: d.adapter}, Clock: d.clock, Log: d.log,
		})
		if err := m.Run(term); err != nil {
			d.log.Error("streams can't start", "error", err.Error())
		}
	})
	if cause := context.Cause(ctx); errors.Is(cause, kubeapi.ErrUnauthorized) {
		return cause
	}
	return err
}
