// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package dedupe decides whether an event is about the same thing as one that
// started a run before: the rule that makes a key of an event, the entry that is
// kept for a key, and what to do about an entry.
//
// It is pure: no clock, no I/O, nothing but the standard library and pkg/expr. An
// event's text is data: what is kept of a key is its digest. Validation, plans,
// claims and package once import it.
package dedupe
