// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expr

import "strings"

// command reads one step where commands stand.
func (s *shellScanner) command(c byte) error {
	f := s.top()
	switch c {
	case '\n':
		return s.newline()
	case ' ', '\t', '\r':
		s.take(1)
	case ';', '&', '|':
		s.take(1)
		f.atCommand = true
	case '\'':
		f.atCommand = false
		return s.singleQuotes()
	case '"':
		f.atCommand = false
		s.take(1)
		s.push(frame{kind: doubleFrame, closer: '"', quoted: true})
	case '<', '>':
		s.redirection()
	case '(':
		s.openParenthesis()
	case ')':
		s.closeParenthesis()
	case '#':
		if s.atWordStart() {
			s.comment()
		} else {
			s.take(1)
		}
	default:
		s.word()
	}
	return nil
}

// atWordStart says that a word could begin here, and so a comment.
func (s *shellScanner) atWordStart() bool {
	return s.pos == 0 || strings.IndexByte(" \t\r\n;&|()<>`", s.src[s.pos-1]) >= 0
}

// comment passes over a comment; one in backquotes ends with them.
func (s *shellScanner) comment() {
	ends := "\n"
	if s.backquotes > 0 {
		ends = "\n`"
	}
	n := strings.IndexAny(s.src[s.pos:s.end], ends)
	if n < 0 {
		n = s.end - s.pos
	}
	s.take(n)
}

// word passes over the letters of a word and notes the reserved words that matter: those around a
// case, and those after which a command begins.
func (s *shellScanner) word() {
	f := s.top()
	n := 0
	for s.pos+n < s.end && strings.IndexByte(" \t\r\n;&|()<>`'\"$\\", s.src[s.pos+n]) < 0 {
		n++
	}
	n = max(n, 1)
	word := s.src[s.pos : s.pos+n]
	if f.atCommand && s.atWordStart() {
		f.atCommand = false
		switch word {
		case "case":
			f.cases++
		case "esac":
			f.cases = max(0, f.cases-1)
		case "then", "do", "else", "elif", "if", "while", "until", "!", "{", "time":
			f.atCommand = true
		}
	} else {
		f.atCommand = word == "in" && f.cases > 0
	}
	s.take(n)
}

func (s *shellScanner) openParenthesis() {
	f := s.top()
	if s.has("((") {
		f.atCommand = false
		s.take(2)
		s.push(frame{kind: arithmeticFrame, quoted: true, parens: 2})
		return
	}
	s.take(1)
	s.push(frame{kind: commandFrame, closer: ')'})
}

func (s *shellScanner) closeParenthesis() {
	f := s.top()
	s.take(1)
	if f.closer == ')' && f.cases == 0 {
		s.pop()
		// A command may begin: this may have been the parenthesis of a case pattern or a function.
		s.top().atCommand = true
		return
	}
	f.atCommand = true
}

// redirection reads what < and > begin: here-documents, here-strings, process substitutions.
func (s *shellScanner) redirection() {
	switch {
	case s.has("<<<"):
		s.take(3)
	case s.has("<<"):
		s.documentStart()
	case s.has("<("), s.has(">("):
		s.take(2)
		s.push(frame{kind: commandFrame, closer: ')'})
	default:
		s.take(1)
	}
}

// documentStart reads << and its delimiter, any quote of which makes the document literal.
func (s *shellScanner) documentStart() {
	var d document
	s.take(2)
	if s.has("-") {
		d.stripTabs = true
		s.take(1)
	}
	for s.has(" ") || s.has("\t") {
		s.take(1)
	}
	var delimiter strings.Builder
	var quote byte
	for s.pos < s.end {
		c := s.src[s.pos]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote, d.literal = c, true
		case quote != '\'' && c == '\\' && s.pos+1 < s.end:
			d.literal = true
			s.take(1)
			delimiter.WriteByte(s.src[s.pos])
		case quote == 0 && strings.IndexByte(" \t\r\n;&|()<>", c) >= 0:
			d.delimiter = delimiter.String()
			s.top().documents = append(s.top().documents, d)
			return
		default:
			delimiter.WriteByte(c)
		}
		s.take(1)
	}
}

// newline ends a line and reads the here-documents that were begun on it.
func (s *shellScanner) newline() error {
	s.take(1)
	f := s.top()
	f.atCommand = true
	documents := f.documents
	f.documents = nil
	for _, d := range documents {
		if err := s.documentBody(d); err != nil {
			return err
		}
	}
	return nil
}

func (s *shellScanner) documentBody(d document) error {
	bodyEnd, next := s.findDelimiter(d)
	if d.literal {
		s.take(next - s.pos)
		return nil
	}
	body := shellScanner{
		src: s.src, pos: s.pos, end: bodyEnd, out: s.out, nesting: s.nesting + len(s.frames),
		frames: []frame{{kind: documentFrame, quoted: true}},
	}
	if err := body.run(); err != nil {
		return err
	}
	s.pos = max(bodyEnd, body.pos)
	s.take(next - s.pos)
	return nil
}

// findDelimiter returns where the body of a here-document ends and where the script goes on.
func (s *shellScanner) findDelimiter(d document) (bodyEnd, next int) {
	for i := s.pos; i < s.end; {
		lineEnd := s.end
		if n := strings.IndexByte(s.src[i:s.end], '\n'); n >= 0 {
			lineEnd = i + n
		}
		line := s.src[i:lineEnd]
		if d.stripTabs {
			line = strings.TrimLeft(line, "\t")
		}
		if line == d.delimiter {
			return i, lineEnd
		}
		i = lineEnd + 1
	}
	return s.end, s.end
}
