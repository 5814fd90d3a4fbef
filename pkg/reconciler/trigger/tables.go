// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"bytes"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"aof.dev/operator/pkg/route"
)

// tables remembers the route tables as they were written or read last. A table
// holds all bindings of its Trigger and is looked at whenever one of them changes:
// reading it anew would take as much as all else together.
type tables struct {
	mu    sync.Mutex
	known map[types.NamespacedName]stored
}

type stored struct {
	encoded string
	table   *route.Table
	// at is when we wrote it; zero when we only read it.
	at time.Time
}

// A table is written as a whole, and the database keeps every version for minutes:
// thousands of bindings that come one after the other would fill it. So the more
// bindings a table has, the less often it is written because of one of them.
const (
	pausePerBinding = 10 * time.Millisecond
	longestPause    = 10 * time.Second
)

// rest is how long the table that is stored now is to stay in the place of the
// next one; zero when that is to be written at once, as it is when more than
// bindings change.
func (t *tables) rest(trigger types.NamespacedName, now, next *route.Table, at time.Time) time.Duration {
	if now == nil || !sameBut(now, next) {
		return 0
	}
	t.mu.Lock()
	written := t.known[trigger].at
	t.mu.Unlock()
	pause := min(longestPause, time.Duration(len(next.Bindings))*pausePerBinding)
	return max(0, written.Add(pause).Sub(at))
}

// sameBut says whether two tables differ at most in their bindings. It compares
// what is stored: one was read, and the other made.
func sameBut(a, b *route.Table) bool {
	one, two := *a, *b
	one.Bindings, two.Bindings = nil, nil
	first, err := one.Encode()
	second, otherErr := two.Encode()
	return err == nil && otherErr == nil && bytes.Equal(first, second)
}

// read gives the table of a Trigger that is stored so, which nobody may change;
// nil when it can't be read.
func (t *tables) read(trigger types.NamespacedName, encoded string) *route.Table {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s, ok := t.known[trigger]; ok && s.encoded == encoded {
		s.encoded = encoded // one copy of the text is enough: the cache's
		t.known[trigger] = s
		return s.table
	}
	table, err := route.Decode([]byte(encoded))
	if err != nil {
		return nil
	}
	t.put(trigger, stored{encoded: encoded, table: table, at: t.known[trigger].at})
	return table
}

// wrote says that a table is stored so, since then if it was another before.
func (t *tables) wrote(trigger types.NamespacedName, encoded string, table *route.Table, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if before, ok := t.known[trigger]; ok && before.encoded == encoded {
		at = before.at
	}
	t.put(trigger, stored{encoded: encoded, table: table, at: at})
}

func (t *tables) put(trigger types.NamespacedName, s stored) {
	if t.known == nil {
		t.known = map[types.NamespacedName]stored{}
	}
	t.known[trigger] = s
}

// forget drops the table of a Trigger that goes.
func (t *tables) forget(trigger types.NamespacedName) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.known, trigger)
}
