// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/plan"
	"aof.dev/operator/pkg/quota"
	"aof.dev/operator/pkg/verdict"
)

// What Run's errors are; test with errors.Is.
var (
	// ErrBusy: another holder works on the run. Try again when its lease is over.
	ErrBusy = errors.New("another runner holds the run")
	// ErrLost: another writer changed the run while we worked on it, so we
	// stopped. Whoever changed it goes on.
	ErrLost = errors.New("the run was taken over")
	// ErrYielded: there was no time left to begin the next node. The run is in the
	// ledger as far as it came, nobody holds it, and anybody may go on at once.
	ErrYielded = errors.New("the run yielded before the deadline")
	// ErrExists: the run was to be created and is in the ledger already.
	ErrExists = ledger.ErrExists
)

// Defaults of a Runner's settings.
const (
	DefaultLease       = 30 * time.Second
	DefaultTimeout     = 5 * time.Minute
	DefaultParallelism = 16
)

// Plans finds compiled plans by the name that runs carry.
type Plans interface {
	// Plan gives a plan. An error that wraps ledger.ErrNotFound is final: the run
	// fails. Any other is taken to pass, and the run stays as it is.
	Plan(ctx context.Context, namespace, name string) (*plan.Plan, error)
}

// Progress tells how a node stands whenever that changes, for showing.
type Progress struct {
	Run  *aofv1.FlowRun
	Node flow.NodeState
}

// Runner carries out runs, any number at a time. Store, Plans, Nodes, Agents,
// Clock and Holder must be set. A Runner must not be copied once it is used.
type Runner struct {
	Store ledger.Store
	Plans Plans
	// Nodes makes the executors of one run, whose agents are those of its plan.
	Nodes func(agents node.Agents) node.Executors
	// Agents asks models.
	Agents AgentRunner
	// Quotas keeps what Contexts' limits and bindings' overrun policies need to be
	// the same for all replicas. Without it runs that have such don't begin.
	Quotas *quota.Keeper
	// Secrets finds credentials for a namespace; nil finds none.
	Secrets func(namespace string) *Secrets
	Clock   clock.Clock
	// Holder names this process in leases. No two processes may ever have the same
	// one, not even a process and the one that is started in its place: what was
	// claimed under it is taken for our own.
	Holder string
	// Lease is how long nobody else may touch a run we do not write to.
	Lease time.Duration
	// Timeout bounds an attempt of a node that sets none itself.
	Timeout time.Duration
	// Parallelism bounds how many nodes of one run work at once.
	Parallelism int
	// Yield is how long before the context's deadline no further node is begun, so
	// that those at work can finish and be written down. 0 never yields.
	Yield time.Duration
	// Audit delivers audit records; nil leaves them with their runs.
	Audit Audit
	// Observe, when set, hears of every change of a node. It should return at once.
	Observe func(Progress)

	own underway
}

// Run reads a run and carries it on; see Carry. The error may be
// ledger.ErrNotFound, too.
func (r *Runner) Run(ctx context.Context, namespace, name string) (*aofv1.FlowRun, error) {
	run, err := r.Store.Get(ctx, namespace, name)
	if err != nil {
		return nil, fmt.Errorf("read run %s/%s: %w", namespace, name, err)
	}
	return r.Carry(ctx, run)
}

// Carry carries a run on until it is over or waits, and returns it as written
// last. Of a run that is over already only the audit is seen to. The error is
// ErrBusy, ErrLost, ErrYielded, the context's, or the store's; the run that comes
// with one may be ahead of the ledger.
//
// A run without a resourceVersion is not in the ledger yet: the first write
// creates it, and is the claim. Until then only nodes are executed that cost
// nothing and have no effect, so that a run of nothing else is created finished.
// ErrExists, then, says that somebody else has claimed the event.
func (r *Runner) Carry(ctx context.Context, run *aofv1.FlowRun) (*aofv1.FlowRun, error) {
	if run.IsDone() {
		return r.tellRest(ctx, run)
	}
	if r.heldByAnother(run) {
		return run, ErrBusy
	}
	// One process works on a run once: its leases don't keep itself out.
	leave, ok := r.own.enter(run)
	if !ok {
		return run, ErrBusy
	}
	defer leave()
	e, err := r.open(ctx, run)
	passing := (*passingError)(nil)
	if errors.As(err, &passing) {
		return run, passing
	}
	if err != nil {
		return r.refuse(ctx, run, err)
	}
	if stop, err := e.admit(ctx); stop || err != nil {
		if errors.As(err, &passing) && e.claimed {
			_ = e.writeIdle(ctx) // whoever comes next need not wait for our lease
		}
		return run, err
	}
	out, err := e.work(ctx)
	if err == nil {
		e.leave(ctx)
	}
	return out, err
}

