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

const (
	// ExtensionTrigger is the CloudEvents extension that names the Trigger an
	// event came to, within the namespace of the broker.
	ExtensionTrigger = "aoftrigger"
	// ExtensionMatch is the CloudEvents extension that lists the bindings an
	// event was matched to at the edge, as |a|b|. Without it every binding of
	// the Trigger has to look for itself.
	ExtensionMatch = "aofmatch"
	// ExtensionReplayOf is the CloudEvents extension that names, by its id, the
	// event that this one is sent for again.
	ExtensionReplayOf = "aofreplayof"
	// ExtensionForce is the CloudEvents extension that, set to "true", has an event
	// run although another with its business key did (match.dedupe).
	ExtensionForce = "aofforce"
	// TypePrefix begins the type of every event of ours.
	TypePrefix = "dev.aof."

	// maxMatchBytes bounds the list of matched bindings, since in HTTP it is
	// one header.
	maxMatchBytes = 8 << 10
	// formatJSON is the content type of the data.
	formatJSON = "application/json"
)

// Source is the CloudEvents source of the events of a Trigger. Together with
// the id it identifies an event everywhere.
func Source(namespace, trigger string) string {
	return "/namespaces/" + namespace + "/triggers/" + trigger
}

// CloudEvent is the message as it travels: the type is
// dev.aof.<platform>.<type>, the source that of the Trigger, the id the
// message's, the subject its channel, the data its JSON form. Matched lists the
// identifiers of the bindings that matched; nil says that nobody looked, and a
// list too long for a header is left out, which means the same.
//
// The error wraps ErrInvalid or ErrTooLarge.
func (m Message) CloudEvent(namespace, trigger string, matched []string) (cloudevents.Event, error) {
	if namespace == "" || trigger == "" {
		return cloudevents.Event{}, fmt.Errorf("%w: namespace or trigger is empty", ErrInvalid)
	}
	m.Timestamp = m.Timestamp.UTC()
	data, err := m.encode()
	if err != nil {
		return cloudevents.Event{}, err
	}
	e := cloudevents.New()
	e.SetID(m.ID)
	e.SetSource(Source(namespace, trigger))
	e.SetType(TypePrefix + token(m.Platform) + "." + token(m.Type))
	if m.ChannelID != "" {
		e.SetSubject(truncate(m.ChannelID, maxIdentifier))
	}
	if !m.Timestamp.IsZero() {
		e.SetTime(m.Timestamp)
	}
	e.SetExtension(ExtensionTrigger, trigger)
	list, err := matchList(matched)
	if err != nil {
		return cloudevents.Event{}, err
	}
	if list != "" {
		e.SetExtension(ExtensionMatch, list)
	}
	// Not SetData: it would encode what is encoded already.
	e.SetDataContentType(formatJSON)
	e.DataEncoded = data
	if err := e.Validate(); err != nil {
		return cloudevents.Event{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return e, nil
}

// matchList joins identifiers so that one can be found with LIKE '%|id|%'.
func matchList(ids []string) (string, error) {
	if len(ids) == 0 {
		return "", nil
	}
	for _, id := range ids {
		if id == "" || strings.ContainsAny(id, "|%'\"\\\r\n") {
			return "", fmt.Errorf("%w: a matched binding has an identifier that can't be listed", ErrInvalid)
		}
	}
	list := "|" + strings.Join(ids, "|") + "|"
	if len(list) > maxMatchBytes {
		return "", nil
	}
	return list, nil
}

// Matched reads the list of bindings an event was matched to at the edge; false
// when nobody looked.
func Matched(e cloudevents.Event) ([]string, bool) {
	list, ok := e.Extensions()[ExtensionMatch].(string)
	if !ok {
		return nil, false
	}
	return strings.FieldsFunc(list, func(r rune) bool { return r == '|' }), true
}

// Forced says whether an event is to run although another with its business key
// did.
func Forced(e cloudevents.Event) bool {
	switch v := e.Extensions()[ExtensionForce].(type) {
	case string:
		return v == "true"
	case bool:
		return v
	default:
		return false
	}
}

// token makes a part of a CloudEvents type: lower case, and only letters,
// digits, dots, hyphens and underscores.
func token(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		default:
			return '_'
		}
	}, s)
}

// encodeJSON is json.Marshal without making three bytes of every bracket.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
