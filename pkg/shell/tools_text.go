// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// numbered turns "head -5" into "head -n 5".
func (t *toolRun) numbered() {
	if len(t.args) > 0 && len(t.args[0]) > 1 && t.args[0][0] == '-' {
		if _, err := strconv.Atoi(t.args[0][1:]); err == nil {
			t.args = append([]string{"-n", t.args[0][1:]}, t.args[1:]...)
		}
	}
}

func headTool(t *toolRun) (int, error) {
	t.numbered()
	o, err := t.parse("n:c:")
	if err != nil {
		return 2, err
	}
	n, err := o.count('n', 10)
	if err != nil {
		return 2, err
	}
	c, err := o.count('c', -1)
	if err != nil {
		return 2, err
	}
	return 0, t.inputs(o.files, func(_ string, in io.Reader) error {
		if c >= 0 {
			_, err := io.Copy(t.stdout, io.LimitReader(in, int64(c)))
			return err
		}
		left := n
		if left == 0 {
			return nil
		}
		return t.lines(in, func(line string) bool {
			t.line(line)
			left--
			return left > 0
		})
	})
}

func tailTool(t *toolRun) (int, error) {
	t.numbered()
	o, err := t.parse("n:c:")
	if err != nil {
		return 2, err
	}
	from := 0
	if v := o.set['n']; strings.HasPrefix(v, "+") {
		if from, err = strconv.Atoi(v[1:]); err != nil {
			return 2, usageError("not a count: " + bound(v, 64))
		}
		delete(o.set, 'n')
	}
	n, err := o.count('n', 10)
	if err != nil {
		return 2, err
	}
	c, err := o.count('c', -1)
	if err != nil {
		return 2, err
	}
	return 0, t.inputs(o.files, func(_ string, in io.Reader) error {
		data, err := t.all(in)
		if err != nil {
			return err
		}
		if c >= 0 {
			_, err := t.stdout.Write(data[max(0, len(data)-c):])
			return err
		}
		lines := splitLines(string(data))
		if from > 0 {
			lines = lines[min(from-1, len(lines)):]
		} else {
			lines = lines[max(0, len(lines)-n):]
		}
		for _, line := range lines {
			t.line(line)
		}
		return nil
	})
}

func splitLines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

func wcTool(t *toolRun) (int, error) {
	o, err := t.parse("lwcm")
	if err != nil {
		return 2, err
	}
	all := len(o.set) == 0
	return 0, t.inputs(o.files, func(name string, in io.Reader) error {
		data, err := t.all(in)
		if err != nil {
			return err
		}
		s := string(data)
		var out []string
		for _, part := range []struct {
			letter byte
			inAll  bool
			n      func() int
		}{
			{'l', true, func() int { return strings.Count(s, "\n") }},
			{'w', true, func() int { return len(strings.Fields(s)) }},
			{'m', false, func() int { return utf8.RuneCountInString(s) }},
			{'c', true, func() int { return len(s) }},
		} {
			if o.has(part.letter) || (all && part.inAll) {
				out = append(out, strconv.Itoa(part.n()))
			}
		}
		if name != "-" {
			out = append(out, name)
		}
		t.line(strings.Join(out, " "))
		return nil
	})
}

// grepTool takes RE2 expressions for -E and without it; the two differ from
// POSIX only in what is rarely used (back-references).
func grepTool(t *toolRun) (int, error) {
	o, err := t.parse("EFGivcqonxwhse:m:")
	if err != nil {
		return 2, err
	}
	expr, ok := o.set['e']
	if !ok {
		if len(o.files) == 0 {
			return 2, usageError("no pattern")
		}
		expr, o.files = o.files[0], o.files[1:]
	}
	re, err := grepPattern(expr, o)
	if err != nil {
		return 2, usageError("pattern: " + err.Error())
	}
	most, err := o.count('m', -1)
	if err != nil {
		return 2, err
	}
	found := 0
	err = t.inputs(o.files, func(_ string, in io.Reader) error {
		number := 0
		return t.lines(in, func(line string) bool {
			number++
			if re.MatchString(line) == o.has('v') || found == most {
				return found != most
			}
			found++
			if o.has('q') {
				return false
			}
			if !o.has('c') {
				t.grepLine(re, o, number, line)
			}
			return true
		})
	})
	if err != nil {
		return 2, err
	}
	if o.has('c') {
		t.line(strconv.Itoa(found))
	}
	if found == 0 {
		return 1, nil
	}
	return 0, nil
}

