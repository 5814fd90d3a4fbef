// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package adapter

import (
	"context"
	"net/http"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
)

// Deliver takes one CloudEvent for a namespace and returns when it is safe.
type Deliver func(ctx context.Context, namespace string, e cloudevents.Event) error

// CloudEvents is a handler that takes CloudEvents, binary and structured, at
// <prefix><namespace>, as a broker does.
func CloudEvents(prefix string, deliver Deliver) http.Handler {
	_, _ = prefix, deliver
	return http.NotFoundHandler()
}
