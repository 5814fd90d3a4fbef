// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package agent runs one agent: it asks the agent's model about an input and
// reads the reply's text and fields. It also runs a fleet, which is several
// agents under the coordination that package fleet plans.
//
// It promises bounded input and output, that what a model says is only ever
// data, and that the fields a flow decides on (requires_approval, command) are
// read the careful way round: a reply that can't be understood asks for
// approval rather than not.
//
// Tools named by an agent are not executed here yet: a model is told its
// instructions and the input, nothing else.
//
// The executors of Agent and Fleet nodes (pkg/node) and the composition roots
// may import it; it imports llm and fleet.
package agent
