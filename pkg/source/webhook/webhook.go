// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/source"
)

// name is the platform's name in messages.
const name = "http"

// Platform is the HTTP webhook for a registry; its type is HTTP, also written
// Webhook.
func Platform() source.Platform {
	return source.Platform{Type: "HTTP", Aliases: []string{"Webhook"}, NewReceiver: NewReceiver}
}

// NewReceiver makes the receiver of one HTTP Trigger. A secret that is
// configured but empty or unresolved is an error: it would let everybody in.
func NewReceiver(s source.Settings) (source.Receiver, error) {
	c, err := readConfig(s.Config)
	if err != nil {
		return nil, err
	}
	return &receiver{config: c, path: "/" + s.Namespace + "/" + s.Name}, nil
}

// receiver serves one HTTP Trigger.
type receiver struct {
	config
	path string
}

var (
	_ source.Receiver = (*receiver)(nil)
	_ source.Warner   = (*receiver)(nil)
)

// Warnings are what deserves a word in the configuration.
func (r *receiver) Warnings() []string { return slices.Clone(r.warnings) }

// Receive takes one call: one message, answered with its id.
func (r *receiver) Receive(_ context.Context, req source.Request, now time.Time) (source.Delivery, error) {
	if !slices.Contains(r.methods, req.Method) {
		e := source.Fail(source.Unsupported, "the method is not one of those configured")
		e.Allow = slices.Clone(r.methods)
		return source.Delivery{}, e
	}
	if err := r.authenticate(req); err != nil {
		return source.Delivery{}, err
	}
	if err := r.checkHeaders(req.Header); err != nil {
		return source.Delivery{}, err
	}
	p, err := parse(req)
	if err != nil {
		return source.Delivery{}, err
	}
	m := r.message(req, p, now)
	if err := m.Check(); err != nil {
		// Its text is made of sizes and names of fields.
		return source.Delivery{}, &source.Error{Kind: source.Malformed, Message: err.Error(), Err: err}
	}
	answer, err := json.Marshal(acknowledgment{Accepted: true, ID: m.ID})
	if err != nil {
		return source.Delivery{}, &source.Error{Kind: source.Unavailable, Message: "the answer could not be written", Err: err}
	}
	return source.Delivery{
		Messages: []event.Message{m},
		Reply:    &source.Reply{Status: http.StatusAccepted, ContentType: "application/json", Body: answer},
	}, nil
}

// acknowledgment is the answer to a call.
type acknowledgment struct {
	Accepted bool   `json:"accepted"`
	ID       string `json:"id"`
}
