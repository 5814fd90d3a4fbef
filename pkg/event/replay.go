// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package event

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
)

// ofTheWay are the extensions that an event got on its way: they say who was to
// have it, and how it fared.
var ofTheWay = []string{ExtensionMatch, ExtensionForce, "aofrun", "traceparent", "tracestate"}

// prefixKnative begins the extensions that brokers set.
const prefixKnative = "knative"

// Replay makes the event that sends a stored one again: another id, made from the
// id it had first and a token that no other replay has, so that it is not taken for
// the one that was dealt with; the first id in ExtensionReplayOf; and nothing of
// what it got on its way. All else is as it was. The token is a part of an id.
func Replay(stored cloudevents.Event, token string) cloudevents.Event {
	e := stored.Clone()
	original, _ := e.Extensions()[ExtensionReplayOf].(string)
	if original == "" {
		original = e.ID()
	}
	for _, name := range ofTheWay {
		e.SetExtension(name, nil)
	}
	for name := range stored.Extensions() {
		if strings.HasPrefix(name, prefixKnative) {
			e.SetExtension(name, nil)
		}
	}
	suffix := "+replay-" + token
	id := original + suffix
	if len(id) > maxIdentifier {
		sum := sha256.Sum256([]byte(original))
		id = hex.EncodeToString(sum[:16]) + suffix
	}
	e.SetID(id)
	e.SetExtension(ExtensionReplayOf, original)
	return e
}
