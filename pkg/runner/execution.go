// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
	"sync"
	"time"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/plan"
)

// execution is one process's work on one run. Only work and what it calls touch
// its state; attempts run in goroutines and report through results.
type execution struct {
	runner    *Runner
	run       *aofv1.FlowRun
	plan      *plan.Plan
	compiled  *flow.Plan
	secrets   *Secrets
	executors node.Executors
	about     node.Run
	audit     *auditor
	// requestedBy are the names of who caused the event.
	requestedBy []string

	state   flow.State
	pending []pending          // due, and not begun
	begun   map[string]bool    // nodes with an attempt under way
	results chan result        // has room for all
	stop    context.CancelFunc // ends all attempts
	running sync.WaitGroup     // attempts
	// journalled is what the ledger says of each node, dirty that the state holds
	// finished work the ledger does not, changed that it differs at all.
	journalled map[string]mark
	dirty      bool
	changed    bool

	base      *aofv1.FlowRunStatus // as it was read
	opened    time.Time
	takeovers int64
	// expires is when the lease we hold is over.
	expires time.Time
	// admitted says that the run may hold a place or a turn, doneWithTokens gives
	// back tokens; nil when they are not limited.
	admitted       bool
	claimed        bool // created by us, to ask for more
	doneWithTokens func(context.Context) error
	overtime       bool // it has worked longer than it may
	most           int  // how large an output may be that is written; 0 is any
}

// pending is an attempt that may begin once its time has come.
type pending struct {
	flow.Run
	notBefore time.Time
}

// mark is what the ledger says of a node.
type mark struct {
	phase   flow.Phase
	attempt int
}

// result is what came of one attempt.
type result struct {
	command flow.Run
	value   node.Result
	err     error
	// actions are what it did, if the run is audited.
	actions []node.Action
}

// work runs the loop: write down, begin what may begin, wait for a result.
func (e *execution) work(ctx context.Context) (*aofv1.FlowRun, error) {
	attempts, stop := context.WithCancel(ctx)
	e.stop = stop
	defer e.running.Wait()
	defer stop()

	e.tell(nil)
	if e.over() && !e.changed && e.run.Status.Phase == aofv1.FlowRunPhaseWaiting && !e.audit.news() {
		e.audit.finish(ctx, &e.running)
		return e.run, nil // it still waits
	}
	e.expires = e.opened.Add(e.runner.lease())
	alarms := e.newAlarms(ctx)
	defer alarms.stop()
	for first, force := true, !unstored(e.run); ; first = false {
		e.checkTime()
		// However little time there is, the first nodes are begun: a run that has
		// been taken up must move.
		yielding := !first && alarms.yielding()
		var batch []pending
		if !yielding {
			batch = e.begin()
		}
		left := len(e.pending)
		if force || e.dirty || e.over() || e.unwritten(batch) {
			if err := e.checkpoint(ctx, batch); err != nil {
				return e.run, err
			}
			alarms.renewIn(e.renewal())
			e.audit.send(attempts, &e.running)
		}
		force = false
		switch {
		case e.over():
			e.audit.finish(ctx, &e.running)
			return e.run, nil
		case ctx.Err() != nil:
			e.putBack(batch)
			e.halt()
			return e.run, e.release(ctx, ctx.Err())
		case yielding && len(e.begun) == 0:
			return e.run, e.release(ctx, ErrYielded)
		}
		for _, p := range batch {
			request, did := e.request(p.Run) // here, since the state moves on
			e.running.Go(func() { e.attempt(attempts, p.Run, request, did) })
		}
		if len(e.pending) > left {
			continue // somebody answered while we wrote
		}
		select {
		case <-ctx.Done():
			e.halt()
			return e.run, e.release(ctx, ctx.Err())
		case <-alarms.renew.C():
			force = true
		case <-alarms.yield():
		case <-alarms.spent():
		case <-alarms.delayed(e.earliest()):
		case d := <-e.audit.arrivals():
			e.audit.arrived(d)
		case r := <-e.results:
			if ctx.Err() != nil && r.err != nil {
				e.halt()
				return e.run, e.release(ctx, ctx.Err()) // it was cut off
			}
			e.take(r)
		}
	}
}

// halt ends all attempts and keeps what they have done by then. Those that were
// cut off count as being at work: nobody knows what came of them.
func (e *execution) halt() {
	e.stop()
	e.running.Wait()
	e.audit.drain()
	for {
		select {
		case r := <-e.results:
			if r.err == nil {
				e.take(r)
			}
		default:
			return
		}
	}
}

// over says that nothing is left for this process to do.
func (e *execution) over() bool {
	return e.state.Phase.Finished() || (e.state.Phase == flow.PhaseWaiting && len(e.begun) == 0 && len(e.pending) == 0)
}

