// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package match

import (
	"sync"
	"unicode"
	"unicode/utf8"
)

// foldTable holds the folded form of the common runes beyond ASCII, which are too slow to fold one by one.
var foldTable = sync.OnceValue(func() *[0x600]rune {
	var table [0x600]rune
	for r := range table {
		table[r] = foldOrbit(rune(r))
	}
	return &table
})

// foldOrbit maps all runes that (?i) takes for the same one to one of them. Lower-casing would not
// do: the Kelvin sign and k are the same to (?i), and so are ſ and s.
func foldOrbit(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	return least
}

// appendFolded appends s in the form in which two texts are equal byte for byte when they are equal
// but for case. A byte that is no UTF-8 becomes U+FFFD, as which a pattern sees it.
func appendFolded(dst []byte, s string) []byte {
	table := foldTable()
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if 'a' <= c && c <= 'z' {
				c -= 'a' - 'A'
			}
			dst = append(dst, c)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if int(r) < len(table) {
			r = table[r]
		} else {
			r = foldOrbit(r)
		}
		dst = utf8.AppendRune(dst, r)
		i += size
	}
	return dst
}

func fold(s string) string { return string(appendFolded(make([]byte, 0, len(s)), s)) }
