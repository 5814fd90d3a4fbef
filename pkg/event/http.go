// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package event

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/cloudevents/sdk-go/v2/binding"
	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
)

// MaxRequestBytes bounds the body of a request that brings one event: an event
// of MaxBytes whose data was encoded in base64 by whoever passed it on.
const MaxRequestBytes = MaxBytes + MaxBytes/2

// ErrMedia is returned by FromRequest for what is no single CloudEvent in a form
// that is read: a batch, or another structured format than JSON.
var ErrMedia = errors.New("not a single CloudEvent in JSON")

// FromRequest reads the CloudEvent of an HTTP request, binary or structured,
// from its headers and its body, which the caller has bounded. The error wraps
// ErrMedia or ErrInvalid and says for people what is wrong.
func FromRequest(ctx context.Context, header http.Header, body []byte) (e cloudevents.Event, err error) {
	// The SDK has panicked on headers before; what it can't read is invalid.
	defer func() {
		if p := recover(); p != nil {
			e, err = cloudevents.Event{}, fmt.Errorf("%w: its headers or data can't be read", ErrInvalid)
		}
	}()
	message := cehttp.NewMessage(header, io.NopCloser(bytes.NewReader(body)))
	switch message.ReadEncoding() {
	case binding.EncodingBatch:
		return e, fmt.Errorf("%w: batches are not taken, send one CloudEvent per request", ErrMedia)
	case binding.EncodingUnknown:
		if strings.HasPrefix(strings.ToLower(header.Get("Content-Type")), "application/cloudevents") {
			return e, fmt.Errorf("%w: of the structured formats only application/cloudevents+json is taken", ErrMedia)
		}
		return e, fmt.Errorf("%w: neither Content-Type nor Ce-Specversion says that it is a CloudEvent of version 1.0 or 0.3", ErrInvalid)
	default:
	}
	got, err := binding.ToEvent(ctx, message)
	if err == nil {
		err = got.Validate()
	}
	if err != nil {
		return e, fmt.Errorf("%w: %s", ErrInvalid, truncate(strings.TrimSpace(err.Error()), maxIdentifier))
	}
	return *got, nil
}
