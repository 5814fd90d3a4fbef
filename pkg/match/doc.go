// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package match decides which rules an event satisfies, and says why: which pattern hit, or which
// restriction of whose filter refused.
//
// A Set is compiled once from any number of rules and then answers for one event after the other at
// a cost that hardly grows with the rules that have nothing to do with the event: literals that a
// pattern requires, and channels, users, event types and conditions, select the few rules worth a
// closer look. The answer is always the one a plain loop over all rules would give.
//
// The package is pure: the standard library only, no clock, no I/O. A Set is immutable and safe for
// concurrent use. Sources, adapters, plans and the CLI import it; it imports none of ours.
package match