// begin takes the attempts that may begin now, as many as may work at once.
func (e *execution) begin() []pending {
	now := e.runner.Clock.Now()
	free := positive(e.runner.Parallelism, DefaultParallelism) - len(e.begun)
	var batch []pending
	for _, p := range e.takePending() {
		if len(batch) >= free || p.notBefore.After(now) {
			e.pending = append(e.pending, p)
			continue
		}
		e.begun[p.Node] = true
		batch = append(batch, p)
	}
	return batch
}

// putBack undoes begin for attempts that were not begun after all.
func (e *execution) putBack(batch []pending) {
	for _, p := range batch {
		delete(e.begun, p.Node)
	}
	e.pending = append(batch, e.pending...)
}

func (e *execution) takePending() []pending {
	taken := e.pending
	e.pending = nil
	return taken
}

// earliest is the time of the next pending attempt that has to wait for it.
func (e *execution) earliest() (first time.Time) {
	now := e.runner.Clock.Now()
	for _, p := range e.pending {
		if p.notBefore.After(now) && (first.IsZero() || p.notBefore.Before(first)) {
			first = p.notBefore
		}
	}
	return first
}

// unwritten says whether something is about to be begun that the ledger must know
// of before: what costs or has an effect while the event is not claimed, and then
// what can't be repeated.
func (e *execution) unwritten(batch []pending) bool {
	for _, p := range batch {
		n, ok := e.compiled.Node(p.Node)
		if ok && unstored(e.run) && e.worthAWrite(n) {
			return true
		}
		if ok && !e.repeatable(n) && e.journalled[n.ID] != (mark{flow.PhaseRunning, p.Attempt}) {
			return true
		}
	}
	return false
}

// take feeds one result into the engine.
func (e *execution) take(r result) {
	now := e.runner.Clock.Now()
	id, attempt := r.command.Node, r.command.Attempt
	delete(e.begun, id)
	e.audit.did(id, r.actions)
	switch {
	case r.err != nil && e.outOfTokens(r):
	case r.err != nil:
		e.step(failed(r, e.secrets, now))
	case r.value.Wait != nil:
		e.step(flow.Waiting{Node: id, Attempt: attempt, Wait: *r.value.Wait, At: now})
		e.decide() // it may have been answered before a crash
	default:
		exports := make(map[string]string, len(r.value.Exports))
		for name, value := range r.value.Exports {
			exports[name] = e.secrets.RedactText(value)
		}
		e.step(flow.Done{Node: id, Attempt: attempt, Output: e.secrets.Redact(r.value.Output), Exports: exports, Usage: r.value.Usage, At: now})
	}
	if n, ok := e.compiled.Node(id); ok && e.worthAWrite(n) {
		e.dirty = true
	}
}

func failed(r result, secrets *Secrets, now time.Time) flow.Failed {
	in := flow.Failed{Node: r.command.Node, Attempt: r.command.Attempt, Reason: "Failed", Message: r.err.Error(), Usage: r.value.Usage, At: now}
	var typed *node.Error
	switch {
	case errors.As(r.err, &typed):
		in.Reason, in.Message, in.Retryable = typed.Reason, typed.Message, typed.Retryable
	case errors.Is(r.err, context.DeadlineExceeded):
		in.Reason, in.Message, in.Retryable = "Timeout", "the attempt took longer than it may", true
	}
	in.Message = bounded(secrets.RedactText(in.Message))
	return in
}

// step advances the engine, collects what is to be run and tells observers.
func (e *execution) step(in flow.Input) {
	before := phases(e.state)
	next, commands := e.compiled.Step(e.state, in)
	e.state, e.changed = next, true
	e.collect(commands)
	e.tell(before)
}

// collect keeps the attempts that the engine asks for until they are begun.
func (e *execution) collect(commands []flow.Command) {
	now := e.runner.Clock.Now()
	for _, c := range commands {
		if run, ok := c.(flow.Run); ok {
			e.pending = append(e.pending, pending{Run: run, notBefore: now.Add(run.Delay)})
		}
	}
}

// tell has observers hear of every node whose phase is not what it was before.
func (e *execution) tell(before []flow.Phase) {
	if e.runner.Observe == nil {
		return
	}
	for i := range e.state.Nodes {
		if n := &e.state.Nodes[i]; i >= len(before) || before[i] != n.Phase {
			e.runner.Observe(Progress{Run: e.run, Node: e.secrets.redactNode(*n)})
		}
	}
}

func phases(s flow.State) []flow.Phase {
	out := make([]flow.Phase, len(s.Nodes))
	for i := range s.Nodes {
		out[i] = s.Nodes[i].Phase
	}
	return out
}
