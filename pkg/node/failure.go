// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"aof.dev/operator/pkg/shell"
)

// The reasons of errors, beside those that pkg/shell gives.
const (
	// ReasonUnsupported: this kind, tool or action is not known here.
	ReasonUnsupported = "Unsupported"
	// ReasonInvalidConfig: the configuration makes no sense once it is rendered.
	ReasonInvalidConfig = "InvalidConfig"
	// ReasonTemplate: a text of the configuration can't be rendered.
	ReasonTemplate = "TemplateFailed"
	// ReasonRefused: a value would have changed what the node does, not only
	// what it says.
	ReasonRefused = "ValueRefused"
	// ReasonScript: a script or command ended with a status other than zero.
	ReasonScript = "ScriptFailed"
	// ReasonCommandNotFound: a program does not exist or is not allowed.
	ReasonCommandNotFound = "CommandNotFound"
	// ReasonParse: an output is not what the node was told to read it as.
	ReasonParse = "ParseFailed"
	// ReasonFile: a file can't be read or written.
	ReasonFile = "FileFailed"
	// ReasonRequest: a request got no answer.
	ReasonRequest = "RequestFailed"
	// ReasonStatus: a request was answered with a status of 400 or above.
	ReasonStatus = "HTTPStatus"
	// ReasonTimeout: the node's own time was up.
	ReasonTimeout = "Timeout"
	// ReasonSend: a message was not taken.
	ReasonSend = "SendFailed"
	// ReasonAgent: an agent or fleet did not answer.
	ReasonAgent = "AgentFailed"
)

// maxMessage bounds the message of an Error in bytes.
const maxMessage = 1024

func fail(reason, format string, args ...any) *Error {
	return &Error{Reason: reason, Message: bound(fmt.Sprintf(format, args...), maxMessage)}
}

// because gives an error its cause.
func (e *Error) because(err error) *Error {
	e.Err = err
	return e
}

func (e *Error) retryable(yes bool) *Error {
	e.Retryable = yes
	return e
}

// bound cuts a text to at most n bytes of valid UTF-8 and says so.
func bound(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// quote shows a piece of configuration.
func quote(s string) string { return fmt.Sprintf("%q", bound(s, 80)) }

// foreign turns the error of another package into one of ours. The end of the
// context and errors that are ours already pass.
func foreign(ctx context.Context, reason string, retryable bool, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	// The URL in these errors may hold a secret: a bot's token, a webhook's path.
	var located *url.Error
	if errors.As(err, &located) {
		err = located.Err
	}
	return fail(reason, "%v", err).because(err).retryable(retryable)
}

// shellError turns an error of pkg/shell into one of ours.
func shellError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	reason := shell.ReasonOf(err)
	if reason == "" {
		reason = shell.ReasonInternal
	}
	return fail(string(reason), "%v", err).because(err).retryable(reason == shell.ReasonTimeout)
}
