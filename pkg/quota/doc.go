// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package quota keeps what all replicas share of Contexts' limits and of
// bindings' turns: one small document each, changed under optimistic locking.
// What is in a document is pkg/guard's business; this is where it is kept, and
// how many goroutines of one process change it in one write.
//
// It promises that a change was made to the newest document, or not at all, as
// far as the caller can know: after an error it may have been made. A process
// asks for as much as the runs want that it has at hand, in one write; of tokens
// it takes some ahead and gives back what is left.
//
// The runner imports it, and the composition roots that give it a Store.
package quota
