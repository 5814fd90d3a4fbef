// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package flowrun sees to it that runs go on: one that nobody began, whose holder
// is gone, whose wait is over or that was answered is sent to a runner again; one
// that is to be cancelled is cancelled; one that no runner can ever get fails,
// saying why. Everything is timed per run; runs that need nothing cost nothing.
//
// A FlowRun is a journal that belongs to whoever holds its lease. So the
// generated wrapper must never write a status here (SkipStatusUpdates): what it
// would write comes from a cache and would be retried over a newer journal. The
// two statuses that are written (Cancelled, and Failed for a run without a way)
// are read from the API server first and written on condition that nobody wrote
// meanwhile; a holder finds that out with its next write and stops.
//
// Sending a run twice does no harm, losing it would: so what was sent is
// remembered in memory only, and after a restart is sent once more.
// Package tally counts runs that are over. Only cmd/controller imports it.
package flowrun
