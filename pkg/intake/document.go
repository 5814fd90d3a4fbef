// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"aof.dev/operator/pkg/fold"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/route"
)

const (
	// maxConflicts is how often a document is read again in one flush because
	// somebody else wrote it.
	maxConflicts = 10
	// maxWriters is how many writers a document remembers.
	maxWriters = 16
	// manyBindings is from when on counts of bindings that are no longer in the
	// table are left out of a document.
	manyBindings = 1000
)

// unwritten is what a document lacks. Every attempt to write it holds everything
// unwritten at that time and has a number, which the document tells; so an attempt
// whose answer got lost is found out and not repeated.
type unwritten struct {
	key     types.NamespacedName
	batches []*fold.Arrivals
	// attempts are those of which nobody knows whether they were stored: the
	// number of each, and how many of the batches it held.
	attempts map[int64]int
	refusals int
	// done says that nothing is left of it.
	done  bool
	table *route.Table
}

// add takes what was gathered.
func (u *unwritten) add(g *gathered) {
	u.table = g.table
	n := g.arrivals()
	if len(u.attempts) == 0 && len(u.batches) > 0 {
		u.batches[len(u.batches)-1].Add(n)
		return
	}
	u.batches = append(u.batches, n)
}

// landed forgets what an attempt held that was stored. The others that were under
// way can't be stored any more: the document has changed since.
func (u *unwritten) landed(seq int64) {
	if n, ok := u.attempts[seq]; ok {
		u.batches = u.batches[n:]
		clear(u.attempts)
	}
}

// write adds what is unwritten to its document; done says that nothing is left.
func (c *Counts) write(ctx context.Context, u *unwritten) (done bool) {
	for range maxConflicts {
		done, again, err := c.writeOnce(ctx, u)
		switch {
		case err == nil && done:
			return true
		case again:
			continue
		case apierrors.IsForbidden(err), apierrors.IsNotFound(err):
			if u.refusals++; u.refusals < maxRefusals {
				return false
			}
			c.log.Warn("counts given up: the trigger is gone", "trigger", u.key.String(), "error", bounded(err))
			return true
		default:
			c.log.Warn("events could not be counted yet", "trigger", u.key.String(), "error", bounded(err))
			return false
		}
	}
	c.log.Info("events not counted yet: others are writing", "trigger", u.key.String())
	return false
}

// writeOnce reads the document and writes it with what it lacks. Again says that
// somebody else was faster.
func (c *Counts) writeOnce(ctx context.Context, u *unwritten) (done, again bool, err error) {
	object, err := c.objects.ConfigMap(ctx, u.key.Namespace, names.Events(u.key.Name))
	if err != nil {
		return false, false, fmt.Errorf("get ConfigMap %s: %w", names.Events(u.key.Name), err)
	}
	document := c.read(object)
	for _, w := range document.Writers {
		if w.ID == c.writer {
			u.landed(w.Seq)
		}
	}
	if len(u.batches) == 0 {
		return true, false, nil
	}
	seq := atomic.AddInt64(&c.seq, 1)
	if err := c.put(object, document, u, seq); err != nil {
		return false, false, err
	}
	u.attempts[seq] = len(u.batches)
	_, err = c.objects.UpdateConfigMap(ctx, object)
	switch {
	case err == nil:
		u.landed(seq)
		u.refusals = 0
		return true, false, nil
	case apierrors.IsConflict(err):
		delete(u.attempts, seq)
		return false, true, err
	case refused(err):
		delete(u.attempts, seq)
	}
	return false, false, fmt.Errorf("write ConfigMap %s: %w", object.Name, err)
}

// refused tells that a write was certainly not stored.
func refused(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsNotFound(err) || apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) ||
		apierrors.IsUnauthorized(err) || apierrors.IsRequestEntityTooLargeError(err) || apierrors.IsTooManyRequests(err)
}

// read gives the counts of a document. One that nobody can read is begun anew.
func (c *Counts) read(object *corev1.ConfigMap) *fold.Arrivals {
	document := &fold.Arrivals{}
	text := object.Data[names.KeyEvents]
	if text == "" {
		return document
	}
	if err := json.Unmarshal([]byte(text), document); err != nil {
		c.log.Warn("counts can't be read and begin anew", "namespace", object.Namespace, "configmap", object.Name, "error", bounded(err))
		return &fold.Arrivals{}
	}
	return document
}

// put adds what is unwritten to a document, and that into the object.
func (c *Counts) put(object *corev1.ConfigMap, document *fold.Arrivals, u *unwritten, seq int64) error {
	for _, n := range u.batches {
		document.Add(n)
	}
	if len(document.Bindings) > manyBindings {
		document.Bindings = only(document.Bindings, u.table)
	}
	others := slices.DeleteFunc(document.Writers, func(w fold.Writer) bool { return w.ID == c.writer })
	document.Writers = slices.Insert(others, 0, fold.Writer{ID: c.writer, Seq: seq})
	document.Writers = document.Writers[:min(len(document.Writers), maxWriters)]
	text, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("encode counts: %w", err)
	}
	if object.Data == nil {
		object.Data = map[string]string{}
	}
	object.Data[names.KeyEvents] = string(text)
	return nil
}

// only gives the counts of the bindings that a table still has.
func only(counts map[string]fold.Compared, table *route.Table) map[string]fold.Compared {
	out := make(map[string]fold.Compared, len(table.Bindings))
	for i := range table.Bindings {
		id := table.Bindings[i].Rule.ID
		if n, ok := counts[id]; ok {
			out[id] = n
		}
	}
	return out
}
