// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"aof.dev/operator/pkg/agent"
	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	aofclient "aof.dev/operator/pkg/client/clientset/versioned/typed/aof/v1"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/ledger/kube"
	"aof.dev/operator/pkg/ledger/ledgertest"
	"aof.dev/operator/pkg/ledger/sqlite"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/plan"
	"aof.dev/operator/pkg/runner"
)

// This file holds what the crash tests are made of: a world with a ledger, a
// server that has effects, and people who approve; and processes that die at a
// given point of their lives.

var errCrash = errors.New("the process is dead")

// hasty is a clock on which short pauses are over at once. Longer ones never end
// by themselves: nobody lives that long here.
type hasty struct{ *clocktesting.FakeClock }

func (c *hasty) NewTimer(d time.Duration) clock.Timer {
	timer := c.FakeClock.NewTimer(d)
	if d <= 3*time.Second {
		c.Step(d)
	}
	return timer
}

// effect is something that a node did outside.
type effect struct {
	node    string
	attempt int
	holder  string
}

type world struct {
	clock   *hasty
	ledger  ledger.Store // as it is, without faults
	plan    *plan.Plan
	outcome map[string]func(attempt int) (node.Result, error)
	book    *recorder // nil where nobody races

	mu      sync.Mutex
	effects []effect
	wrong   []string // what must not happen and did
}

// tenNodes is a flow with something of everything: what may be repeated and what
// may not, a retry, an approval, branches.
func tenNodes() flow.Flow {
	post := step("post", flow.KindHTTP)
	post.Policy = &flow.Policy{MaxAttempts: 3, InitialDelay: time.Second}
	get := step("get", flow.KindHTTP)
	get.Config = map[string]any{"url": "http://example.com"}
	f := flow.Flow{
		Name: "f",
		Nodes: []flow.Node{
			step("hook", flow.KindScript), step("t", flow.KindTransform), step("a", flow.KindAgent), post,
			{ID: "ask", Kind: flow.KindApproval},
			step("s", flow.KindScript),
			{ID: "split", Kind: flow.KindParallel},
			step("b1", flow.KindScript), step("b2", flow.KindAgent),
			{ID: "join", Kind: flow.KindJoin},
			get, step("r", flow.KindResponse),
			{ID: "end", Kind: flow.KindEnd, Config: map[string]any{"output": "${s.output} ${r.output}"}},
		},
	}
	for _, edge := range []string{"trigger hook", "trigger t", "hook a", "t a", "a post", "post ask", "ask s", "s split", "split b1", "split b2", "b1 join", "b2 join", "join get", "get r", "r end"} {
		var from, to string
		_, _ = fmt.Sscan(edge, &from, &to)
		f.Edges = append(f.Edges, flow.Edge{From: from, To: to})
	}
	return f
}

// repeats are the nodes of it that may be executed again after a crash.
var repeats = map[string]bool{"t": true, "a": true, "ask": true, "b2": true, "get": true}

func newWorld(s ledger.Store) *world {
	w := &world{
		clock: &hasty{clocktesting.NewFakeClock(began)}, ledger: s,
		plan: &plan.Plan{Namespace: "ns", Binding: "b", Flow: tenNodes(), FlowNamespace: "ns"},
	}
	w.outcome = map[string]func(int) (node.Result, error){
		"post": func(attempt int) (node.Result, error) {
			if attempt == 1 {
				return node.Result{}, &node.Error{Reason: "Unavailable", Message: "try again", Retryable: true}
			}
			return node.Result{Output: map[string]any{"status": 200}}, nil
		},
		"ask": func(int) (node.Result, error) {
			return node.Result{Wait: &flow.Wait{Kind: flow.WaitApproval, Message: "go on?", Details: map[string]any{"digest": "d"}}}, nil
		},
	}
	return w
}

// stores are the ledgers that the crash tests are made with.
var stores = map[string]func(t *testing.T) ledger.Store{
	"sqlite": func(t *testing.T) ledger.Store {
		t.Helper()
		s, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{Synchronous: sqlite.Normal})
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, s.Close()) })
		return s
	},
	"kube": func(t *testing.T) ledger.Store {
		t.Helper()
		client, err := aofclient.NewForConfig(&rest.Config{Host: "http://api", Transport: &ledgertest.API{}, QPS: -1})
		require.NoError(t, err)
		return kube.New(client.RESTClient())
	},
}

// process is one life of a runner. It dies at the crashAt-th point, 0 is never.
type process struct {
	world   *world
	store   ledger.Store // what it sees of the ledger, faults included
	holder  string
	crashAt int64
	points  atomic.Int64
	dead    atomic.Bool
	ctx     context.Context //nolint:containedctx // a process ends with it
	die     context.CancelFunc
	runner  *runner.Runner
}

func (w *world) process(t *testing.T, store ledger.Store, holder string, crashAt int64) *process {
	t.Helper()
	p := &process{world: w, store: store, holder: holder, crashAt: crashAt}
	p.ctx, p.die = context.WithCancel(t.Context())
	t.Cleanup(p.die)
	executors := node.Executors{}
	for _, kind := range flow.Kinds() {
		executors[kind] = p
	}
	p.runner = &runner.Runner{
		Store: &mortal{Store: store, process: p}, Plans: onePlan{w.plan}, Nodes: func(node.Agents) node.Executors { return executors },
		Agents: &agent.Runner{}, Clock: w.clock, Holder: holder,
	}
	return p
}

// point is a place where the process may die.
func (p *process) point() error {
	if p.dead.Load() {
		return errCrash
	}
	if p.points.Add(1) == p.crashAt {
		p.dead.Store(true)
		p.die()
		return errCrash
	}
	return nil
}

