// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"sync"

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
}

// read gives the table of a Trigger that is stored so, which nobody may change;
// nil when it can't be read.
func (t *tables) read(trigger types.NamespacedName, encoded string) *route.Table {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s, ok := t.known[trigger]; ok && s.encoded == encoded {
		t.known[trigger] = stored{encoded: encoded, table: s.table} // one copy of the text is enough: the cache's
		return s.table
	}
	table, err := route.Decode([]byte(encoded))
	if err != nil {
		return nil
	}
	t.put(trigger, stored{encoded: encoded, table: table})
	return table
}

// wrote says that a table was stored so.
func (t *tables) wrote(trigger types.NamespacedName, encoded string, table *route.Table) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.put(trigger, stored{encoded: encoded, table: table})
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
