// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package local

import (
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"aof.dev/operator/pkg/adapter"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/fold"
	"aof.dev/operator/pkg/ledger"
)

// docEvents is the kind of the documents that count events, by trigger.
const docEvents = "events"

// arrivals counts the events of one trigger and which bindings they matched.
type arrivals struct {
	fold.Events
	Matched map[string]int64 `json:"matched,omitempty"`
	// Duplicate counts by binding what matched and started nothing, since another
	// event with the same business key had.
	Duplicate map[string]int64 `json:"duplicate,omitempty"`
}

// counters counts events in memory; save puts them into the ledger. A crash
// loses what came since, but never a run.
type counters struct {
	mu      sync.Mutex
	byKey   map[string]*arrivals
	unsaved map[string]bool
}

func newCounters() *counters {
	return &counters{byKey: map[string]*arrivals{}, unsaved: map[string]bool{}}
}

func (c *counters) load(ctx context.Context, store ledger.Folder) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return store.View(ctx, func(docs ledger.Documents) error {
		keys, err := docs.Keys(docEvents)
		if err != nil {
			return err
		}
		for _, key := range keys {
			a := &arrivals{}
			if _, err := docs.Load(docEvents, key, a); err != nil {
				return err
			}
			c.byKey[key] = a
		}
		return nil
	})
}

func (c *counters) save(ctx context.Context, store ledger.Folder) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.unsaved) == 0 {
		return nil
	}
	err := store.Change(ctx, func(docs ledger.Documents) error {
		for key := range c.unsaved {
			if err := docs.Save(docEvents, key, c.byKey[key]); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		clear(c.unsaved)
	}
	return err
}

// change lets f change the count of one trigger.
func (c *counters) change(trigger types.NamespacedName, f func(*arrivals)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := trigger.String()
	a := c.byKey[key]
	if a == nil {
		a = &arrivals{}
		c.byKey[key] = a
	}
	f(a)
	c.unsaved[key] = true
}

func (c *counters) matched(trigger types.NamespacedName, binding string) {
	c.change(trigger, func(a *arrivals) {
		if a.Matched == nil {
			a.Matched = map[string]int64{}
		}
		a.Matched[binding]++
	})
}

func (c *counters) duplicate(trigger types.NamespacedName, binding string) {
	c.change(trigger, func(a *arrivals) {
		if a.Duplicate == nil {
			a.Duplicate = map[string]int64{}
		}
		a.Duplicate[binding]++
	})
}

// duplicates is how many events were duplicates for a binding.
func (c *counters) duplicates(trigger types.NamespacedName, binding string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a := c.byKey[trigger.String()]; a != nil {
		return a.Duplicate[binding]
	}
	return 0
}

// of gives a copy of the counts of one trigger.
func (c *counters) of(trigger types.NamespacedName) (events fold.Events, matched map[string]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.byKey[trigger.String()]
	if a == nil {
		return fold.Events{}, nil
	}
	matched = make(map[string]int64, len(a.Matched))
	for binding, n := range a.Matched {
		matched[binding] = n
	}
	return a.Events, matched
}

var _ adapter.Observer = (*Server)(nil)

// Event counts what became of an event.
func (s *Server) Event(namespace, trigger string, m event.Message, outcome adapter.Outcome, reason string) {
	now := s.settings.Clock.Now()
	s.counters.change(types.NamespacedName{Namespace: namespace, Name: trigger}, func(a *arrivals) {
		switch outcome {
		case adapter.Accepted:
			a.Received++
			a.Processed++
		case adapter.Dropped:
			a.Received++
			a.Dropped++
		case adapter.Duplicate:
			a.Received++
			a.Duplicates++
		case adapter.Rejected, adapter.Failed:
			a.Errors++
			return
		}
		a.Last = &fold.LastEvent{Timestamp: now, Type: m.Type, Source: m.Source, User: m.User.ID}
	})
	s.log.Info("event", "trigger", namespace+"/"+trigger, "outcome", outcome, "type", m.Type, "id", m.ID, "why", reason)
}
