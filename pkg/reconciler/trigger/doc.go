// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package trigger reconciles AOF Triggers into event sources: a Broker where the
// namespace has none, the route table from which the adapter serves the Trigger,
// what the adapter may do for it, a PingSource for a schedule. It shows whether
// events can arrive, and how many did.
//
// Everything in the Trigger's namespace but the Broker belongs to the Trigger and
// goes with it. What crosses namespaces (the adapter's right to claim runs beside
// bindings) and the Broker, which Triggers share, are removed when nobody needs
// them, by a finalizer if need be. It calls no platform and reads no secret: of
// credentials it knows the names. Only cmd/controller imports it.
package trigger
