// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// conditionLexer rewrites a condition into the language of expr-lang. Every operand becomes a plain
// variable there, so nothing that the author or a value wrote is read a second time, and only the
// operators of the dialect exist. Because it knows at each place whether an operand or an operator
// must come, its errors speak of the author's text.
type conditionLexer struct {
	src string
	pos int
	out strings.Builder

	operands  []operand
	constants []constant
	known     map[string]int // operands by their source

	// afterOperand says that an operator or a closing bracket must come next.
	afterOperand bool
	// listOpen says that the last token opened a list, which may be empty.
	listOpen bool
	// bangs counts the ! before the operand that must come.
	bangs int
	// groups are the open brackets.
	groups []group
}

// constant is a literal of the condition.
type constant struct {
	value  any
	offset int
}

// group is an open bracket; a word NOT opens one of its own that ends with the comparison after it.
type group struct {
	bracket byte // '(' or '[' or, for NOT, 'N'
	offset  int
}

// words are the operators that are written as words, as expr-lang has them.
var words = map[string]string{"and": "and", "or": "or", "in": "in", "contains": "contains"}

// symbols are the other operators, the longer ones before their prefixes.
var symbols = []struct{ source, emitted string }{
	{"&&", "and"},
	{"||", "or"},
	{"==", "=="},
	{"!=", "!="},
	{"<=", "<="},
	{">=", ">="},
	{"=~", "matches"},
	{"!~", "not matches"},
	{"<", "<"},
	{">", ">"},
}

func (l *conditionLexer) emitted() string { return l.out.String() }

func (l *conditionLexer) emit(s string) {
	l.out.WriteString(s)
	l.out.WriteByte(' ')
}

func (l *conditionLexer) run() error {
	for {
		l.skipSpace()
		if l.pos == len(l.src) {
			return l.finish()
		}
		if len(l.groups)+l.bangs > MaxDepth {
			return syntaxErrorf(l.pos, "parentheses and negations are nested deeper than %d", MaxDepth)
		}
		if err := l.token(); err != nil {
			return err
		}
	}
}

func (l *conditionLexer) finish() error {
	switch {
	case strings.TrimSpace(l.src) == "":
		return syntaxErrorf(0, "the condition is empty")
	case !l.afterOperand:
		return syntaxErrorf(l.pos, "the condition ends where a value must follow")
	}
	l.endNegations()
	if n := len(l.groups); n > 0 {
		return syntaxErrorf(l.groups[n-1].offset, "%q is never closed", string(l.groups[n-1].bracket))
	}
	return nil
}

func (l *conditionLexer) skipSpace() {
	for l.pos < len(l.src) {
		r, size := utf8.DecodeRuneInString(l.src[l.pos:])
		if !unicode.IsSpace(r) {
			return
		}
		l.pos += size
	}
}

func (l *conditionLexer) token() error {
	listOpen := l.listOpen
	l.listOpen = false
	switch c := l.src[l.pos]; c {
	case '(', '[':
		return l.open(c)
	case ')', ']':
		return l.close(c, listOpen)
	case ',':
		return l.comma()
	}
	if l.afterOperand {
		return l.operator()
	}
	return l.operand()
}

func (l *conditionLexer) open(c byte) error {
	if l.afterOperand {
		return syntaxErrorf(l.pos, "an operator must stand before %q; functions can't be called", string(c))
	}
	l.groups = append(l.groups, group{bracket: c, offset: l.pos})
	l.listOpen = c == '['
	l.bangs = 0
	l.emit(string(c))
	l.pos++
	return nil
}

func (l *conditionLexer) close(c byte, listOpen bool) error {
	if !l.afterOperand && (c != ']' || !listOpen) {
		return syntaxErrorf(l.pos, "a value must stand before %q", string(c))
	}
	l.endNegations()
	n := len(l.groups)
	if n == 0 || (l.groups[n-1].bracket == '(') != (c == ')') {
		return syntaxErrorf(l.pos, "%q closes nothing", string(c))
	}
	l.groups = l.groups[:n-1]
	l.afterOperand = true
	l.emit(string(c))
	l.pos++
	return nil
}

