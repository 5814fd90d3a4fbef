// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package expr holds the two small languages that stand inside AOF resources: templates, which name
// values as ${a.b.c}, and conditions, which compare them.
//
// It promises three things. A text is parsed once, and whatever is wrong with it is an error then,
// never a silent "false" later. A value that comes from an event, a model or a tool is data: its text
// is never parsed again, neither as a template nor as shell. And every text, depth and result has a
// bound with an error that names it.
//
// The package is pure: the standard library and expr-lang only, no clock, no I/O. Everything parsed
// is immutable and safe for concurrent use. Any package may import it; it imports none of ours.
package expr
