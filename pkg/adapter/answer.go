// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package adapter

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/source"
)

const (
	// maxText bounds what we say about an error, to senders and observers.
	maxText = 512
	// defaultRetry is how long a sender is asked to wait when nobody knows better.
	defaultRetry = 5 * time.Second
	// maxRetry bounds what a platform may make us say.
	maxRetry = time.Hour
)

// answer is how a request ends that didn't end well.
type answer struct {
	// status is the HTTP status code, zero when there is nothing to refuse.
	status int
	// text is for the sender, reason for the observer, who may know more.
	text, reason string
	// allow are the methods of a 405.
	allow []string
	// retryAfter is said when it isn't zero.
	retryAfter time.Duration
}

// panicError is a panic that was contained.
type panicError struct{ where string }

func (e *panicError) Error() string { return e.where }

// panicked describes a panic by its place. Its value may be anything, even a part
// of the request, so only the text of a runtime error is told.
func panicked(what string, value any) error {
	text := fmt.Sprintf("%T", value)
	var err runtime.Error
	if e, ok := value.(error); ok && errors.As(e, &err) {
		text = err.Error()
	}
	return &panicError{where: truncate("panic in " + what + ": " + text + panicPlace())}
}

// panicPlace is the line that panicked, found from inside the deferred function.
func panicPlace() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	for panicking := false; ; {
		f, more := frames.Next()
		inRuntime := strings.HasPrefix(f.Function, "runtime.")
		if panicking && !inRuntime {
			return " at " + f.Function + ":" + strconv.Itoa(f.Line)
		}
		panicking = panicking || inRuntime
		if !more {
			return ""
		}
	}
}

// misconfigured tells whether a route can't serve, and how that is answered.
func misconfigured(route Route) (answer, bool) {
	var said *source.Error
	switch {
	case errors.As(route.Err, &said):
		return unavailable("the trigger is misconfigured: "+said.Message, nil), false
	case route.Err != nil:
		return unavailable("the trigger is misconfigured", route.Err), false
	case route.Receiver == nil:
		return unavailable("the trigger takes no requests", nil), false
	default:
		return answer{}, true
	}
}

// unavailable asks the sender to try again. Only the observer hears of the error.
func unavailable(text string, err error) answer {
	reason := text
	if err != nil {
		reason += ": " + err.Error()
	}
	return answer{
		status: http.StatusServiceUnavailable, text: truncate(text), reason: truncate(reason),
		retryAfter: defaultRetry,
	}
}

// answerTo maps the error of a platform.
func answerTo(err error) answer {
	var p *panicError
	if errors.As(err, &p) {
		return answer{status: http.StatusInternalServerError, text: "internal error", reason: p.where}
	}
	var said *source.Error
	if !errors.As(err, &said) {
		return unavailable("the trigger can't take requests now", err)
	}
	text := truncate(said.Message)
	a := answer{text: text, reason: text}
	switch said.Kind {
	case source.Unauthenticated:
		a.status = http.StatusUnauthorized
	case source.Malformed:
		a.status = http.StatusBadRequest
		// The cause of a refused event says whether its size was the trouble.
		if errors.Is(said.Err, event.ErrTooLarge) {
			a.status = http.StatusRequestEntityTooLarge
		}
	case source.Unsupported:
		a.status, a.allow = http.StatusMethodNotAllowed, said.Allow
	case source.Unavailable, source.Refused:
		a.status, a.retryAfter = http.StatusServiceUnavailable, defaultRetry
		if said.RetryAfter > 0 {
			a.retryAfter = min(said.RetryAfter, maxRetry)
		}
	default:
		a.status, a.retryAfter = http.StatusServiceUnavailable, defaultRetry
	}
	return a
}

// answerToEvent maps what is wrong with an event.
func answerToEvent(err error) answer {
	text := truncate(err.Error())
	switch {
	case errors.Is(err, event.ErrTooLarge):
		return answer{status: http.StatusRequestEntityTooLarge, text: text, reason: text}
	case errors.Is(err, event.ErrInvalid):
		return answer{status: http.StatusBadRequest, text: text, reason: text}
	default:
		return unavailable("the event can't be taken now", err)
	}
}

// outcomeOf tells the sender's trouble from ours.
func outcomeOf(status int) Outcome {
	if status >= http.StatusInternalServerError {
		return Failed
	}
	return Rejected
}

// readBody reads at most event.MaxBytes; more is refused, never cut.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, answer, bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, event.MaxBytes))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		text := fmt.Sprintf("the body has more than %d bytes", event.MaxBytes)
		return nil, answer{status: http.StatusRequestEntityTooLarge, text: text, reason: text}, false
	case err != nil:
		text := "the body could not be read"
		return nil, answer{status: http.StatusBadRequest, text: text, reason: text}, false
	default:
		return body, answer{}, true
	}
}

// refuse answers with an error as a small JSON object.
func refuse(w http.ResponseWriter, a answer) {
	body, err := json.Marshal(map[string]string{"error": a.text})
	if err != nil { // a string is always encoded
		body = nil
	}
	h := w.Header()
	if len(a.allow) > 0 {
		h.Set("Allow", strings.Join(a.allow, ", "))
	}
	if a.retryAfter > 0 {
		seconds := (a.retryAfter + time.Second - 1) / time.Second
		h.Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	}
	reply(w, &source.Reply{Status: a.status, ContentType: "application/json", Body: body})
}

// reply writes an answer; nil is an empty 200. A sender that has gone by now
// finds out by trying again.
func reply(w http.ResponseWriter, r *source.Reply) {
	if r == nil {
		r = &source.Reply{}
	}
	h := w.Header()
	// Nobody guesses that what a sender wrote is HTML.
	h.Set("X-Content-Type-Options", "nosniff")
	if len(r.Body) > 0 {
		contentType := r.ContentType
		if contentType == "" {
			contentType = "text/plain; charset=utf-8"
		}
		h.Set("Content-Type", contentType)
	}
	status := r.Status
	if status < http.StatusOK || status > 599 {
		status = http.StatusOK
	}
	w.WriteHeader(status)
	if len(r.Body) > 0 {
		_, _ = w.Write(r.Body)
	}
}

// truncate bounds a text without splitting a character.
func truncate(s string) string {
	if len(s) <= maxText {
		return s
	}
	n := maxText
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
