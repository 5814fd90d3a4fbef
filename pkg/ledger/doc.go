// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package ledger is where runs are kept: the Store interface over FlowRuns and
// what all stores share. Creating a run is claiming its event, since a run's
// name is made from its binding and its event (RunName); every later write is
// conditional on the version that was read, so a writer that lost its lease
// finds out before it does harm.
//
// A store promises that what it acknowledged is durable, that of concurrent
// creates or updates of one version exactly one wins, and that errors are told
// apart with errors.Is. Subpackage sqlite is the embedded store, ledgertest the
// suite that every store passes.
//
// The runner, the adapter's sink, the embedded operator (pkg/local) and the
// composition roots may import it; it imports the API types.
package ledger
