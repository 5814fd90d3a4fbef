// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package oncetest

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/claim"
	"aof.dev/operator/pkg/dedupe"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/once"
)

var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// window of the binding that the suite works with.
const window = 10 * time.Minute

var errDead = errors.New("the process is dead")

// World is what a test of the suite works with: a store of keys and the ledger
// that goes with it, both empty, in a namespace.
type World struct {
	Namespace string
	Keys      once.Store
	Runs      ledger.Store

	// tried are the names of the runs that somebody was to create.
	tried *sync.Map
}

// hasty is a clock on which pauses are over at once.
type hasty struct{ *clocktesting.FakeClock }

// NewTimer implements clock.Clock.
func (c *hasty) NewTimer(d time.Duration) clock.Timer {
	timer := c.FakeClock.NewTimer(d)
	c.Step(d)
	return timer
}

func newClock() *hasty { return &hasty{clocktesting.NewFakeClock(began)} }

// binding is one whose events are about the same thing when they name one alert.
func (w World) binding(name string) claim.Binding {
	return claim.Binding{
		Namespace: w.Namespace, Name: name, Flow: aofv1.ObjectReference{Name: "f"}, Plan: "p",
		Trigger: &aofv1.ObjectReference{Name: "hook"},
		Dedupe:  &dedupe.Rule{Key: "alert ${event.alert}", Window: window},
	}
}

// about makes the id-th event about an alert; an empty alert says nothing.
func about(t *testing.T, id int, alert string) (cloudevents.Event, event.Message) {
	t.Helper()
	m := event.Message{ID: strconv.Itoa(id), Platform: "http", Type: "alert", Text: "disk full", Timestamp: began}
	if alert != "" {
		m.Raw = map[string]any{"alert": alert}
	}
	e, err := m.CloudEvent("ns", "hook", nil)
	require.NoError(t, err)
	return e, m
}

// process is one that claims events. It dies at the crashAt-th point, 0 is never.
type process struct {
	world   World
	clock   clock.Clock
	crashAt int64
	points  atomic.Int64
	dead    atomic.Bool
}

func (w World) process(c clock.Clock, crashAt int64) *process {
	return &process{world: w, clock: c, crashAt: crashAt}
}

// claim has the process claim an event for a binding, and says what came of it.
func (p *process) claim(t *testing.T, b claim.Binding, e cloudevents.Event, m event.Message) (string, error) {
	t.Helper()
	run, err := b.Run(e, "")
	require.NoError(t, err)
	p.world.tried.Store(run.Name, true)
	maker := once.Maker{Runs: mortalRuns{p.world.Runs, p}, Keys: mortalKeys{p.world.Keys, p}, Clock: p.clock}
	return run.Name, maker.Create(t.Context(), b, e, m, run)
}

// call does something at the edge of which a process may die.
func (p *process) call(do func() error) error {
	if p.point() {
		return errDead
	}
	err := do()
	if p.point() {
		return errDead
	}
	return err
}

func (p *process) point() bool {
	if !p.dead.Load() && p.points.Add(1) == p.crashAt {
		p.dead.Store(true)
	}
	return p.dead.Load()
}

type mortalRuns struct {
	ledger.Store
	process *process
}

// Create implements once.Runs.
func (m mortalRuns) Create(ctx context.Context, run *aofv1.FlowRun) error {
	return m.process.call(func() error { return m.Store.Create(ctx, run) })
}

// Get implements once.Runs.
func (m mortalRuns) Get(ctx context.Context, namespace, name string) (run *aofv1.FlowRun, err error) {
	err = m.process.call(func() error {
		run, err = m.Store.Get(ctx, namespace, name)
		return err
	})
	return run, err
}

type mortalKeys struct {
	once.Store
	process *process
}

// Load implements once.Store.
func (m mortalKeys) Load(ctx context.Context, namespace, name string) (r once.Record, found bool, err error) {
	err = m.process.call(func() error {
		r, found, err = m.Store.Load(ctx, namespace, name)
		return err
	})
	return r, found, err
}

// Save implements once.Store.
func (m mortalKeys) Save(ctx context.Context, r *once.Record) error {
	return m.process.call(func() error { return m.Store.Save(ctx, r) })
}

// runs are the names of all runs in the ledger.
func (w World) runs(t *testing.T) []string {
	t.Helper()
	var names []string
	w.tried.Range(func(key, _ any) bool {
		name, _ := key.(string)
		_, err := w.Runs.Get(t.Context(), w.Namespace, name)
		if err == nil {
			names = append(names, name)
		} else {
			require.ErrorIs(t, err, ledger.ErrNotFound)
		}
		return true
	})
	return names
}

// Leases are those of an API server that lives in memory.
type Leases struct {
	mu      sync.Mutex
	stored  map[string]*coordinationv1.Lease
	version int
}

var leases = schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}

// Lease reads one.
func (l *Leases) Lease(_ context.Context, namespace, name string) (*coordinationv1.Lease, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := l.stored[namespace+"/"+name]
	if found == nil {
		return nil, apierrors.NewNotFound(leases, name)
	}
	return found.DeepCopy(), nil
}

// CreateLease adds one.
func (l *Leases) CreateLease(_ context.Context, object *coordinationv1.Lease) (*coordinationv1.Lease, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stored[object.Namespace+"/"+object.Name] != nil {
		return nil, apierrors.NewAlreadyExists(leases, object.Name)
	}
	return l.put(object), nil
}

// UpdateLease replaces one, if it is the one that was read.
func (l *Leases) UpdateLease(_ context.Context, object *coordinationv1.Lease) (*coordinationv1.Lease, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := l.stored[object.Namespace+"/"+object.Name]
	if found == nil {
		return nil, apierrors.NewNotFound(leases, object.Name)
	}
	if found.ResourceVersion != object.ResourceVersion {
		return nil, apierrors.NewConflict(leases, object.Name, errors.New("it was changed"))
	}
	return l.put(object), nil
}

func (l *Leases) put(object *coordinationv1.Lease) *coordinationv1.Lease {
	if l.stored == nil {
		l.stored = map[string]*coordinationv1.Lease{}
	}
	l.version++
	stored := object.DeepCopy()
	stored.UID = "uid-of-" + types.UID(object.Name)
	stored.ResourceVersion = strconv.Itoa(l.version)
	l.stored[object.Namespace+"/"+object.Name] = stored
	return stored.DeepCopy()
}
