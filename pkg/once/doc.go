// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package once creates the run of an event unless another event of the same
// business key has started one within the binding's window (match.dedupe).
//
// What is promised: of different events of one key that come within the window of
// the first, whoever receives them and in whatever process, exactly one has a run;
// no event is given up as a duplicate unless the run of the other was in the
// ledger; and whoever dies at any point holds a key up for dedupe.Grace at most.
// The entry of a key is written before the run is created, names that run, and is
// marked when the run is there; it outlives the run.
//
// A binding without match.dedupe costs nothing: its runs are created as before.
//
// Package dedupe decides, this package carries out. Subpackage lease keeps the
// entries as Leases of a cluster, document in the ledger of aof dev; oncetest is
// the suite that both pass. Adapter, runner and aof dev import it; it imports the
// ledger's interface and pkg/claim.
package once
