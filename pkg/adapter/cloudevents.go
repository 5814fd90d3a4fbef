// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package adapter

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"

	"aof.dev/operator/pkg/event"
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
		e, err := event.FromRequest(r.Context(), r.Header, body)
		if err != nil {
			refuse(w, unreadable(err))
			return
		}
		if a := deliverEvent(r.Context(), deliver, namespace, e); a.status != 0 {
			refuse(w, a)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	})
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

// unreadable says what is wrong with a request that holds no event.
func unreadable(err error) answer {
	if errors.Is(err, event.ErrMedia) {
		return answer{status: http.StatusUnsupportedMediaType, text: truncate(err.Error())}
	}
	why := strings.TrimPrefix(err.Error(), event.ErrInvalid.Error()+": ")
	return answer{status: http.StatusBadRequest, text: truncate("not a valid CloudEvent: " + why)}
}
