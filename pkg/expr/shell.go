// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"strconv"
	"strings"
)

// Shell is a shell script with references in it that the shell itself could not read: those with a
// dot, a hyphen or an index in their path. ${NAME}, ${NAME:-x}, $NAME and {{…}} are the shell's own
// and stay as they are. A Shell is immutable.
type Shell struct {
	pieces []shellPiece
	// refs are the different references of the script; a piece names one by its index, and the
	// variable it becomes has that index in its name.
	refs []shellReference
}

// shellPiece is a piece of script, or a reference and the quotes around it.
type shellPiece struct {
	text string
	ref  int // index into refs, -1 for text
	form quoting
}

type shellReference struct {
	*reference
	// ambiguous marks ${a-b} and ${a[0]}, which the shell can read as well: they are bound when they
	// resolve and left to the shell when they don't.
	ambiguous bool
}

// quoting is the state of the shell's quotes at a reference.
type quoting int

const (
	// bare stands outside of all quotes: the expansion brings its own, so that it does not split.
	bare quoting = iota
	// inDouble stands where expansions neither split nor glob: double quotes, here-documents, arithmetic.
	inDouble
	// inSingle stands between single quotes, which must be left for a moment.
	inSingle
	// inANSI is inSingle for $'…'.
	inANSI
)

// ParseShell finds the references of a script with regard to its quotes, comments and here-documents.
// It returns a *SyntaxError for a default that can't be evaluated without the shell, for nesting
// deeper than the bounds and for a script longer than MaxScript. Whether the script is valid shell
// is the shell parser's business.
func ParseShell(src string) (*Shell, error) {
	if len(src) > MaxScript {
		return nil, syntaxErrorf(MaxScript, "the script is longer than %d KiB", MaxScript>>10)
	}
	s := shellScanner{src: src, end: len(src), out: &shellBuilder{index: map[string]int{}}}
	if err := s.run(); err != nil {
		return nil, err
	}
	return s.out.shell(), nil
}

// Refs lists the paths that will be bound, in the order of their first appearance, each once. Those
// that the shell could read as well (${a-b}, ${a[0]}) are not among them.
func (s *Shell) Refs() []Path {
	var refs pathList
	for _, r := range s.refs {
		if !r.ambiguous {
			refs.addReference(r.reference)
		}
	}
	return refs.paths
}

// Bind returns the script with every reference replaced by the expansion of a variable, and the
// variables: AOF_REF_<n> by name with their final text, defaults applied. A value is never part of
// the script, so whatever it holds can't change what the script does. References do not split into
// words and do not glob. ErrTooLarge when the values together exceed MaxRendered.
func (s *Shell) Bind(r Resolver) (script string, vars map[string]string, err error) {
	vars = make(map[string]string, len(s.refs))
	left := make([]bool, len(s.refs))
	total := 0
	for i, ref := range s.refs {
		if ref.ambiguous {
			if _, found := lookup(r, ref.path); !found {
				left[i] = true
				continue
			}
		}
		v, err := ref.value(r)
		if err != nil {
			return "", nil, err
		}
		text := Text(v)
		if total += len(text); total > MaxRendered {
			return "", nil, ErrTooLarge
		}
		vars[variable(i)] = text
	}
	return s.join(func(p shellPiece) string {
		if left[p.ref] {
			return s.refs[p.ref].source
		}
		return p.form.expansion(variable(p.ref))
	}), vars, nil
}

// join writes the script with each reference as expand has it.
func (s *Shell) join(expand func(shellPiece) string) string {
	var b strings.Builder
	for _, p := range s.pieces {
		if p.ref < 0 {
			b.WriteString(p.text)
		} else {
			b.WriteString(expand(p))
		}
	}
	return b.String()
}

func variable(i int) string { return "AOF_REF_" + strconv.Itoa(i) }

// expansion writes the expansion of a variable in place of a reference in these quotes.
func (q quoting) expansion(name string) string {
	inner := "${" + name + "}"
	switch q {
	case bare:
		return `"` + inner + `"`
	case inSingle:
		return `'"` + inner + `"'`
	case inANSI:
		return `'"` + inner + `"$'`
	case inDouble:
		return inner
	default:
		return inner
	}
}

// shellBuilder collects the pieces of a script.
type shellBuilder struct {
	pieces []shellPiece
	refs   []shellReference
	index  map[string]int
	text   strings.Builder
}

func (b *shellBuilder) literal(s string) { b.text.WriteString(s) }

func (b *shellBuilder) reference(r *reference, form quoting) {
	b.flush()
	i, known := b.index[r.source]
	if !known {
		i = len(b.refs)
		b.index[r.source] = i
		b.refs = append(b.refs, shellReference{reference: r, ambiguous: shellCanRead(r)})
	}
	b.pieces = append(b.pieces, shellPiece{ref: i, form: form})
}

func (b *shellBuilder) flush() {
	if b.text.Len() > 0 {
		b.pieces = append(b.pieces, shellPiece{text: b.text.String(), ref: -1})
		b.text.Reset()
	}
}

func (b *shellBuilder) shell() *Shell {
	b.flush()
	return &Shell{pieces: b.pieces, refs: b.refs}
}

// isShellName says that ${path} is a plain variable of the shell.
func isShellName(p Path) bool { return len(p) == 1 && scanShellName(p[0]) == len(p[0]) }

// shellCanRead says that a reference is also an expansion that shells know: ${a-b} is b when a is not
// set, ${a[0]} an element of an array.
func shellCanRead(r *reference) bool {
	if r.def != nil || strings.ContainsAny(r.source, ". \t") {
		return false
	}
	return scanShellName(r.source[len("${"):]) > 0
}
