// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package ledgertest

import (
	"context"
	"errors"
	"hash/fnv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/assert"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/ledger"
)

// FaultyConformance runs Conformance on stores of which three in ten calls fail:
// refused, done but not answered, in conflict with nobody knows whom, or slow.
// What makes up for it are only the rules that ledger.Store gives to its callers,
// so it holds that these suffice.
func FaultyConformance(t *testing.T, open func(t *testing.T) ledger.Store) {
	t.Helper()
	var faults atomic.Int64
	t.Run("with faults", func(t *testing.T) {
		Conformance(t, func(t *testing.T) ledger.Store {
			t.Helper()
			faulty := &everywhere{NewFaulty(open(t), seedOf(t.Name()), 30)}
			faulty.kinds = []fault{refused, unanswered, conflicting, slow}
			t.Cleanup(func() { faults.Add(int64(faulty.Faults)) })
			return &patient{Store: faulty, seen: map[string]bool{}}
		})
	})
	if !t.Failed() {
		assert.Greater(t, faults.Load(), int64(100))
	}
}

// seedOf gives each test faults of its own, the same every time.
func seedOf(name string) uint64 {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(name)) // never fails
	return hash.Sum64()
}

// everywhere is Faulty in those calls, too, that runners don't make.
type everywhere struct{ *Faulty }

// Amend implements ledger.Store.
func (e *everywhere) Amend(ctx context.Context, namespace, name string, change func(*aofv1.FlowRunSpec) error) (run *aofv1.FlowRun, err error) {
	err = e.around(func() error {
		run, err = e.Store.Amend(ctx, namespace, name, change)
		return err
	}, nil)
	return run, err
}

// List implements ledger.Store.
func (e *everywhere) List(ctx context.Context, options ledger.ListOptions) (list *aofv1.FlowRunList, err error) {
	err = e.around(func() error {
		list, err = e.Store.List(ctx, options)
		return err
	}, nil)
	return list, err
}

// Delete implements ledger.Store.
func (e *everywhere) Delete(ctx context.Context, namespace, name string) error {
	return e.around(func() error { return e.Store.Delete(ctx, namespace, name) }, nil)
}

// patient is a caller that keeps to the rules: what is unavailable is tried
// again, and a write that may have been done is looked for before it counts as
// refused. It does not wait, since nothing gets better by that here.
type patient struct {
	ledger.Store

	mu   sync.Mutex
	seen map[string]bool // versions that were read
}

// insist calls until the store is there. Unsure says that a call before the last
// may have been done.
func insist(call func() error) (unsure bool, err error) {
	for {
		if err = call(); !errors.Is(err, ledger.ErrUnavailable) {
			return unsure, err
		}
		unsure = true
	}
}

// Create implements ledger.Store. A run that is there after an attempt that may
// have been ours is ours when it says what we say.
func (p *patient) Create(ctx context.Context, run *aofv1.FlowRun) error {
	unsure, err := insist(func() error { return p.Store.Create(ctx, run) })
	if unsure && errors.Is(err, ledger.ErrExists) {
		if stored, readErr := p.Get(ctx, run.Namespace, run.Name); readErr == nil && sameSpec(stored, run) && sameStatus(stored, run) {
			*run, err = *stored, nil
		}
	}
	p.saw(run, err)
	return err
}

// Get implements ledger.Store.
func (p *patient) Get(ctx context.Context, namespace, name string) (run *aofv1.FlowRun, err error) {
	_, err = insist(func() error {
		run, err = p.Store.Get(ctx, namespace, name)
		return err
	})
	p.saw(run, err)
	return run, err
}

// Update implements ledger.Store. After a conflict it reads again: nothing may
// have changed, and then it writes again; or what is there may be our own write.
func (p *patient) Update(ctx context.Context, run *aofv1.FlowRun) error {
	for unsure := false; ; {
		again, err := insist(func() error { return p.Store.Update(ctx, run) })
		unsure = unsure || again
		if !errors.Is(err, ledger.ErrConflict) || !p.known(run) {
			p.saw(run, err)
			return err
		}
		stored, readErr := p.Get(ctx, run.Namespace, run.Name)
		switch {
		case readErr != nil:
			return readErr
		case stored.UID != run.UID:
			return err
		case stored.ResourceVersion == run.ResourceVersion:
			continue // the conflict has left nothing behind
		case unsure && sameStatus(stored, run):
			run.ResourceVersion, run.Generation = stored.ResourceVersion, stored.Generation
			return nil
		}
		return err
	}
}

// Amend implements ledger.Store. A change must look whether it has been made.
func (p *patient) Amend(ctx context.Context, namespace, name string, change func(*aofv1.FlowRunSpec) error) (run *aofv1.FlowRun, err error) {
	_, err = insist(func() error {
		run, err = p.Store.Amend(ctx, namespace, name, change)
		return err
	})
	p.saw(run, err)
	return run, err
}

// List implements ledger.Store.
func (p *patient) List(ctx context.Context, options ledger.ListOptions) (list *aofv1.FlowRunList, err error) {
	_, err = insist(func() error {
		list, err = p.Store.List(ctx, options)
		return err
	})
	return list, err
}

// Delete implements ledger.Store. What was there, and is gone after an attempt
// that may have been done, was deleted.
func (p *patient) Delete(ctx context.Context, namespace, name string) error {
	if _, err := p.Get(ctx, namespace, name); err != nil {
		return err
	}
	unsure, err := insist(func() error { return p.Store.Delete(ctx, namespace, name) })
	if unsure && errors.Is(err, ledger.ErrNotFound) {
		return nil
	}
	return err
}

func (p *patient) saw(run *aofv1.FlowRun, err error) {
	if err == nil {
		p.mu.Lock()
		p.seen[run.ResourceVersion] = true
		p.mu.Unlock()
	}
}

func (p *patient) known(run *aofv1.FlowRun) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen[run.ResourceVersion]
}

func sameSpec(a, b *aofv1.FlowRun) bool {
	return cmp.Equal(a.Spec, b.Spec, cmp.Comparer(sameRaw), cmpopts.EquateEmpty())
}

func sameStatus(a, b *aofv1.FlowRun) bool {
	return cmp.Equal(a.Status, b.Status, cmp.Comparer(sameRaw), cmpopts.EquateEmpty())
}
