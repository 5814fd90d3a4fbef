// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package adapter

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/cloudevents/sdk-go/v2/binding"
	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
)

// Deliver takes one CloudEvent for a namespace and returns when it is safe. An
// error that wraps event.ErrInvalid or event.ErrTooLarge is the sender's fault and
// told to it; any other asks it to try again.
type Deliver func(ctx context.Context, namespace string, e cloudevents.Event) error

// namespaceName is an RFC 1123 label of at most 63 characters.
var namespaceName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// CloudEvents is a handler that takes CloudEvents, binary and structured, at
// <prefix><namespace>, as a broker does: POST only, 202 once the event is safe.
// Batches are refused.
func CloudEvents(prefix string, deliver Deliver) http.Handler {
	if !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		namespace, ok := strings.CutPrefix(r.URL.Path, prefix)
		switch {
		case !ok || r.URL.RawPath != "" || !namespaceName.MatchString(namespace):
			refuse(w, answer{status: http.StatusNotFound, text: "no namespace is served here"})
			return
		case r.Method != http.MethodPost:
			refuse(w, answer{status: http.StatusMethodNotAllowed, text: "events are sent with POST", allow: []string{http.MethodPost}})
			return
		}
		body, a, ok := readBody(w, r)
		if !ok {
			refuse(w, a)
			return
		}
		e, a := readEvent(r.Context(), r.Header, body)
		if a.status == 0 {
			a = deliverEvent(r.Context(), deliver, namespace, e)
		}
		if a.status != 0 {
			refuse(w, a)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	})
}

// readEvent reads and validates one event; the answer's status is zero when it is
// fine.
func readEvent(ctx context.Context, header http.Header, body []byte) (e cloudevents.Event, a answer) {
	// The SDK has panicked on headers before; what it can't read is invalid.
	defer func() {
		if p := recover(); p != nil {
			e, a = cloudevents.Event{}, invalid("its headers or data can't be read")
		}
	}()
	message := cehttp.NewMessage(header, io.NopCloser(bytes.NewReader(body)))
	switch message.ReadEncoding() {
	case binding.EncodingBatch:
		return e, unsupportedMedia("batches are not taken: send one CloudEvent per request")
	case binding.EncodingUnknown:
		if strings.HasPrefix(strings.ToLower(header.Get("Content-Type")), "application/cloudevents") {
			return e, unsupportedMedia("of the structured formats only application/cloudevents+json is taken")
		}
		return e, invalid("neither Content-Type nor Ce-Specversion says that it is a CloudEvent of version 1.0 or 0.3")
	default:
	}
	got, err := binding.ToEvent(ctx, message)
	if err != nil {
		return e, invalid(err.Error())
	}
	if err := got.Validate(); err != nil {
		return e, invalid(strings.TrimSpace(err.Error()))
	}
	return *got, answer{}
}

func deliverEvent(ctx context.Context, deliver Deliver, namespace string, e cloudevents.Event) (a answer) {
	defer func() {
		if p := recover(); p != nil {
			a = answerTo(panicked("accepting the event", p))
		}
	}()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), acceptTimeout)
	defer cancel()
	if err := deliver(ctx, namespace, e); err != nil {
		return answerToEvent(err)
	}
	return answer{}
}

func invalid(why string) answer {
	return answer{status: http.StatusBadRequest, text: truncate("not a valid CloudEvent: " + why)}
}

func unsupportedMedia(text string) answer {
	return answer{status: http.StatusUnsupportedMediaType, text: text}
}
