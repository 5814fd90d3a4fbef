// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package plan compiles what a binding names (trigger, context, flow, agents,
// fleets) into one immutable document that a run is pinned to. A runner that has
// a plan needs no other object, however much the originals change meanwhile.
//
// It is the one place, beside the validation of the kinds, where API types meet
// the pure core. It has no I/O: objects come through a Finder. The embedded
// operator, the reconcilers and the runner import it.
package plan
