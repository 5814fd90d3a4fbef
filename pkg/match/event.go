// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package match

import "bytes"

// event is what a set remembers about the event at hand. It is reused from one event to the next.
type event struct {
	facts Facts
	types []string

	folded   []byte
	isFolded bool

	// round numbers the events this memory has served; an entry below counts only in its own round,
	// so that nothing needs clearing.
	round      uint32
	patterns   []uint32 // by pattern: 2*round when searched in vain, 2*round+1 when found
	literals   []uint32 // by literal: the round in which it was found
	rules      []uint32 // by rule: the round in which it became a candidate
	found      []int32  // the literals found
	candidates []int
}

// begin forgets the last event.
func (e *event) begin(f Facts) {
	e.facts, e.types = f, nil
	e.folded, e.isFolded = e.folded[:0], false
	e.found, e.candidates = e.found[:0], e.candidates[:0]
	if e.round++; e.round >= 1<<30 {
		clear(e.patterns)
		clear(e.literals)
		clear(e.rules)
		e.round = 1
	}
}

// end lets go of the event's data.
func (e *event) end() { e.facts, e.types = Facts{}, nil }

// text returns the folded text.
func (e *event) text() []byte {
	if !e.isFolded {
		e.folded = appendFolded(e.folded, e.facts.Text)
		e.isFolded = true
	}
	return e.folded
}

// holds says whether the text has a folded keyword in it.
func (e *event) holds(keyword string) bool { return bytes.Contains(e.text(), []byte(keyword)) }

// matches searches a pattern, once for each event.
func (e *event) matches(p *pattern) bool {
	if known := e.patterns[p.id]; known>>1 == e.round {
		return known&1 == 1
	}
	result := p.re.MatchString(e.facts.Text)
	e.patterns[p.id] = e.round << 1
	if result {
		e.patterns[p.id] |= 1
	}
	return result
}

func (e *event) candidate(rule int) {
	if e.rules[rule] != e.round {
		e.rules[rule] = e.round
		e.candidates = append(e.candidates, rule)
	}
}

// sawLiteral says that a literal was found already.
func (e *event) sawLiteral(literal int32) bool { return e.literals[literal] == e.round }

// literal notes that a literal stands in the text.
func (e *event) literal(literal int32) {
	e.literals[literal] = e.round
	e.found = append(e.found, literal)
}
