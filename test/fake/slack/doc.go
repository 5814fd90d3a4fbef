// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package slack is a Slack for tests: an HTTP server with the methods of the Web
// API that the product calls, which records what it was sent and fails when it
// is told to, and the requests that Slack itself would make.
//
// It promises to be as strict as Slack where that matters: a wrong token, an
// unknown channel and an empty message are errors, and every message gets a ts
// of its own. Nothing here waits for time.
//
// Only tests import it, as fakeslack.
package slack
