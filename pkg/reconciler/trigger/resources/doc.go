// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package resources makes the objects that a Trigger needs, each a pure function
// of what it is made from. Only pkg/reconciler/trigger imports it.
package resources