func (r *Runner) heldByAnother(run *aofv1.FlowRun) bool {
	now := r.Clock.Now()
	if l := run.Status.Lease; l != nil {
		return l.Holder != r.Holder && l.ExpiresAt != nil && now.Before(l.ExpiresAt.Time)
	}
	return false
}

// passingError is one that may be gone the next time.
type passingError struct{ error }

// Unwrap gives the cause.
func (e *passingError) Unwrap() error { return e.error }

// open rebuilds what is needed to work on a run. Its errors are final: the run
// can't be carried out, whoever tries; but for the context's.
func (r *Runner) open(ctx context.Context, run *aofv1.FlowRun) (*execution, error) {
	p, err := r.Plans.Plan(ctx, run.Namespace, run.Spec.Plan)
	if err != nil {
		err = fmt.Errorf("plan %s: %w", run.Spec.Plan, err)
		if !errors.Is(err, ledger.ErrNotFound) {
			err = &passingError{err}
		}
		return nil, err
	}
	compiled, err := flow.Compile(p.Flow)
	if err != nil {
		return nil, fmt.Errorf("plan %s: %w", run.Spec.Plan, err)
	}
	message, err := readEvent(run)
	if err != nil {
		return nil, err
	}
	secrets := NewSecrets(func(string) (string, bool) { return "", false })
	if r.Secrets != nil {
		secrets = r.Secrets(run.Namespace)
	}
	facts, err := factsOf(run, p, message, secrets)
	if err != nil {
		return nil, err
	}
	entries, err := r.journalOf(ctx, run, compiled)
	if err != nil {
		return nil, err
	}
	state, commands, err := compiled.Restore(facts, r.Clock.Now(), entries)
	if err != nil {
		return nil, err
	}
	e := &execution{
		runner: r, run: run, plan: p, compiled: compiled, secrets: secrets,
		state: state, about: aboutRun(run, p, message), journalled: journalled(run), begun: map[string]bool{},
		results: make(chan result, len(compiled.Nodes())), base: run.Status.DeepCopy(),
		requestedBy: verdict.RequestedBy(message), opened: r.Clock.Now(), takeovers: r.takeoversOf(run), stop: func() {},
	}
	e.audit = r.newAuditor(run, p, message, facts, secrets)
	m := e.newMeter()
	if m != nil {
		e.doneWithTokens = m.giveBack
	}
	e.executors = r.Nodes(&asker{runner: r.Agents, plan: p, meter: m})
	e.resume(commands)
	return e, nil
}

// refuse ends a run that can't be carried out.
func (r *Runner) refuse(ctx context.Context, run *aofv1.FlowRun, cause error) (*aofv1.FlowRun, error) {
	if ctx.Err() != nil {
		return run, ctx.Err()
	}
	now := metav1.NewMicroTime(r.Clock.Now())
	run.Status.InitializeConditions()
	run.Status.MarkFailed(aofv1.RunError{Reason: "CannotRun", Message: bounded(cause.Error())})
	run.Status.CompletionTime = &now
	if run.Status.StartTime == nil {
		run.Status.StartTime = &now
	}
	run.Status.Lease = nil
	if p, err := r.Plans.Plan(ctx, run.Namespace, run.Spec.Plan); err == nil && p.Context.Audit != nil && run.Status.Audit == nil {
		run.Status.Audit = &aofv1.RunAudit{} // for the sweep to see to
	}
	if err := r.store(ctx, run); err != nil {
		return run, storeError(err)
	}
	return run, nil
}

// store writes a run, whether the ledger has it or not.
func (r *Runner) store(ctx context.Context, run *aofv1.FlowRun) error {
	if unstored(run) {
		return r.Store.Create(ctx, run)
	}
	return r.Store.Update(ctx, run)
}

func unstored(run *aofv1.FlowRun) bool { return run.ResourceVersion == "" }

func storeError(err error) error {
	if errors.Is(err, ledger.ErrExists) {
		return err
	}
	if errors.Is(err, ledger.ErrConflict) || errors.Is(err, ledger.ErrNotFound) {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	return fmt.Errorf("write run: %w", err)
}

func positive[T int | time.Duration](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}

// bounded keeps a message short enough for a status.
func bounded(s string) string {
	if len(s) > flow.MaxMessageBytes {
		return strings.ToValidUTF8(s[:flow.MaxMessageBytes], "") + "…"
	}
	return s
}
