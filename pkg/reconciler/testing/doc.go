// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package testing is what the reconcilers' tests share: listers made from
// objects, a factory of fake clients for Knative's TableTest, the rows every kind
// has in common, and Settle, which reconciles until nothing is left to write.
// Only tests import it.
package testing
