// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package runner carries out runs: it takes the lease on a FlowRun, rebuilds the
// flow's state from the journal in its status, executes what the engine asks
// for, writes each step down before the next one begins, and ends the run or
// leaves it waiting.
//
// It promises that a finished node is never executed again, that a node whose
// effect can't be repeated is journalled before it begins, and that no secret it
// handed out reaches the journal. It knows ledgers, plans and executors only
// through interfaces; the embedded operator and cmd/runner compose it.
package runner
