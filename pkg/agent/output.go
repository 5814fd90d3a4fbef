// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// The fields that every output has.
const (
	fieldOutput   = "output"
	fieldApproval = "requires_approval"
)

// maxFields bounds how many fields the text convention may give.
const maxFields = 64

// ParseOutput reads the fields of a model's reply. Three forms are known:
//
//   - the whole text is a JSON object: its fields
//   - the text has a fenced ```json block that is an object: the fields of the
//     first such block, then those of the convention in the text around it
//   - the text convention: lines "key: value" where value is true, false, a
//     number or a quoted string (for command also bare text), as in
//     `requires_approval: true` and `command: "kubectl delete pod x"`
//
// The fields stand beside "output", which is the whole text unless the JSON has
// a field of that name, which then wins. The first of two equal keys wins and
// JSON wins over the convention, but for requires_approval, which is true when
// any of them asks for it and always present as a bool: true, false and their
// usual spellings as such, any other value that is not empty as true.
func ParseOutput(text string) map[string]any {
	out := map[string]any{fieldOutput: text}
	object, rest := findObject(text)
	for k, v := range object {
		out[k] = v
	}
	approval, fields := conventionFields(rest)
	for _, f := range fields {
		if _, taken := out[f.key]; !taken {
			out[f.key] = f.value
		}
	}
	out[fieldApproval] = approval || truthy(object[fieldApproval])
	return out
}

// findObject returns the JSON object that text is or carries, and the text that
// is left for the convention.
func findObject(text string) (object map[string]any, rest string) {
	trimmed := strings.TrimSpace(text)
	if object, ok := decodeObject(trimmed); ok {
		return object, ""
	}
	for _, block := range fences(text) {
		named := strings.EqualFold(block.info, "json")
		whole := block.info == "" && strings.TrimSpace(text[:block.start]+text[block.end:]) == ""
		if !named && !whole {
			continue
		}
		if object, ok := decodeObject(strings.TrimSpace(block.body)); ok {
			return object, text[:block.start] + text[block.end:]
		}
	}
	return nil, text
}

// decodeObject decodes one JSON object and nothing behind it.
func decodeObject(s string) (map[string]any, bool) {
	if !strings.HasPrefix(s, "{") || !strings.HasSuffix(s, "}") {
		return nil, false
	}
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil {
		return nil, false
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, false
	}
	for k, v := range object {
		object[k] = plainNumbers(v)
	}
	return object, true
}

// plainNumbers turns every number in v into the float64 that encoding/json
// would give, so that an output is the same before and after it has been
// stored. A number that a float64 can't hold becomes the text it was written as.
func plainNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		return number(v.String())
	case map[string]any:
		for k, e := range v {
			v[k] = plainNumbers(e)
		}
	case []any:
		for i, e := range v {
			v[i] = plainNumbers(e)
		}
	}
	return v
}

// number reads a decimal number; see plainNumbers.
func number(s string) any {
	const exact = 1 << 53
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || (math.Abs(f) > exact && !strings.ContainsAny(s, ".eE")) {
		return s
	}
	return f
}

// fence is a ``` block: text[start:end] with its marks, body without.
type fence struct {
	start, end int
	info, body string
}

// fences finds the fenced blocks of text. A block that is not closed reaches to
// the end.
func fences(text string) []fence {
	const mark = "```"
	var found []fence
	open := -1
	var info string
	bodyStart := 0
	for pos := 0; pos < len(text); {
		end := pos + strings.IndexByte(text[pos:], '\n') + 1
		if end == pos {
			end = len(text)
		}
		line := strings.TrimSpace(text[pos:end])
		switch {
		case open < 0 && strings.HasPrefix(line, mark):
			open, bodyStart, info = pos, end, strings.TrimSpace(strings.Trim(line, "`"))
		case open >= 0 && line == mark:
			found = append(found, fence{open, end, info, text[bodyStart:pos]})
			open = -1
		}
		pos = end
	}
	if open >= 0 {
		found = append(found, fence{open, len(text), info, text[bodyStart:]})
	}
	return found
}

type field struct {
	key   string
	value any
}

// conventionLine is an optional list mark, a key that may be marked up, a
// colon and the rest of the line.
var conventionLine = regexp.MustCompile("^[ \t]*(?:[-*+>][ \t]+)?[*_`]{0,3}([a-z][a-z0-9_]{0,62}?)[*_`]{0,3}:[*_`]{0,3}[ \t]+(.*)$")

// decimal is what the convention takes for a number.
var decimal = regexp.MustCompile(`^-?[0-9]{1,32}(\.[0-9]{1,32})?$`)

// conventionFields reads the text convention's lines: whether any of them asks
// for approval, and the other fields, at most maxFields of them.
func conventionFields(text string) (approval bool, found []field) {
	for line := range strings.Lines(text) {
		m := conventionLine.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		switch {
		case m == nil:
		case m[1] == fieldApproval:
			approval = approval || truthy(m[2])
		case len(found) < maxFields:
			if v, ok := scalar(m[1], strings.TrimSpace(m[2])); ok {
				found = append(found, field{m[1], v})
			}
		}
	}
	return approval, found
}

// scalar reads a convention value; ok is false for prose.
func scalar(key, s string) (v any, ok bool) {
	bare := strings.Trim(s, "*_`.,;")
	switch {
	case strings.EqualFold(bare, "true"):
		return true, true
	case strings.EqualFold(bare, "false"):
		return false, true
	}
	if text, ok := unquote(strings.Trim(s, "`")); ok {
		return text, true
	}
	if decimal.MatchString(bare) {
		return number(bare), true
	}
	if key == "command" {
		command := strings.Trim(s, "`")
		return command, command != ""
	}
	return nil, false
}

// unquote reads a string in single or double quotes that fills s.
func unquote(s string) (string, bool) {
	if len(s) < 2 || s[0] != s[len(s)-1] {
		return "", false
	}
	inner := s[1 : len(s)-1]
	switch s[0] {
	case '\'':
		return inner, !strings.Contains(inner, "'")
	case '"':
		if text, err := strconv.Unquote(s); err == nil {
			return text, true
		}
		return inner, !strings.Contains(inner, `"`)
	}
	return "", false
}

// truthy reads requires_approval: what is not plainly a "no" is a "yes".
func truthy(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case float64:
		return v != 0
	case string:
		switch strings.ToLower(strings.Trim(v, " \t\"'`*_.,;")) {
		case "", "false", "no", "n", "0", "none", "null", "not required":
			return false
		}
	}
	return true
}
