// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/source"
	"aof.dev/operator/pkg/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var hook = types.NamespacedName{Namespace: "ops", Name: "chat"}

// fakeStream tells of every time it is listened to, and ends when it is told to.
type fakeStream struct {
	name    string
	begun   chan string
	lose    chan error
	ended   chan error // the cause
	deliver chan func(context.Context, source.Delivery) error
}

func newStream(name string, begun chan string) *fakeStream {
	return &fakeStream{name: name, begun: begun, lose: make(chan error), ended: make(chan error, 10), deliver: make(chan func(context.Context, source.Delivery) error, 10)}
}

func (s *fakeStream) Listen(ctx context.Context, deliver func(context.Context, source.Delivery) error) error {
	s.begun <- s.name
	s.deliver <- deliver
	select {
	case <-ctx.Done():
		s.ended <- context.Cause(ctx)
		return ctx.Err()
	case err := <-s.lose:
		if err == nil {
			panic("secret")
		}
		return err
	}
}

// world is the Triggers there are.
type world struct {
	mu      sync.Mutex
	keys    []types.NamespacedName
	streams map[types.NamespacedName]*fakeStream
	err     error
	taken   []source.Delivery
	takeErr error
	looked  chan struct{}
}

func (w *world) Streams(context.Context) ([]types.NamespacedName, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.keys, w.err
}

func (w *world) Stream(_ context.Context, key types.NamespacedName) (source.Stream, string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case w.looked <- struct{}{}:
	default:
	}
	s := w.streams[key]
	if s == nil {
		return nil, "", nil
	}
	return s, s.name, nil
}

func (w *world) Take(_ context.Context, _ types.NamespacedName, d source.Delivery) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.taken = append(w.taken, d)
	return w.takeErr
}

func (w *world) set(f func(*world)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(w)
}

type scene struct {
	*world
	t     *testing.T
	clock *clocktesting.FakeClock
	begun chan string
	*stream.Manager
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{
		t: t, clock: clocktesting.NewFakeClock(time.Unix(1_700_000_000, 0)), begun: make(chan string, 100),
		world: &world{streams: map[types.NamespacedName]*fakeStream{}, looked: make(chan struct{}, 1)},
	}
	s.Manager = stream.New(stream.Options{Triggers: s.world, Clock: s.clock, Log: slog.New(slog.DiscardHandler)})
	return s
}

// want has a Trigger want a connection.
func (s *scene) want(key types.NamespacedName, name string) *fakeStream {
	f := newStream(name, s.begun)
	s.set(func(w *world) {
		if _, ok := w.streams[key]; !ok {
			w.keys = append(w.keys, key)
		}
		w.streams[key] = f
	})
	return f
}

// waiting waits until n things wait for the clock, and steps it.
func (s *scene) step(n int, d time.Duration) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return s.clock.Waiters() >= n }, 10*time.Second, time.Millisecond)
	s.clock.Step(d)
}

func TestConnectionsFollowWhatIsWanted(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	one := s.want(hook, "one")
	require.NoError(t, s.Start(t.Context()))
	assert.Equal(t, "one", <-s.begun)

	s.step(1, stream.DefaultEvery)
	two := s.want(types.NamespacedName{Namespace: "ops", Name: "other"}, "two")
	s.step(1, stream.DefaultEvery)
	assert.Equal(t, "two", <-s.begun, "the first one was left alone")

	changed := s.want(hook, "one, changed")
	s.step(1, stream.DefaultEvery)
	assert.Equal(t, "one, changed", <-s.begun)
	require.ErrorIs(t, <-one.ended, stream.ErrChanged)

	s.set(func(w *world) { w.keys = w.keys[:1] })
	s.step(1, stream.DefaultEvery)
	require.ErrorIs(t, <-two.ended, stream.ErrUnwanted)

	s.set(func(w *world) { w.streams[hook] = nil })
	s.step(1, stream.DefaultEvery)
	require.ErrorIs(t, <-changed.ended, stream.ErrUnwanted)
	s.Stop()
	assert.Empty(t, s.begun)
}

func TestALostConnectionComesBack(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	one := s.want(hook, "one")
	require.NoError(t, s.Start(t.Context()))
	<-s.begun
	for _, wait := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
		one.lose <- errors.New("gone")
		s.step(2, wait-time.Millisecond) // the ticker and the timer
		assert.Empty(t, s.begun)
		s.step(2, time.Millisecond)
		assert.Equal(t, "one", <-s.begun)
	}
	s.clock.Step(time.Minute) // it holds
	one.lose <- nil           // a panic
	s.step(2, time.Second)
	assert.Equal(t, "one", <-s.begun, "after a steady minute the wait is short again")
	s.Stop()
	require.ErrorIs(t, <-one.ended, stream.ErrStopped)
}

func TestNobodyKnowingLeavesConnectionsOpen(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	one := s.want(hook, "one")
	require.NoError(t, s.Start(t.Context()))
	<-s.begun
	s.set(func(w *world) { w.err = errors.New("API down") })
	s.step(1, stream.DefaultEvery)
	s.set(func(w *world) { w.err = nil })
	<-s.looked
	s.step(1, stream.DefaultEvery)
	<-s.looked
	assert.Empty(t, one.ended)
	s.Stop()
}

func TestDeliveriesAreTaken(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	one := s.want(hook, "one")
	require.NoError(t, s.Start(t.Context()))
	deliver := <-one.deliver
	d := source.Delivery{Messages: []event.Message{{ID: "1"}}}
	require.NoError(t, deliver(t.Context(), d))
	s.set(func(w *world) { w.takeErr = errors.New("no") })
	require.Error(t, deliver(t.Context(), d), "what is not safe is not acknowledged")
	s.Stop()
	assert.Len(t, s.taken, 2)
}

func TestStartAndStopInAnyOrder(t *testing.T) {
	t.Parallel()
	t.Run("stop twice", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		require.NoError(t, s.Start(t.Context()))
		s.Stop()
		s.Stop()
		require.ErrorIs(t, s.Start(t.Context()), stream.ErrStopped)
	})
	t.Run("stop before start", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		s.Stop()
		require.ErrorIs(t, s.Start(t.Context()), stream.ErrStopped)
		require.ErrorIs(t, s.Run(t.Context()), stream.ErrStopped)
	})
	t.Run("start twice", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		require.NoError(t, s.Start(t.Context()))
		require.ErrorIs(t, s.Start(t.Context()), stream.ErrStarted)
		s.Stop()
	})
	t.Run("stop at once, many times", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		one := s.want(hook, "one")
		require.NoError(t, s.Start(t.Context()))
		<-s.begun
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(s.Stop)
		}
		wg.Wait()
		require.ErrorIs(t, <-one.ended, stream.ErrStopped)
	})
	t.Run("a term ends", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		one := s.want(hook, "one")
		lost := errors.New("lease lost")
		term, end := context.WithCancelCause(t.Context())
		ran := make(chan error)
		go func() { ran <- s.Run(term) }()
		<-s.begun
		end(lost)
		require.NoError(t, <-ran)
		require.ErrorIs(t, <-one.ended, lost)
	})
}
