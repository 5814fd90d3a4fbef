// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expr

import "strings"

// Template is a text with references in it: ${a.b}, ${a.b:-default} with defaults that may hold
// references again, and {{a.b}}. A ${ that does not begin a reference (${#VAR}, ${VAR%x}) and a {{
// that does not hold a path ({{.Names}}, {{ range }}) are ordinary text; a lone {{word}} is text
// unless something resolves it. A Template is immutable.
type Template struct {
	segments []segment
}

// segment is a piece of text or a reference.
type segment struct {
	text string
	ref  *reference
}

// ParseTemplate reads a template. It returns a *SyntaxError for a ${ that is never closed, for
// defaults nested deeper than MaxDepth and for a source longer than MaxSource.
func ParseTemplate(src string) (*Template, error) {
	if len(src) > MaxSource {
		return nil, syntaxErrorf(MaxSource, "the template is longer than %d KiB", MaxSource>>10)
	}
	p := referenceParser{src: src, end: len(src), lastClose: strings.LastIndexByte(src, '}')}
	t, _, err := p.text(0, 0, false)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// Refs lists the paths that the template names, in the order of their first appearance, each once.
// A lone {{word}} is not among them.
func (t *Template) Refs() []Path {
	var refs pathList
	refs.addTemplate(t)
	return refs.paths
}

// Missing lists the paths for which the template would render nothing: the resolver has no value or an
// empty one, and no default holds, either. Each is listed once, in order.
func (t *Template) Missing(r Resolver) []Path {
	var missing pathList
	missing.addMissing(t, r)
	return missing.paths
}

// Value evaluates the template. When it is exactly one reference and nothing else, the value keeps
// its type (nil when it is missing, a Textual as it is); otherwise the result is the rendered string.
func (t *Template) Value(r Resolver) (any, error) {
	if len(t.segments) == 1 && t.segments[0].ref != nil {
		return t.segments[0].ref.value(r)
	}
	return t.Render(r)
}

// Render evaluates the template to text; what is missing renders as nothing. A result longer than
// MaxRendered is ErrTooLarge.
func (t *Template) Render(r Resolver) (string, error) {
	var b strings.Builder
	for _, s := range t.segments {
		text := s.text
		if s.ref != nil {
			v, err := s.ref.value(r)
			if err != nil {
				return "", err
			}
			text = Text(v)
		}
		if b.Len()+len(text) > MaxRendered {
			return "", ErrTooLarge
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

// Lacks gives the first reference without a default whose value is missing or empty, so that it would
// render as nothing. A lone {{word}} lacks nothing: it is text then.
func (t *Template) Lacks(r Resolver) (Path, bool) {
	for _, s := range t.segments {
		if s.ref == nil || s.ref.def != nil || s.ref.optional {
			continue
		}
		if v, found := lookup(r, s.ref.path); !found || isEmpty(v) {
			return append(Path(nil), s.ref.path...), true
		}
	}
	return nil, false
}

// templateBuilder collects segments, joining neighbouring text.
type templateBuilder struct {
	segments []segment
	text     strings.Builder
}

func (b *templateBuilder) add(r *reference) {
	b.flush()
	b.segments = append(b.segments, segment{ref: r})
}

func (b *templateBuilder) flush() {
	if b.text.Len() > 0 {
		b.segments = append(b.segments, segment{text: b.text.String()})
		b.text.Reset()
	}
}

func (b *templateBuilder) template() *Template {
	b.flush()
	return &Template{segments: b.segments}
}

func literal(s string) *Template {
	if s == "" {
		return &Template{}
	}
	return &Template{segments: []segment{{text: s}}}
}

// pathList collects paths in order, each once.
type pathList struct {
	paths []Path
	seen  map[string]bool
}

func (l *pathList) add(p Path) {
	key := p.String()
	if l.seen[key] {
		return
	}
	if l.seen == nil {
		l.seen = map[string]bool{}
	}
	l.seen[key] = true
	l.paths = append(l.paths, append(Path(nil), p...))
}

func (l *pathList) addTemplate(t *Template) {
	for _, s := range t.segments {
		if s.ref != nil {
			l.addReference(s.ref)
		}
	}
}

func (l *pathList) addMissing(t *Template, from Resolver) {
	for _, s := range t.segments {
		if s.ref == nil || s.ref.optional {
			continue
		}
		if v, found := lookup(from, s.ref.path); found && !isEmpty(v) {
			continue
		}
		if s.ref.def != nil {
			l.addMissing(s.ref.def, from)
		} else {
			l.add(s.ref.path)
		}
	}
}

func (l *pathList) addReference(r *reference) {
	if !r.optional {
		l.add(r.path)
	}
	if r.def != nil {
		l.addTemplate(r.def)
	}
}
