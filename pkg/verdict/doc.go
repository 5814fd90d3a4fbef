// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package verdict reads from a FlowRun what is asked of people and what they have
// said, for pkg/guard to decide. The runner asks it when it carries a run on;
// whoever takes people's answers asks it what to tell them. It has no I/O.
//
// The runner, pkg/answer and the embedded operator may import it; it imports the
// API types, events, expressions and pkg/guard.
package verdict
