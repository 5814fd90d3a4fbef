// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package house holds tests that keep the house in order: who may import whom,
// package comments, licence headers, lengths, and that nothing generated is
// stale. It exports nothing.
package house
