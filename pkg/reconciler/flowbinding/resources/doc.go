// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package resources says what the objects that a FlowBinding brings about look
// like, and whether one that exists looks like it should. It is pure: no client,
// no clock. Only the FlowBinding reconciler imports it.
package resources