func (t *toolRun) grepLine(re *regexp.Regexp, o options, number int, line string) {
	prefix := ""
	if o.has('n') {
		prefix = strconv.Itoa(number) + ":"
	}
	if !o.has('o') || o.has('v') {
		t.line(prefix + line)
		return
	}
	for _, part := range re.FindAllString(line, -1) {
		if part != "" {
			t.line(prefix + part)
		}
	}
}

func grepPattern(expr string, o options) (*regexp.Regexp, error) {
	alternatives := strings.Split(expr, "\n")
	for i, a := range alternatives {
		switch {
		case o.has('F'):
			a = regexp.QuoteMeta(a)
		case !o.has('E'):
			a = basicToExtended(a)
		}
		if o.has('w') {
			a = `\b(?:` + a + `)\b`
		}
		if o.has('x') {
			a = `^(?:` + a + `)$`
		}
		alternatives[i] = "(?:" + a + ")"
	}
	flags := ""
	if o.has('i') {
		flags = "(?i)"
	}
	return regexp.Compile(flags + strings.Join(alternatives, "|"))
}

// basicToExtended swaps the meaning of + ? | ( ) { } with and without a
// backslash, outside brackets.
func basicToExtended(expr string) string {
	var b strings.Builder
	inside := false
	for i := 0; i < len(expr); i++ {
		c := expr[i]
		switch {
		case inside:
			inside = c != ']'
			b.WriteByte(c)
		case c == '[':
			inside = true
			b.WriteByte(c)
		case strings.IndexByte("+?|(){}", c) >= 0:
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '\\' && i+1 < len(expr):
			i++
			if strings.IndexByte("+?|(){}", expr[i]) < 0 {
				b.WriteByte('\\')
			}
			b.WriteByte(expr[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func cutTool(t *toolRun) (int, error) {
	o, err := t.parse("d:f:c:s")
	if err != nil {
		return 2, err
	}
	list, chars := o.set['c'], o.has('c')
	if !chars {
		list = o.set['f']
	}
	wanted, err := cutList(list)
	if err != nil {
		return 2, err
	}
	delim, ok := o.set['d']
	if !ok {
		delim = "\t"
	}
	return 0, t.inputs(o.files, func(_ string, in io.Reader) error {
		return t.lines(in, func(line string) bool {
			switch {
			case chars:
				t.line(strings.Join(pick(strings.Split(line, ""), wanted), ""))
			case delim == "" || !strings.Contains(line, delim):
				if !o.has('s') {
					t.line(line)
				}
			default:
				t.line(strings.Join(pick(strings.Split(line, delim), wanted), delim))
			}
			return true
		})
	})
}

// cutList reads 1,3-5,7- as pairs of first and last, counted from 1.
func cutList(list string) ([][2]int, error) {
	var out [][2]int
	for part := range strings.SplitSeq(list, ",") {
		from, to, ranged := strings.Cut(part, "-")
		pair := [2]int{1, int(^uint(0) >> 1)}
		for i, s := range []string{from, to} {
			if s == "" && ranged && part != "-" {
				continue
			}
			if i == 1 && !ranged {
				pair[1] = pair[0]
				continue
			}
			n, err := strconv.Atoi(s)
			if err != nil || n < 1 {
				return nil, usageError("not a list of fields: " + bound(list, 64))
			}
			pair[i] = n
		}
		out = append(out, pair)
	}
	return out, nil
}

func pick(parts []string, wanted [][2]int) []string {
	out := parts[:0:0]
	for i, part := range parts {
		if slices.ContainsFunc(wanted, func(w [2]int) bool { return w[0] <= i+1 && i+1 <= w[1] }) {
			out = append(out, part)
		}
	}
	return out
}
