// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package slack

import (
	"aof.dev/operator/pkg/source"
)

// name is the platform's name in messages and targets.
const name = "slack"

// Platform is Slack for a registry.
func Platform() source.Platform {
	return source.Platform{Type: "Slack", NewReceiver: NewReceiver, NewMessenger: NewMessenger}
}

// NewReceiver makes the receiver of one Slack Trigger.
func NewReceiver(source.Settings) (source.Receiver, error) {
	return nil, source.Fail(source.Unsupported, name+" is not implemented yet")
}

// NewMessenger makes the messenger of one Slack Trigger; it needs bot_token.
func NewMessenger(source.Settings) (source.Messenger, error) {
	return nil, source.Fail(source.Unsupported, name+" is not implemented yet")
}
