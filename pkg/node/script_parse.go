// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"regexp"
	"strconv"
	"strings"
)

// maxMatches bounds what a pattern may find.
const maxMatches = 10_000

// parse reads a program's output: as text, JSON, lines, or matches of a pattern.
func (s settings) parse(text string) (any, error) {
	form, err := s.word("parse")
	if err != nil {
		return nil, err
	}
	switch strings.ToLower(form) {
	case "", "text":
		return text, nil
	case "json":
		return parseJSON(text)
	case "lines":
		lines := []any{}
		for line := range strings.Lines(text) {
			if len(lines) == maxValues {
				return nil, fail(ReasonParse, "there are more than %d lines", maxValues)
			}
			lines = append(lines, strings.TrimRight(line, "\r\n"))
		}
		return lines, nil
	case "regex":
		return s.matches(text)
	default:
		return nil, fail(ReasonInvalidConfig, "parse: must be one of text, json, lines, regex")
	}
}

// parseJSON reads one value, or the list of several that follow each other, as
// jq writes them.
func parseJSON(text string) (any, error) {
	values, err := decodeStream([]byte(text))
	switch {
	case err != nil:
		return nil, fail(ReasonParse, "the output is not JSON: %v", err).because(err)
	case len(values) == 0:
		return nil, nil //nolint:nilnil // no output is null
	case len(values) == 1:
		return values[0], nil
	default:
		return values, nil
	}
}

// matches lists what the pattern finds: $0 is the whole, $1 and on the groups,
// which also go by their names.
func (s settings) matches(text string) (any, error) {
	src, _ := s.values["pattern"].(string)
	if src == "" {
		return nil, fail(ReasonInvalidConfig, "pattern: is needed to parse by regex")
	}
	pattern := src
	if strings.Contains(src, "${") || strings.Contains(src, "{{") {
		var err error
		if pattern, err = s.escaped(regexp.QuoteMeta).text(src); err != nil {
			return nil, at("pattern", err)
		}
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fail(ReasonInvalidConfig, "pattern: is not a regular expression")
	}
	out := []any{}
	for _, m := range re.FindAllStringSubmatch(text, maxMatches) {
		fields := map[string]any{}
		for i, name := range re.SubexpNames() {
			fields["$"+strconv.Itoa(i)] = m[i]
			if name != "" {
				fields[name] = m[i]
			}
		}
		out = append(out, fields)
	}
	return out, nil
}
