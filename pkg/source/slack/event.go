// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package slack

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/source"
)

const (
	typeMessage  = "message"
	typeMention  = "app_mention"
	typeReaction = "reaction_added"

	// maxChallenge bounds what is echoed in the handshake.
	maxChallenge = 1 << 10
)

// envelope is what the Events API wraps around an event.
type envelope struct {
	Type      string `json:"type"`
	Challenge string `json:"challenge"`
	TeamID    string `json:"team_id"`
	AppID     string `json:"api_app_id"`
	EventID   string `json:"event_id"`
	// Authorizations name the installation an event was sent for.
	Authorizations []struct {
		UserID string `json:"user_id"`
		IsBot  bool   `json:"is_bot"`
	} `json:"authorizations"`
	Event json.RawMessage `json:"event"`
}

// head is the part of an event that tells whether it is for us. The rest of
// other events may look like anything.
type head struct {
	Type    string `json:"type"`
	Subtype string `json:"subtype"`
	BotID   string `json:"bot_id"`
	AppID   string `json:"app_id"`
}

// inner is an event we take.
type inner struct {
	User        string `json:"user"`
	Text        string `json:"text"`
	TS          string `json:"ts"`
	ThreadTS    string `json:"thread_ts"`
	EventTS     string `json:"event_ts"`
	Channel     string `json:"channel"`
	ChannelType string `json:"channel_type"`
	Reaction    string `json:"reaction"`
	ItemUser    string `json:"item_user"`
	Item        struct {
		Type    string `json:"type"`
		Channel string `json:"channel"`
		TS      string `json:"ts"`
	} `json:"item"`
}

// readEvent reads a verified request of the Events API.
func (r *receiver) readEvent(body []byte) (source.Delivery, error) {
	object, ok, err := event.ParseObject(body)
	if err != nil || !ok {
		return source.Delivery{}, malformed("the body is no JSON object")
	}
	var e envelope
	if json.Unmarshal(body, &e) != nil {
		return source.Delivery{}, malformed("the body is no request of the Events API")
	}
	switch e.Type {
	case "url_verification":
		if e.Challenge == "" || len(e.Challenge) > maxChallenge {
			return source.Delivery{}, malformed("the handshake has no challenge")
		}
		return source.Delivery{Reply: &source.Reply{
			Status: http.StatusOK, ContentType: "text/plain; charset=utf-8", Body: []byte(e.Challenge),
		}}, nil
	case "event_callback":
		raw, ok := object["event"].(map[string]any)
		if !ok {
			return source.Delivery{}, malformed("the request has no event")
		}
		return r.readCallback(e, raw)
	case "":
		return source.Delivery{}, malformed("the request has no type")
	default:
		return ignored("requests of this type are not taken"), nil
	}
}

func (r *receiver) readCallback(e envelope, raw map[string]any) (source.Delivery, error) {
	var h head
	if json.Unmarshal(e.Event, &h) != nil || h.Type == "" {
		return source.Delivery{}, malformed("the event has no type")
	}
	if why := r.unwanted(e, h); why != "" {
		return ignored(why), nil
	}
	var in inner
	if json.Unmarshal(e.Event, &in) != nil {
		return source.Delivery{}, malformed("the event has a field of the wrong type")
	}
	if r.isBot(e, in.User) {
		return ignored("the app's own bot caused it"), nil
	}
	m := event.Message{
		Platform: name, Type: h.Type, Source: name, User: event.User{ID: in.User}, Raw: raw,
		Metadata: map[string]any{"event_type": h.Type},
	}
	for key, value := range map[string]string{"team_id": e.TeamID, "event_id": e.EventID, "api_app_id": e.AppID, "channel_type": in.ChannelType} {
		if value != "" {
			m.Metadata[key] = value
		}
	}
	if h.Type == typeReaction {
		return readReaction(m, e, in)
	}
	return readMessage(m, e, in)
}

