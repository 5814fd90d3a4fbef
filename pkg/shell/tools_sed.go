// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// sedCommand is one command of a sed script.
type sedCommand struct {
	from, to *sedAddress // which lines; nil from is every line
	negated  bool        // all but those
	inside   bool        // between from and to
	verb     byte        // s, d, p or q

	pattern       *regexp.Regexp
	with          []sedPart
	nth           int // which match is replaced, and on from there if all
	all, andPrint bool
}

// sedAddress is a line by number, the last one, or one that matches.
type sedAddress struct {
	number  int
	last    bool
	pattern *regexp.Regexp
}

// sedPart is a piece of a replacement: text, or the group of a match.
type sedPart struct {
	text  string
	group int // -1 for text
}

// sedTool knows s, d, p and q with addresses, and the options -n, -E, -r, -e.
func sedTool(t *toolRun) (int, error) {
	var script []string
	var files []string
	quiet, extended := false, false
	for i := 0; i < len(t.args); i++ {
		switch arg := t.args[i]; {
		case arg == "-n" || arg == "--quiet" || arg == "--silent":
			quiet = true
		case arg == "-E" || arg == "-r" || arg == "--regexp-extended":
			extended = true
		case arg == "-nE" || arg == "-nr" || arg == "-En" || arg == "-rn":
			quiet, extended = true, true
		case arg == "-e" && i+1 < len(t.args):
			i++
			script = append(script, t.args[i])
		case arg == "--":
			files = append(files, t.args[i+1:]...)
			i = len(t.args)
		case len(arg) > 1 && arg[0] == '-':
			return 2, usageError("unknown option " + bound(arg, 64))
		default:
			files = append(files, arg)
		}
	}
	if script == nil {
		if len(files) == 0 {
			return 2, usageError("no script given")
		}
		script, files = files[:1], files[1:]
	}
	p := &sedParser{src: strings.Join(script, "\n"), extended: extended}
	commands, err := p.commands()
	if err != nil {
		return 2, err
	}
	var text strings.Builder
	if err := t.inputs(files, func(_ string, in io.Reader) error {
		data, err := t.all(in)
		text.Write(data)
		return err
	}); err != nil {
		return 0, err
	}
	return 0, sedLines(t, commands, quiet, splitLines(text.String()))
}

func sedLines(t *toolRun, commands []*sedCommand, quiet bool, lines []string) error {
	for i, line := range lines {
		if err := t.ctx.Err(); err != nil {
			return err
		}
		deleted, quit := false, false
		for _, c := range commands {
			if c.selects(i+1, i+1 == len(lines), line) == c.negated {
				continue
			}
			switch c.verb {
			case 'd':
				deleted = true
			case 'p':
				t.line(line)
			case 'q':
				quit = true
			default:
				replaced, ok, err := c.replace(line)
				if err != nil {
					return err
				}
				if line = replaced; ok && c.andPrint {
					t.line(line)
				}
			}
			if deleted || quit {
				break
			}
		}
		if !deleted && !quiet {
			t.line(line)
		}
		if quit {
			return nil
		}
	}
	return nil
}

// selects says whether the command's addresses name this line.
func (c *sedCommand) selects(number int, last bool, line string) bool {
	switch {
	case c.from == nil:
		return true
	case c.to == nil:
		return c.from.is(number, last, line)
	case c.inside:
		c.inside = !c.to.is(number, last, line) && (c.to.number == 0 || number < c.to.number)
		return c.to.number == 0 || number <= c.to.number
	case c.from.is(number, last, line):
		c.inside = !last && (c.to.number == 0 || c.to.number > number)
		return true
	default:
		return false
	}
}

func (a *sedAddress) is(number int, last bool, line string) bool {
	switch {
	case a.pattern != nil:
		return a.pattern.MatchString(line)
	case a.last:
		return last
	default:
		return a.number == number
	}
}

// replace does s on one line.
func (c *sedCommand) replace(line string) (string, bool, error) {
	upTo := c.nth
	if c.all {
		upTo = -1
	}
	matches := c.pattern.FindAllStringSubmatchIndex(line, upTo)
	if len(matches) < c.nth {
		return line, false, nil
	}
	var b strings.Builder
	at := 0
	for _, m := range matches[c.nth-1:] {
		b.WriteString(line[at:m[0]])
		for _, part := range c.with {
			switch g := 2 * part.group; {
			case g < 0:
				b.WriteString(part.text)
			case g+1 < len(m) && m[g] >= 0:
				b.WriteString(line[m[g]:m[g+1]])
			}
		}
		if at = m[1]; b.Len() > maxToolLine {
			return "", false, errors.New("a line grows too long")
		}
	}
	b.WriteString(line[at:])
	return b.String(), true, nil
}

// sedParser reads a sed script.
type sedParser struct {
	src      string
	at       int
	extended bool
}

func (p *sedParser) peek() byte {
	if p.at < len(p.src) {
		return p.src[p.at]
	}
	return 0
}

func (p *sedParser) skip(chars string) {
	for p.at < len(p.src) && strings.IndexByte(chars, p.src[p.at]) >= 0 {
		p.at++
	}
}

