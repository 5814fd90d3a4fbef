// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package source says what a platform is to the product: something that turns
// an HTTP request into events ([Receiver]) and an answer into a message on the
// platform ([Messenger]). Each platform is one package beneath this one, listed
// in a [Registry]; nothing else knows a platform by name.
//
// What a platform promises, and what package sourcetest holds it to: a request
// is authenticated over its raw bytes before anything in it is looked at,
// secrets are compared in constant time and never appear in an error, what is
// malformed gives an error and never a panic, and the same request gives the
// same events.
//
// Platforms, the adapter and the compositions import it.
package source
