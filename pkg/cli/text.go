// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// oneLine makes text fit for one line of a terminal: what came from outside may
// hold line breaks and control characters, which are shown as blanks.
func oneLine(s string, most int) string {
	s = strings.Join(strings.Fields(printable(s, false)), " ")
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// indent sets text off from what is ours, without control characters.
func indent(s string) string {
	lines := strings.Split(strings.TrimRight(printable(s, true), "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight("  "+line, " ")
	}
	return strings.Join(lines, "\n")
}

// printable takes away what could drive a terminal.
func printable(s string, breaks bool) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' && breaks, r == '\t':
			return r
		case unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Bidi_Control, r):
			return -1 // it has what stands around it read in another order
		default:
			return r
		}
	}, s)
}

// escaped has JSON hold no character that could drive a terminal: beside those that
// JSON must escape these are DEL, the C1 controls and the changes of the direction
// of writing. They stand in strings only, so it is the same JSON.
func escaped(json []byte) []byte {
	var out []byte
	last := 0
	for i := 0; i < len(json); {
		r, n := utf8.DecodeRune(json[i:])
		if r > ' ' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			out = fmt.Appendf(append(out, json[last:i]...), `\u%04x`, r)
			last = i + n
		}
		i += n
	}
	return append(out, json[last:]...)
}

// shortTime writes a duration as people say it.
func shortTime(d time.Duration) string {
	switch {
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(time.Millisecond).String()
	default:
		return d.Round(10 * time.Microsecond).String()
	}
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