func (p *sedParser) commands() ([]*sedCommand, error) {
	var out []*sedCommand
	for {
		p.skip(" \t\n;")
		if p.at == len(p.src) {
			return out, nil
		}
		if p.peek() == '#' {
			for p.at < len(p.src) && p.peek() != '\n' {
				p.at++
			}
			continue
		}
		c, err := p.command()
		if err != nil {
			return nil, err
		}
		out = append(out, c)
		if p.skip(" \t"); p.at < len(p.src) && p.peek() != ';' && p.peek() != '\n' {
			return nil, usageError("not a script: " + bound(p.src, 128))
		}
	}
}

func (p *sedParser) command() (c *sedCommand, err error) {
	c = &sedCommand{nth: 1}
	if c.from, err = p.address(); err != nil {
		return nil, err
	}
	if c.from != nil && p.peek() == ',' {
		p.at++
		if c.to, err = p.address(); err != nil {
			return nil, err
		}
		if c.to == nil {
			return nil, usageError("an address is missing behind the comma")
		}
	}
	p.skip(" \t")
	if p.peek() == '!' {
		p.at++
		c.negated = true
	}
	c.verb = p.peek()
	p.at++
	switch c.verb {
	case 'd', 'p', 'q':
		return c, nil
	case 's':
		return c, p.substitution(c)
	default:
		return nil, usageError("only the commands s, d, p and q are known: " + bound(p.src, 128))
	}
}

func (p *sedParser) address() (*sedAddress, error) {
	c := p.peek()
	switch {
	case c == '$':
		p.at++
		return &sedAddress{last: true}, nil
	case c == '/':
		src, err := p.until(c)
		if err != nil {
			return nil, err
		}
		p.at++
		pattern, err := p.compile(src, false)
		return &sedAddress{pattern: pattern}, err
	case c >= '0' && c <= '9':
		start := p.at
		p.skip("0123456789")
		n, err := strconv.Atoi(p.src[start:p.at])
		if err != nil || n == 0 {
			return nil, usageError("not a line: " + bound(p.src[start:p.at], 64))
		}
		return &sedAddress{number: n}, nil
	default:
		return nil, nil //nolint:nilnil // no address is every line
	}
}

// until reads a part that stands between delimiters, from the first to the next.
func (p *sedParser) until(delimiter byte) (string, error) {
	var b strings.Builder
	for p.at++; p.at < len(p.src); p.at++ {
		switch c := p.src[p.at]; {
		case c == delimiter:
			return b.String(), nil
		case c == '\\' && p.at+1 < len(p.src):
			p.at++
			if p.src[p.at] != delimiter {
				b.WriteByte('\\')
			}
			b.WriteByte(p.src[p.at])
		default:
			b.WriteByte(c)
		}
	}
	return "", usageError("not closed: " + bound(p.src, 128))
}

func (p *sedParser) substitution(c *sedCommand) error {
	delimiter := p.peek()
	if delimiter == 0 || delimiter == '\n' || delimiter == '\\' {
		return usageError("s needs a delimiter")
	}
	src, err := p.until(delimiter)
	if err != nil {
		return err
	}
	with, err := p.until(delimiter)
	if err != nil {
		return err
	}
	p.at++
	c.with = sedParts(with)
	fold := false
	for ; p.at < len(p.src); p.at++ {
		switch f := p.src[p.at]; {
		case f == 'g':
			c.all = true
		case f == 'i' || f == 'I':
			fold = true
		case f == 'p':
			c.andPrint = true
		case f >= '1' && f <= '9':
			c.nth = int(f - '0')
		default:
			c.pattern, err = p.compile(src, fold)
			return err
		}
	}
	c.pattern, err = p.compile(src, fold)
	return err
}

func (p *sedParser) compile(src string, fold bool) (*regexp.Regexp, error) {
	if src == "" {
		return nil, usageError("a pattern is empty")
	}
	if !p.extended {
		src = basicToExtended(src)
	}
	if fold {
		src = "(?i)" + src
	}
	re, err := regexp.Compile(src)
	if err != nil {
		return nil, usageError("pattern: " + err.Error())
	}
	return re, nil
}

// sedParts reads a replacement: & and \0 are the match, \1 to \9 its groups.
func sedParts(src string) []sedPart {
	var out []sedPart
	var text strings.Builder
	group := func(n int) {
		out = append(out, sedPart{text: text.String(), group: -1}, sedPart{group: n})
		text.Reset()
	}
	for i := 0; i < len(src); i++ {
		c := src[i]
		if c == '&' {
			group(0)
			continue
		}
		if c != '\\' || i+1 == len(src) {
			text.WriteByte(c)
			continue
		}
		i++
		switch c := src[i]; {
		case c >= '0' && c <= '9':
			group(int(c - '0'))
		case c == 'n':
			text.WriteByte('\n')
		case c == 't':
			text.WriteByte('\t')
		default:
			text.WriteByte(c)
		}
	}
	return append(out, sedPart{text: text.String(), group: -1})
}
