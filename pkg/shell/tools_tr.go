// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"bufio"
	"errors"
	"io"
	"slices"
	"strings"
)

// trClasses are the named classes of tr, in order.
var trClasses = map[string]string{
	"upper": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "lower": "abcdefghijklmnopqrstuvwxyz", "digit": "0123456789",
	"alpha": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
	"alnum": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
	"space": "\t\n\v\f\r ", "blank": "\t ", "punct": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
}

func trTool(t *toolRun) (int, error) {
	o, err := t.parse("dscC")
	if err != nil {
		return 2, err
	}
	sets := make([][]rune, len(o.files))
	for i, s := range o.files {
		if sets[i], err = trSet(s); err != nil {
			return 2, err
		}
	}
	if len(sets) == 0 || len(sets) > 2 || (len(sets) == 1 && !o.has('d') && !o.has('s')) {
		return 2, usageError("needs one set with -d or -s, else two")
	}
	complement := o.has('c') || o.has('C')
	in := bufio.NewReader(t.stdin)
	var last rune = -1
	for n := 0; ; n++ {
		c, _, err := in.ReadRune()
		if errors.Is(err, io.EOF) {
			return 0, nil
		}
		if err != nil {
			return 1, err
		}
		if n%4096 == 0 && t.ctx.Err() != nil {
			return 1, t.ctx.Err()
		}
		at := slices.Index(sets[0], c)
		hit := (at >= 0) != complement
		if hit && o.has('d') {
			continue
		}
		if hit && len(sets) == 2 && !o.has('d') && len(sets[1]) > 0 {
			c = sets[1][trIndex(at, len(sets[1]))]
		}
		squeeze := o.has('s') && (hit || (len(sets) == 2 && slices.Contains(sets[1], c)))
		if squeeze && c == last {
			continue
		}
		last = c
		if _, err := io.WriteString(t.stdout, string(c)); err != nil {
			return 1, err
		}
	}
}

// trIndex is where the other set answers position at; beyond its end, and for
// what a complement matched, its last character does.
func trIndex(at, length int) int {
	if at < 0 || at >= length {
		return length - 1
	}
	return at
}

// trSet expands ranges, classes and escapes.
func trSet(s string) ([]rune, error) {
	var out []rune
	in := []rune(s)
	for i := 0; i < len(in); i++ {
		c := in[i]
		switch {
		case c == '[' && strings.HasPrefix(string(in[i:]), "[:"):
			end := strings.Index(string(in[i:]), ":]")
			if end < 0 {
				return nil, usageError("unclosed class")
			}
			name := string(in[i:])[2:end]
			class, ok := trClasses[name]
			if !ok {
				return nil, usageError("unknown class " + bound(name, 64))
			}
			out = append(out, []rune(class)...)
			i += len([]rune(name)) + 3
			continue
		case c == '\\' && i+1 < len(in):
			i++
			c = trEscape(in[i])
		}
		if i+2 < len(in) && in[i+1] == '-' {
			to := in[i+2]
			if to < c || to-c > 0xffff {
				return nil, usageError("not a range: " + bound(string(in[i:i+3]), 64))
			}
			for ; c <= to; c++ {
				out = append(out, c)
			}
			i += 2
			continue
		}
		out = append(out, c)
	}
	return out, nil
}

func trEscape(c rune) rune {
	switch c {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case 'r':
		return '\r'
	case '0':
		return 0
	}
	return c
}
