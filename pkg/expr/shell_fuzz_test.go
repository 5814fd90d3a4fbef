// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"mvdan.cc/sh/v3/syntax"
	"pgregory.net/rapid"
)

// FuzzShell holds that binding keeps a script what it was: when the script with a harmless word in
// place of each reference parses, so does the bound one; every reference in it is an expansion that
// neither splits nor globs; and the values, whatever they hold, make no difference to it.
func FuzzShell(f *testing.F) {
	for _, s := range []string{
		`export X="${event.text}"; echo '${a.b}' $'${a.b}' ${a.b:-x}`,
		"cat <<EOF\n${a.b} $(echo ${a.b})\nEOF\necho ${a.b}",
		"cat <<-'EOF'\n\t${a.b}\n\tEOF\necho ${a.b}",
		"x=\"$(case x in a) echo \"q ${a.b}\";; esac) ${a.b}\"",
		"echo `echo ${a.b}` \"`echo '${a.b}'`\" $((1 << ${a.b})) ${X:-${a.b}} ${X:${a.b}:2}",
		"((x = 1 << ${a.b})); [[ ${a.b} =~ ${c-d.e} ]] && f() { echo ${a.b}; }; a=(${a.b} 'x${a.b}')",
		"for ((i = 0; i < ${a.b}; i++)); do :; done <<< ${a.b} # don't ${a.b}",
		"if [ ${a.b} = 'x' ]; then echo \"${X#'${a.b}'}\"; fi | cat > ${a.b} 2>&1 &",
		"echo {a,${a.b}} ${X/${a.b}/'${a.b}'} $[1 << ${a.b}] <(echo ${a.b})",
	} {
		f.Add(s, "'\"; $(touch x) `touch x`\n${a.b}")
	}
	f.Fuzz(func(t *testing.T, src, value string) { checkBound(t, src, value) })
}

// checkBound holds what FuzzShell promises for one script and one value, and returns whether the script
// was one that the promise is about.
func checkBound(t require.TestingT, src, value string) bool {
	script, err := ParseShell(src)
	if err != nil {
		require.LessOrEqual(t, len(err.Error()), 400)
		return false
	}
	harmless := script.join(func(shellPiece) string { return "W" })
	if !parses(harmless) || hasExtendedGlob(harmless) {
		return false
	}
	bound, vars, err := script.Bind(ResolverFunc(func(Path) (any, bool) { return value, true }))
	if err != nil {
		require.ErrorIs(t, err, ErrTooLarge)
		return false
	}
	other, _, err := script.Bind(ResolverFunc(func(Path) (any, bool) { return "other", true }))
	require.NoError(t, err)
	require.Equal(t, other, bound, "a value changed the script")
	require.True(t, parses(bound), "the bound script does not parse: %q", bound)

	references := 0
	for _, p := range script.pieces {
		if p.ref >= 0 {
			references++
			require.Contains(t, vars, variable(p.ref))
		}
	}
	require.Equal(t, references, countBound(t, bound), "a reference is not an expansion in %q from %q", bound, src)
	return true
}

// TestBindingOfGeneratedScripts is FuzzShell over scripts that are valid by their making, with
// references in all the places that the shell's grammar has.
func TestBindingOfGeneratedScripts(t *testing.T) {
	t.Parallel()
	about := 0
	rapid.Check(t, func(t *rapid.T) {
		script := scriptMaker{t}.list(4)
		if checkBound(t, script, "'\"; $(touch x) `touch x`\n") {
			about++
		}
	})
	require.Positive(t, about, "no script was valid")
}

// scriptMaker writes random scripts.
type scriptMaker struct{ t *rapid.T }

func (m scriptMaker) pick(from ...string) string { return rapid.SampledFrom(from).Draw(m.t, "pick") }

func (m scriptMaker) ref() string {
	return m.pick("${a.b}", "${a-b.c:-x y}", `${a.b:-"q"}`, "${a[0].b}", "${a.b:-${C}}")
}

// list is a few commands, one a line, with the bodies of their here-documents.
func (m scriptMaker) list(depth int) string {
	var b strings.Builder
	for range rapid.IntRange(1, 3).Draw(m.t, "commands") {
		b.WriteString(m.command(depth))
		b.WriteString(m.pick("\n", "\n", " # don't "+m.ref()+" \"\n", "\n\n"))
	}
	return b.String()
}

