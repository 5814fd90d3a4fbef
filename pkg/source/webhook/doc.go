// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package webhook is the HTTP platform: a plain webhook that anything able to
// POST can call.
//
// What is verified, when a secret is configured: any of X-Hub-Signature-256
// (sha256= and the hex HMAC-SHA256 of the raw body), Authorization: Bearer with
// the secret, or X-AOF-Token with the secret, each in constant time. Headers
// that the configuration requires have to be there.
package webhook
