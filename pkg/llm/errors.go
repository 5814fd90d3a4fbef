// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Kind sorts a provider's errors by what can be done about them.
type Kind string

// The kinds of Error.
const (
	// Auth: the credentials are missing or refused. Somebody has to act.
	Auth Kind = "Auth"
	// RateLimit: the provider's rate or quota is used up.
	RateLimit Kind = "RateLimit"
	// Overloaded: the provider has no capacity now.
	Overloaded Kind = "Overloaded"
	// BadRequest: the request is wrong and will stay wrong: unknown model,
	// input too long, an unsupported parameter.
	BadRequest Kind = "BadRequest"
	// ContentFilter: the provider refused the content or its own reply.
	ContentFilter Kind = "ContentFilter"
	// Timeout: no reply in time, or the caller's context ended.
	Timeout Kind = "Timeout"
	// Unavailable: the provider can't be reached, failed inside, or answered
	// with something that is no reply.
	Unavailable Kind = "Unavailable"
)

// ParseKind finds the kind that is named s, in any case.
func ParseKind(s string) (Kind, bool) {
	for _, k := range []Kind{Auth, RateLimit, Overloaded, BadRequest, ContentFilter, Timeout, Unavailable} {
		if strings.EqualFold(s, string(k)) {
			return k, true
		}
	}
	return "", false
}

// MaxMessageBytes bounds Error.Message.
const MaxMessageBytes = 512

// Error is what a Provider or an Opener returns when it fails.
type Error struct {
	// Kind says what sort of failure it is.
	Kind Kind
	// Provider names the provider, for example "openai".
	Provider string
	// Message says what happened, at most MaxMessageBytes long and without
	// credentials.
	Message string
	// Retryable says that the same request may succeed later.
	Retryable bool
	// Err is the cause when it is safe to show: a context's error or nil.
	Err error
}

// NewError builds an Error with the retry advice that goes with its kind and
// a message cut to its bound.
func NewError(kind Kind, provider, format string, args ...any) *Error {
	return &Error{
		Kind:      kind,
		Provider:  provider,
		Message:   Shorten(fmt.Sprintf(format, args...), MaxMessageBytes),
		Retryable: kind.retryable(),
	}
}

// Error says the provider, the kind and the message.
func (e *Error) Error() string {
	if e.Provider == "" {
		return fmt.Sprintf("model: %s: %s", e.Kind, e.Message)
	}
	return fmt.Sprintf("model provider %s: %s: %s", e.Provider, e.Kind, e.Message)
}

// Unwrap returns the cause, if one is kept.
func (e *Error) Unwrap() error { return e.Err }

// ContextError is the Timeout that a provider returns when ctx ended the call:
// the deadline may be worth another try, a cancellation is not.
func ContextError(provider string, cause error) *Error {
	e := NewError(Timeout, provider, "no reply before the call was ended: %v", cause)
	e.Err = cause
	e.Retryable = errors.Is(cause, context.DeadlineExceeded)
	return e
}

func (k Kind) retryable() bool {
	switch k {
	case RateLimit, Overloaded, Timeout, Unavailable:
		return true
	case Auth, BadRequest, ContentFilter:
		return false
	}
	return false
}

// Shorten cuts s to at most limit bytes at a character's border, marks the cut
// with "…" and replaces control characters, so that foreign text can stand in
// one line of an error.
func Shorten(s string, limit int) string {
	const mark = "…"
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) <= limit {
		return s
	}
	cut := max(limit-len(mark), 0)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + mark
}
