// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package slack

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
	"unicode/utf8"

	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/source"
)

const (
	typeCommand = "slash_command"
	// maxFields bounds a form; a slash command has about fifteen.
	maxFields = 256
)

// placeholder tells whether a channel_name stands for a conversation that has no
// name, or one that Slack doesn't tell in a form.
func placeholder(channelName string) bool {
	return channelName == "directmessage" || channelName == "privategroup" || strings.HasPrefix(channelName, "mpdm-")
}

// readForm reads a verified form: a slash command, or something from a button.
func (r *receiver) readForm(body []byte) (source.Delivery, error) {
	if bytes.Count(body, []byte("&")) >= maxFields {
		return source.Delivery{}, malformed("the form has too many fields")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || !readable(form) {
		return source.Delivery{}, malformed("the form is broken")
	}
	return r.takeForm(form, body)
}

// takeForm makes a message of a slash command.
func (r *receiver) takeForm(form url.Values, body []byte) (source.Delivery, error) {
	switch {
	case form.Get("ssl_check") != "":
		return source.Delivery{}, nil
	case form.Has("payload"):
		return r.readInteraction([]byte(form.Get("payload")))
	case !strings.HasPrefix(form.Get("command"), "/") || form.Get("channel_id") == "":
		return source.Delivery{}, malformed("the form is no slash command")
	case !r.workspace(form.Get("team_id")):
		return ignored("its workspace is not one of allowed_workspaces"), nil
	}
	// The old verification token is a secret of the app.
	form.Del("token")
	return source.Delivery{Messages: []event.Message{command(form, body)}}, nil
}

// readable tells whether a form is UTF-8: anything else would change on its way.
func readable(form url.Values) bool {
	for key, values := range form {
		if !utf8.ValidString(key) || !utf8.ValidString(strings.Join(values, "")) {
			return false
		}
	}
	return true
}

func command(form url.Values, body []byte) event.Message {
	m := event.Message{
		ID:       commandID(form, body),
		Platform: name, Type: typeCommand, Source: name,
		Text:      strings.TrimSpace(form.Get("command") + " " + unescapes.Replace(form.Get("text"))),
		ChannelID: form.Get("channel_id"),
		User:      event.User{ID: form.Get("user_id"), Username: form.Get("user_name")},
		Metadata:  map[string]any{"event_type": typeCommand},
		Raw:       make(map[string]any, len(form)),
	}
	if n := form.Get("channel_name"); !placeholder(n) {
		m.ChannelName = n
	}
	for _, key := range []string{"command", "channel_name", "team_id", "team_domain", "api_app_id", "trigger_id"} {
		if v := form.Get(key); v != "" {
			m.Metadata[key] = v
		}
	}
	for key := range form {
		// Whoever has the response_url can post for half an hour, so it is a
		// secret and does not travel with the event.
		if key != "response_url" {
			m.Raw[key] = form.Get(key)
		}
	}
	return m
}

// commandID identifies one use of a command: by its trigger_id, which Slack
// makes for each, else by what was sent.
func commandID(form url.Values, body []byte) string {
	one := form.Get("trigger_id")
	if one == "" || len(one) > 128 {
		sum := sha256.Sum256(body)
		one = hex.EncodeToString(sum[:])
	}
	return strings.Join([]string{form.Get("team_id"), form.Get("channel_id"), one}, ":")
}
