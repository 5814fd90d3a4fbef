// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package answer takes what people say on a platform to the questions of runs,
// by a button or a reaction, and makes decisions of it: a decision that counts
// becomes part of the run, and everybody is told what came of theirs.
//
// What receives events for a Trigger (pkg/intake in a cluster, pkg/local) may
// import it. Whoever carries runs on finds the decision there; it does not.
package answer
