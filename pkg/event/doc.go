// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package event is the contract of an event on its way through the product:
// one normalized [Message] for every chat platform, alert and webhook, and its
// CloudEvent form. Sources make messages, the adapter matches and stamps them,
// brokers carry them, the runner reads them back.
//
// What it promises: everything here is a function of its arguments (no clock,
// no I/O, no identifier made up on the way), so the same delivery always gives
// the same CloudEvent; a message of ours survives the trip byte for byte; a
// CloudEvent made by anybody else is read as well; nothing above [MaxBytes] is
// ever made.
//
// Sources, the adapter, the runner and the local composition import it.
package event