func (l *conditionLexer) comma() error {
	if l.afterOperand {
		l.endNegations()
	}
	n := len(l.groups)
	if !l.afterOperand || n == 0 || l.groups[n-1].bracket != '[' {
		return syntaxErrorf(l.pos, "a comma may only stand between the values of a list in brackets")
	}
	l.afterOperand = false
	l.emit(",")
	l.pos++
	return nil
}

// endNegations closes the comparisons that NOT applies to.
func (l *conditionLexer) endNegations() {
	for n := len(l.groups); n > 0 && l.groups[n-1].bracket == 'N'; n-- {
		l.groups = l.groups[:n-1]
		l.emit(")")
	}
}

// operator reads what joins two operands.
func (l *conditionLexer) operator() error {
	rest := l.src[l.pos:]
	if n := scanName(rest); n > 0 {
		return l.wordOperator(rest[:n])
	}
	for _, s := range symbols {
		if strings.HasPrefix(rest, s.source) {
			l.join(s.emitted)
			l.pos += len(s.source)
			return nil
		}
	}
	switch rest[0] {
	case '=':
		return syntaxErrorf(l.pos, `unexpected "=": compare with "=="`)
	case '&', '|':
		return syntaxErrorf(l.pos, "unexpected %q: write it twice", rest[:1])
	case '+', '-', '*', '/', '%':
		return syntaxErrorf(l.pos, "unexpected %q: a condition can't calculate", rest[:1])
	default:
		return syntaxErrorf(l.pos, "unexpected %q where an operator must stand", firstRune(rest))
	}
}

func (l *conditionLexer) wordOperator(word string) error {
	lower := strings.ToLower(word)
	if emitted, ok := words[lower]; ok {
		l.join(emitted)
		l.pos += len(word)
		return nil
	}
	if lower == "not" {
		after := strings.TrimLeftFunc(l.src[l.pos+len(word):], unicode.IsSpace)
		if next := strings.ToLower(after[:scanName(after)]); next == "in" || next == "contains" {
			l.join("not " + next)
			l.pos = len(l.src) - len(after) + len(next)
			return nil
		}
	}
	return syntaxErrorf(l.pos, "unexpected %q where an operator must stand", excerpt(word))
}

// join emits a binary operator. Those that join comparisons end what NOT applies to.
func (l *conditionLexer) join(emitted string) {
	if emitted == "and" || emitted == "or" {
		l.endNegations()
	}
	l.emit(emitted)
	l.afterOperand = false
}

// operand reads a value, or the negation before one.
func (l *conditionLexer) operand() error {
	rest := l.src[l.pos:]
	switch c := rest[0]; {
	case c == '!' && !strings.HasPrefix(rest, "!=") && !strings.HasPrefix(rest, "!~"):
		l.bangs++
		l.pos++
		l.emit("!")
		return nil
	case c == '"' || c == '\'':
		return l.quoted(c)
	case c >= '0' && c <= '9', c == '-' && len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9':
		return l.number()
	case strings.HasPrefix(rest, "${"), strings.HasPrefix(rest, "{{"):
		return l.braced()
	case c == '$':
		return syntaxErrorf(l.pos, `unexpected "$": write a reference as ${name}`)
	}
	path, n := scanPath(rest)
	if n == 0 {
		return syntaxErrorf(l.pos, "unexpected %q where a value must stand", firstRune(rest))
	}
	if len(path) == 1 {
		switch strings.ToLower(path[0]) {
		case "not":
			l.groups = append(l.groups, group{bracket: 'N', offset: l.pos})
			l.pos += n
			l.emit("not (")
			return nil
		case "true", "false":
			l.constant(strings.EqualFold(path[0], "true"), n)
			return nil
		case "null", "nil":
			l.constant(nil, n)
			return nil
		}
	}
	l.variable(operand{ref: &reference{path: path, source: rest[:n]}}, n)
	return nil
}

