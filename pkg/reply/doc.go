// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package reply sends what a node has to say through a platform, and tells the
// node what became of it. It is where nodes and platforms meet, in clusters and in
// `aof dev`; who speaks for which Trigger is decided by its importers, pkg/delivery
// and pkg/local.
package reply
