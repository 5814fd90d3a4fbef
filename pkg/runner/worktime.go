// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"fmt"
	"time"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/guard"
)

// worked is how long the run has been worked on, as far as is known: what a
// process did after its last write is lost with it.
func (e *execution) worked() time.Duration {
	before := time.Duration(e.base.WorkedMilliseconds) * time.Millisecond
	return before + e.runner.Clock.Since(e.opened)
}

// timeLeft is how long the run may work still; 0 when that is not limited.
func (e *execution) timeLeft() time.Duration {
	seconds := e.plan.Context.Limits.ExecutionSeconds
	if seconds <= 0 {
		return 0
	}
	return max(time.Millisecond, time.Duration(seconds)*time.Second-e.worked())
}

// checkTime ends a run that has worked for as long as it may.
func (e *execution) checkTime() {
	seconds := e.plan.Context.Limits.ExecutionSeconds
	if seconds <= 0 || e.state.Phase.Finished() || e.worked() < time.Duration(seconds)*time.Second {
		return
	}
	e.halt()
	if e.state.Phase.Finished() {
		return // it came to its end just now
	}
	e.overtime = true
	e.hit(guard.LimitTime, outcomeRefused)
	e.step(flow.Cancel{Reason: e.tooLong().Message, At: e.runner.Clock.Now()})
	e.pending = nil
}

func (e *execution) tooLong() aofv1.RunError {
	l := e.plan.Context.Limits
	return aofv1.RunError{Reason: ReasonExecutionTime, Message: fmt.Sprintf(
		"Context %s allows a run to work for %d seconds (%s), and this one has", e.plan.Context.Object, l.ExecutionSeconds, guard.LimitTime)}
}
