// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package slack

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Header is the header of a request that Slack makes at now: its signature, and
// the type of the body, which is JSON or a form.
func Header(secret string, now time.Time, body []byte) http.Header {
	timestamp := strconv.FormatInt(now.Unix(), 10)
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte("v0:" + timestamp + ":"))
	h.Write(body)
	contentType := "application/x-www-form-urlencoded"
	if json.Valid(body) {
		contentType = "application/json"
	}
	return http.Header{
		"Content-Type":              {contentType},
		"X-Slack-Request-Timestamp": {timestamp},
		"X-Slack-Signature":         {"v0=" + hex.EncodeToString(h.Sum(nil))},
	}
}

// SignedRequest is a request that Slack makes at now. The url is the test's own,
// so one that is none is a panic.
func SignedRequest(ctx context.Context, url, secret string, now time.Time, body []byte) *http.Request {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header = Header(secret, now, body)
	return req
}

// MessageEvent is the body that tells of a message somebody wrote.
func MessageEvent(channel, user, ts, text string) []byte {
	return Event(map[string]any{
		"type": "message", "channel": channel, "channel_type": "channel", "user": user, "ts": ts, "event_ts": ts, "text": text, "team": Team,
	})
}

// MentionEvent is the body that tells of a message in which the bot was named.
func MentionEvent(channel, user, ts, text string) []byte {
	return Event(map[string]any{
		"type": "app_mention", "channel": channel, "user": user, "ts": ts, "event_ts": ts, "text": text, "team": Team,
	})
}

// ReactionEvent is the body that tells of a reaction to a message.
func ReactionEvent(channel, user, itemTS, reaction, eventTS string) []byte {
	return Event(map[string]any{
		"type": "reaction_added", "user": user, "reaction": reaction, "item_user": BotUser, "event_ts": eventTS,
		"item": map[string]any{"type": "message", "channel": channel, "ts": itemTS},
	})
}

// Event is the body that tells of an event, with further fields of the envelope.
func Event(event map[string]any, envelope ...map[string]any) []byte {
	body := map[string]any{
		"type": "event_callback", "team_id": Team, "api_app_id": App, "event": event,
		"event_id": fmt.Sprintf("Ev%s%s", event["type"], event["event_ts"]), "event_time": 1800000000,
		"authorizations": []any{map[string]any{"team_id": Team, "user_id": BotUser, "is_bot": true}},
		"token":          VerificationToken,
	}
	for _, further := range envelope {
		maps.Copy(body, further)
	}
	return mustEncode(body)
}

// VerificationToken is the secret that Slack still sends in every body.
const VerificationToken = "fakeVerificationToken"

// ChallengeEvent is the body of the handshake.
func ChallengeEvent(challenge string) []byte {
	return mustEncode(map[string]any{"type": "url_verification", "challenge": challenge, "token": VerificationToken})
}

// Press is the body that tells of a button that was pressed under a message.
func Press(channel, ts, user, action, value string) []byte {
	return []byte(url.Values{"payload": {string(PressPayload(channel, ts, user, action, value))}}.Encode())
}

// PressPayload is what Press wraps into a form; Socket Mode sends it as it is.
func PressPayload(channel, ts, user, action, value string) []byte {
	return mustEncode(map[string]any{
		"type": "block_actions", "team": map[string]any{"id": Team}, "user": map[string]any{"id": user, "username": "name-of-" + user},
		"channel": map[string]any{"id": channel}, "message": map[string]any{"ts": ts}, "api_app_id": App, "token": VerificationToken,
		"actions": []any{map[string]any{"action_id": action, "value": value, "type": "button"}},
	})
}

// Command is the body of a slash command.
func Command(channel, user, command, text string) []byte {
	return []byte(url.Values{
		"token": {VerificationToken}, "team_id": {Team}, "team_domain": {"fake"}, "api_app_id": {App},
		"channel_id": {channel}, "channel_name": {"privategroup"}, "user_id": {user}, "user_name": {"somebody"},
		"command": {command}, "text": {text}, "trigger_id": {"123.456." + user},
		"response_url": {"https://hooks.slack.invalid/commands/1/2/3"},
	}.Encode())
}

func mustEncode(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return body
}
