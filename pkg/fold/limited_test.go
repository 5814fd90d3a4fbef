// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package fold_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/fold"
)

func TestLimitsThatWereInTheWayAreCounted(t *testing.T) {
	t.Parallel()
	var run aofv1.FlowRun
	run.Status.Limited = []aofv1.LimitHit{{Limit: "max_requests_per_minute", Outcome: "waited"}, {Limit: "overrun", Outcome: "waited"}}
	run.Spec.Cancel = &aofv1.RunCancel{User: "ann", Reason: "replaced by run web-2"}
	run.Status.Phase = aofv1.FlowRunPhaseCancelled
	var tally fold.Tally
	tally.Add(fold.RunOf(&run))
	run.Spec.Cancel.Reason = "a mistake"
	tally.Add(fold.RunOf(&run))
	assert.Equal(t, map[string]int64{"max_requests_per_minute/waited": 2, "overrun/waited": 2, "overrun/replaced": 1}, tally.Limited)
}