func (m scriptMaker) command(depth int) string {
	if depth <= 0 {
		return "echo " + m.word(0)
	}
	d := depth - 1
	switch rapid.IntRange(0, 13).Draw(m.t, "command") {
	case 0:
		return "if test " + m.word(d) + "; then " + m.command(d) + "; else\n" + m.list(d) + "fi"
	case 1:
		return "case " + m.word(d) + " in\n a|" + m.ref() + ") " + m.command(d) + ";;\n (b) ;;\n *) " + m.command(d) + "\n ;; esac"
	case 2:
		return "for i in " + m.word(d) + " " + m.word(d) + "; do\n" + m.list(d) + "done"
	case 3:
		return "{ " + m.command(d) + "\n}"
	case 4:
		return "(" + m.command(d) + "\n)"
	case 5:
		return "cat <<E " + m.word(d) + "\nit's \"" + m.document(d) + "\nE"
	case 6:
		return "cat <<-'E' | " + m.pick("sed "+m.word(d), "cat") + "\n\t" + m.ref() + " ' $( \n\tE"
	case 7:
		return "X=" + m.word(d) + " Y=(" + m.word(d) + ") "
	case 8:
		return "[[ " + m.word(d) + m.pick(" == ", " =~ ", " < ", " -gt ") + m.word(d) + " && -n " + m.word(d) + " ]]"
	case 9:
		return "((x = (1 << 2) + " + m.arithmetic(d) + "))"
	case 10:
		return m.command(d) + m.pick(" | ", " && ", " || ", "; ") + "echo " + m.word(d)
	case 11:
		return "f() { " + m.command(d) + "\n}"
	case 12:
		return "echo " + m.word(d) + " >" + m.word(d) + " 2>&1 <<<" + m.word(d)
	default:
		return "echo " + m.word(d) + " a#b " + m.word(d)
	}
}

// word is one or more parts that stand together.
func (m scriptMaker) word(depth int) string {
	var b strings.Builder
	for range rapid.IntRange(1, 3).Draw(m.t, "parts") {
		b.WriteString(m.part(depth))
	}
	return b.String()
}

func (m scriptMaker) part(depth int) string {
	if depth <= 0 {
		return m.pick("x", m.ref(), "'"+m.ref()+"'", `"`+m.ref()+`"`, `\'`, `\"`, "$X")
	}
	d := depth - 1
	switch rapid.IntRange(0, 10).Draw(m.t, "part") {
	case 0:
		return `"` + m.double(d) + `"`
	case 1:
		return "'x \" # " + m.ref() + " `'"
	case 2:
		return "$(" + m.command(d) + "\n)"
	case 3:
		return "`echo " + m.pick("x", m.ref(), "'"+m.ref()+"'") + "`"
	case 4:
		return "${X" + m.pick(":-", "#", "%%", "/", ":=", "^") + m.part(d) + "}"
	case 5:
		return "$((1 << " + m.arithmetic(d) + "))"
	case 6:
		return `$'\'` + m.ref() + `"'`
	case 7:
		return "{a," + m.ref() + "}"
	case 8:
		return "<(" + m.command(d) + "\n)"
	default:
		return m.part(0)
	}
}

// double is what stands in double quotes.
func (m scriptMaker) double(depth int) string {
	parts := []string{"it's " + m.ref(), "# $", `\" \$ \\`, "${X:-" + m.part(depth-1) + "}", "$(" + m.command(depth-1) + "\n)", "`echo " + m.ref() + "`", "$((" + m.arithmetic(depth-1) + "))"}
	return m.pick(parts...) + m.pick(parts...)
}

// document is what stands in a here-document.
func (m scriptMaker) document(depth int) string {
	return m.pick("x ", m.ref(), "$(echo "+m.word(depth-1)+")", "${X:-"+m.ref()+"}", "`echo "+m.ref()+"`", `\$ # "`) + m.ref()
}

func (m scriptMaker) arithmetic(depth int) string {
	return m.pick("1", m.ref(), "("+m.ref()+" * 2)", `"`+m.ref()+`"`, "$(echo "+m.word(depth-1)+")", "x", "16#ff", "${X:-"+m.ref()+"}")
}

func parses(script string) bool {
	_, err := syntax.NewParser().Parse(strings.NewReader(script), "")
	return err == nil
}

// hasExtendedGlob says that a script has a !(…) in it, whose inside the parser keeps as it was written
// and in which, therefore, no expansion happens.
func hasExtendedGlob(script string) bool {
	file, err := syntax.NewParser().Parse(strings.NewReader(script), "")
	found := false
	if err == nil {
		syntax.Walk(file, func(n syntax.Node) bool {
			if _, ok := n.(*syntax.ExtGlob); ok {
				found = true
			}
			return true
		})
	}
	return found
}

// countBound counts the expansions of our variables, each of which must stand where it can't split.
func countBound(t require.TestingT, script string) int {
	file, err := syntax.NewParser().Parse(strings.NewReader(script), "")
	require.NoError(t, err)
	count := 0
	var stack []syntax.Node
	syntax.Walk(file, func(n syntax.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		if p, ok := n.(*syntax.ParamExp); ok && p.Param != nil && strings.HasPrefix(p.Param.Value, "AOF_REF_") {
			count++
			require.True(t, quotedIn(stack), "an expansion may split: %s in %q", p.Param.Value, script)
		}
		stack = append(stack, n)
		return true
	})
	return count
}

// quotedIn says whether an expansion below these nodes stays one word.
func quotedIn(stack []syntax.Node) bool {
	for i := len(stack) - 1; i >= 0; i-- {
		switch n := stack[i].(type) {
		case *syntax.DblQuoted, *syntax.ArithmExp, *syntax.ArithmCmd, *syntax.LetClause, *syntax.CStyleLoop:
			return true
		case *syntax.Redirect:
			return n.Hdoc != nil
		case *syntax.CmdSubst, *syntax.ProcSubst:
			return false
		}
	}
	return false
}