func (l *conditionLexer) constant(value any, length int) {
	l.constants = append(l.constants, constant{value: value, offset: l.pos})
	l.emit(constantName(len(l.constants) - 1))
	l.endOperand(length)
}

func (l *conditionLexer) variable(o operand, length int) {
	source := l.src[l.pos : l.pos+length]
	i, known := l.known[source]
	if !known {
		if l.known == nil {
			l.known = map[string]int{}
		}
		i = len(l.operands)
		l.known[source] = i
		l.operands = append(l.operands, o)
	}
	l.emit(operandName(i))
	l.endOperand(length)
}

func (l *conditionLexer) endOperand(length int) {
	l.pos += length
	l.bangs = 0
	l.afterOperand = true
}

// braced reads ${path}, ${path:-default} or {{path}}.
func (l *conditionLexer) braced() error {
	p := referenceParser{src: l.src, end: len(l.src), lastClose: strings.LastIndexByte(l.src, '}')}
	ref, next, err := p.referenceAt(l.pos, 0)
	if err != nil {
		return err
	}
	if ref == nil {
		return syntaxErrorf(l.pos, "%q is no reference: write a path in the braces", excerpt(firstLine(l.src[l.pos:])))
	}
	ref.optional = false
	l.variable(operand{ref: ref}, next-l.pos)
	return nil
}

// number reads a decimal number.
func (l *conditionLexer) number() error {
	n := 1
	for l.pos+n < len(l.src) && isNumberByte(l.src[l.pos+n], l.src[l.pos+n-1]) {
		n++
	}
	word := l.src[l.pos : l.pos+n]
	if after := l.src[l.pos+n:]; after != "" {
		if r, _ := utf8.DecodeRuneInString(after); isNameStart(r) || r == '-' || r == '%' || r == '.' {
			return syntaxErrorf(l.pos, "%q is no number: put it in quotes", excerpt(word+firstWord(after)))
		}
	}
	if i, err := strconv.ParseInt(word, 10, 64); err == nil {
		l.constant(i, n)
		return nil
	}
	f, err := strconv.ParseFloat(word, 64)
	if err != nil {
		return syntaxErrorf(l.pos, "%q is no number", excerpt(word))
	}
	l.constant(f, n)
	return nil
}

func isNumberByte(c, before byte) bool {
	exponent := before == 'e' || before == 'E'
	return c >= '0' && c <= '9' || c == '.' || c == 'e' || c == 'E' || exponent && (c == '+' || c == '-')
}

// quoted reads a string; with references in it, it is a template whose text is compared.
func (l *conditionLexer) quoted(quote byte) error {
	var b strings.Builder
	i := l.pos + 1
	for i < len(l.src) && l.src[i] != quote {
		if l.src[i] == '\\' && i+1 < len(l.src) {
			b.WriteString(unescape(l.src[i+1]))
			i += 2
			continue
		}
		b.WriteByte(l.src[i])
		i++
	}
	if i >= len(l.src) {
		return syntaxErrorf(l.pos, "the string is never closed with %q", string(quote))
	}
	t, err := ParseTemplate(b.String())
	if err != nil {
		return syntaxErrorf(l.pos, "in the string: %v", err)
	}
	switch {
	case len(t.segments) == 0:
		l.constant("", i+1-l.pos)
	case len(t.segments) == 1 && t.segments[0].ref == nil:
		l.constant(t.segments[0].text, i+1-l.pos)
	default:
		l.variable(operand{text: t}, i+1-l.pos)
	}
	return nil
}

// unescape gives what a backslash and c mean in a string. Unknown ones stay as they are, so that
// patterns need no double backslash.
func unescape(c byte) string {
	switch c {
	case '"', '\'', '\\':
		return string(c)
	case 'n':
		return "\n"
	case 't':
		return "\t"
	case 'r':
		return "\r"
	default:
		return `\` + string([]byte{c})
	}
}

func firstRune(s string) string {
	_, size := utf8.DecodeRuneInString(s)
	return s[:size]
}

func firstWord(s string) string {
	if n := strings.IndexFunc(s, unicode.IsSpace); n >= 0 {
		return s[:n]
	}
	return s
}
