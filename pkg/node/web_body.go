// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"

	"aof.dev/operator/pkg/expr"
)

const (
	typeJSON = "application/json"
	typeForm = "application/x-www-form-urlencoded"
	typeText = "text/plain; charset=utf-8"
)

// body renders what a request sends, and says of what type it is when the
// headers do not.
func (r *renderer) body(v any, contentType string) (text []byte, typed string, err error) {
	form := strings.HasPrefix(strings.ToLower(contentType), typeForm)
	switch t := v.(type) {
	case nil:
		return nil, contentType, nil
	case string:
		return r.textBody(t, contentType)
	case map[string]any:
		if form {
			s, err := r.formBody(t)
			return []byte(s), contentType, err
		}
	}
	filled, err := r.deep(v)
	if err != nil {
		return nil, "", at("body", err)
	}
	text, err = encodeJSON(filled)
	return text, orElse(contentType, typeJSON), err
}

// textBody renders a body that is written as text. JSON is told by its type, or
// by how it begins; its references are filled into its structure.
func (r *renderer) textBody(src, contentType string) (text []byte, typed string, err error) {
	lower := strings.ToLower(contentType)
	if lone(strings.TrimSpace(src)) {
		return r.loneBody(strings.TrimSpace(src), contentType)
	}
	if strings.Contains(lower, "json") || contentType == "" && strings.IndexAny(strings.TrimSpace(src), "{[") == 0 {
		if v, err := decodeJSON([]byte(src)); err == nil {
			filled, err := r.deep(v)
			if err != nil {
				return nil, "", at("body", err)
			}
			text, err = encodeJSON(filled)
			return text, orElse(contentType, typeJSON), err
		}
		if s, ok, err := r.jsonTemplate(src); err != nil || ok {
			return []byte(s), orElse(contentType, typeJSON), err
		}
		if _, holds := literalPrefix(src); holds && contentType != "" {
			// Pasted in, a value could be what makes it JSON, of its own shape.
			return nil, "", fail(ReasonInvalidConfig, "body: is not JSON, which its Content-Type says it is")
		}
	}
	if strings.HasPrefix(lower, typeForm) {
		r = r.escaped(percent)
	}
	s, err := r.text(src)
	if err != nil {
		return nil, "", at("body", err)
	}
	return []byte(s), orElse(contentType, typeText), nil
}

// loneBody sends one value: structured ones as JSON, texts as they are.
func (r *renderer) loneBody(src, contentType string) (text []byte, typed string, err error) {
	v, err := r.value(src)
	if err != nil {
		return nil, "", at("body", err)
	}
	switch v.(type) {
	case map[string]any, []any, map[string]string, []string:
		text, err = encodeJSON(v)
		return text, orElse(contentType, typeJSON), err
	default:
		return []byte(expr.Text(v)), orElse(contentType, typeText), nil
	}
}

// jsonTemplate renders JSON with references where values stand, as in
// {"count": ${n}}: inside a string they are escaped, elsewhere they are whole
// values. It reports false when what comes of it is not JSON.
func (r *renderer) jsonTemplate(src string) (text string, ok bool, err error) {
	var b strings.Builder
	inString := false
	for _, p := range pieces(src) {
		if !p.ref {
			b.WriteString(p.src)
			inString = endsInString(p.src, inString)
			continue
		}
		v, err := r.value(p.src)
		if err != nil {
			return "", false, at("body", err)
		}
		if inString {
			v = expr.Text(v)
		}
		encoded, err := encodeJSON(v)
		if err != nil {
			return "", false, err
		}
		if inString {
			encoded = encoded[1 : len(encoded)-1]
		}
		b.Write(encoded)
	}
	return b.String(), json.Valid([]byte(b.String())), nil
}

// endsInString follows the quotes of a piece of JSON.
func endsInString(s string, inString bool) bool {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			inString = !inString
		case s[i] == '\\' && inString:
			i++
		}
	}
	return inString
}

// formBody encodes the fields of a form.
func (r *renderer) formBody(fields map[string]any) (string, error) {
	form := url.Values{}
	for name, v := range fields {
		text, err := r.asText(v)
		if err != nil {
			return "", at("body."+name, err)
		}
		form.Set(name, text)
	}
	return form.Encode(), nil
}

// encodeJSON writes a value as compact JSON, without escapes for HTML.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fail(ReasonInvalidConfig, "a value has no JSON form")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// decodeJSON reads one JSON value and nothing behind it. Numbers stay exact.
func decodeJSON(text []byte) (any, error) {
	values, err := decodeStream(text)
	if err != nil {
		return nil, err
	}
	if len(values) != 1 {
		return nil, io.ErrUnexpectedEOF
	}
	return values[0], nil
}

// maxValues bounds how many values one output may hold.
const maxValues = 100_000

// decodeStream reads JSON values one after the other.
func decodeStream(text []byte) ([]any, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var out []any
	for {
		var v any
		switch err := dec.Decode(&v); {
		case errors.Is(err, io.EOF):
			return slices.Clip(out), nil
		case err != nil:
			return nil, err
		case len(out) == maxValues:
			return nil, fail(ReasonParse, "there are more than %d values", maxValues)
		}
		out = append(out, v)
	}
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
