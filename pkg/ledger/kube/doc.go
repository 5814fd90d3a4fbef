// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package kube is the ledger in a Kubernetes API: each run is a FlowRun object,
// creating the object is claiming the event, and its status is the journal,
// which is created and written with the rest.
//
// It makes one request for each Create, Get, Update and Delete and keeps nothing
// in memory, so that a process that wakes up to one event can use it at once.
// Lists are selected here and not by labels: a name may be too long for a label,
// and a run made by hand has none. Composition roots import it.
package kube
