// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"errors"
	"strings"
)

// maxShellNesting bounds how deep quotes, substitutions and parentheses of a script may be nested.
const maxShellNesting = 4 * MaxDepth

// frameKind is the syntax that the scanner stands in.
type frameKind int

const (
	// commandFrame reads commands: the script, $( ), ( ), <( ) and backquotes.
	commandFrame frameKind = iota
	// doubleFrame reads "…".
	doubleFrame
	// braceFrame reads an expansion of the shell's own, ${X…}.
	braceFrame
	// arithmeticFrame reads $((…)), ((…)) and $[…].
	arithmeticFrame
	// documentFrame reads the body of a here-document.
	documentFrame
)

// frame is one level of nesting.
type frame struct {
	kind frameKind
	// closer is the byte that ends the frame, 0 for the outermost.
	closer byte
	// quoted says that expansions in here do not split into words.
	quoted bool
	// parens counts the open parentheses of arithmetic.
	parens int
	// cases counts the case statements that are open, whose patterns end in an unmatched parenthesis.
	cases int
	// atCommand says that the next word is a command or a reserved word.
	atCommand bool
	// documents are the here-documents that begin after this line.
	documents []document
}

type document struct {
	delimiter string
	stripTabs bool
	literal   bool
}

// shellScanner walks over a script once, keeping track of as much shell syntax as decides what a
// reference means. Where a script is too odd for it, an expansion may end up with the wrong quotes
// around it; a value can't become syntax in any case, since values are not part of the script.
type shellScanner struct {
	src string
	end int
	pos int
	// nesting counts the here-documents around this scanner.
	nesting int
	frames  []frame
	// backquotes counts the open frames that a backquote closes.
	backquotes int
	out        *shellBuilder
}

func (s *shellScanner) run() error {
	if len(s.frames) == 0 {
		s.frames = []frame{{kind: commandFrame, atCommand: true}}
	}
	for s.pos < s.end {
		if len(s.frames)+s.nesting > maxShellNesting {
			return syntaxErrorf(s.pos, "quotes and substitutions are nested deeper than %d", maxShellNesting)
		}
		if err := s.next(); err != nil {
			return err
		}
	}
	return nil
}

func (s *shellScanner) top() *frame { return &s.frames[len(s.frames)-1] }

func (s *shellScanner) push(f frame) {
	if f.closer == '`' {
		s.backquotes++
	}
	f.atCommand = true
	s.frames = append(s.frames, f)
}

// pop leaves the innermost frame; the outermost stays.
func (s *shellScanner) pop() {
	if len(s.frames) == 1 {
		return
	}
	if s.top().closer == '`' {
		s.backquotes--
	}
	s.frames = s.frames[:len(s.frames)-1]
	s.top().atCommand = false
}

// take passes n bytes through unchanged.
func (s *shellScanner) take(n int) {
	n = min(n, s.end-s.pos)
	s.out.literal(s.src[s.pos : s.pos+n])
	s.pos += n
}

func (s *shellScanner) has(prefix string) bool {
	return strings.HasPrefix(s.src[s.pos:s.end], prefix)
}

// next reads one step at the current position.
func (s *shellScanner) next() error {
	f := s.top()
	switch c := s.src[s.pos]; c {
	case '\\':
		s.take(2)
		return nil
	case '`':
		s.backquote()
		return nil
	case '$':
		return s.dollar()
	default:
		switch f.kind {
		case commandFrame:
			return s.command(c)
		case doubleFrame:
			s.take(1)
			if c == '"' {
				s.pop()
			}
		case braceFrame:
			return s.brace(c)
		case arithmeticFrame:
			return s.arithmetic(c)
		case documentFrame:
			s.take(1)
		}
		return nil
	}
}

// backquote closes the innermost open backquotes, with whatever was left open in them, or opens new.
func (s *shellScanner) backquote() {
	s.take(1)
	if s.backquotes == 0 {
		s.push(frame{kind: commandFrame, closer: '`'})
		return
	}
	for s.top().closer != '`' {
		s.pop()
	}
	s.pop()
}

