// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
)

// claims is what this process does that the ledger does not say.
type claims struct {
	mu     sync.Mutex
	active map[runKey]bool // runs that are being carried on
	// unwritten are runs that were begun on the strength of their claim alone, and
	// of which nothing has been written since.
	unwritten map[runKey]bool
	// spent are the claims that runs were begun on, until they expire. Who read
	// the run before it was written must not begin it once more.
	spent map[runKey]time.Time
}

type runKey struct {
	types.NamespacedName
	uid types.UID
}

func keyOf(run *aofv1.FlowRun) runKey {
	return runKey{types.NamespacedName{Namespace: run.Namespace, Name: run.Name}, run.UID}
}

// enter makes sure that nobody else in this process works on the run.
func (c *claims) enter(run *aofv1.FlowRun) (leave func(), ok bool) {
	key := keyOf(run)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.active[key] {
		return nil, false
	}
	if c.active == nil {
		c.active = map[runKey]bool{}
	}
	c.active[key] = true
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.active, key)
	}, true
}

// begin notes that the first nodes of a run are begun without a write.
func (c *claims) begin(run *aofv1.FlowRun, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unwritten == nil {
		c.unwritten, c.spent = map[runKey]bool{}, map[runKey]time.Time{}
	}
	for key, expires := range c.spent {
		if !now.Before(expires) {
			delete(c.spent, key)
		}
	}
	c.unwritten[keyOf(run)], c.spent[keyOf(run)] = true, run.Spec.Claim.ExpiresAt.Time
}

func (c *claims) isSpent(run *aofv1.FlowRun) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, spent := c.spent[keyOf(run)]
	return spent
}

// written notes that the ledger says it all.
func (c *claims) written(run *aofv1.FlowRun) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.unwritten, keyOf(run))
}

func (c *claims) isUnwritten(run *aofv1.FlowRun) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.unwritten[keyOf(run)]
}

// begunUnwritten says whether the run's first nodes may have begun although the
// ledger has no word of it: its creator, or ourselves before, did no more than
// claim it.
func (r *Runner) begunUnwritten(run *aofv1.FlowRun) bool {
	claim := run.Spec.Claim
	if claim == nil || run.Status.StartTime != nil {
		return false
	}
	return claim.Holder != r.Holder || r.own.isUnwritten(run)
}

// claimSuffices says that the run may be begun before anything is written: the
// claim it was created with is ours, is fresh, and stands for its first nodes,
// which are not those of a run that continues another.
func (r *Runner) claimSuffices(run *aofv1.FlowRun) bool {
	claim := run.Spec.Claim
	return claim != nil && run.Spec.Retry == nil && run.Status.StartTime == nil && claim.Holder == r.Holder && !r.own.isUnwritten(run) && !r.own.isSpent(run) &&
		claim.ExpiresAt.Sub(r.Clock.Now()) > r.lease()/3
}
