// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/source"
)

const (
	// defaultType is the type of a call that doesn't say more.
	defaultType = "webhook"
	// maxID bounds an id or type somebody else made.
	maxID = 128
	// maxHeader bounds the value of a header in the metadata.
	maxHeader = 256
	// headerEvent is GitHub's name for the kind of event.
	headerEvent = "X-Github-Event"
)

// idHeaders name a delivery, the most reliable first: proxies put an
// X-Request-Id on every attempt, so a delivery's own name goes before it.
var idHeaders = []string{"Idempotency-Key", "Webhook-Id", "X-Github-Delivery", "X-Request-Id"}

// toldHeaders are those that flows may see: none that could hold a credential.
var toldHeaders = []string{
	"Content-Type", "User-Agent", headerEvent, "X-Github-Delivery", "X-Gitlab-Event", "X-Event-Key", "X-Request-Id", "Webhook-Id",
}

// payload is the body, read.
type payload struct {
	object map[string]any
	text   string
}

// parse reads a JSON object, a form, or text. What claims to be JSON must be
// right; a body that is no text is refused, since nothing of it would be left.
func parse(req source.Request) (payload, error) {
	media := ""
	if t, _, err := mime.ParseMediaType(req.Header.Get("Content-Type")); err == nil {
		media = t
	}
	if media == "application/x-www-form-urlencoded" {
		// Callers such as curl -d claim a form whatever they send.
		if p, ok := parseForm(req.Body); ok {
			return p, nil
		}
	}
	object, _, err := event.ParseObject(req.Body)
	if err != nil {
		if !strings.HasPrefix(media, "text/") {
			return payload{}, &source.Error{Kind: source.Malformed, Message: err.Error(), Err: err}
		}
		object = nil
	}
	if object == nil && !utf8.Valid(req.Body) {
		return payload{}, source.Fail(source.Malformed, "the body is neither a JSON object nor text in UTF-8")
	}
	return payload{object: object, text: event.TextOf(object, req.Body)}, nil
}

// parseForm reads a form; one with a payload that is a JSON object, as GitHub
// sends it, is that object.
func parseForm(body []byte) (payload, bool) {
	if t := bytes.TrimSpace(body); !bytes.Contains(t, []byte("=")) || t[0] == '{' || t[0] == '[' || !utf8.Valid(body) {
		return payload{}, false
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return payload{}, false
	}
	if inner := form.Get("payload"); inner != "" {
		if object, ok, err := event.ParseObject([]byte(inner)); ok && err == nil {
			return payload{object: object, text: event.TextOf(object, []byte(inner))}, true
		}
	}
	object := make(map[string]any, len(form))
	for key, values := range form {
		if len(values) == 1 {
			object[key] = values[0]
			continue
		}
		list := make([]any, len(values))
		for i, v := range values {
			list[i] = v
		}
		object[key] = list
	}
	return payload{object: object, text: event.TextOf(object, body)}, true
}

// message is the event of a call.
func (r *receiver) message(req source.Request, p payload, now time.Time) event.Message {
	kind := eventType(req.Header, p.object)
	finer := kind
	if action := text(p.object, "action"); action != "" && sensible(action) {
		finer += "." + action
	}
	m := event.Message{
		ID: deliveryID(req, now), Platform: name, Type: kind,
		Text:      p.text,
		ChannelID: text(p.object, "channel"),
		Timestamp: now.UTC(),
		Metadata: map[string]any{
			"method": req.Method, "path": r.path, "event_type": finer, "headers": told(req.Header),
		},
		Raw: p.object,
	}
	if id := text(p.object, "user"); id != "" {
		m.User = event.User{ID: id}
	} else if sender, ok := p.object["sender"].(map[string]any); ok {
		login := text(sender, "login")
		m.User = event.User{ID: login, Username: login}
	}
	return m
}

// eventType is the kind of event in the words of the caller.
func eventType(h http.Header, object map[string]any) string {
	for _, t := range []string{h.Get(headerEvent), text(object, "type")} {
		if sensible(t) {
			return t
		}
	}
	return defaultType
}

// deliveryID is the caller's own id of the delivery. Without one two calls with
// one body are two events, told apart by their time.
func deliveryID(req source.Request, now time.Time) string {
	for _, header := range idHeaders {
		id := strings.TrimSpace(req.Header.Get(header))
		switch {
		case id == "":
		case sensible(id):
			return id
		default:
			sum := sha256.Sum256([]byte(id))
			return hex.EncodeToString(sum[:])
		}
	}
	h := sha256.New()
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(now.UnixNano())))
	h.Write(req.Body)
	return hex.EncodeToString(h.Sum(nil))
}

// sensible tells whether a foreign text can be an identifier as it is.
func sensible(s string) bool {
	if s == "" || len(s) > maxID || !utf8.ValidString(s) {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// told are the headers that flows may see.
func told(h http.Header) map[string]any {
	headers := map[string]any{}
	for _, header := range toldHeaders {
		if v := h.Get(header); v != "" && len(v) <= maxHeader && utf8.ValidString(v) {
			headers[header] = v
		}
	}
	return headers
}

// text is a string of an object, empty when it is something else.
func text(object map[string]any, key string) string {
	s, _ := object[key].(string)
	return s
}
