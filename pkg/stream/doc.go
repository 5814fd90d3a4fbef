// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package stream keeps the connections open over which some platforms send their
// events: one for each Trigger that wants one.
//
// What it promises: what a platform sent is acknowledged only after it is durable;
// a connection that is lost comes back, sooner first and then less often; one
// whose Trigger changed is made anew, and one nobody wants any more is closed;
// after Stop nothing of it runs. One Manager at a time may work: whoever composes
// it holds a lease (see [Manager.Run]).
//
// cmd/adapter composes it in its stream mode.
package stream
