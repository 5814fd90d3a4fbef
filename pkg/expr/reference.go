// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"errors"
	"strings"
)

// reference is one ${path} or ${path:-default} or {{path}} of a text.
type reference struct {
	path Path
	// def is what stands after :-, nil when there is none.
	def *Template
	// optional marks a {{word}}: it is text unless something resolves it, because other template
	// languages write their own words like that.
	optional bool
	// source is the reference as it was written.
	source string
}

// value resolves the reference, falling back to its default when the value is missing or empty.
func (r *reference) value(from Resolver) (any, error) {
	v, found := lookup(from, r.path)
	switch {
	case r.optional && !found:
		return r.source, nil
	case r.def != nil && (!found || isEmpty(v)):
		return r.def.Value(from)
	default:
		return v, nil
	}
}

// isEmpty says whether a value renders as nothing, without rendering what can't.
func isEmpty(v any) bool {
	switch t := v.(type) {
	case nil:
		return true
	case map[string]any, []any:
		return false
	default:
		return Text(t) == ""
	}
}

// errUnclosed says that the default of a reference in a script is never closed. It ends the reading of
// the references around it at once, since they can't be closed either. The script is left as it is then:
// the shell parser reports what is wrong.
var errUnclosed = errors.New("a default is never closed")

// referenceParser reads references out of a source. It never backs up over a default, so its time
// is linear in the source.
type referenceParser struct {
	src string
	// end bounds the reading, at most len(src).
	end int
	// lastClose is the offset of the last closing brace, which tells whether a ${ is closed at all.
	lastClose int
	// shell reads defaults as they stand in a script: $NAME is a reference too, {{…}} is not, one
	// pair of quotes around the whole is dropped, and a command substitution is refused.
	shell bool
}

// at reads the reference that begins with the ${ at offset i. ok is false when what stands there is
// no reference; the error is for a reference that can never be right.
func (p *referenceParser) at(i, depth int) (ref *reference, next int, ok bool, err error) {
	j := p.skipSpace(i + 2)
	path, n := scanPath(p.src[j:p.end])
	if n == 0 {
		return nil, 0, false, nil
	}
	j = p.skipSpace(j + n)
	rest := p.src[j:p.end]
	switch {
	case strings.HasPrefix(rest, "}"):
		return &reference{path: path, source: p.src[i : j+1]}, j + 1, true, nil
	case strings.HasPrefix(rest, ":-"):
		def, next, err := p.defaultAt(i, j+2, depth+1)
		if err != nil {
			return nil, 0, false, err
		}
		return &reference{path: path, def: def, source: p.src[i:next]}, next, true, nil
	default:
		return nil, 0, false, nil
	}
}

// defaultAt reads the default that begins at offset i, of the reference that begins at start, up to
// and with its closing brace.
func (p *referenceParser) defaultAt(start, i, depth int) (*Template, int, error) {
	if depth > MaxDepth {
		return nil, 0, syntaxErrorf(start, "defaults are nested deeper than %d", MaxDepth)
	}
	if p.shell {
		if def, next, ok := p.quotedDefault(i, depth); ok {
			return def, next, nil
		}
	}
	t, next, err := p.text(i, depth, true)
	if err != nil {
		return nil, 0, err
	}
	if next == 0 {
		if p.shell {
			return nil, 0, errUnclosed
		}
		return nil, 0, syntaxErrorf(start, "%q is never closed", excerpt(firstLine(p.src[start:p.end])))
	}
	return t, next, nil
}

