// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package event

import "time"

// platformHTTP is the platform of plain webhooks, whose body is always to be
// had under ${event.body}.
const platformHTTP = "http"

// Data is what ${event.…} sees: the normalized fields under all the names that
// flows use for them, then the metadata, then the raw payload, each where the
// earlier ones left the name free. The user is a map {id, name, username, …}
// whose text is its id. The map is the caller's; what is nested in it is shared
// with the message and must not be changed.
func (m Message) Data() map[string]any {
	d := make(map[string]any, len(m.Raw)+len(m.Metadata)+24)
	for k, v := range m.Raw {
		d[k] = v
	}
	for k, v := range m.Metadata {
		d[k] = v
	}
	m.putIdentity(d)
	m.putPlace(d)
	m.putUser(d)
	m.putTime(d)
	fill(d, "message_id", d["ts"])
	fill(d, "message_id", m.ID)
	switch {
	case m.Raw == nil:
		fill(d, "body", m.Text)
	case m.Platform == platformHTTP:
		d["body"] = m.Raw
	default:
		fill(d, "body", m.Raw)
	}
	if len(m.Metadata) > 0 {
		d["metadata"] = m.Metadata
	}
	fill(d, "metadata", map[string]any{})
	return d
}

func (m Message) putIdentity(d map[string]any) {
	set(d, "id", m.ID)
	set(d, "platform", m.Platform)
	set(d, "type", m.Type)
	set(d, "text", m.Text)
	fill(d, "text", "")
	// A webhook may say itself where it comes from, so only what the message
	// says for certain goes before the payload.
	set(d, "source", m.Source)
	fill(d, "source", m.Platform)
}

func (m Message) putPlace(d map[string]any) {
	set(d, "channel", m.ChannelID)
	set(d, "channel_id", m.ChannelID)
	set(d, "channel_name", m.ChannelName)
	set(d, "thread_id", m.ThreadID)
	set(d, "thread_ts", m.ThreadID)
	set(d, "reply_to", m.ReplyTo)
	fillText(d, "chat_id", m.ChannelID)
}

func (m Message) putUser(d map[string]any) {
	u := m.User
	if u == (User{}) {
		return
	}
	name := u.DisplayName
	if name == "" {
		name = u.Username
	}
	if name == "" {
		name = u.ID
	}
	d["user"] = map[string]any{
		"id": u.ID, "name": name, "username": u.Username, "display_name": u.DisplayName,
		"email": u.Email, "is_bot": u.IsBot,
	}
	set(d, "user_id", u.ID)
	fillText(d, "username", u.Username)
	fillText(d, "from", u.ID)
}

func (m Message) putTime(d map[string]any) {
	if m.Timestamp.IsZero() {
		return
	}
	text := m.Timestamp.UTC().Format(time.RFC3339Nano)
	d["timestamp"] = text
	fill(d, "ts", text)
}

// set puts a value that isn't empty, whatever stood there.
func set(d map[string]any, key, value string) {
	if value != "" {
		d[key] = value
	}
}

// fill puts a value where none is.
func fill(d map[string]any, key string, value any) {
	if old, ok := d[key]; (!ok || old == nil) && value != nil {
		d[key] = value
	}
}

// fillText puts a text that isn't empty where none is.
func fillText(d map[string]any, key, value string) {
	if value != "" {
		fill(d, key, value)
	}
}
