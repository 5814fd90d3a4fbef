// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/ledger"
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

	state   flow.State
	pending []flow.Run // to be begun once the journal says so
	working int        // attempts under way
	// journalled is the last entry written for each node, dirty that the state
	// holds finished work the journal does not.
	journalled map[string]flow.NodeState
	dirty      bool

	results chan result
	slots   chan struct{}
}

// result is what came of one attempt.
type result struct {
	command flow.Run
	value   node.Result
	err     error
}

// work runs the loop: write down, begin what may begin, wait for a result.
func (e *execution) work(ctx context.Context) (*aofv1.FlowRun, error) {
	attempts, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()

	e.tell(nil)
	if err := e.checkpoint(ctx); err != nil {
		return e.run, err
	}
	renew := e.runner.Clock.NewTimer(e.lease() / 3)
	defer renew.Stop()
	for !e.over() {
		for _, command := range e.pending {
			e.working++
			request := e.request(command) // here, since the state moves on
			running.Go(func() { e.attempt(attempts, command, request) })
		}
		e.pending = nil
		select {
		case <-ctx.Done():
			return e.run, e.release(ctx)
		case <-renew.C():
			if err := e.checkpoint(ctx); err != nil {
				return e.run, err
			}
			renew.Reset(e.lease() / 3)
		case r := <-e.results:
			e.working--
			if ctx.Err() != nil {
				return e.run, e.release(ctx)
			}
			e.take(r)
			if err := e.checkpointIfDue(ctx); err != nil {
				return e.run, err
			}
		}
	}
	return e.run, nil
}

// over says that nothing is left for this process to do.
func (e *execution) over() bool {
	return e.state.Phase.Finished() || (e.state.Phase == flow.PhaseWaiting && e.working == 0 && len(e.pending) == 0)
}

