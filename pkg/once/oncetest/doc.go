// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package oncetest is the suite that every store of business keys passes, with a
// ledger beside it: that of several events of one key exactly one has a run,
// whoever dies and whoever races. Only tests import it.
package oncetest
