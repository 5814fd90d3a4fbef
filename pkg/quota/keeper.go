// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"aof.dev/operator/pkg/guard"
)

const (
	// maxAttempts is how often a change is tried that others come before.
	maxAttempts = 200
	// timeout bounds one batch of changes, real time.
	timeout = 20 * time.Second
)

// Keeper changes documents for all goroutines of a process. Changes of one
// document that are asked for while another is under way are made together, in
// one write. Store and Clock must be set; a Keeper must not be copied.
type Keeper struct {
	Store Store
	Clock clock.PassiveClock
	// Pause waits before the next attempt, longer the more there were; nil only
	// lets others go first.
	Pause func(ctx context.Context, attempt int)

	mu    sync.Mutex
	books map[Key]*book
	pools map[Key]*pool
}

// book is one document as this process knows it.
type book struct {
	mu    sync.Mutex
	queue []*change
	busy  bool // somebody works on the queue

	// Only who is busy looks at these.
	known    bool
	document []byte
	version  string
}

// change is one goroutine's wish.
type change struct {
	apply func(document []byte) ([]byte, bool, error)
	done  chan error
}

// Quota changes what a Context's runs have used. The function is called with the
// newest there is, again when somebody wrote in between, and says whether it
// changed anything; all it learns it must learn anew each time.
func (k *Keeper) Quota(ctx context.Context, key Key, do func(q *guard.Quota, now time.Time) bool) error {
	return alter(ctx, k, key, do)
}

// Turns changes whose turn it is among a binding's runs, as Quota does.
func (k *Keeper) Turns(ctx context.Context, key Key, do func(t *guard.Turns, now time.Time) bool) error {
	return alter(ctx, k, key, do)
}

func alter[T any](ctx context.Context, k *Keeper, key Key, do func(*T, time.Time) bool) error {
	c := &change{done: make(chan error, 1), apply: func(document []byte) ([]byte, bool, error) {
		content := new(T)
		if json.Unmarshal(document, content) != nil {
			content = new(T) // somebody spoiled it, or nobody wrote it: it begins anew
		}
		if !do(content, k.Clock.Now()) {
			return document, false, nil
		}
		next, err := json.Marshal(content)
		return next, true, err
	}}
	b := k.book(key)
	b.mu.Lock()
	b.queue = append(b.queue, c)
	lead := !b.busy
	b.busy = true
	b.mu.Unlock()
	if lead {
		go k.work(context.WithoutCancel(ctx), key, b)
	}
	select {
	case err := <-c.done:
		if err != nil {
			return fmt.Errorf("limits of %s %s/%s: %w", key.Kind, key.Namespace, key.Name, err)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (k *Keeper) book(key Key) *book {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.books == nil {
		k.books = map[Key]*book{}
	}
	if k.books[key] == nil {
		k.books[key] = &book{}
	}
	return k.books[key]
}

// work makes changes until nobody wants any.
func (k *Keeper) work(ctx context.Context, key Key, b *book) {
	for {
		b.mu.Lock()
		batch := b.queue
		b.queue = nil
		if len(batch) == 0 {
			b.busy = false
			b.mu.Unlock()
			return
		}
		b.mu.Unlock()
		err := k.make(ctx, key, b, batch)
		for _, c := range batch {
			c.done <- err
		}
	}
}

// make makes all changes of a batch in one write, or none.
func (k *Keeper) make(ctx context.Context, key Key, b *book, batch []*change) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for attempt := range maxAttempts {
		if attempt > 0 {
			k.pause(ctx, attempt)
		}
		fresh := !b.known
		if fresh {
			var err error
			if b.document, b.version, err = k.Store.Load(ctx, key); err != nil {
				return err
			}
			b.known = true
		}
		document, changed := b.document, false
		for _, c := range batch {
			next, did, err := c.apply(document)
			if err != nil {
				return err
			}
			document, changed = next, changed || did
		}
		if !changed && fresh {
			return nil
		}
		if !changed {
			b.known = false // what is known may be old: somebody may have made room
			continue
		}
		version, err := k.Store.Save(ctx, key, document, b.version)
		if err == nil {
			b.document, b.version = document, version
			return nil
		}
		b.known = false
		if !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return ErrBusy
}

func (k *Keeper) pause(ctx context.Context, attempt int) {
	if k.Pause == nil {
		runtime.Gosched()
		return
	}
	k.Pause(ctx, attempt)
}
