// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
)

// underway is what this process does that the ledger does not say: the runs that
// are being carried on.
type underway struct {
	mu     sync.Mutex
	active map[types.NamespacedName]bool
}

// keyOf leaves the UID out: a run that is not created yet has none.
func keyOf(run *aofv1.FlowRun) types.NamespacedName {
	return types.NamespacedName{Namespace: run.Namespace, Name: run.Name}
}

// enter makes sure that nobody else in this process works on the run.
func (u *underway) enter(run *aofv1.FlowRun) (leave func(), ok bool) {
	key := keyOf(run)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.active[key] {
		return nil, false
	}
	if u.active == nil {
		u.active = map[types.NamespacedName]bool{}
	}
	u.active[key] = true
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.active, key)
	}, true
}