// quotedDefault reads a default that is one quoted string, as in ${a.b:-"none"}.
func (p *referenceParser) quotedDefault(i, depth int) (*Template, int, bool) {
	if i >= p.end || p.src[i] != '"' && p.src[i] != '\'' {
		return nil, 0, false
	}
	n := strings.IndexByte(p.src[i+1:p.end], p.src[i])
	closing := i + 1 + n
	if n < 0 || closing+1 >= p.end || p.src[closing+1] != '}' {
		return nil, 0, false
	}
	content := p.src[i+1 : closing]
	if p.src[i] == '\'' {
		return literal(content), closing + 2, true
	}
	inner := referenceParser{src: p.src, end: closing, shell: true}
	t, _, err := inner.text(i+1, depth, false)
	if err != nil {
		return nil, 0, false
	}
	return t, closing + 2, true
}

// text reads literal text and references from offset i: to the end, or inDefault to the brace that
// closes the default, whose successor it returns (0 when there is none). Braces inside a default
// balance, so that ${labels:-{}} has the default {}.
func (p *referenceParser) text(i, depth int, inDefault bool) (*Template, int, error) {
	var b templateBuilder
	braces := 0
	for i < p.end {
		ref, next, err := p.referenceAt(i, depth)
		if err != nil {
			return nil, 0, err
		}
		if ref != nil {
			b.add(ref)
			i = next
			continue
		}
		switch c := p.src[i]; {
		case inDefault && c == '}' && braces == 0:
			return b.template(), i + 1, nil
		case c == '{':
			braces++
		case c == '}':
			braces--
		}
		b.text.WriteByte(p.src[i])
		i++
	}
	if inDefault {
		return nil, 0, nil
	}
	return b.template(), i, nil
}

// referenceAt reads whatever kind of reference begins at offset i, nil when none does.
func (p *referenceParser) referenceAt(i, depth int) (*reference, int, error) {
	rest := p.src[i:p.end]
	switch {
	case strings.HasPrefix(rest, "${"):
		ref, next, _, err := p.at(i, depth)
		if err == nil && ref == nil && !p.shell && p.lastClose < i {
			err = syntaxErrorf(i, "%q is never closed", excerpt(firstLine(rest)))
		}
		return ref, next, err
	case p.shell && (rest[0] == '`' || strings.HasPrefix(rest, "$(")):
		return nil, 0, syntaxErrorf(i, "a command can't stand in the default of a reference: assign it to a variable first")
	case p.shell && rest[0] == '$':
		if n := scanShellName(rest[1:]); n > 0 {
			return &reference{path: Path{rest[1 : 1+n]}, source: rest[:1+n]}, i + 1 + n, nil
		}
	case !p.shell && strings.HasPrefix(rest, "{{"):
		ref, next := p.moustache(i)
		return ref, next, nil
	}
	return nil, 0, nil
}

// moustache reads {{path}} at offset i. Words of other template languages are not ours.
func (p *referenceParser) moustache(i int) (*reference, int) {
	j := p.skipSpace(i + 2)
	path, n := scanPath(p.src[j:p.end])
	if n == 0 {
		return nil, 0
	}
	j = p.skipSpace(j + n)
	if !strings.HasPrefix(p.src[j:p.end], "}}") || len(path) == 1 && isTemplateWord(path[0]) {
		return nil, 0
	}
	return &reference{path: path, optional: len(path) == 1, source: p.src[i : j+2]}, j + 2
}

// isTemplateWord lists the lone words that text/template and its kin write in double braces.
func isTemplateWord(s string) bool {
	switch s {
	case "block", "break", "continue", "define", "else", "end", "if", "range", "template", "with",
		"nil", "true", "false":
		return true
	default:
		return false
	}
}

// scanShellName reads the name of a shell variable at the start of s and returns its length.
func scanShellName(s string) int {
	n := 0
	for n < len(s) {
		c := s[n] | 0x20 // lower case, for letters
		if c < 'a' || c > 'z' {
			if s[n] != '_' && (n == 0 || s[n] < '0' || s[n] > '9') {
				break
			}
		}
		n++
	}
	return n
}

func (p *referenceParser) skipSpace(i int) int {
	for i < p.end && (p.src[i] == ' ' || p.src[i] == '\t') {
		i++
	}
	return i
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
