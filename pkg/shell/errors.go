// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"errors"
	"fmt"
)

// Reason says why a script could not be run to its end. It is a CamelCase noun
// phrase, fit for a condition or an event.
type Reason string

const (
	// ReasonSyntax means that the script does not parse, or uses a construct that
	// is refused whatever the policy (eval, process substitution).
	ReasonSyntax Reason = "ScriptSyntax"
	// ReasonTimeout means that the script was still running when its time was up.
	ReasonTimeout Reason = "Timeout"
	// ReasonCanceled means that the caller's context ended first.
	ReasonCanceled Reason = "Canceled"
	// ReasonLimit means that the script passed one of its Limits.
	ReasonLimit Reason = "LimitExceeded"
	// ReasonCommandNotFound means that the program does not exist on PATH.
	ReasonCommandNotFound Reason = "CommandNotFound"
	// ReasonDenied means that the policy does not allow it.
	ReasonDenied Reason = "Denied"
	// ReasonInternal means that the interpreter or the operating system failed.
	ReasonInternal Reason = "ShellFailed"
)

// Error is what Run and Exec return when there is no exit status to speak of:
// a script that ends by itself, with whatever status, is no error.
type Error struct {
	Reason  Reason
	Message string // one line, bounded, never holds the values of variables
	Err     error  // what lies beneath, may be nil
}

// Error gives the message.
func (e *Error) Error() string { return e.Message }

// Unwrap gives what lies beneath.
func (e *Error) Unwrap() error { return e.Err }

// ReasonOf gives the reason of an error of this package, "" of any other.
func ReasonOf(err error) Reason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

// maxMessage bounds an error's text in bytes.
const maxMessage = 512

func newError(reason Reason, err error, format string, args ...any) *Error {
	return &Error{Reason: reason, Message: bound(fmt.Sprintf(format, args...), maxMessage), Err: err}
}

// bound cuts s to at most n bytes and says so.
func bound(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}
