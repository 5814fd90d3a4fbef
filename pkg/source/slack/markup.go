// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package slack

import (
	"strings"
	"unicode"

	"aof.dev/operator/pkg/expr"
)

// In a text of Slack's < and > enclose links and mentions, and &amp;, &lt; and &gt;
// stand for the characters themselves.
var (
	escapes   = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	unescapes = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">")
	// inLink is for values that the author put between < and >: they are a part of
	// an address or an id, and end neither it nor its label.
	inLink = strings.NewReplacer("&", "&amp;", "<", "%3C", ">", "%3E", "|", "%7C", "\n", " ", "\r", " ")
)

// markup writes a text whose parts are known: the author's are markup, values are
// what they say and nothing else.
func markup(m expr.Marked) string {
	open, begun := false, false // a < of the author's, and nothing behind it yet
	return m.Map(func(author string) string {
		if at := strings.LastIndexAny(author, "<>"); at >= 0 {
			open = author[at] == '<'
			begun = open && at == len(author)-1
		} else if author != "" {
			begun = false
		}
		return author
	}, func(data string) string {
		data = visible(data)
		if !open {
			return escapes.Replace(data)
		}
		data = inLink.Replace(data)
		if begun && data != "" {
			begun = false
			for mention, coded := range map[string]string{"!": "%21", "@": "%40", "#": "%23"} {
				if rest, ok := strings.CutPrefix(data, mention); ok {
					return coded + rest
				}
			}
		}
		return data
	})
}

// visible takes away what has a text look other than it is: control characters,
// and those that turn the direction of writing.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return r
		case unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Bidi_Control, r):
			return -1
		default:
			return r
		}
	}, strings.ToValidUTF8(text, "\uFFFD"))
}
