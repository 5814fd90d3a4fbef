// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"context"
	"errors"
)

// What errors are; test with errors.Is.
var (
	// ErrConflict: the document is another by now. A Keeper tries again.
	ErrConflict = errors.New("the document was changed by another writer")
	// ErrMissing: there is no document. In a cluster the controller makes it.
	ErrMissing = errors.New("there is no document for the limits yet")
	// ErrBusy: others changed the document all the time. Try again later.
	ErrBusy = errors.New("too many replicas change the limits' document")
)

// Kind is what a document is about.
type Kind string

// The kinds.
const (
	// Context is what the runs of a Context have used: a guard.Quota.
	Context Kind = "context"
	// Binding is whose turn it is among the runs of a binding: a guard.Turns.
	Binding Kind = "binding"
)

// Key names a document: the one of an object.
type Key struct {
	Kind            Kind
	Namespace, Name string
}

// Store keeps documents. It is safe for concurrent use.
type Store interface {
	// Load gives a document and its version. One that nobody has written is
	// empty. Error: ErrMissing.
	Load(ctx context.Context, key Key) (document []byte, version string, err error)
	// Save writes a document if its version is still the one given, and gives the
	// new one. Errors: ErrConflict, ErrMissing. After any other the document may
	// have been written.
	Save(ctx context.Context, key Key, document []byte, version string) (string, error)
}
