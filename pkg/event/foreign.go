// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
)

// PlatformCloudEvent is the platform of an event that came to the broker
// without us and doesn't say more.
const PlatformCloudEvent = "cloudevent"

// typePing is the type of Knative's PingSource, which serves our schedules.
const typePing = "dev.knative.sources.ping"

// FromCloudEvent reads an event back. One that [Message.CloudEvent] made gives
// the message it was made from. Any other is normalized: its text is found as
// [TextOf] says; channel, user and thread are taken from the data where they
// have their usual names; extensions, subject and source become metadata; a data
// object becomes the raw payload.
//
// The error wraps ErrInvalid or ErrTooLarge.
func FromCloudEvent(e cloudevents.Event) (Message, error) {
	if err := e.Validate(); err != nil {
		return Message{}, fmt.Errorf("%w: %s", ErrInvalid, truncate(err.Error(), maxIdentifier))
	}
	data := e.Data()
	if len(data) > MaxBytes-attributeBytes {
		return Message{}, fmt.Errorf("%w: its data has %d bytes, at most %d are allowed", ErrTooLarge, len(data), MaxBytes-attributeBytes)
	}
	if m, ok := ours(e, data); ok {
		return m, nil
	}
	return foreign(e, data)
}

// ours decodes the data of an event of our own making. Attributes and data have
// to tell the same story, else somebody else wrote it.
func ours(e cloudevents.Event, data []byte) (Message, bool) {
	if !strings.HasPrefix(e.Type(), TypePrefix) {
		return Message{}, false
	}
	object, ok, err := ParseObject(data)
	if !ok || err != nil {
		return Message{}, false
	}
	var m Message
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if d.Decode(&m) != nil || m.ID != e.ID() || e.Type() != TypePrefix+token(m.Platform)+"."+token(m.Type) {
		return Message{}, false
	}
	// The same numbers as at the source, see ParseObject.
	m.Raw, _ = object["raw"].(map[string]any)
	m.Metadata, _ = object["metadata"].(map[string]any)
	return m, true
}

func foreign(e cloudevents.Event, data []byte) (Message, error) {
	object, _, err := ParseObject(data)
	if err != nil {
		return Message{}, fmt.Errorf("data: %w", err)
	}
	platform, kind := foreignType(e.Type())
	m := Message{
		ID: e.ID(), Platform: platform, Type: kind, Source: first(object, "source"),
		Text:      TextOf(object, data),
		ChannelID: first(object, "channel_id", "channel", "chat_id"), ChannelName: strings.TrimPrefix(first(object, "channel_name"), "#"),
		ThreadID:  first(object, "thread_ts", "thread_id"),
		User:      foreignUser(object),
		Timestamp: e.Time().UTC(),
		Metadata:  foreignMetadata(e, object),
		Raw:       object,
	}
	if m.Source == "" {
		m.Source = e.Source()
	}
	if said := first(object, "platform"); platform == PlatformCloudEvent && said != "" {
		m.Platform = token(truncate(said, maxIdentifier))
	}
	return m, nil
}

// foreignType finds the platform in the type of an event.
func foreignType(t string) (platform, kind string) {
	if rest, ok := strings.CutPrefix(t, TypePrefix); ok {
		if platform, kind, ok := strings.Cut(rest, "."); ok && platform != "" && kind != "" {
			return platform, kind
		}
	}
	if t == typePing {
		return "schedule", "tick"
	}
	return PlatformCloudEvent, t
}

// foreignUser reads a user given as an id or as an object.
func foreignUser(object map[string]any) User {
	if u, ok := object["user"].(map[string]any); ok {
		bot, _ := u["is_bot"].(bool)
		return User{
			ID: first(u, "id", "user_id"), Username: first(u, "username"), DisplayName: first(u, "display_name", "name"),
			Email: first(u, "email"), IsBot: bot,
		}
	}
	return User{ID: first(object, "user_id", "user"), Username: first(object, "username", "user_name")}
}

func foreignMetadata(e cloudevents.Event, object map[string]any) map[string]any {
	m := map[string]any{}
	if given, ok := object["metadata"].(map[string]any); ok {
		for k, v := range given {
			m[k] = v
		}
	}
	for name, v := range e.Extensions() {
		if name == ExtensionTrigger || name == ExtensionMatch {
			continue
		}
		if s, ok := scalar(v); ok {
			m[name] = s
		} else {
			m[name] = fmt.Sprint(v)
		}
	}
	m["source"] = e.Source()
	if s := e.Subject(); s != "" {
		m["subject"] = s
	}
	return m
}

// first is the first of the keys whose value is a scalar that isn't empty.
func first(object map[string]any, keys ...string) string {
	for _, key := range keys {
		if s, ok := scalar(object[key]); ok && s != "" {
			return s
		}
	}
	return ""
}
