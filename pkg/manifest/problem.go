// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Level says how much a Problem weighs.
type Level int

const (
	// LevelError makes the object it stands at invalid.
	LevelError Level = iota
	// LevelWarning is worth reading and fails nothing, such as a reference to an
	// object that is not among the files (it may live in the cluster).
	LevelWarning
	// LevelSkipped reports a document that is no AOF object and was passed over.
	LevelSkipped
)

// String gives the word shown to people: error, warning or skipped.
func (l Level) String() string {
	switch l {
	case LevelWarning:
		return "warning"
	case LevelSkipped:
		return "skipped"
	case LevelError:
		return "error"
	}
	return "level " + strconv.Itoa(int(l))
}

// MarshalText writes the level as its word.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// Problem is one thing worth saying about the input, with the place it stands at.
// Its zero Level is an error.
type Problem struct { //nolint:errname // it is a finding to show; that it is an error too only lets it be wrapped
	// File is the path as it was found, or "<stdin>".
	File string `json:"file"`
	// Line counts from 1; 0 when the problem is not in a line (an unreadable file).
	Line int `json:"line,omitempty"`
	// Kind and Name say which object, as far as that is known.
	Kind string `json:"kind,omitempty"`
	Name string `json:"name,omitempty"`
	// Field is the path inside the object, such as spec.connections[2].to.
	Field string `json:"field,omitempty"`
	// Message says what is wrong, in one line of bounded length.
	Message string `json:"message"`
	// Level says how much the problem weighs; an error when empty.
	Level Level `json:"level"`
	// ObjectLine is where the object begins; 0 when the problem is in none.
	ObjectLine int `json:"-"`
	// Unreadable marks a path that could not be read at all: the input is at
	// fault before any object is.
	Unreadable bool `json:"-"`
}

// String gives the problem as one line:
// path/file.yaml:31: AgentFlow/deploy: spec.connections[2].to: unknown node "x".
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		b.WriteString(":")
		b.WriteString(strconv.Itoa(p.Line))
	}
	b.WriteString(": ")
	if p.Level != LevelError {
		b.WriteString(p.Level.String())
		b.WriteString(": ")
	}
	if p.Kind != "" {
		b.WriteString(p.Kind)
		if p.Name != "" {
			b.WriteString("/" + p.Name)
		}
		b.WriteString(": ")
	}
	if p.Field != "" {
		b.WriteString(p.Field)
		b.WriteString(": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Error makes a Problem an error, so that it can be wrapped and joined.
func (p Problem) Error() string { return p.String() }

// Errors gives the problems that make the input invalid, in their order.
func Errors(problems []Problem) []Problem {
	return slices.DeleteFunc(slices.Clone(problems), func(p Problem) bool { return p.Level != LevelError })
}

// Sort orders problems by file, line, field and message, and drops exact repeats.
func Sort(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(
			strings.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			strings.Compare(a.Field, b.Field),
			cmp.Compare(a.Level, b.Level),
			strings.Compare(a.Message, b.Message),
		)
	})
	return slices.Compact(problems)
}

const maxMessage = 400

// oneLine makes a message safe to print as one bounded line.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)), " ")
	return clip(s, maxMessage)
}

// clip shortens s to at most n bytes without cutting a character in two.
func clip(s string, n int) string {
	if len(s) <= n {
		return strings.ToValidUTF8(s, "�")
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
