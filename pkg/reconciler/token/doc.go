// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package token keeps short-lived API tokens in Secrets, so that a pod reads its
// token from its environment when it starts instead of waiting for a projected
// volume (ADR 0200). It promises that a token is renewed when half of its time is
// over, that it belongs to the ServiceAccount of now, and that nothing is written
// while both hold. Reconcilers import it; whoever uses a token does not.
package token
