// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"time"

	"k8s.io/utils/clock"

	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/node"
)

// alarms are what the loop waits for beside results. They belong to one loop.
type alarms struct {
	clock  clock.Clock
	renew  clock.Timer
	delay  clock.Timer
	until  time.Time // of delay
	last   clock.Timer
	time   clock.Timer // nil when the run may work as long as it likes
	lastAt time.Time
}

// newAlarms sets the alarms that are known from the beginning.
func (e *execution) newAlarms(ctx context.Context) *alarms {
	a := &alarms{clock: e.runner.Clock, renew: e.runner.Clock.NewTimer(e.renewal())}
	if deadline, ok := ctx.Deadline(); ok && e.runner.Yield > 0 {
		a.lastAt = deadline.Add(-e.runner.Yield)
		a.last = a.clock.NewTimer(max(0, a.lastAt.Sub(a.clock.Now())))
	}
	if limit := e.timeLeft(); limit > 0 {
		a.time = a.clock.NewTimer(limit)
	}
	return a
}

// spent rings when the run has worked as long as it may.
func (a *alarms) spent() <-chan time.Time {
	if a.time == nil {
		return nil
	}
	return a.time.C()
}

// yielding says that no node is to be begun any more.
func (a *alarms) yielding() bool { return a.last != nil && !a.clock.Now().Before(a.lastAt) }

func (a *alarms) yield() <-chan time.Time {
	if a.last == nil {
		return nil
	}
	return a.last.C()
}

func (a *alarms) renewIn(d time.Duration) {
	if !a.renew.Stop() {
		select {
		case <-a.renew.C():
		default:
		}
	}
	a.renew.Reset(d)
}

// delayed rings at a time; never when it is zero.
func (a *alarms) delayed(at time.Time) <-chan time.Time {
	if at.IsZero() {
		return nil
	}
	if a.delay == nil || !a.until.Equal(at) {
		if a.delay != nil {
			a.delay.Stop()
		}
		a.delay, a.until = a.clock.NewTimer(at.Sub(a.clock.Now())), at
	}
	return a.delay.C()
}

func (a *alarms) stop() {
	for _, timer := range []clock.Timer{a.renew, a.delay, a.last, a.time} {
		if timer != nil {
			timer.Stop()
		}
	}
}

// attempt executes one command and reports. There is room for every report,
// since a node has one attempt at a time.
func (e *execution) attempt(ctx context.Context, command flow.Run, request node.Request, did func() []node.Action) {
	value, err := e.execute(ctx, request)
	e.results <- result{command: command, value: value, err: err, actions: did()}
}

// request is what the executor of a command gets, and what tells afterwards what
// it did.
func (e *execution) request(command flow.Run) (request node.Request, did func() []node.Action) {
	n, _ := e.compiled.Node(command.Node) // the engine commands only what it has
	approval := e.plan.Context.Approval
	request = node.Request{
		Node:    n,
		Scope:   expr.Chain(e.compiled.Scope(e.state, n.ID), e.secrets),
		Env:     e.compiled.Env(e.state, n.ID),
		Attempt: command.Attempt,
		Run:     e.about,
		Approval: node.Approval{
			AllowedUsers: approval.AllowedUsers, MinApprovers: int(approval.MinApprovers), AllowSelf: approval.AllowSelf,
			Timeout: time.Duration(approval.TimeoutSeconds) * time.Second,
		},
	}
	request.Gate, did = e.audit.watch(e.gate(request))
	return request, did
}

func (e *execution) execute(ctx context.Context, request node.Request) (value node.Result, err error) {
	n := request.Node
	executor := e.executors[n.Kind]
	if executor == nil {
		return node.Result{}, &node.Error{Reason: "Unsupported", Message: "nodes of type " + string(n.Kind) + " can't be executed yet"}
	}
	timeout := positive(e.runner.Timeout, DefaultTimeout)
	if seconds := e.compiled.Policy(n.ID).TimeoutSeconds; seconds > 0 {
		timeout = time.Duration(seconds * float64(time.Second))
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	defer func() {
		// A node that panics fails; it does not take the others' runs with it.
		if p := recover(); p != nil {
			err = &node.Error{Reason: "Internal", Message: "the executor of " + string(n.Kind) + " nodes panicked"}
		}
	}()
	return executor.Execute(ctx, request)
}
