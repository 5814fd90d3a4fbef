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
	// longestFolds is for how many times settings.FoldEvery runs are gathered before
	// they are counted, when more end all the time.
	longestFolds = 5
)

// span is when the first and the latest of some runs came.
type span struct{ first, latest time.Time }

// wait is how long it is until nothing came for as long as quiet, or until
// longest after the first; not above 0 when that is over.
func (s span) wait(quiet, longest time.Duration, now time.Time) time.Duration {
	return min(s.latest.Add(quiet).Sub(now), s.first.Add(longest).Sub(now))
}

// endings are when runs ended that this process has not counted yet, by binding.
type endings struct {
	mu    sync.Mutex
	spans map[types.NamespacedName]span
}

func (e *endings) add(binding types.NamespacedName, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.spans == nil {
		e.spans = map[types.NamespacedName]span{}
	}
	s, ok := e.spans[binding]
	if !ok {
		s.first = now
	}
	s.latest = now
	e.spans[binding] = s
}

// due says how long the runs of a binding are gathered yet. When they are to be
// counted now it is 0, and they are forgotten.
func (e *endings) due(binding types.NamespacedName, foldEvery time.Duration, now time.Time) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if wait := e.spans[binding].wait(foldEvery, longestFolds*foldEvery, now); wait > 0 {
		return wait
	}
	delete(e.spans, binding)
	return 0
}

func (e *endings) forget(binding types.NamespacedName) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.spans, binding)
}

// dues are the runs that this process counted and has not labelled or removed
// yet, by binding. They are lost with the process; pending has them.
type dues struct {
	mu       sync.Mutex
	bindings map[types.NamespacedName]*due
}

type due struct {
	runs    map[types.UID]*aofv1.FlowRun
	counted span
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
		b = &due{runs: map[types.UID]*aofv1.FlowRun{}, counted: span{first: now}}
		if d.bindings == nil {
			d.bindings = map[types.NamespacedName]*due{}
		}
		d.bindings[binding] = b
	}
	if len(counted) > 0 {
		b.counted.latest = now
	}
	for _, run := range counted {
		b.runs[run.UID] = run
	}
	if wait = b.counted.wait(quiet, longestDue, now); wait > 0 && len(b.runs) < mostDue {
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
	b.counted.first = now // what is left failed, and is tried again
	if len(b.runs) == 0 {
		delete(d.bindings, binding)
	}
}
