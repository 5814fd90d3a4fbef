// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"aof.dev/operator/pkg/source"
)

const (
	// firstWait is how long a lost connection is waited with, twice as long each
	// time it is lost again, up to maxWait; one that held for steady begins anew.
	firstWait = time.Second
	maxWait   = 2 * time.Minute
	steady    = time.Minute
	// maxText bounds what is logged of an error.
	maxText = 512
)

// connection is one Trigger's, opened again and again until it is canceled.
type connection struct {
	version string
	cancel  context.CancelCauseFunc
	done    chan struct{}
}

func (m *Manager) connect(ctx context.Context, key types.NamespacedName, stream source.Stream, version string) *connection {
	ctx, cancel := context.WithCancelCause(ctx)
	c := &connection{version: version, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		defer cancel(nil)
		m.keep(ctx, key, stream)
	}()
	return c
}

// keep opens a connection until the context ends.
func (m *Manager) keep(ctx context.Context, key types.NamespacedName, stream source.Stream) {
	o := &m.options
	log := o.Log.With("trigger", key.String())
	wait := firstWait
	for {
		began := o.Clock.Now()
		err := listen(ctx, stream, func(ctx context.Context, d source.Delivery) error { return o.Triggers.Take(ctx, key, d) })
		if ctx.Err() != nil {
			log.Info("connection closed", "why", context.Cause(ctx).Error())
			return
		}
		if o.Clock.Since(began) >= steady {
			wait = firstWait
		}
		log.Warn("connection lost", "error", bounded(err), "again", wait.String())
		timer := o.Clock.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			log.Info("connection closed", "why", context.Cause(ctx).Error())
			return
		case <-timer.C():
		}
		wait = min(2*wait, maxWait)
	}
}

// listen contains a panic of a platform: the others go on.
func listen(ctx context.Context, stream source.Stream, deliver func(context.Context, source.Delivery) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in the platform: %T", p) // its value may hold anything
		}
	}()
	return stream.Listen(ctx, deliver)
}

func bounded(err error) string {
	if err == nil {
		return "it ended"
	}
	text := err.Error()
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}
