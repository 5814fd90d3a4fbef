// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Path names a value by the steps that lead to it: object keys, and list indexes in decimal. The
// path k8s-process.output.items.0.name may also be written k8s-process.output.items[0].name, and a
// key with other characters in it as headers["X-GitHub-Event"].
type Path []string

// ParsePath reads a path as it stands between ${ and }. A single name made of digits only is not a
// path, so that the shell's ${1} never is one.
func ParsePath(s string) (Path, error) {
	p, n := scanPath(s)
	if n == 0 {
		return nil, syntaxErrorf(0, "%q is not a path: write names joined by dots", excerpt(s))
	}
	if n != len(s) {
		return nil, syntaxErrorf(n, "unexpected %q after the path", excerpt(s[n:]))
	}
	return p, nil
}

// String writes the path with dots, and with ["…"] for a key that would not read back otherwise.
func (p Path) String() string {
	var b strings.Builder
	for i, part := range p {
		plain := scanName(part) == len(part) && part != ""
		switch {
		case plain && i > 0:
			b.WriteByte('.')
			b.WriteString(part)
		case plain:
			b.WriteString(part)
		default:
			quote := `"`
			if strings.Contains(part, quote) {
				quote = `'`
			}
			b.WriteString("[" + quote + part + quote + "]")
		}
	}
	return b.String()
}

// scanPath reads the longest path at the start of s and returns how many bytes it took, 0 for none.
func scanPath(s string) (Path, int) {
	n := scanName(s)
	if n == 0 {
		return nil, 0
	}
	p := Path{s[:n]}
	for n < len(s) {
		switch s[n] {
		case '.':
			m := scanName(s[n+1:])
			if m == 0 {
				return checked(p, n)
			}
			p = append(p, s[n+1:n+1+m])
			n += 1 + m
		case '[':
			key, m := scanIndex(s[n:])
			if m == 0 {
				return checked(p, n)
			}
			p = append(p, key)
			n += m
		default:
			return checked(p, n)
		}
	}
	return checked(p, n)
}

// checked refuses a lone name that does not start like a name: ${1} and ${10} belong to the shell.
func checked(p Path, n int) (Path, int) {
	first, _ := utf8.DecodeRuneInString(p[0])
	if len(p) == 1 && !isNameStart(first) {
		return nil, 0
	}
	return p, n
}

// scanIndex reads [12] or ["key"] or ['key'] at the start of s. There are no escapes in a key.
func scanIndex(s string) (key string, n int) {
	if len(s) < 3 {
		return "", 0
	}
	if q := s[1]; q == '"' || q == '\'' {
		end := strings.IndexByte(s[2:], q)
		if end <= 0 || 2+end+1 >= len(s) || s[2+end+1] != ']' {
			return "", 0
		}
		key = s[2 : 2+end]
		if strings.ContainsFunc(key, unicode.IsControl) {
			return "", 0
		}
		return key, 2 + end + 2
	}
	end := 1
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	if end == 1 || end >= len(s) || s[end] != ']' {
		return "", 0
	}
	return s[1:end], end + 1
}

// scanName reads one name: letters, digits and underscores, with hyphens after the first of them.
func scanName(s string) int {
	n := 0
	for n < len(s) {
		r, size := utf8.DecodeRuneInString(s[n:])
		if r == utf8.RuneError && size <= 1 {
			return n
		}
		if !isNameStart(r) && !unicode.IsDigit(r) && (r != '-' || n == 0) {
			return n
		}
		n += size
	}
	return n
}

func isNameStart(r rune) bool { return r == '_' || unicode.IsLetter(r) }
