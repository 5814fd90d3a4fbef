// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package match

import (
	"slices"
	"sync"
)

// Set is a compiled set of rules.
type Set struct {
	rules []rule // in the order of their verdicts

	// How the rules are found. Every rule is filed in one place, under each of the alternatives one of
	// which an event must have for the rule to match.
	literals      *literalIndex
	byLiteral     [][]int32 // by the number of the literal
	byChannel     map[string][]int32
	byUser        map[string][]int32
	byEvent       map[string][]int32
	byAttribute   map[condition][]int32
	attributeKeys []string
	always        []int32

	// usesEvents says that some rule restricts the type of event.
	usesEvents bool
	memories   sync.Pool
}

func newSet(rules []rule, patterns int) *Set {
	s := &Set{rules: rules}
	s.file()
	s.memories.New = func() any {
		return &event{
			patterns: make([]uint32, patterns),
			literals: make([]uint32, len(s.byLiteral)),
			rules:    make([]uint32, len(rules)),
		}
	}
	return s
}

// begin takes a memory for an event.
func (s *Set) begin(f Facts) *event {
	e, ok := s.memories.Get().(*event)
	if !ok {
		e = &event{}
	}
	e.begin(f)
	if s.usesEvents {
		e.types = eventNames(f)
	}
	return e
}

func (s *Set) end(e *event) {
	e.end()
	s.memories.Put(e)
}

// Match returns the verdicts of the rules that match, by descending priority and then by ID.
func (s *Set) Match(f Facts) []Verdict {
	e := s.begin(f)
	defer s.end(e)
	s.gather(e)
	slices.Sort(e.candidates)
	var verdicts []Verdict
	for _, i := range e.candidates {
		r := &s.rules[i]
		if r.refusedByAttributes(e) {
			continue
		}
		if v := r.verdict(e); v.Matched {
			verdicts = append(verdicts, v)
		}
	}
	return verdicts
}

// Explain returns one verdict for every rule, in the order of Match, each with its reason.
func (s *Set) Explain(f Facts) []Verdict {
	e := s.begin(f)
	defer s.end(e)
	verdicts := make([]Verdict, len(s.rules))
	for i := range s.rules {
		verdicts[i] = s.rules[i].verdict(e)
	}
	return verdicts
}

// gather collects the rules that the event may match.
func (s *Set) gather(e *event) {
	add := func(rules []int32) {
		for _, i := range rules {
			e.candidate(int(i))
		}
	}
	add(s.always)
	if len(s.byChannel) > 0 {
		for _, name := range e.facts.Channels {
			add(s.byChannel[name])
		}
	}
	if len(s.byUser) > 0 {
		for _, name := range e.facts.Users {
			add(s.byUser[name])
		}
	}
	if len(s.byEvent) > 0 {
		for _, name := range e.types {
			add(s.byEvent[name])
		}
	}
	for _, key := range s.attributeKeys {
		if value, ok := e.facts.Attributes[key]; ok {
			add(s.byAttribute[condition{key, value}])
		}
	}
	if len(s.byLiteral) > 0 {
		s.literals.find(e.text(), e)
		for _, literal := range e.found {
			add(s.byLiteral[literal])
		}
	}
}
