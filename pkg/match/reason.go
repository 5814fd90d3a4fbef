// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package match

import (
	"fmt"
	"strings"
)

// refusedByAttributes looks at everything that costs little, in all filters.
func (r *rule) refusedByAttributes(e *event) bool {
	for i := range r.filters {
		if failed, _ := r.filters[i].attributes(e); failed != noObstacle {
			return true
		}
	}
	return false
}

// verdict decides a rule and says why.
func (r *rule) verdict(e *event) Verdict {
	v := Verdict{Rule: r.id}
	hits := make([]int, len(r.filters))
	for i := range r.filters {
		f := &r.filters[i]
		failed, index := f.attributes(e)
		if failed == noObstacle {
			failed, index = f.text(e)
		}
		if failed != noObstacle {
			v.Reason = f.refusal(e, failed, index)
			return v
		}
		hits[i] = index
		if index >= 0 && v.Pattern == "" {
			v.Pattern = f.patterns[index].source
		}
	}
	v.Matched = true
	v.Reason = r.acceptance(e, hits)
	return v
}

// acceptance says what let the event in: the patterns that were found or, without any, whatever
// else restricts the rule.
func (r *rule) acceptance(e *event, hits []int) string {
	var found, other []string
	for i := range r.filters {
		f := &r.filters[i]
		if hits[i] >= 0 {
			found = append(found, fmt.Sprintf("pattern %q%s", cut(f.patterns[hits[i]].source), f.whose()))
		}
		if f.channels != nil {
			name, _ := f.channels.first(e.facts.Channels)
			other = append(other, fmt.Sprintf("channel %s%s", cut(name), f.whose()))
		}
		if f.users != nil {
			name, _ := f.users.first(e.facts.Users)
			other = append(other, fmt.Sprintf("user %s%s", cut(name), f.whose()))
		}
		if f.events != nil {
			name, _ := f.events.first(e.types)
			other = append(other, fmt.Sprintf("event %s%s", cut(name), f.whose()))
		}
		for _, c := range f.conditions {
			other = append(other, fmt.Sprintf("%s = %s%s", cut(c.key), cut(c.value), f.whose()))
		}
		for _, k := range f.required {
			other = append(other, fmt.Sprintf("keyword %q%s", cut(k.source), f.whose()))
		}
	}
	switch {
	case len(found) > 0:
		return enumerate(found, " and ")
	case len(other) > 0:
		return enumerate(other, " and ")
	default:
		return "no filter restricts it"
	}
}

// refusal says what kept the event out.
func (f *filter) refusal(e *event, failed obstacle, index int) string {
	switch failed {
	case otherEvent:
		return f.notListed("event type", e.types, f.events)
	case otherChannel:
		return f.notListed("channel", e.facts.Channels, f.channels)
	case otherUser:
		return f.notListed("user", e.facts.Users, f.users)
	case otherAttribute:
		c := f.conditions[index]
		if v, ok := e.facts.Attributes[c.key]; ok {
			return fmt.Sprintf("%s is %q and not %q%s", cut(c.key), cut(v), cut(c.value), f.whose())
		}
		return fmt.Sprintf("the event has no %s, which must be %q%s", cut(c.key), cut(c.value), f.whose())
	case excludedKeyword:
		return fmt.Sprintf("the text has the excluded keyword %q%s", cut(f.excluded[index].source), f.whose())
	case missingKeyword:
		return fmt.Sprintf("the text lacks the required keyword %q%s", cut(f.required[index].source), f.whose())
	case noPattern:
		if len(f.patterns) == 1 {
			return fmt.Sprintf("the text does not match pattern %q%s", cut(f.patterns[0].source), f.whose())
		}
		sources := make([]string, len(f.patterns))
		for i, p := range f.patterns {
			sources[i] = fmt.Sprintf("%q", cut(p.source))
		}
		return fmt.Sprintf("the text matches none of the patterns %s%s", enumerate(sources, ", "), f.whose())
	case noObstacle:
		return ""
	default:
		return ""
	}
}

// notListed tells a value that is missing from one that is not accepted.
func (f *filter) notListed(what string, names []string, c *choice) string {
	listed := make([]string, len(c.listed))
	for i, v := range c.listed {
		listed[i] = cut(v)
	}
	accepted := enumerate(listed, ", ")
	if len(names) == 0 {
		return fmt.Sprintf("the event has no %s, which must be one of [%s]%s", what, accepted, f.whose())
	}
	return fmt.Sprintf("%s %s is not one of [%s]%s", what, cut(names[0]), accepted, f.whose())
}

func (f *filter) whose() string {
	if f.name == "" {
		return ""
	}
	return " of " + f.name
}

// enumerate joins a few items and counts the rest.
func enumerate(items []string, separator string) string {
	const most = 8
	if len(items) <= most {
		return strings.Join(items, separator)
	}
	return fmt.Sprintf("%s and %d more", strings.Join(items[:most], separator), len(items)-most)
}
