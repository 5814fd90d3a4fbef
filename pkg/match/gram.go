// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package match

// The sizes of grams, in bytes. A long gram tells literals apart that share their words with ordinary
// prose; a short one is for the literals that hold no long one.
const (
	longGram  = 8
	shortGram = 3
)

// literalIndex finds which of many literals stand in a text, in one pass over the text for each size
// of gram that occurs.
type literalIndex struct {
	literals    []string
	long, short *gramTable
	// tiny files the literals shorter than any gram under their first byte.
	tiny    [256][]int32
	hasTiny bool
}

func newLiteralIndex(literals []string) *literalIndex {
	x := &literalIndex{literals: literals, long: newGramTable(longGram), short: newGramTable(shortGram)}
	for i, s := range literals {
		number := int32(i)
		switch {
		case len(s) >= longGram:
			x.long.file(number, s)
		case len(s) >= shortGram:
			x.short.file(number, s)
		default:
			x.tiny[s[0]] = append(x.tiny[s[0]], number)
			x.hasTiny = true
		}
	}
	x.long.seal()
	x.short.seal()
	return x
}

// find tells the event which literals stand in its text.
func (x *literalIndex) find(text []byte, e *event) {
	x.long.find(text, x.literals, e)
	x.short.find(text, x.literals, e)
	if !x.hasTiny {
		return
	}
	for i, c := range text {
		for _, literal := range x.tiny[c] {
			if !e.sawLiteral(literal) && hasPrefix(text[i:], x.literals[literal]) {
				e.literal(literal)
			}
		}
	}
}

// posting says that a literal may stand around a gram of the text.
type posting struct {
	literal int32
	// offset is where in the literal its gram begins.
	offset int32
}

// gramTable files each literal under one of its grams, the one that the fewest others are filed
// under. A bit set in front of the map lets most positions of a text pass without a look into it.
type gramTable struct {
	size   int
	mask   uint64
	grams  map[uint64][]posting
	filter []uint64
	shift  uint
}

func newGramTable(size int) *gramTable {
	return &gramTable{size: size, mask: ^uint64(0) >> (64 - 8*size), grams: map[uint64][]posting{}}
}

// proseCost is how many literals may share a gram like 00- or _id before one that is made of letters,
// as most of a text is, is taken instead.
const proseCost = 16

// file enters a literal that is at least as long as a gram.
func (t *gramTable) file(literal int32, s string) {
	best, bestGram, bestCost := 0, uint64(0), -1
	for i := 0; i+t.size <= len(s); i++ {
		var gram uint64
		prose := true
		for _, c := range []byte(s[i : i+t.size]) {
			gram = gram<<8 | uint64(c)
			prose = prose && ('A' <= c && c <= 'Z' || c == ' ')
		}
		cost := len(t.grams[gram])
		if prose {
			cost += proseCost
		}
		if bestCost < 0 || cost < bestCost {
			best, bestGram, bestCost = i, gram, cost
		}
	}
	t.grams[bestGram] = append(t.grams[bestGram], posting{literal: literal, offset: int32(best)})
}

// gramHash spreads grams over the filter: 2^64 divided by the golden ratio (Knuth's multiplicative hashing).
const gramHash = 0x9e3779b97f4a7c15

// seal builds the filter when all literals are filed. At least 16 bits for each gram keep the share
// of positions that pass by chance below 1 in 16.
func (t *gramTable) seal() {
	bits := uint(10)
	for 1<<bits < 16*len(t.grams) && bits < 24 {
		bits++
	}
	t.shift = 64 - bits
	t.filter = make([]uint64, 1<<bits/64)
	for gram := range t.grams {
		h := gram * gramHash >> t.shift
		t.filter[h/64] |= 1 << (h % 64)
	}
}

func (t *gramTable) find(text []byte, literals []string, e *event) {
	if len(t.grams) == 0 || len(text) < t.size {
		return
	}
	filter, shift, mask, last := t.filter, t.shift, t.mask, t.size-1
	var gram uint64
	for _, c := range text[:last] {
		gram = gram<<8 | uint64(c)
	}
	for i := last; i < len(text); i++ {
		gram = (gram<<8 | uint64(text[i])) & mask
		h := gram * gramHash >> shift
		if filter[h/64]&(1<<(h%64)) == 0 {
			continue
		}
		for _, p := range t.grams[gram] {
			start := i - last - int(p.offset)
			if start >= 0 && !e.sawLiteral(p.literal) && hasPrefix(text[start:], literals[p.literal]) {
				e.literal(p.literal)
			}
		}
	}
}

func hasPrefix(text []byte, s string) bool { return len(text) >= len(s) && string(text[:len(s)]) == s }