// dollar reads whatever a $ begins.
func (s *shellScanner) dollar() error {
	quoted := s.top().quoted
	inText := s.top().kind == doubleFrame || s.top().kind == documentFrame
	s.top().atCommand = false
	switch {
	case s.has("$$"): // the process id, after which no parenthesis opens a substitution
		s.take(2)
	case s.has("$(("):
		s.take(3)
		s.push(frame{kind: arithmeticFrame, quoted: true, parens: 2})
	case s.has("$("):
		s.take(2)
		s.push(frame{kind: commandFrame, closer: ')'})
	case s.has("$["):
		s.take(2)
		s.push(frame{kind: arithmeticFrame, closer: ']', quoted: true})
	case s.has("${"):
		form := bare
		if quoted {
			form = inDouble
		}
		bound, err := s.reference(form, s.end)
		if err != nil || bound {
			return err
		}
		s.take(2)
		s.push(frame{kind: braceFrame, closer: '}', quoted: quoted})
	case s.has("$'") && !inText:
		s.take(2)
		return s.ansiQuotes()
	case s.has(`$"`) && !inText:
		s.take(2)
		s.push(frame{kind: doubleFrame, closer: '"', quoted: true})
	default:
		s.take(1)
	}
	return nil
}

// reference binds the reference at the current position if there is one that the shell can't read,
// looking no further than limit.
func (s *shellScanner) reference(form quoting, limit int) (bool, error) {
	p := referenceParser{src: s.src, end: limit, shell: true}
	if path, n := scanPath(s.src[min(p.skipSpace(s.pos+2), limit):limit]); n == 0 || isShellName(path) {
		return false, nil
	}
	ref, next, ok, err := p.at(s.pos, 0)
	if errors.Is(err, errUnclosed) {
		return false, nil
	}
	if err != nil || !ok {
		return false, err
	}
	s.out.reference(ref, form)
	s.pos = next
	return true, nil
}

// singleQuotes reads up to the closing quote, binding the references before it.
func (s *shellScanner) singleQuotes() error {
	s.take(1)
	closing := s.end
	if n := strings.IndexByte(s.src[s.pos:s.end], '\''); n >= 0 {
		closing = s.pos + n
	}
	return s.quotedReferences(inSingle, closing)
}

// ansiQuotes is singleQuotes for $'…', where a backslash escapes.
func (s *shellScanner) ansiQuotes() error {
	closing := s.pos
	for closing < s.end && s.src[closing] != '\'' {
		if s.src[closing] == '\\' {
			closing++
		}
		closing++
	}
	return s.quotedReferences(inANSI, min(closing, s.end))
}

// quotedReferences binds what can be bound up to the closing quote, and takes that. Without a closing
// quote nothing is bound: the shell parser will refuse the script and should see it as it was written.
func (s *shellScanner) quotedReferences(form quoting, closing int) error {
	if closing >= s.end {
		s.take(closing - s.pos)
		return nil
	}
	for s.pos < closing {
		if form == inANSI && s.src[s.pos] == '\\' {
			s.take(2)
			continue
		}
		if strings.HasPrefix(s.src[s.pos:closing], "${") {
			bound, err := s.reference(form, closing)
			if err != nil {
				return err
			}
			if bound {
				continue
			}
		}
		s.take(1)
	}
	s.take(1)
	return nil
}

// brace reads a byte of the shell's own ${…}, in which quotes are quotes wherever it stands.
func (s *shellScanner) brace(c byte) error {
	switch c {
	case '\'':
		return s.singleQuotes()
	case '"':
		s.take(1)
		s.push(frame{kind: doubleFrame, closer: '"', quoted: true})
	case '}':
		s.take(1)
		s.pop()
	default:
		s.take(1)
	}
	return nil
}

// arithmetic reads a byte of arithmetic, in which << shifts and # is no comment.
func (s *shellScanner) arithmetic(c byte) error {
	f := s.top()
	if c == '\'' {
		return s.singleQuotes()
	}
	s.take(1)
	switch c {
	case '"':
		s.push(frame{kind: doubleFrame, closer: '"', quoted: true})
	case '(':
		f.parens++
	case ')':
		if f.parens--; f.parens <= 0 && f.closer == 0 {
			s.pop()
		}
	case ']':
		if f.closer == ']' {
			s.pop()
		}
	}
	return nil
}
