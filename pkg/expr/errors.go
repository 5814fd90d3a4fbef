// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"errors"
	"fmt"
)

// Bounds of the package. They are far above what a person writes and far below what hurts.
const (
	// MaxSource is the longest template or condition in bytes.
	MaxSource = 64 << 10
	// MaxScript is the longest shell script in bytes; scripts may carry data and so may be longer.
	MaxScript = 256 << 10
	// MaxDepth is how deep defaults, parentheses, negations and quotes may be nested.
	MaxDepth = 64
	// MaxRendered is the longest text in bytes that rendering may produce, and the most bytes that the
	// variables of one bound script may hold together.
	MaxRendered = 1 << 20
)

// ErrTooLarge is returned when a rendered text would be longer than MaxRendered.
var ErrTooLarge = errors.New("rendered text is larger than 1 MiB")

// SyntaxError says what is wrong with a template, script or condition and where. The message never
// repeats more than a few words of the source.
type SyntaxError struct {
	// Offset is the byte offset into the source at which the trouble begins.
	Offset int
	// Message is one lower-case sentence for the author of the text.
	Message string
}

// Error returns the message with its offset.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s (at offset %d)", e.Message, e.Offset)
}

func syntaxErrorf(offset int, format string, args ...any) *SyntaxError {
	return &SyntaxError{Offset: offset, Message: fmt.Sprintf(format, args...)}
}

// excerpt cuts a piece of source down to what may stand in an error message.
func excerpt(s string) string {
	const most = 40
	r := []rune(s[:min(len(s), 4*most+4)])
	if len(r) <= most {
		return string(r)
	}
	return string(r[:most]) + "…"
}
