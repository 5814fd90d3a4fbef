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
	return source.Platform{Type: "Slack", NewReceiver: NewReceiver, NewStream: NewStream, NewMessenger: NewMessenger}
}
