// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package tally

import (
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
)

const (
	// settleEvery is how long the runs of a binding that were counted are gathered
	// before they are labelled or removed, so that while many come in these writes
	// don't take the API server's time from them.
	settleEvery = 15 * time.Second
	// mostDue bounds how many are gathered: as many stand in pending.
	mostDue = 500
)

// dues are the runs that this process counted and has not labelled or removed
// yet, by binding. They are lost with the process; pending has them.
type dues struct {
	mu       sync.Mutex
	bindings map[types.NamespacedName]*due
}

type due struct {
	runs map[types.UID]*aofv1.FlowRun
	// settled is when the binding's runs were labelled or removed last.
	settled time.Time
}

func (d *dues) of(binding types.NamespacedName) *due {
	if d.bindings == nil {
		d.bindings = map[types.NamespacedName]*due{}
	}
	if d.bindings[binding] == nil {
		d.bindings[binding] = &due{runs: map[types.UID]*aofv1.FlowRun{}}
	}
	return d.bindings[binding]
}

// has says whether a run was counted and is to be labelled or removed.
func (d *dues) has(binding types.NamespacedName, run types.UID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.bindings[binding]
	return b != nil && b.runs[run] != nil
}

// add takes in runs that were counted. It returns all that are to be labelled or
// removed now, or how long they are gathered yet.
func (d *dues) add(binding types.NamespacedName, counted []*aofv1.FlowRun, now time.Time) (runs []*aofv1.FlowRun, wait time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.of(binding)
	for _, run := range counted {
		b.runs[run.UID] = run
	}
	if wait := b.settled.Add(settleEvery).Sub(now); wait > 0 && len(b.runs) < mostDue {
		return nil, wait
	}
	return slices.Collect(maps.Values(b.runs)), 0
}

// done notes that runs were labelled or removed.
func (d *dues) done(binding types.NamespacedName, runs []*aofv1.FlowRun, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.of(binding)
	b.settled = now
	for _, run := range runs {
		delete(b.runs, run.UID)
	}
}
