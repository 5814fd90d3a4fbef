// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package injection holds hostile texts, and tests that drive each of them
// through every place where text enters to every place where it comes out: with
// the product's own packages, and judged by what lies outside of them (a file
// that was not made, a secret that is not told, the arguments a program got, the
// request a server got).
//
// Corpus is for tests of other packages too. Only tests import this package, and
// it may import anything but commands.
package injection
