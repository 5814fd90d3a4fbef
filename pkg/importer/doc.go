// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package importer reads the resource files of the upstream project, in all the
// forms its examples, documentation and daemon ever took, and writes the kinds
// of this one.
//
// It promises that nothing is lost without a word: a key is carried over,
// changed with a note, or named with file, line and field as not carried over;
// an object that cannot be imported is refused with a message that says what is
// wrong. What it writes is valid.
//
// Only the command line and tests import it.
package importer
