// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package once

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/types"

	"aof.dev/operator/pkg/dedupe"
)

// ErrConflict says that a record was written, or removed, since it was read.
var ErrConflict = errors.New("the key was written by another")

// Record is the entry of one key as it is stored.
type Record struct {
	// Namespace and Name say which: the name is made from the digest of the key.
	Namespace, Name string
	// Binding and BindingUID are the FlowBinding's: with it go its keys. They are
	// looked at when a record is stored for the first time.
	Binding    string
	BindingUID types.UID
	// Trigger, as namespace/name, is whose events are counted.
	Trigger string
	Entry   dedupe.Entry
	// Version is that of the record as it was read; empty when there was none.
	Version string
}

// Store keeps records. It is safe for concurrent use by any number of processes.
type Store interface {
	// Load gives the record of that name; false when there is none.
	Load(ctx context.Context, namespace, name string) (Record, bool, error)
	// Save stores a record on condition that what is stored has its version, and
	// sets the new version: of those who save at one version, one wins. The others
	// get ErrConflict. After any other error it may have been stored all the same.
	Save(ctx context.Context, r *Record) error
}
