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
	// quietFor is Dependencies.Quiet of the real controller.
	quietFor = 5 * time.Second
	// longestDue and mostDue bound how long and how many runs are gathered when it
	// does not get quiet: as many stand in pending.
	longestDue = time.Minute
	mostDue    = 1000
)

// dues are the runs that this process counted and has not labelled or removed
// yet, by binding. They are lost with the process; pending has them.
type dues struct {
	mu       sync.Mutex
	bindings map[types.NamespacedName]*due
}

type due struct {
	runs map[types.UID]*aofv1.FlowRun
	// first and latest are when the first and the latest of them were counted.
	first, latest time.Time
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
func (d *dues) add(binding types.NamespacedName, counted []*aofv1.FlowRun, quiet time.Duration, now time.Time) (runs []*aofv1.FlowRun, wait time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.bindings[binding]
	if b == nil && len(counted) == 0 {
		return nil, 0
	}
	if b == nil {
		b = &due{runs: map[types.UID]*aofv1.FlowRun{}, first: now}
		if d.bindings == nil {
			d.bindings = map[types.NamespacedName]*due{}
		}
		d.bindings[binding] = b
	}
	if len(counted) > 0 {
		b.latest = now
	}
	for _, run := range counted {
		b.runs[run.UID] = run
	}
	wait = min(b.latest.Add(quiet).Sub(now), b.first.Add(longestDue).Sub(now))
	if wait > 0 && len(b.runs) < mostDue {
		return nil, wait
	}
	return slices.Collect(maps.Values(b.runs)), 0
}

// done notes that runs were labelled or removed.
func (d *dues) done(binding types.NamespacedName, runs []*aofv1.FlowRun, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.bindings[binding]
	if b == nil {
		return
	}
	for _, run := range runs {
		delete(b.runs, run.UID)
	}
	b.first = now // what is left failed, and is tried again
	if len(b.runs) == 0 {
		delete(d.bindings, binding)
	}
}
