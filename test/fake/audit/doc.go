// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package audit is a receiver of audit records for tests: an HTTP server that
// takes lines of JSON, fails when it is told to, and says what was wrong with
// what it got: a line that is no record, an id that stands for two records, a
// record that comes before the one before it. Nothing here waits for time.
//
// Only tests import it, as fakeaudit.
package audit