// take feeds one result into the engine.
func (e *execution) take(r result) {
	now := e.runner.Clock.Now()
	id, attempt := r.command.Node, r.command.Attempt
	switch {
	case r.err != nil:
		e.step(failed(r, e.secrets, now))
	case r.value.Wait != nil:
		e.step(flow.Waiting{Node: id, Attempt: attempt, Wait: *r.value.Wait, At: now})
	default:
		exports := make(map[string]string, len(r.value.Exports))
		for name, value := range r.value.Exports {
			exports[name] = e.secrets.RedactText(value)
		}
		e.step(flow.Done{Node: id, Attempt: attempt, Output: e.secrets.Redact(r.value.Output), Exports: exports, Usage: r.value.Usage, At: now})
	}
	if n, ok := e.compiled.Node(id); ok && worthAWrite(n) {
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
	e.state = next
	for _, c := range commands {
		if run, ok := c.(flow.Run); ok {
			e.pending = append(e.pending, run)
		}
	}
	e.tell(before)
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

// attempt executes one command and reports; it never blocks once attempts end.
func (e *execution) attempt(ctx context.Context, command flow.Run, request node.Request) {
	report := func(value node.Result, err error) {
		select {
		case e.results <- result{command, value, err}:
		case <-ctx.Done():
		}
	}
	if command.Delay > 0 {
		timer := e.runner.Clock.NewTimer(command.Delay)
		defer timer.Stop()
		select {
		case <-timer.C():
		case <-ctx.Done():
			return
		}
	}
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
	case <-ctx.Done():
		return
	}
	report(e.execute(ctx, request))
}

// request is what the executor of a command gets.
func (e *execution) request(command flow.Run) node.Request {
	n, _ := e.compiled.Node(command.Node) // the engine commands only what it has
	return node.Request{
		Node:    n,
		Scope:   expr.Chain(e.compiled.Scope(e.state, n.ID), e.secrets),
		Env:     e.compiled.Env(e.state, n.ID),
		Attempt: command.Attempt,
		Run:     e.about,
	}
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

func (e *execution) lease() time.Duration { return positive(e.runner.Lease, DefaultLease) }

// release gives the lease back when the process is told to stop, so that the
// next one need not wait for it to run out. What had been begun stays in the
// journal as running.
func (e *execution) release(ctx context.Context) error {
	cause := ctx.Err()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := e.write(ctx, true); err != nil {
		return errors.Join(cause, err)
	}
	return cause
}

// checkpointIfDue writes the journal when it lacks work that must not be done
// twice, before work begins whose effect can't be repeated, and at the end.
func (e *execution) checkpointIfDue(ctx context.Context) error {
	due := e.dirty || e.over()
	for _, command := range e.pending {
		if n, ok := e.compiled.Node(command.Node); ok && !repeatable(n) {
			due = due || e.journalled[n.ID].Attempt != command.Attempt
		}
	}
	if !due {
		return nil
	}
	return e.checkpoint(ctx)
}

// checkpoint writes the journal. When the process is told to stop meanwhile, it
// gives the lease back, which writes the same.
func (e *execution) checkpoint(ctx context.Context) error {
	err := e.write(ctx, false)
	if err != nil && ctx.Err() != nil && !errors.Is(err, ErrLost) {
		return e.release(ctx)
	}
	return err
}

// write stores the state. A run too large for the ledger fails, without the
// outputs that made it so.
func (e *execution) write(ctx context.Context, released bool) error {
	if err := e.fill(released); err != nil {
		return err
	}
	err := e.runner.Store.Update(ctx, e.run)
	if errors.Is(err, ledger.ErrTooLarge) {
		e.step(flow.Cancel{Reason: "the outputs of the run's nodes are larger than a run may be", At: e.runner.Clock.Now()})
		e.pending = nil
		if err := e.fill(released); err != nil {
			return err
		}
		for _, most := range []int{4 << 10, 0} {
			e.shrink(most)
			if err = e.runner.Store.Update(ctx, e.run); !errors.Is(err, ledger.ErrTooLarge) {
				break
			}
		}
	}
	if err != nil {
		return storeError(err)
	}
	e.dirty = false
	for i := range e.state.Nodes {
		if n := e.state.Nodes[i]; n.Phase != flow.PhasePending {
			e.journalled[n.ID] = n
		}
	}
	return nil
}

// shrink takes away what makes a run too large: of each node the output and the
// exports that are longer than most.
func (e *execution) shrink(most int) {
	status := &e.run.Status
	for i := range status.Nodes {
		n := &status.Nodes[i]
		if o := n.Output; o != nil && len(o.Raw) > most {
			n.Output = nil
		}
		size := 0
		for name, value := range n.Exports {
			size += len(name) + len(value)
		}
		if size > most {
			n.Exports = nil
		}
		if n.Wait != nil {
			n.Wait.Details = nil
		}
	}
	status.Result = nil
	status.MarkFailed(aofv1.RunError{Reason: "RunTooLarge", Message: "the outputs of the run's nodes are larger than a run may be (1 MiB together)"})
}

// fill puts the state into the run's status.
func (e *execution) fill(released bool) error {
	status := &e.run.Status
	now := metav1.NewMicroTime(e.runner.Clock.Now())
	if len(status.Conditions) == 0 {
		status.InitializeConditions()
	}
	if err := writeJournal(status, e.state, e.secrets); err != nil {
		return err
	}
	if status.StartTime == nil {
		status.StartTime = &now
	}
	e.fillLease(status, now, released)
	e.fillPhase(status, now)
	return nil
}

func (e *execution) fillLease(status *aofv1.FlowRunStatus, now metav1.MicroTime, released bool) {
	if released || e.over() {
		status.Lease = nil
		return
	}
	lease := status.Lease
	if lease == nil {
		lease = &aofv1.RunLease{}
	}
	if lease.Holder != "" && lease.Holder != e.runner.Holder {
		lease.Takeovers++
	}
	expires := metav1.NewMicroTime(now.Add(e.lease()))
	lease.Holder, lease.RenewedAt, lease.ExpiresAt = e.runner.Holder, &now, &expires
	status.Lease = lease
}
