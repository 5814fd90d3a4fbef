// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package flow is the engine of an AgentFlow: Compile turns the nodes and
// edges of a Flow into a Plan, and Plan.Step moves a State forward by one
// Input, answering with the Commands to carry out.
//
// The engine is pure. It has no clock, does no input or output, waits for
// nothing and makes up no names; time arrives inside inputs and work leaves as
// commands. It promises that
//
//   - the final state depends on what each node produced and never on the order
//     in which nodes finished;
//   - every node ends in exactly one of Succeeded, Failed and Skipped;
//   - a finished node gets no further command, and late, repeated or illegal
//     inputs change nothing;
//   - a State can be written as JSON at every point, and Restore rebuilds one
//     from the journal of finished and waiting nodes.
//
// docs/adr/0004-flow-semantics.md gives the rules and their reasons.
//
// Anything may import this package; it imports the standard library and
// pkg/expr only.
package flow
