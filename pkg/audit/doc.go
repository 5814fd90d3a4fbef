// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package audit says what is put on record about a run: which records follow
// from what a checkpoint changes, which of them a Context asks for, how much of
// them is kept, and when a sink that failed is tried again. It is pure: standard
// library only, no clock, no I/O.
//
// It promises that equal changes give equal records in the same order, that each
// record has an id that stays the same however often it is delivered, and that
// it is bounded. Keeping secrets out is for the caller (Record.Redact).
//
// The runner and the API types may import it; subpackage sink delivers records.
package audit
