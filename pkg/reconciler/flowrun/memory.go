// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowrun

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
)

// memo is what is remembered of one run that is not over. It may be lost.
type memo struct {
	uid       types.UID
	version   string
	since     time.Time // when this version was first seen
	unbound   time.Time // when it was first seen without its binding
	sent      Sent
	takeovers int64
	announced string // the approvals that people were told of
	// undelivered says that people were told of a sink that fails.
	undelivered bool
}

// memory is what is remembered of runs that are not over.
type memory struct {
	mu    sync.Mutex
	memos map[types.NamespacedName]*memo
}

// of gives what is remembered of the run as it is now. Only one worker has a run
// at a time, so the memo is that worker's.
func (m *memory) of(run *aofv1.FlowRun, bound bool, now time.Time) *memo {
	key := types.NamespacedName{Namespace: run.Namespace, Name: run.Name}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.memos == nil {
		m.memos = map[types.NamespacedName]*memo{}
	}
	known := m.memos[key]
	if known == nil || known.uid != run.UID {
		known = &memo{uid: run.UID, takeovers: takeovers(run)}
		m.memos[key] = known
	}
	if known.version != run.ResourceVersion || known.since.IsZero() {
		known.version, known.since = run.ResourceVersion, now
	}
	switch {
	case bound:
		known.unbound = time.Time{}
	case known.unbound.IsZero():
		known.unbound = now
	}
	return known
}

// ofOld gives what is remembered of a run already; nil for nothing.
func (m *memory) ofOld(run *aofv1.FlowRun) *memo {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.memos[types.NamespacedName{Namespace: run.Namespace, Name: run.Name}]
	if known == nil || known.uid != run.UID {
		return nil
	}
	return known
}

// forget forgets a run.
func (m *memory) forget(key types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.memos, key)
}

// clear forgets all runs.
func (m *memory) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.memos)
}

func takeovers(run *aofv1.FlowRun) int64 {
	if l := run.Status.Lease; l != nil {
		return l.Takeovers
	}
	return 0
}
