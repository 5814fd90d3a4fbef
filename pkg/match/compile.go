// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package match

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxPattern is the longest pattern in bytes.
const MaxPattern = 4 << 10

// rule is a compiled Rule.
type rule struct {
	id       string
	priority int
	filters  []filter
}

// Compile prepares the rules. Its error joins one *RuleError for each thing that is wrong.
func Compile(rules []Rule) (*Set, error) {
	c := compiler{patterns: map[string]*pattern{}, ids: map[string]bool{}}
	compiled := make([]rule, 0, len(rules))
	for i, r := range rules {
		compiled = append(compiled, c.rule(i, r))
	}
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	slices.SortStableFunc(compiled, func(a, b rule) int {
		return cmp.Or(cmp.Compare(b.priority, a.priority), cmp.Compare(a.id, b.id))
	})
	return newSet(compiled, len(c.patterns)), nil
}

// CheckPattern reports what is wrong with a pattern, nil when Compile will take it.
func CheckPattern(p string) error {
	_, err := compilePattern(p)
	return err
}

func compilePattern(p string) (*regexp.Regexp, error) {
	switch {
	case p == "":
		return nil, errors.New("an empty pattern matches every text: leave it out or write .*")
	case len(p) > MaxPattern:
		return nil, fmt.Errorf("the pattern is longer than %d KiB", MaxPattern>>10)
	}
	re, err := regexp.Compile(p)
	if err != nil {
		return nil, fmt.Errorf("no regular expression (RE2): %s", cut(strings.TrimPrefix(err.Error(), "error parsing regexp: ")))
	}
	return re, nil
}

// compiler collects what the rules of one set share, and their errors.
type compiler struct {
	patterns map[string]*pattern
	ids      map[string]bool
	errs     []error
}

func (c *compiler) fail(rule, field string, err error) {
	c.errs = append(c.errs, &RuleError{Rule: rule, Field: field, Err: err})
}

func (c *compiler) rule(i int, r Rule) rule {
	switch {
	case r.ID == "":
		c.fail(fmt.Sprintf("#%d", i), "id", errors.New("a rule must have an ID"))
	case c.ids[r.ID]:
		c.fail(r.ID, "id", errors.New("another rule has the same ID"))
	}
	c.ids[r.ID] = true
	compiled := rule{id: r.ID, priority: r.Priority, filters: make([]filter, 0, len(r.Filters))}
	for j, f := range r.Filters {
		compiled.filters = append(compiled.filters, c.filter(r.ID, fmt.Sprintf("filters[%d]", j), f))
	}
	return compiled
}

func (c *compiler) filter(rule, field string, f Filter) filter {
	compiled := filter{
		name:     f.Name,
		events:   newChoice(f.Events),
		channels: newChoice(f.Channels),
		users:    newChoice(f.Users),
		required: c.keywords(rule, field+".requiredKeywords", f.RequiredKeywords),
		excluded: c.keywords(rule, field+".excludedKeywords", f.ExcludedKeywords),
	}
	for _, key := range slices.Sorted(maps.Keys(f.Conditions)) {
		compiled.conditions = append(compiled.conditions, condition{key: key, value: f.Conditions[key]})
	}
	for i, source := range f.Patterns {
		p, err := c.pattern(source)
		if err != nil {
			c.fail(rule, fmt.Sprintf("%s.patterns[%d]", field, i), err)
			continue
		}
		compiled.patterns = append(compiled.patterns, p)
	}
	return compiled
}

func (c *compiler) pattern(source string) (*pattern, error) {
	if p, ok := c.patterns[source]; ok {
		return p, nil
	}
	re, err := compilePattern(source)
	if err != nil {
		return nil, err
	}
	p := &pattern{source: source, re: re, id: len(c.patterns), requires: requiredLiterals(source)}
	c.patterns[source] = p
	return p, nil
}

func (c *compiler) keywords(rule, field string, words []string) []keyword {
	keywords := make([]keyword, 0, len(words))
	for i, w := range words {
		if w == "" {
			c.fail(rule, fmt.Sprintf("%s[%d]", field, i), errors.New("an empty keyword stands in every text: leave it out"))
			continue
		}
		keywords = append(keywords, keyword{source: w, folded: fold(w)})
	}
	return keywords
}

// cut shortens a text that a person wrote or sent to what may stand in a message.
func cut(s string) string {
	const most = 60
	if utf8.RuneCountInString(s[:min(len(s), 4*most)]) <= most && len(s) <= 4*most {
		return s
	}
	r := []rune(s[:min(len(s), 4*most+4)])
	return string(r[:min(most, len(r))]) + "…"
}
