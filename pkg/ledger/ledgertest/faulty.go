// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package ledgertest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/ledger"
)

// Faulty is a store with the faults that a store far away has: it refuses for the
// moment, has written and says that it did not answer in time, has its objects
// touched by others in between, and takes its time. What goes through has
// happened as the store behind it says.
type Faulty struct {
	ledger.Store

	mu   sync.Mutex
	rand *rand.Rand
	// often is how many of 100 calls fail, kinds with what.
	often int
	kinds []fault
	// Faults counts what went wrong.
	Faults int
}

// NewFaulty makes a store of which often in 100 calls fail, in an order that the
// seed gives.
func NewFaulty(s ledger.Store, seed uint64, often int) *Faulty {
	return &Faulty{Store: s, rand: rand.New(rand.NewPCG(seed, 1)), often: often, kinds: []fault{refused, unanswered, touched, slow}}
}

// fault is what goes wrong with one call.
type fault int

const (
	none fault = iota
	refused
	unanswered
	touched
	slow
	// conflicting: somebody else wrote, and wrote what was there before.
	conflicting
)

func (f *Faulty) next() fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rand.IntN(100) >= f.often {
		return none
	}
	f.Faults++
	return f.kinds[f.rand.IntN(len(f.kinds))]
}

var (
	errBusy = fmt.Errorf("%w: 429 Too Many Requests", ledger.ErrUnavailable)
	errLate = fmt.Errorf("%w: no answer in time", ledger.ErrUnavailable)
)

// around makes a call with one fault. A touched object is a conflict of writers
// that keep their hands off what they don't own.
func (f *Faulty) around(call func() error, touch func() error) error {
	switch f.next() {
	case refused:
		return errBusy
	case unanswered:
		if err := call(); err != nil {
			return err
		}
		return errLate
	case touched:
		if touch != nil {
			if err := touch(); err != nil {
				return err
			}
		}
	case slow:
		for range 10 {
			runtime.Gosched()
		}
	case conflicting:
		if touch != nil {
			return fmt.Errorf("%w: by whom nobody knows", ledger.ErrConflict)
		}
	case none:
	}
	return call()
}

// Create implements ledger.Store.
func (f *Faulty) Create(ctx context.Context, run *aofv1.FlowRun) error {
	given := run.DeepCopy()
	err := f.around(func() error { return f.Store.Create(ctx, run) }, nil)
	if err != nil {
		*run = *given
	}
	return err
}

// Get implements ledger.Store.
func (f *Faulty) Get(ctx context.Context, namespace, name string) (run *aofv1.FlowRun, err error) {
	err = f.around(func() error {
		run, err = f.Store.Get(ctx, namespace, name)
		return err
	}, nil)
	if err != nil {
		return nil, err
	}
	return run, nil
}

// Update implements ledger.Store.
func (f *Faulty) Update(ctx context.Context, run *aofv1.FlowRun) error {
	version := run.ResourceVersion
	touch := func() error {
		_, err := f.Amend(ctx, run.Namespace, run.Name, func(spec *aofv1.FlowRunSpec) error {
			if len(spec.Decisions) < ledger.MaxDecisions {
				spec.Decisions = append(spec.Decisions, aofv1.RunDecision{Node: "nobody asked"})
			}
			return nil
		})
		return err
	}
	if version == "" {
		touch = nil // this can't be a conflict
	}
	err := f.around(func() error { return f.Store.Update(ctx, run) }, touch)
	if err != nil {
		run.ResourceVersion = version
	}
	return err
}
