// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"mvdan.cc/sh/v3/syntax"
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
	f.Fuzz(func(t *testing.T, src, value string) {
		script, err := ParseShell(src)
		if err != nil {
			require.LessOrEqual(t, len(err.Error()), 400)
			return
		}
		harmless := script.join(func(shellPiece) string { return "W" })
		if !parses(harmless) || hasExtendedGlob(harmless) {
			return
		}
		bound, vars, err := script.Bind(ResolverFunc(func(Path) (any, bool) { return value, true }))
		if err != nil {
			require.ErrorIs(t, err, ErrTooLarge)
			return
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
		require.Equal(t, references, countBound(t, bound), "a reference is not an expansion in %q", bound)
	})
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
func countBound(t *testing.T, script string) int {
	t.Helper()
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
