// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package slack is the Slack platform: requests of the Events API and slash
// commands in, chat.postMessage out.
//
// What is verified: the v0 signature (HMAC-SHA256 over version, timestamp and
// raw body) in constant time, with a timestamp at most five minutes from now on
// either side; https://docs.slack.dev/authentication/verifying-requests-from-slack.
// Without a signing secret there is no receiver, and even the handshake is
// answered only when it is signed.
//
// What becomes an event: message, app_mention, reaction_added and slash
// commands, unless a bot wrote it. Two deliveries about one message (a retry, or
// a mention that is told as message and as app_mention) have one id: team,
// channel and timestamp.
//
// A Trigger with an app_token and no signing_secret is served in Socket Mode: the
// same events over a connection of ours, each acknowledged once it is safe.
//
// Slack tells channels by id. Their names are asked for (conversations.info)
// only when a filter names one, and remembered for a while.
//
// Compositions list it in a registry; nothing else imports it.
package slack
