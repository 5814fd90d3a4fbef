// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"aof.dev/operator/pkg/agent"
	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/ledger/sqlite"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/plan"
	"aof.dev/operator/pkg/runner"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("database/sql.(*DB).connectionOpener"))
}

var began = time.Date(2025, 12, 18, 10, 0, 0, 0, time.UTC)

var errDown = errors.New("the disk is gone")

// watchedClock tells of each timer that is made, so that tests know when to
// move the time.
type watchedClock struct {
	*clocktesting.FakeClock
	timers chan time.Duration
}

func (c *watchedClock) NewTimer(d time.Duration) clock.Timer {
	timer := c.FakeClock.NewTimer(d)
	c.timers <- d
	return timer
}

// await returns once a timer of that length exists.
func (c *watchedClock) await(d time.Duration) {
	for got := range c.timers {
		if got == d {
			return
		}
	}
}

// watchedStore counts updates and lets tests meddle with each.
type watchedStore struct {
	ledger.Store
	mu      sync.Mutex
	creates int
	updates int
	gets    int
	before  func(n int, run *aofv1.FlowRun) error // n counts updates from 1
	after   func(n int, run *aofv1.FlowRun) error
	created func(n int) error // has the answer to a create get lost
}

func (s *watchedStore) Create(ctx context.Context, run *aofv1.FlowRun) error {
	s.mu.Lock()
	s.creates++
	n := s.creates
	s.mu.Unlock()
	if s.created == nil {
		return s.Store.Create(ctx, run)
	}
	stored := run.DeepCopy()
	if err := s.Store.Create(ctx, stored); err != nil {
		return err
	}
	if err := s.created(n); err != nil {
		return err
	}
	*run = *stored
	return nil
}

func (s *watchedStore) Get(ctx context.Context, namespace, name string) (*aofv1.FlowRun, error) {
	s.mu.Lock()
	s.gets++
	s.mu.Unlock()
	return s.Store.Get(ctx, namespace, name)
}

func (s *watchedStore) Update(ctx context.Context, run *aofv1.FlowRun) error {
	s.mu.Lock()
	s.updates++
	n := s.updates
	s.mu.Unlock()
	if s.before != nil {
		if err := s.before(n, run); err != nil {
			return err
		}
	}
	if err := s.Store.Update(ctx, run); err != nil {
		return err
	}
	if s.after != nil {
		return s.after(n, run)
	}
	return nil
}

type behaviour func(ctx context.Context, req node.Request) (node.Result, error)

// fakes executes nodes of all kinds as the test scripts them by ID, and records
// what it executed.
type fakes struct {
	mu    sync.Mutex
	calls []string
	by    map[string]behaviour
}

func (f *fakes) Execute(ctx context.Context, req node.Request) (node.Result, error) {
	f.mu.Lock()
	f.calls = append(f.calls, req.Node.ID)
	do := f.by[req.Node.ID]
	f.mu.Unlock()
	if do != nil {
		return do(ctx, req)
	}
	return node.Result{Output: map[string]any{"output": "from " + req.Node.ID}}, nil
}

func (f *fakes) count(id string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, call := range f.calls {
		if call == id {
			n++
		}
	}
	return n
}

func (f *fakes) executed() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

type onePlan struct{ plan *plan.Plan }

func (p onePlan) Plan(_ context.Context, _, name string) (*plan.Plan, error) {
	switch name {
	case "p":
		return p.plan, nil
	case "away":
		return nil, errors.New("the API server is away")
	default:
		return nil, fmt.Errorf("%w: there is no such plan", ledger.ErrNotFound)
	}
}

// scene is one ledger with one run "ns/r" of one flow.
type scene struct {
	store *watchedStore
	clock *watchedClock
	fakes *fakes
	plan  *plan.Plan
	sink  *receiver // nil: nobody takes audit records
	// effects counts what tests have their nodes do.
	effects atomic.Int64
}

