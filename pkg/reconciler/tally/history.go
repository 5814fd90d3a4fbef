// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package tally

import (
	"cmp"
	"slices"
	"time"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
)

// Limits bound how many finished runs of a binding are kept, and how long.
type Limits struct {
	// Successful and Failed are how many are kept; cancelled runs count as failed.
	Successful, Failed int64
	// TTL is how long a run is kept after its end.
	TTL time.Duration
}

// History decides which of the runs of one binding are to go, oldest first, and
// after what time the next one will be too old; 0 when none will. Runs that are
// not over, have not been counted or have audit records that nobody took stay.
func History(runs []*aofv1.FlowRun, limits Limits, now time.Time) (remove []*aofv1.FlowRun, next time.Duration) {
	old := slices.DeleteFunc(slices.Clone(runs), func(run *aofv1.FlowRun) bool {
		_, untold := run.AuditDue()
		return !run.IsDone() || !folded(run) || untold
	})
	slices.SortFunc(old, func(a, b *aofv1.FlowRun) int {
		return cmp.Or(endOf(b).Compare(endOf(a)), cmp.Compare(b.Name, a.Name))
	})
	var successful, failed int64
	for _, run := range old {
		kept, limit := &failed, limits.Failed
		if run.Status.Phase == aofv1.FlowRunPhaseSucceeded {
			kept, limit = &successful, limits.Successful
		}
		left := endOf(run).Add(limits.TTL).Sub(now)
		if *kept >= limit || left <= 0 {
			remove = append(remove, run)
			continue
		}
		*kept++
		if next == 0 || left < next {
			next = left
		}
	}
	slices.Reverse(remove)
	return remove, next
}

func endOf(run *aofv1.FlowRun) time.Time {
	if end := run.Status.CompletionTime; end != nil {
		return end.Time
	}
	return run.CreationTimestamp.Time
}
