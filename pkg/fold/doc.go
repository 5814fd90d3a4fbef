// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package fold derives what a status says from what the ledger holds: finished
// runs are added to a tally, and a tally is shown as the status of a FlowBinding,
// a Trigger, an AgentFlow or an Agent.
//
// A Tally is plain data that whoever keeps it stores beside its mark on the run,
// so that every run is counted exactly once. The package has no clock and no
// I/O; `aof dev` and the operator fold with the same code.
package fold
