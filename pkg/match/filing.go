// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package match

import "slices"

// What a way of filing costs beyond the rules that share it: short literals stand in most texts, and
// there are few types of event.
const (
	shortLiteralCost = 200
	tinyLiteralCost  = 2000
	eventCost        = 100
)

// keyKind says what a key is compared with.
type keyKind int

const (
	literalKey keyKind = iota
	channelKey
	userKey
	eventKey
	attributeKey
)

// key is one alternative under which a rule can be filed.
type key struct {
	kind  keyKind
	name  string // of the attribute
	value string
}

// ways lists the sets of keys of which an event must have at least one each for the rule to match.
func (r *rule) ways() [][]key {
	var ways [][]key
	add := func(kind keyKind, values []string) {
		if len(values) == 0 {
			return
		}
		way := make([]key, len(values))
		for i, v := range values {
			way[i] = key{kind: kind, value: v}
		}
		ways = append(ways, way)
	}
	for i := range r.filters {
		f := &r.filters[i]
		add(literalKey, f.requires())
		for _, k := range f.required {
			add(literalKey, []string{k.folded})
		}
		for _, c := range f.conditions {
			ways = append(ways, []key{{kind: attributeKey, name: c.key, value: c.value}})
		}
		for _, c := range []struct {
			kind   keyKind
			choice *choice
		}{{channelKey, f.channels}, {userKey, f.users}, {eventKey, f.events}} {
			if c.choice != nil {
				add(c.kind, slices.Compact(slices.Sorted(slices.Values(c.choice.listed))))
			}
		}
	}
	return ways
}

func (r *rule) restrictsEvents() bool {
	return slices.ContainsFunc(r.filters, func(f filter) bool { return f.events != nil })
}

// requires joins what the patterns of a filter require; one pattern that requires nothing spoils it.
func (f *filter) requires() literals {
	var all literals
	for _, p := range f.patterns {
		if p.requires == nil {
			return nil
		}
		for _, s := range p.requires {
			all = appendNew(all, s)
		}
	}
	return all
}

// file enters every rule where the fewest others are: thousands of flows may look for the same word
// in a channel of their own each, or for different words in the same channel.
func (s *Set) file() {
	ways := make([][][]key, len(s.rules))
	load := map[key]int{}
	for i := range s.rules {
		ways[i] = s.rules[i].ways()
		s.usesEvents = s.usesEvents || s.rules[i].restrictsEvents()
		for _, way := range ways[i] {
			for _, k := range way {
				load[k]++
			}
		}
	}
	s.byChannel, s.byUser, s.byEvent = map[string][]int32{}, map[string][]int32{}, map[string][]int32{}
	s.byAttribute = map[condition][]int32{}
	numbers := map[string]int{}
	var texts []string
	for i := range s.rules {
		number := int32(i)
		best := cheapest(ways[i], load)
		if best == nil {
			s.always = append(s.always, number)
		}
		for _, k := range best {
			if k.kind == literalKey {
				n, known := numbers[k.value]
				if !known {
					n = len(texts)
					numbers[k.value] = n
					texts = append(texts, k.value)
					s.byLiteral = append(s.byLiteral, nil)
				}
				s.byLiteral[n] = append(s.byLiteral[n], number)
				continue
			}
			s.enter(k, number)
		}
	}
	s.literals = newLiteralIndex(texts)
}

func (s *Set) enter(k key, rule int32) {
	switch k.kind {
	case channelKey:
		s.byChannel[k.value] = append(s.byChannel[k.value], rule)
	case userKey:
		s.byUser[k.value] = append(s.byUser[k.value], rule)
	case eventKey:
		s.byEvent[k.value] = append(s.byEvent[k.value], rule)
	case attributeKey:
		c := condition{k.name, k.value}
		if !slices.Contains(s.attributeKeys, k.name) {
			s.attributeKeys = append(s.attributeKeys, k.name)
		}
		s.byAttribute[c] = append(s.byAttribute[c], rule)
	case literalKey: // filed by the caller, which numbers literals
	}
}

// cheapest chooses the way that the fewest rules share.
func cheapest(ways [][]key, load map[key]int) []key {
	var best []key
	bestCost := 0
	for _, way := range ways {
		cost := 0
		for _, k := range way {
			cost += load[k] + k.cost()
		}
		if best == nil || cost < bestCost {
			best, bestCost = way, cost
		}
	}
	return best
}

func (k key) cost() int {
	switch {
	case k.kind == eventKey:
		return eventCost
	case k.kind == literalKey && len(k.value) < 2:
		return tinyLiteralCost
	case k.kind == literalKey && len(k.value) < shortGram:
		return shortLiteralCost
	default:
		return 0
	}
}
