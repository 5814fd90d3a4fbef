// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package event

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// MaxBytes bounds an event in its structured JSON form. What is larger is
// refused at the edge, before anybody was told that it was accepted.
const MaxBytes = 256 << 10

// attributeBytes is the room kept inside MaxBytes for the attributes of a
// CloudEvent: identifiers, source, time and the list of matched bindings.
const attributeBytes = 16 << 10

// maxIdentifier bounds the identifiers that become attributes of a CloudEvent.
const maxIdentifier = 256

var (
	// ErrTooLarge is wrapped by errors about an event above MaxBytes.
	ErrTooLarge = errors.New("event is too large")
	// ErrInvalid is wrapped by errors about an event that lacks what every
	// event must have, or whose data can't be read.
	ErrInvalid = errors.New("event is invalid")
)

// User is who caused an event, as far as the platform tells.
type User struct {
	// ID is the platform's stable identifier, such as U012AB3CD.
	ID string `json:"id,omitempty"`
	// Username is the handle, which its owner may change.
	Username string `json:"username,omitempty"`
	// DisplayName is what people see. Anybody can choose anybody's name, so
	// it is for showing only and never matched against a filter.
	DisplayName string `json:"display_name,omitempty"`
	// Email is set when the platform tells it.
	Email string `json:"email,omitempty"`
	// IsBot tells a program from a person.
	IsBot bool `json:"is_bot,omitempty"`
}

// Message is one event of any platform in its normalized form. Its JSON form is
// the data of the CloudEvent.
type Message struct {
	// ID identifies the delivery within the trigger it came to: the platform's
	// own delivery id where it has one, so that a delivery sent again has the
	// same. Required.
	ID string `json:"id"`
	// Platform is the lower-case name of where it came from: slack, http,
	// telegram; cloudevent for an event that came to the broker without us.
	Platform string `json:"platform"`
	// Type is the platform's kind of event: message, app_mention,
	// reaction_added, slash_command, push.
	Type string `json:"type"`
	// Source is what ${event.source} shows: the platform's name, or the source
	// attribute of an event that came to the broker without us.
	Source string `json:"source,omitempty"`
	// Text is what patterns are matched against.
	Text string `json:"text,omitempty"`
	// ChannelID is the stable identifier of the conversation.
	ChannelID string `json:"channel_id,omitempty"`
	// ChannelName is the name of the conversation without a leading #; empty
	// when nobody needed it, since it may cost a call to the platform.
	ChannelName string `json:"channel_name,omitempty"`
	// ThreadID is the thread a reply belongs into.
	ThreadID string `json:"thread_id,omitempty"`
	// ReplyTo is the message this one answers, on platforms without threads.
	ReplyTo string `json:"reply_to,omitempty"`
	// User is who caused it.
	User User `json:"user,omitzero"`
	// Timestamp is when it happened, by the platform's clock.
	Timestamp time.Time `json:"timestamp,omitzero"`
	// Metadata holds the platform's further facts. Conditions compare with it.
	Metadata map[string]any `json:"metadata,omitempty"`
	// Raw is the platform's payload without its secrets, when that was a JSON
	// object or a form.
	Raw map[string]any `json:"raw,omitempty"`
}

// Check tells whether the message can travel: it has an id, a platform and a
// type of sensible length in UTF-8, and fits into MaxBytes together with its attributes.
// The error wraps ErrInvalid or ErrTooLarge.
func (m Message) Check() error {
	_, err := m.encode()
	return err
}

// encode is the JSON form, checked.
func (m Message) encode() ([]byte, error) {
	for _, f := range []struct{ name, value string }{{"id", m.ID}, {"platform", m.Platform}, {"type", m.Type}} {
		if f.value == "" {
			return nil, fmt.Errorf("%w: %s is empty", ErrInvalid, f.name)
		}
		if !utf8.ValidString(f.value) {
			return nil, fmt.Errorf("%w: %s is not UTF-8", ErrInvalid, f.name)
		}
		if len(f.value) > maxIdentifier {
			return nil, fmt.Errorf("%w: %s has %d bytes, at most %d are allowed", ErrInvalid, f.name, len(f.value), maxIdentifier)
		}
	}
	data, err := encodeJSON(m)
	if err != nil {
		return nil, fmt.Errorf("%w: encode %s event: %w", ErrInvalid, m.Platform, err)
	}
	if limit := MaxBytes - attributeBytes; len(data) > limit {
		return nil, fmt.Errorf("%w: its data has %d bytes, at most %d are allowed", ErrTooLarge, len(data), limit)
	}
	return data, nil
}