// mortal is the ledger as a process sees it: a dead one sees nothing.
type mortal struct {
	ledger.Store
	process *process
}

func (m *mortal) call(do func() error) error {
	if err := m.process.point(); err != nil {
		return err
	}
	err := do()
	if m.process.point() != nil {
		return errCrash
	}
	return err
}

func (m *mortal) Create(ctx context.Context, run *aofv1.FlowRun) error {
	return m.call(func() error { return m.Store.Create(ctx, run) })
}

func (m *mortal) Update(ctx context.Context, run *aofv1.FlowRun) error {
	return m.call(func() error { return m.Store.Update(ctx, run) })
}

func (m *mortal) Get(ctx context.Context, namespace, name string) (*aofv1.FlowRun, error) {
	if m.process.dead.Load() {
		return nil, errCrash
	}
	return m.Store.Get(ctx, namespace, name)
}

// Execute has the effect of a node on the world.
func (p *process) Execute(ctx context.Context, req node.Request) (node.Result, error) {
	if p.point() != nil {
		return node.Result{}, context.Canceled
	}
	p.world.effect(ctx, p.holder, req)
	if p.point() != nil {
		return node.Result{}, context.Canceled
	}
	if outcome := p.world.outcome[req.Node.ID]; outcome != nil {
		return outcome(req.Attempt)
	}
	return node.Result{Output: map[string]any{"output": "from " + req.Node.ID}}, nil
}

// effect happens. What may happen once only must stand in the ledger before.
func (w *world) effect(ctx context.Context, holder string, req node.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.effects = append(w.effects, effect{req.Node.ID, req.Attempt, holder})
	if repeats[req.Node.ID] {
		return
	}
	run, err := w.ledger.Get(context.WithoutCancel(ctx), "ns", "r")
	if err != nil {
		w.wrong = append(w.wrong, "no ledger: "+err.Error())
		return
	}
	for i := range run.Status.Nodes {
		if n := &run.Status.Nodes[i]; n.ID == req.Node.ID && n.Phase == aofv1.NodePhaseRunning && int(n.Attempt) == req.Attempt {
			return
		}
	}
	// Who wrote that a node was to begin may be too slow to find out that it lost
	// the run: the others know that it may have begun.
	if w.book == nil || !w.book.said(holder, req.Node.ID, req.Attempt) {
		w.wrong = append(w.wrong, fmt.Sprintf("attempt %d of %s was not in the ledger", req.Attempt, req.Node.ID))
	}
}

func (w *world) count(nodeID string, attempt int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, e := range w.effects {
		if e.node == nodeID && (attempt == 0 || e.attempt == attempt) {
			n++
		}
	}
	return n
}

// deliver is what a request of the broker has a process do.
func (p *process) deliver(t *testing.T) (*aofv1.FlowRun, error) {
	t.Helper()
	run, err := p.runner.Carry(p.ctx, newRun(t))
	if errors.Is(err, runner.ErrExists) {
		return p.runner.Run(p.ctx, "ns", "r")
	}
	return run, err
}

// stored is the run as it is in the ledger; nil when there is none.
func (w *world) stored(t *testing.T) *aofv1.FlowRun {
	t.Helper()
	run, err := w.ledger.Get(t.Context(), "ns", "r")
	if errors.Is(err, ledger.ErrNotFound) {
		return nil
	}
	require.NoError(t, err)
	return run
}

// people say yes once, when they are asked.
func (w *world) people(t *testing.T) {
	t.Helper()
	run := w.stored(t)
	if run == nil || len(run.Status.Waiting) == 0 {
		return
	}
	_, err := w.ledger.Amend(t.Context(), "ns", "r", func(spec *aofv1.FlowRunSpec) error {
		for _, d := range spec.Decisions {
			if d.User == "alice" {
				return nil
			}
		}
		spec.Decisions = append(spec.Decisions, aofv1.RunDecision{Node: "ask", Digest: "d", Approved: true, User: "alice", At: metav1.NewMicroTime(began)})
		return nil
	})
	require.NoError(t, err)
}

// live has a process do all it can: until the run is over, or it dies.
func (p *process) live(t *testing.T) *aofv1.FlowRun {
	t.Helper()
	for range 40 {
		run, _ := p.deliver(t)
		if p.dead.Load() {
			return nil
		}
		if run != nil && run.IsDone() && p.world.stored(t).IsDone() {
			return run
		}
		p.world.people(t)
	}
	require.Fail(t, "the run does not come to an end")
	return nil
}

// ending is what is compared of runs that are over.
type ending struct {
	Phase   aofv1.FlowRunPhase
	Error   *aofv1.RunError
	Nodes   map[string]string
	Outputs map[string]any
	Result  any
}

func endingOf(t *testing.T, run *aofv1.FlowRun) ending {
	t.Helper()
	plain := func(v any) (out any) {
		raw, err := json.Marshal(v)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(raw, &out))
		return out
	}
	end := ending{Phase: run.Status.Phase, Error: run.Status.Error, Nodes: map[string]string{}, Outputs: map[string]any{}, Result: plain(run.Status.Result)}
	for i := range run.Status.Nodes {
		n := &run.Status.Nodes[i]
		end.Nodes[n.ID] = fmt.Sprintf("%s %d", n.Phase, n.Attempt)
		if n.Error != nil {
			end.Nodes[n.ID] += " " + n.Error.Reason
		}
		end.Outputs[n.ID] = plain(n.Output)
	}
	return end
}
