// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"aof.dev/operator/pkg/source"
)

// Platform is the HTTP webhook for a registry; its type is HTTP, also written
// Webhook.
func Platform() source.Platform {
	return source.Platform{Type: "HTTP", Aliases: []string{"Webhook"}, NewReceiver: NewReceiver}
}

// NewReceiver makes the receiver of one HTTP Trigger.
func NewReceiver(source.Settings) (source.Receiver, error) {
	return nil, source.Fail(source.Unsupported, "HTTP is not implemented yet")
}
