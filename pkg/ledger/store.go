// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"errors"
	"iter"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
)

// MaxRunBytes bounds the JSON of one run. It is what a Kubernetes object may
// safely be, so that a run that fits one store fits all.
const MaxRunBytes = 1 << 20

// LabelFolded marks a run that has been counted (see Folder). Stores set it on
// the runs they return; its value is "true".
const LabelFolded = "aof.dev/folded"

// What a store's errors are; test with errors.Is.
var (
	// ErrExists: a run of that name is there: the event is claimed already.
	ErrExists = errors.New("run exists")
	// ErrNotFound: there is no run of that name.
	ErrNotFound = errors.New("run not found")
	// ErrConflict: the run has been written since it was read, or is another
	// one of the same name. Read it again.
	ErrConflict = errors.New("run was changed by another writer")
	// ErrTooLarge: the run is over MaxRunBytes.
	ErrTooLarge = errors.New("run is too large")
	// ErrUnavailable: the store could not be reached, is overloaded, or did not
	// answer in time. A write may have been done all the same. Try again later.
	ErrUnavailable = errors.New("the ledger is not available")
	// ErrInvalid: the call itself is wrong: no name, a bad continue token.
	ErrInvalid = errors.New("invalid request to the ledger")
)

// Store keeps FlowRuns. It is safe for concurrent use, and the objects that go
// in and come out are copies.
//
// It has the rules of a Kubernetes API without a status subresource, so that the
// same callers work on both: a run can be created with what was done of it by
// then.
type Store interface {
	// Create adds a run as it is given, status included. On success it sets uid,
	// resourceVersion, generation and creationTimestamp on run. Errors: ErrExists,
	// ErrTooLarge, ErrInvalid. After ErrUnavailable the run may be there; with
	// what status, a Get tells.
	Create(ctx context.Context, run *aofv1.FlowRun) error
	// Get returns the run. Error: ErrNotFound.
	Get(ctx context.Context, namespace, name string) (*aofv1.FlowRun, error)
	// Update stores run's status if the stored run still has run's
	// resourceVersion, and then sets the new one, and generation, on run. Metadata and spec must
	// be those that were read; whether a change of theirs is written differs.
	// Errors: ErrConflict, ErrNotFound, ErrTooLarge, ErrInvalid when
	// resourceVersion is empty. On an error run is as it was.
	Update(ctx context.Context, run *aofv1.FlowRun) error
	// Amend changes what may be changed of a stored run's spec: change may add
	// decisions and set cancel, once; anything else is refused. It is given the
	// stored spec, and again with a newer one when somebody else has written in
	// between. When it changes nothing, nothing is written. Whoever holds the run
	// finds out by the conflict of its next Update. Amend returns the run as it is
	// stored then. Errors: change's own, ErrNotFound, ErrTooLarge, ErrInvalid.
	Amend(ctx context.Context, namespace, name string, change func(spec *aofv1.FlowRunSpec) error) (*aofv1.FlowRun, error)
	// List returns the runs that options select. Error: ErrInvalid for a
	// continue token that is not from this store or not for these options.
	List(ctx context.Context, options ListOptions) (*aofv1.FlowRunList, error)
	// Delete removes a run. Error: ErrNotFound.
	Delete(ctx context.Context, namespace, name string) error
}

// DefaultLimit is the page size of a List that names none, MaxLimit the largest.
const (
	DefaultLimit = 500
	MaxLimit     = 2000
)

// ListOptions selects runs. Empty fields select all.
type ListOptions struct {
	// Namespace of the runs.
	Namespace string
	// Flow, Binding and Trigger are the names in the run's spec.
	Flow, Binding, Trigger string
	// Phases are the phases wanted; a run that has none yet is Pending.
	Phases []aofv1.FlowRunPhase
	// Limit is the page size; 0 is DefaultLimit.
	Limit int
	// Continue is the list metadata's continue token of the page before.
	Continue string
	// NewestFirst orders by creation, latest first, instead of by namespace
	// and name.
	NewestFirst bool
}

// All iterates over all pages of a List. It ends after the first error.
func All(ctx context.Context, s Store, options ListOptions) iter.Seq2[*aofv1.FlowRun, error] {
	return func(yield func(*aofv1.FlowRun, error) bool) {
		for {
			list, err := s.List(ctx, options)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range list.Items {
				if !yield(&list.Items[i], nil) {
					return
				}
			}
			if options.Continue = list.Continue; options.Continue == "" {
				return
			}
		}
	}
}

// Documents are small JSON values by kind and key, for statuses and counters
// that are derived from runs. The methods belong to one transaction.
type Documents interface {
	// Load decodes a document into a pointer; found is false when there is none.
	Load(kind, key string, into any) (found bool, err error)
	// Save stores a document's JSON. Error: ErrTooLarge.
	Save(kind, key string, value any) error
	// Remove deletes a document, if it is there.
	Remove(kind, key string) error
	// Keys lists the keys of a kind, sorted.
	Keys(kind string) ([]string, error)
}

// Folder is a Store that keeps documents beside runs and counts runs into them.
type Folder interface {
	Store
	// Fold calls fn for up to limit final runs that have not been folded, in
	// the order of their last writes, and marks them as folded, all in one
	// transaction with the documents that fn changes: after any crash, each
	// run has been folded once or is still to be. It returns how many were
	// folded; when fewer than limit, nothing is left. An error of fn undoes the
	// whole call. fn must not use the store itself.
	Fold(ctx context.Context, limit int, fn func(docs Documents, run *aofv1.FlowRun) error) (int, error)
	// Change runs fn in one transaction that can write documents.
	Change(ctx context.Context, fn func(docs Documents) error) error
	// View runs fn over one consistent state of the documents; writes fail.
	View(ctx context.Context, fn func(docs Documents) error) error
}
