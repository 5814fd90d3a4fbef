// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package adapter is the door: the HTTP server that takes the requests of every
// platform for every Trigger at /<namespace>/<trigger>, and CloudEvents from
// anybody at /<namespace> beneath the prefix [CloudEvents] is mounted at.
//
// What it promises: bodies are bounded before they are read, a request is
// authenticated before it is parsed, and the sender is told that an event was
// accepted only after [Sink] said that it is durable. When that fails the
// sender is told to try again, so no event is lost between two parties that both
// believe the other has it. A misconfigured Trigger, a panic in a platform or a
// slow platform harms nobody else.
//
// The adapter binary and the local composition import it.
package adapter