func setScene(t *testing.T, f flow.Flow) *scene {
	t.Helper()
	store, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{Synchronous: sqlite.Normal})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	s := &scene{
		store: &watchedStore{Store: store},
		clock: &watchedClock{FakeClock: clocktesting.NewFakeClock(began), timers: make(chan time.Duration, 1000)},
		fakes: &fakes{by: map[string]behaviour{}},
		plan:  &plan.Plan{Namespace: "ns", Binding: "b", Flow: f, FlowNamespace: "ns"},
	}
	require.NoError(t, store.Create(t.Context(), newRun(t)))
	return s
}

func newRun(t *testing.T) *aofv1.FlowRun {
	t.Helper()
	m := event.Message{ID: "1", Platform: "webhook", Type: "message", Text: "scale the api", Timestamp: began}
	m.User = event.User{ID: "U1", Username: "ann", Email: "ann@example.com"}
	ce, err := m.CloudEvent("ns", "hook", nil)
	require.NoError(t, err)
	raw, err := json.Marshal(ce)
	require.NoError(t, err)
	return &aofv1.FlowRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "r"},
		Spec: aofv1.FlowRunSpec{
			Flow: aofv1.ObjectReference{Name: "f"}, Plan: "p", Event: runtime.RawExtension{Raw: raw},
		},
	}
}

// runner is a process called holder.
func (s *scene) runner(holder string) *runner.Runner {
	executors := node.Executors{}
	for _, kind := range flow.Kinds() {
		executors[kind] = s.fakes
	}
	r := &runner.Runner{
		Store: s.store, Plans: onePlan{s.plan}, Nodes: func(node.Agents) node.Executors { return executors },
		Agents: &agent.Runner{}, Clock: s.clock, Holder: holder,
	}
	if s.sink != nil {
		r.Audit = s.sink
	}
	return r
}

func (s *scene) run(t *testing.T) *aofv1.FlowRun {
	t.Helper()
	run, err := s.runner("a").Run(t.Context(), "ns", "r")
	require.NoError(t, err)
	stored := s.stored(t)
	assert.Equal(t, stored.ResourceVersion, run.ResourceVersion, "what is returned is what was written last")
	return stored
}

func (s *scene) stored(t *testing.T) *aofv1.FlowRun {
	t.Helper()
	run, err := s.store.Get(t.Context(), "ns", "r")
	require.NoError(t, err)
	return run
}

type outcome struct {
	run *aofv1.FlowRun
	err error
}

// start runs in the background.
func (s *scene) start(ctx context.Context, r *runner.Runner) <-chan outcome {
	done := make(chan outcome, 1)
	go func() {
		run, err := r.Run(ctx, "ns", "r")
		done <- outcome{run, err}
	}()
	return done
}

func step(id string, kind flow.Kind) flow.Node {
	config := map[string]any{}
	switch kind {
	case flow.KindTransform:
		config["script"] = "export X=1"
	case flow.KindAgent:
		config["agent"] = "helper"
	case flow.KindScript:
		config["command"] = "true"
	case flow.KindHTTP:
		config["url"], config["method"] = "http://example.com", "POST"
	case flow.KindWait:
		config["duration"] = "1m"
	case flow.KindResponse, flow.KindSlack:
		config["message"], config["channel"] = "done", "C1"
	default:
	}
	return flow.Node{ID: id, Kind: kind, Config: config}
}

// chain is a flow whose nodes follow one another.
func chain(nodes ...flow.Node) flow.Flow {
	f := flow.Flow{Name: "f", Nodes: nodes}
	for i := range nodes[1:] {
		f.Edges = append(f.Edges, flow.Edge{From: nodes[i].ID, To: nodes[i+1].ID})
	}
	return f
}

func nodeOf(t *testing.T, run *aofv1.FlowRun, id string) *aofv1.NodeStatus {
	t.Helper()
	for i := range run.Status.Nodes {
		if run.Status.Nodes[i].ID == id {
			return &run.Status.Nodes[i]
		}
	}
	require.Failf(t, "no such node", "node %s is not in the journal", id)
	return nil
}

func phasesOf(run *aofv1.FlowRun) map[string]string {
	out := map[string]string{}
	for i := range run.Status.Nodes {
		out[run.Status.Nodes[i].ID] = string(run.Status.Nodes[i].Phase)
	}
	return out
}
