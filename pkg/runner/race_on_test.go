// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build race

package runner_test

// brief says that the crash tests are to be a sample: the race detector makes
// them many times as slow, and what it looks for it finds in a few.
const brief = true
