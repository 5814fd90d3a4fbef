// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"errors"
	"time"
)

// Kind says what kind of trouble an Error is, and so who can do something
// about it.
type Kind string

const (
	// Unauthenticated says that the request doesn't prove who sent it, or the secret
	// to check that with isn't configured.
	Unauthenticated Kind = "Unauthenticated"
	// Malformed says that what was sent, or configured, can't be read.
	Malformed Kind = "Malformed"
	// Unsupported says that it was understood, but is nothing we take.
	Unsupported Kind = "Unsupported"
	// Unavailable says that it may work later; the sender should try again.
	Unavailable Kind = "Unavailable"
	// Refused says that the platform understood, said no, and will say so again.
	Refused Kind = "Refused"
)

// Error is what receivers and messengers return. Its text is safe to show to
// the sender: bounded, and without secrets or what was sent.
type Error struct {
	// Kind is the kind of trouble.
	Kind Kind
	// Message says what was wrong and where.
	Message string
	// Allow lists the HTTP methods that would have been right, for an
	// Unsupported one that came with another.
	Allow []string
	// RetryAfter is how long the platform asked to wait; zero when it didn't.
	RetryAfter time.Duration
	// Err is the cause, if another error was. It is not part of the text.
	Err error
}

// Error is the message.
func (e *Error) Error() string { return e.Message }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf is the kind of an error; one that isn't an [*Error] counts as
// Unavailable, since it may well go away.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Unavailable
}

// Fail makes an Error of a kind. The message is a constant of the caller or made
// from bounded, harmless parts.
func Fail(kind Kind, message string) *Error { return &Error{Kind: kind, Message: message} }
