// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"context"
	"log/slog"
	"maps"
	"sync"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"aof.dev/operator/pkg/fold"
	"aof.dev/operator/pkg/route"
)

const (
	// maxFlushes bounds how many documents are written at once.
	maxFlushes = 8
	// maxRefusals is how often a document may be refused before its counts are
	// given up: its Trigger is gone, or its namespace.
	maxRefusals = 5
)

// CountObjects keeps the documents that events are counted in. The controller
// makes them, so that nobody here needs the right to.
type CountObjects interface {
	ConfigMap(ctx context.Context, namespace, name string) (*corev1.ConfigMap, error)
	UpdateConfigMap(ctx context.Context, object *corev1.ConfigMap) (*corev1.ConfigMap, error)
}

// Counts counts what arrives, in memory, and adds it to the documents of the
// Triggers from time to time. Several processes may add to one document.
type Counts struct {
	objects CountObjects
	log     *slog.Logger
	// writer is the name of this process among those who write.
	writer string

	mu    sync.Mutex
	dirty map[types.NamespacedName]*gathered

	// flushing lets one flush run at a time; unwritten is its own.
	flushing  sync.Mutex
	unwritten map[types.NamespacedName]*unwritten
	seq       int64
}

// gathered is what came to one Trigger since the last flush.
type gathered struct {
	fold.Arrivals
	// compared counts events by the table they were compared with: all of its
	// bindings saw them.
	compared map[*route.Table]int64
	// table is that of the newest route.
	table *route.Table
}

// NewCounts makes Counts for a process; writer is a name that no other process has
// ever had.
func NewCounts(objects CountObjects, writer string, log *slog.Logger) *Counts {
	return &Counts{
		objects: objects, writer: writer, log: log,
		dirty: map[types.NamespacedName]*gathered{}, unwritten: map[types.NamespacedName]*unwritten{},
	}
}

// change lets f count something for the Trigger of a desk.
func (c *Counts) change(d *desk, f func(*gathered)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.dirty[d.key]
	if g == nil {
		g = &gathered{}
		c.dirty[d.key] = g
	}
	g.table = d.table
	f(g)
}

// arrived counts an event, and that all bindings of the table saw it.
func (c *Counts) arrived(d *desk, n *fold.Arrivals, compared bool) {
	c.change(d, func(g *gathered) {
		g.Add(n)
		if compared {
			g.compare(d.table)
		}
	})
}

// claimed counts the bindings that an event began a run of, and those it was a
// duplicate for. When a run of it was there before, the event was counted before:
// platforms send again.
func (c *Counts) claimed(d *desk, created []string, duplicates map[string]error, existed bool) {
	if existed {
		duplicates = nil
	}
	if len(created)+len(duplicates) == 0 {
		return
	}
	c.change(d, func(g *gathered) {
		if !existed {
			g.compare(d.table)
		}
		n := fold.Arrivals{Bindings: make(map[string]fold.Compared, len(created)+len(duplicates))}
		for _, id := range created {
			n.Bindings[id] = fold.Compared{Matched: 1}
		}
		for id := range duplicates {
			n.Bindings[id] = fold.Compared{Duplicates: 1}
		}
		g.Add(&n)
	})
}

// unsent counts an event that the broker didn't take.
func (c *Counts) unsent(d *desk) {
	c.change(d, func(g *gathered) { g.Unsent++ })
}

func (g *gathered) compare(table *route.Table) {
	if g.compared == nil {
		g.compared = map[*route.Table]int64{}
	}
	g.compared[table]++
}

// arrivals are the counts with the comparisons spread over the bindings.
func (g *gathered) arrivals() *fold.Arrivals {
	out := g.Arrivals
	for table, n := range g.compared {
		seen := fold.Arrivals{Bindings: make(map[string]fold.Compared, len(table.Bindings))}
		for i := range table.Bindings {
			seen.Bindings[table.Bindings[i].Rule.ID] = fold.Compared{Compared: n}
		}
		out.Add(&seen)
	}
	return &out
}

// Run adds to the documents every interval until the context ends; what came
// after the last time is left for Flush.
func (c *Counts) Run(ctx context.Context, ticker clock.Ticker) {
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C():
			c.Flush(ctx)
		}
	}
}

// Flush adds all that was counted to the documents. What can't be written now is
// kept for the next time.
func (c *Counts) Flush(ctx context.Context) {
	c.flushing.Lock()
	defer c.flushing.Unlock()
	c.mu.Lock()
	dirty := c.dirty
	c.dirty = map[types.NamespacedName]*gathered{}
	c.mu.Unlock()
	for key, g := range dirty {
		u := c.unwritten[key]
		if u == nil {
			u = &unwritten{key: key, attempts: map[int64]int{}}
			c.unwritten[key] = u
		}
		u.add(g)
	}
	var group errgroup.Group
	group.SetLimit(maxFlushes)
	for _, u := range c.unwritten {
		group.Go(func() error {
			u.done = c.write(ctx, u)
			return nil
		})
	}
	_ = group.Wait() // what failed stays unwritten
	maps.DeleteFunc(c.unwritten, func(_ types.NamespacedName, u *unwritten) bool { return u.done })
}
