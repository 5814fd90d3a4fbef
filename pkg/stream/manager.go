// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"aof.dev/operator/pkg/source"
)

// DefaultEvery is how often it is looked which connections are wanted.
const DefaultEvery = 5 * time.Second

// Why a connection ends; the cause of its context.
var (
	// ErrStopped says that the Manager was stopped.
	ErrStopped = errors.New("the streams are stopped")
	// ErrUnwanted says that the Trigger is gone, or wants no connection now.
	ErrUnwanted = errors.New("the trigger wants no connection")
	// ErrChanged says that the Trigger changed and is connected anew.
	ErrChanged = errors.New("the trigger has changed")
	// ErrStarted says that a Manager was started twice.
	ErrStarted = errors.New("the streams are started already")
)

// Triggers is what a Manager works on.
type Triggers interface {
	// Streams lists the Triggers that may want a connection.
	Streams(ctx context.Context) ([]types.NamespacedName, error)
	// Stream gives the connection of one, nil when it wants none. Version changes
	// with anything that the connection is made from.
	Stream(ctx context.Context, key types.NamespacedName) (s source.Stream, version string, err error)
	// Take makes a delivery durable; nil says that it may be acknowledged.
	Take(ctx context.Context, key types.NamespacedName, d source.Delivery) error
}

// Options is what a Manager is made of.
type Options struct {
	Triggers Triggers
	// Every is how often it is looked what is wanted; 0 is DefaultEvery.
	Every time.Duration
	Clock clock.WithTicker
	Log   *slog.Logger
}

// Manager keeps connections open. It is started once and stopped once; another
// term needs another Manager. Its methods may be called by any goroutine, in any
// order, any number of times.
type Manager struct {
	options Options

	mu      sync.Mutex
	cancel  context.CancelCauseFunc
	stopped bool
	done    chan struct{}
}

// New makes a Manager that does nothing yet.
func New(o Options) *Manager {
	if o.Every <= 0 {
		o.Every = DefaultEvery
	}
	return &Manager{options: o, done: make(chan struct{})}
}

// Start begins to keep connections open, until Stop or the end of the context.
// After Stop it returns ErrStopped, when started already ErrStarted.
func (m *Manager) Start(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.stopped:
		return ErrStopped
	case m.cancel != nil:
		return ErrStarted
	}
	ctx, m.cancel = context.WithCancelCause(ctx)
	go func() {
		defer close(m.done)
		m.work(ctx)
	}()
	return nil
}

// Stop closes all connections and returns when nothing runs any more. Before
// Start it only sees to it that there will be none.
func (m *Manager) Stop() {
	m.mu.Lock()
	if !m.stopped {
		m.stopped = true
		if m.cancel == nil {
			close(m.done)
		} else {
			m.cancel(ErrStopped)
		}
	}
	m.mu.Unlock()
	<-m.done
}

// Run is Start, and Stop when the context ends: what a leader does for its term.
func (m *Manager) Run(ctx context.Context) error {
	if err := m.Start(ctx); err != nil {
		return err
	}
	<-ctx.Done()
	m.Stop()
	return nil
}

// work follows what is wanted, and ends when all connections are closed.
func (m *Manager) work(ctx context.Context) {
	open := map[types.NamespacedName]*connection{}
	ticker := m.options.Clock.NewTicker(m.options.Every)
	defer ticker.Stop()
	for {
		if err := m.follow(ctx, open); err != nil && ctx.Err() == nil {
			m.options.Log.Warn("streams can't be looked up", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			closeAll(open, context.Cause(ctx))
			return
		case <-ticker.C():
		}
	}
}

// follow opens and closes connections as they are wanted. One of which nobody
// knows whether it is wanted stays as it is.
func (m *Manager) follow(ctx context.Context, open map[types.NamespacedName]*connection) error {
	keys, err := m.options.Triggers.Streams(ctx)
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	unwanted := maps.Clone(open)
	var errs []error
	for _, key := range keys {
		delete(unwanted, key)
		if err := m.followOne(ctx, open, key); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
	}
	for key := range unwanted {
		delete(open, key)
	}
	closeAll(unwanted, ErrUnwanted)
	return errors.Join(errs...)
}

func (m *Manager) followOne(ctx context.Context, open map[types.NamespacedName]*connection, key types.NamespacedName) error {
	stream, version, err := m.options.Triggers.Stream(ctx, key)
	if err != nil {
		return err
	}
	have := open[key]
	switch {
	case have != nil && stream != nil && have.version == version:
		return nil
	case have != nil:
		delete(open, key)
		cause := ErrChanged
		if stream == nil {
			cause = ErrUnwanted
		}
		closeAll(map[types.NamespacedName]*connection{key: have}, cause)
	}
	if stream != nil {
		open[key] = m.connect(ctx, key, stream, version)
	}
	return nil
}

// closeAll ends connections, all at once, and waits for them.
func closeAll(all map[types.NamespacedName]*connection, cause error) {
	for _, c := range all {
		c.cancel(cause)
	}
	for _, c := range slices.Collect(maps.Values(all)) {
		<-c.done
	}
}
