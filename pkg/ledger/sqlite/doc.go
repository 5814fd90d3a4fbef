// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package sqlite is the embedded ledger: runs and documents in one SQLite file,
// written ahead (WAL) and, unless told otherwise, synced to the disk before a
// write is acknowledged.
//
// One process writes at a time; a second one waits a little for its turn and
// then gets an error. Composition roots import it.
package sqlite
