// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// maxDepth bounds the nesting of payloads: everything behind us that walks
	// one may recurse.
	maxDepth = 64
	// maxDerivedText bounds a text that is derived from a payload which
	// travels along anyway, so that one body isn't carried twice.
	maxDerivedText = 32 << 10
)

// ParseObject reads a JSON object as payload. Numbers become float64, except
// integers that a float64 would change: those are identifiers, and become their
// digits. An input that is JSON but no object, or no JSON at all, gives false
// and no error; an object that is broken, nested deeper than 64 levels or
// followed by something gives an error that wraps ErrInvalid.
func ParseObject(data []byte) (object map[string]any, ok bool, err error) {
	trimmed := bytes.TrimLeft(data, " \t\r\n")
	if len(trimmed) == 0 || trimmed[0] != '{' {
		return nil, false, nil
	}
	if err := checkDepth(trimmed); err != nil {
		return nil, false, err
	}
	d := json.NewDecoder(bytes.NewReader(trimmed))
	d.UseNumber()
	if err := d.Decode(&object); err != nil {
		return nil, false, fmt.Errorf("%w: the JSON object is broken at byte %d", ErrInvalid, d.InputOffset())
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, false, fmt.Errorf("%w: the JSON object is followed by something at byte %d", ErrInvalid, d.InputOffset())
	}
	for k, v := range object {
		object[k] = plainNumbers(v)
	}
	return object, true, nil
}

// checkDepth counts brackets outside strings. It is a bound, not a parser: what
// it lets through the decoder still has to accept.
func checkDepth(data []byte) error {
	depth, inString, escaped := 0, false, false
	for _, c := range data {
		switch {
		case escaped:
			escaped = false
		case inString && c == '\\':
			escaped = true
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return fmt.Errorf("%w: the JSON object is nested deeper than %d levels", ErrInvalid, maxDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// plainNumbers replaces json.Number inside v.
func plainNumbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = plainNumbers(e)
		}
	case []any:
		for i, e := range v {
			v[i] = plainNumbers(e)
		}
	case json.Number:
		f, err := v.Float64()
		integer := !strings.ContainsAny(v.String(), ".eE")
		if err != nil || integer && strconv.FormatFloat(f, 'f', -1, 64) != v.String() {
			return v.String()
		}
		return f
	}
	return v
}

// TextOf is the text of a webhook-like event: the payload's text, else its
// message, else the body as it came, at most 32 KiB of it when it is an object.
// A payload with a top-level ref or action, as GitHub and its kin send, has these
// on lines of their own before the body, so that patterns such as
// ^refs/heads/main find them. A body that isn't text gives "".
func TextOf(object map[string]any, body []byte) string {
	for _, key := range []string{"text", "message"} {
		if s, ok := object[key].(string); ok && s != "" {
			return s
		}
	}
	if !utf8.Valid(body) {
		return ""
	}
	if object == nil {
		return string(body)
	}
	var b strings.Builder
	for _, key := range []string{"ref", "action"} {
		if s, ok := object[key].(string); ok && s != "" {
			b.WriteString(truncate(s, maxIdentifier))
			b.WriteByte('\n')
		}
	}
	b.WriteString(truncate(string(body), maxDerivedText))
	return b.String()
}

// truncate cuts s to at most n bytes without splitting a character.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// scalar is the text of a value that can be compared with a condition: a
// string, a number, a boolean.
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	case int:
		return strconv.Itoa(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case json.Number:
		return v.String(), true
	default:
		return "", false
	}
}
