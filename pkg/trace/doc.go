// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package trace carries the W3C trace context of an event along its way: from the
// request that brought it (headers traceparent and tracestate), in the CloudEvent
// (the distributed tracing extension), to the calls that are made for it. What
// comes from outside is read strictly and written anew, so that no header of ours
// ever holds a text of somebody else's making. It measures and exports nothing,
// and has no I/O.
//
// The adapter, the runner and what they compose may import it.
package trace
