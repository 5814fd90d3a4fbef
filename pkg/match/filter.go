// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package match

import (
	"regexp"
	"slices"
	"strings"
)

// filter is a compiled Filter.
type filter struct {
	name                    string
	events, channels, users *choice
	conditions              []condition
	required, excluded      []keyword
	patterns                []*pattern
}

// choice is a list of accepted values; nil accepts everything.
type choice struct {
	listed []string
	set    map[string]struct{}
}

type condition struct{ key, value string }

type keyword struct{ source, folded string }

// pattern is a compiled pattern, shared by all filters of a set that write it the same.
type pattern struct {
	source string
	re     *regexp.Regexp
	// id numbers the patterns of a set, for the memory of what was searched already.
	id       int
	requires literals
}

func newChoice(values []string) *choice {
	if len(values) == 0 || slices.Contains(values, "*") {
		return nil
	}
	c := &choice{listed: values, set: make(map[string]struct{}, len(values))}
	for _, v := range values {
		c.set[v] = struct{}{}
	}
	return c
}

// first returns the first of the names that is accepted.
func (c *choice) first(names []string) (string, bool) {
	for _, name := range names {
		if _, ok := c.set[name]; ok {
			return name, true
		}
	}
	return "", false
}

func (c *choice) accepts(names []string) bool {
	if c == nil {
		return true
	}
	_, ok := c.first(names)
	return ok
}

// obstacle is the kind of restriction that an event fails.
type obstacle int

const (
	noObstacle obstacle = iota
	otherEvent
	otherChannel
	otherUser
	otherAttribute
	excludedKeyword
	missingKeyword
	noPattern
)

// attributes checks everything but the text; index tells which condition failed.
func (f *filter) attributes(e *event) (failed obstacle, index int) {
	switch {
	case !f.events.accepts(e.types):
		return otherEvent, 0
	case !f.channels.accepts(e.facts.Channels):
		return otherChannel, 0
	case !f.users.accepts(e.facts.Users):
		return otherUser, 0
	}
	for i, c := range f.conditions {
		if v, ok := e.facts.Attributes[c.key]; !ok || v != c.value {
			return otherAttribute, i
		}
	}
	return noObstacle, 0
}

// text checks keywords and patterns; index tells which keyword failed or which pattern was found.
func (f *filter) text(e *event) (failed obstacle, index int) {
	for i, k := range f.excluded {
		if e.holds(k.folded) {
			return excludedKeyword, i
		}
	}
	for i, k := range f.required {
		if !e.holds(k.folded) {
			return missingKeyword, i
		}
	}
	for i, p := range f.patterns {
		if e.matches(p) {
			return noObstacle, i
		}
	}
	if len(f.patterns) > 0 {
		return noPattern, 0
	}
	return noObstacle, -1
}

// eventNames lists the names by which a filter may call an event's type: the type itself and its
// dotted prefixes, each also with .* behind it and without a vendor's prefix (jira:issue_created),
// and the type refined by the attributes with which platforms refine it (pull_request + opened).
func eventNames(f Facts) []string {
	var names []string
	for _, t := range []string{f.Type, f.Attributes["event_type"]} {
		if t == "" {
			continue
		}
		names = appendEvent(names, t)
		for _, refinement := range []string{f.Attributes["action"], f.Attributes["channel_type"]} {
			if refinement != "" {
				names = appendEvent(names, t+"."+refinement)
			}
		}
	}
	return names
}

func appendEvent(names []string, name string) []string {
	if _, bare, ok := strings.Cut(name, ":"); ok && bare != "" {
		names = appendNew(names, name)
		name = bare
	}
	names = appendNew(names, name)
	for i, c := range name {
		if c == '.' && i > 0 {
			names = appendNew(names, name[:i])
			names = appendNew(names, name[:i]+".*")
		}
	}
	return names
}
