// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"encoding/json"
	"strings"
)

// Span is a part of a text, from byte Start up to byte End.
type Span struct {
	Start, End int
}

// Marked is a rendered text that knows which of its parts values gave. What stands
// between them is the author's. It is for platforms whose texts have markup: there
// the author's markup works and that in values does not.
type Marked struct {
	Text string
	// Data are the parts that values gave, in order and apart.
	Data []Span
}

// Value is a Marked of which nothing is the author's.
func Value(text string) Marked {
	if text == "" {
		return Marked{}
	}
	return Marked{Text: text, Data: []Span{{End: len(text)}}}
}

// MarshalJSON writes the text.
func (m Marked) MarshalJSON() ([]byte, error) { return json.Marshal(m.Text) }

// Map puts the text together again, each part by its function.
func (m Marked) Map(author, data func(string) string) string {
	var b strings.Builder
	at := 0
	for _, s := range m.Data {
		b.WriteString(author(m.Text[at:s.Start]))
		b.WriteString(data(m.Text[s.Start:s.End]))
		at = s.End
	}
	b.WriteString(author(m.Text[at:]))
	return b.String()
}

// RenderMarked is Render that tells the parts apart. A default is the author's.
func (t *Template) RenderMarked(r Resolver) (Marked, error) {
	var b markedBuilder
	err := b.add(t, r)
	return Marked{Text: b.text.String(), Data: b.data}, err
}

type markedBuilder struct {
	text strings.Builder
	data []Span
}

func (b *markedBuilder) add(t *Template, r Resolver) error {
	for _, s := range t.segments {
		text, isValue := s.text, false
		if s.ref != nil {
			v, found := lookup(r, s.ref.path)
			switch {
			case s.ref.optional && !found:
				text = s.ref.source
			case s.ref.def != nil && (!found || isEmpty(v)):
				if err := b.add(s.ref.def, r); err != nil {
					return err
				}
				continue
			default:
				text, isValue = Text(v), true
			}
		}
		if b.text.Len()+len(text) > MaxRendered {
			return ErrTooLarge
		}
		if isValue && text != "" {
			b.data = append(b.data, Span{b.text.Len(), b.text.Len() + len(text)})
		}
		b.text.WriteString(text)
	}
	return nil
}
