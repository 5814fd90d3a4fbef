// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package tally counts runs that are over, each exactly once, and removes runs
// that have been counted and are too old or too many. Its keys are bindings: the
// runs of one that end within settings.FoldEvery of each other are counted
// together.
//
// A run is counted into several ConfigMaps (its binding's, its flow's, its
// agents'), which can't be written together. So each holds {tally, pending}: what
// was counted, and which of the counted runs may not yet say so themselves. All
// ConfigMaps are written, each on condition that nobody wrote it meanwhile; then
// the run gets the label ledger.LabelFolded; and when a later count finds that
// label (or that the run is gone), it leaves the run out of pending. Before runs
// are counted the API server is asked, after the ConfigMaps were read, which have
// no label: a cache may be old, and what it is old about may have left pending. A
// run that the history has no room for is deleted instead of labelled; while many
// come in, labels and deletions are gathered (see gather.go). After a crash
// between any two writes the next count goes on where that one was.
//
// It makes tally ConfigMaps, which belong to what they count and go with it, and
// shows nothing: the kinds' own reconcilers show tallies in their statuses. Only
// cmd/controller imports it.
package tally
