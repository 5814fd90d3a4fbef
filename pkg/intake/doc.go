// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package intake is how the adapter works in a cluster: it finds the route of a
// Trigger in the one ConfigMap that the controller keeps for it, claims an event
// for every binding that matched by creating its FlowRun, sends the event on to
// the broker and counts what arrived.
//
// What it promises: the first event of a Trigger costs two reads whatever else is
// in the cluster; nothing is said to be accepted before every claim stands; an
// event is dropped only by a table that was read after it arrived; a broker that
// is down delays a run and loses none; counts of several processes in one
// document add up, and nothing is written when nothing came. Paths that are
// nobody's leave no trace and take bounded memory.
//
// cmd/adapter composes it.
package intake