// unwanted says why an event is not for us; empty when it is.
func (r *receiver) unwanted(e envelope, h head) string {
	switch {
	case h.Type != typeMessage && h.Type != typeMention && h.Type != typeReaction:
		return "events of this type are not taken"
	case h.BotID != "" || h.Subtype == "bot_message":
		// Two bots that answer each other never stop.
		return "a bot wrote it"
	case h.AppID != "" && h.AppID == e.AppID:
		return "the app itself wrote it"
	case h.Subtype != "" && h.Subtype != "file_share" && h.Subtype != "thread_broadcast":
		// What people write has no subtype, but with a file or shown in the
		// channel as well. The others are edits, joins and the like.
		return "messages of this subtype are not taken"
	case !r.workspace(e.TeamID):
		return "its workspace is not one of allowed_workspaces"
	default:
		return ""
	}
}

func (r *receiver) workspace(team string) bool {
	w := r.config.workspaces
	return len(w) == 0 || slices.Contains(w, "*") || slices.Contains(w, team)
}

// isBot tells whether a user is the bot the event was sent to.
func (r *receiver) isBot(e envelope, user string) bool {
	if user == "" {
		return false
	}
	for _, a := range e.Authorizations {
		if a.IsBot && a.UserID == user {
			return true
		}
	}
	return user == r.config.botUserID
}

func readMessage(m event.Message, e envelope, in inner) (source.Delivery, error) {
	at, ok := parseTS(in.TS)
	if !ok || in.Channel == "" {
		return source.Delivery{}, malformed("the message has no channel or no valid ts")
	}
	m.ID = strings.Join([]string{e.TeamID, in.Channel, in.TS}, ":")
	m.Text, m.ChannelID, m.Timestamp = unescapes.Replace(in.Text), in.Channel, at
	m.ThreadID = in.ThreadTS
	if m.ThreadID == "" {
		m.ThreadID = in.TS
	}
	m.Metadata["ts"] = in.TS
	if m.Type == typeMessage {
		if finer := finerType(in.ChannelType); finer != "" {
			m.Metadata["event_type"] = typeMessage + "." + finer
		}
	}
	return source.Delivery{Messages: []event.Message{m}}, nil
}

func readReaction(m event.Message, e envelope, in inner) (source.Delivery, error) {
	if in.Item.Type != typeMessage {
		return ignored("the reaction is to no message"), nil
	}
	at, ok := parseTS(in.EventTS)
	if _, valid := parseTS(in.Item.TS); !ok || !valid || in.Item.Channel == "" || in.Reaction == "" || in.User == "" {
		return source.Delivery{}, malformed("the reaction has no name, user, channel or valid ts")
	}
	// The event's own ts tells a reaction that was taken back and given again
	// from one that was delivered again.
	m.ID = strings.Join([]string{e.TeamID, in.Item.Channel, in.Item.TS, in.User, in.Reaction, in.EventTS}, ":")
	m.Text = "reaction:" + in.Reaction
	m.ChannelID, m.ThreadID, m.Timestamp = in.Item.Channel, in.Item.TS, at
	m.Metadata["reaction"] = in.Reaction
	m.Metadata["item_ts"] = in.Item.TS
	m.Metadata["ts"] = in.Item.TS
	if in.ItemUser != "" {
		m.Metadata["item_user"] = in.ItemUser
	}
	answer := source.Answer{User: m.User, Channel: in.Item.Channel, Message: in.Item.TS, Thread: in.Item.TS, Reaction: in.Reaction}
	return source.Delivery{Messages: []event.Message{m}, Answers: []source.Answer{answer}}, nil
}

// finerType is the second part of the name under which apps subscribe to
// messages in a kind of channel.
func finerType(channelType string) string {
	switch channelType {
	case "channel":
		return "channels"
	case "group":
		return "groups"
	case "im", "mpim", "app_home":
		return channelType
	default:
		return ""
	}
}

// parseTS reads a timestamp of Slack, seconds and microseconds, which is also
// what identifies a message within its channel.
func parseTS(ts string) (time.Time, bool) {
	seconds, fraction, ok := strings.Cut(ts, ".")
	if !ok || len(seconds) == 0 || len(seconds) > 10 || len(fraction) != 6 {
		return time.Time{}, false
	}
	s, err := strconv.ParseUint(seconds, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	micros, err := strconv.ParseUint(fraction, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	return time.Unix(int64(s), int64(micros)*int64(time.Microsecond)).UTC(), true
}
