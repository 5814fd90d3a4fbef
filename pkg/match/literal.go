// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package match

import (
	"regexp/syntax"
	"slices"
	"unicode/utf8"
)

const (
	// maxLiterals bounds the alternatives that are followed through a pattern.
	maxLiterals = 64
	// maxLiteral bounds a literal's length in bytes; a part of a long one tells enough.
	maxLiteral = 32
	// maxClass bounds the runes of a character class that count as alternatives.
	maxClass = 8
)

// literals are texts, folded, of which at least one stands in every text that a pattern matches. Nil
// means that nothing is known.
type literals []string

// requiredLiterals finds out what a pattern requires. It errs on the side of nil.
func requiredLiterals(pattern string) literals {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil
	}
	return analyse(re.Simplify()).required()
}

// content is what is known about the texts that an expression matches.
type content struct {
	// exact are all those texts, folded; nil when they are not known or too many.
	exact []string
	// within is required inside of each, when exact is nil.
	within literals
}

// nothingKnown says only that the expression matches something.
func nothingKnown() content { return content{} }

// empty matches the empty text alone, as an anchor does.
func empty() content { return content{exact: []string{""}} }

// required turns what is known into literals.
func (c content) required() literals {
	if c.exact == nil {
		return c.within
	}
	if len(c.exact) == 0 || slices.Contains(c.exact, "") {
		return nil
	}
	return c.exact
}

func analyse(re *syntax.Regexp) content {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return empty()
	case syntax.OpLiteral:
		return content{exact: []string{fold(string(re.Rune))}}
	case syntax.OpCharClass:
		return class(re.Rune)
	case syntax.OpCapture:
		return analyse(re.Sub[0])
	case syntax.OpPlus:
		return content{within: analyse(re.Sub[0]).required()}
	case syntax.OpQuest:
		return alternate([]content{analyse(re.Sub[0]), empty()})
	case syntax.OpConcat:
		return concat(re.Sub)
	case syntax.OpAlternate:
		all := make([]content, len(re.Sub))
		for i, sub := range re.Sub {
			all[i] = analyse(sub)
		}
		return alternate(all)
	case syntax.OpNoMatch, syntax.OpAnyChar, syntax.OpAnyCharNotNL, syntax.OpStar, syntax.OpRepeat:
		return nothingKnown()
	default:
		return nothingKnown()
	}
}

// class follows a character class of a few runes; [Pp] is one when folded.
func class(ranges []rune) content {
	var exact []string
	count := 0
	for i := 0; i+1 < len(ranges); i += 2 {
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			if count++; count > maxClass {
				return nothingKnown()
			}
			if !utf8.ValidRune(r) {
				return nothingKnown()
			}
			exact = appendNew(exact, fold(string(r)))
		}
	}
	if len(exact) == 0 {
		return nothingKnown()
	}
	return content{exact: exact}
}

// alternate knows what all alternatives know.
func alternate(all []content) content {
	var exact, within []string
	exactly, known := true, true
	for _, c := range all {
		if c.exact == nil {
			exactly = false
		}
		for _, s := range c.exact {
			exact = appendNew(exact, s)
		}
		required := c.required()
		if required == nil {
			known = false
		}
		for _, s := range required {
			within = appendNew(within, s)
		}
		exactly = exactly && len(exact) <= maxLiterals
		known = known && len(within) <= maxLiterals
		if !exactly && !known {
			return nothingKnown()
		}
	}
	if exactly && len(exact) > 0 {
		return content{exact: exact}
	}
	if known && len(within) > 0 {
		return content{within: within}
	}
	return nothingKnown()
}

// concat joins neighbours whose texts are known, and otherwise keeps the best of what is required.
func concat(subs []*syntax.Regexp) content {
	run := []string{""} // the texts of the neighbours joined so far
	var best literals
	broken := false
	flush := func(next []string) {
		best = better(best, content{exact: run}.required())
		run, broken = next, true
	}
	for _, sub := range subs {
		c := analyse(sub)
		switch {
		case c.exact == nil:
			best = better(best, c.within)
			flush([]string{""})
		case !joinable(run, c.exact):
			flush(c.exact)
		default:
			run = join(run, c.exact)
		}
	}
	if !broken {
		return content{exact: run}
	}
	return content{within: better(best, content{exact: run}.required())}
}

func joinable(a, b []string) bool {
	return len(a)*len(b) <= maxLiterals && longest(a)+longest(b) <= maxLiteral
}

func join(a, b []string) []string {
	joined := make([]string, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			joined = appendNew(joined, x+y)
		}
	}
	return joined
}

// better chooses the literals that are rarer: longer first, then fewer.
func better(a, b literals) literals {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	la, lb := min(shortest(a), 8), min(shortest(b), 8)
	if la > lb || la == lb && len(a) <= len(b) {
		return a
	}
	return b
}

func shortest(set []string) int {
	n := len(set[0])
	for _, s := range set[1:] {
		n = min(n, len(s))
	}
	return n
}

func longest(set []string) int {
	n := 0
	for _, s := range set {
		n = max(n, len(s))
	}
	return n
}

func appendNew(set []string, s string) []string {
	if slices.Contains(set, s) {
		return set
	}
	return append(set, s)
}
