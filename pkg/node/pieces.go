// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import "strings"

// piece is a reference of a template, or the text between two.
type piece struct {
	src string
	ref bool
}

// pieces splits a template where its references begin and end, so that each can
// be treated by where it stands. Defaults belong to their reference.
func pieces(src string) []piece {
	var out []piece
	text := 0
	for i := 0; i < len(src); {
		n := referenceLength(src[i:])
		if n == 0 {
			i++
			continue
		}
		if i > text {
			out = append(out, piece{src: src[text:i]})
		}
		out = append(out, piece{src: src[i : i+n], ref: true})
		i += n
		text = i
	}
	if text < len(src) {
		out = append(out, piece{src: src[text:]})
	}
	return out
}

// referenceLength is the length of the reference at the beginning of a text, 0
// when there is none.
func referenceLength(s string) int {
	switch {
	case strings.HasPrefix(s, "{{"):
		if end := strings.Index(s, "}}"); end >= 0 {
			return end + 2
		}
	case strings.HasPrefix(s, "${"):
		depth := 0
		for i := 0; i < len(s); i++ {
			switch {
			case strings.HasPrefix(s[i:], "${"):
				depth++
				i++
			case s[i] == '}':
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
	}
	return 0
}

// lone says whether a template is one reference and nothing else.
func lone(src string) bool {
	return referenceLength(src) == len(src) && src != ""
}

// literalPrefix is what stands before the first reference.
func literalPrefix(src string) (prefix string, references bool) {
	for _, p := range pieces(src) {
		if p.ref {
			return prefix, true
		}
		prefix = p.src
	}
	return prefix, false
}
