// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expr_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/expr"
)

func TestShellBind(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, src, want string }{
		{"what the shell can do stays", `echo ${NAME} ${NAME:-x} $NAME ${#NAME} ${NAME%x} ${a[@]} $1 ${1} {{.Names}} {{a.b}}`, ``},
		{"in double quotes", `export X="${event.text}"`, `export X="${AOF_REF_0}"`},
		{"bare", `echo x${a.b}y`, `echo x"${AOF_REF_0}"y`},
		{"bare in an assignment", `X=${a.b}`, `X="${AOF_REF_0}"`},
		{"in single quotes", `echo 'x ${a.b} y'`, `echo 'x '"${AOF_REF_0}"' y'`},
		{"in $'…'", `echo $'\'${a.b}\n'`, `echo $'\''"${AOF_REF_0}"$'\n'`},
		{"the same reference twice", `echo ${a.b} "${a.b}"`, `echo "${AOF_REF_0}" "${AOF_REF_0}"`},
		{"with a hyphen", `echo ${k8s-process.output.severity}`, `echo "${AOF_REF_0}"`},
		{"with an index", `echo ${a.list[0]}`, `echo "${AOF_REF_0}"`},
		{"with a default", `echo ${event.severity:-unknown}`, `echo "${AOF_REF_0}"`},
		{"in the default of a variable", `echo ${X:-${a.b}} "${X:-${a.b}}"`, `echo ${X:-"${AOF_REF_0}"} "${X:-${AOF_REF_0}}"`},
		{"simple quotes in double quotes are no quotes", `echo "it's ${a.b}"`, `echo "it's ${AOF_REF_0}"`},
		{"double quotes in single quotes are no quotes", `echo '"' ${a.b}`, `echo '"' "${AOF_REF_0}"`},
		{"escaped", `echo \${a.b} "\${a.b}" \\${a.b}`, `echo \${a.b} "\${a.b}" \\"${AOF_REF_0}"`},
		{"escaped quotes", `echo \" ${a.b} "\"${a.b}"`, `echo \" "${AOF_REF_0}" "\"${AOF_REF_0}"`},
		{"a comment", "# don't ${a.b}\necho ${a.b} # ${a.b}", "# don't ${a.b}\necho \"${AOF_REF_0}\" # ${a.b}"},
		{"no comment", `echo a#${a.b} ${#NAME} "#" ${a.b}`, `echo a#"${AOF_REF_0}" ${#NAME} "#" "${AOF_REF_0}"`},
		{"a command substitution", `echo "$(echo ${a.b} "${a.b}")${a.b}"`, `echo "$(echo "${AOF_REF_0}" "${AOF_REF_0}")${AOF_REF_0}"`},
		{"after the process id", `echo "$$(echo ${a.b}" $$${a.b}`, `echo "$$(echo ${AOF_REF_0}" $$"${AOF_REF_0}"`},
		{"backquotes", "echo \"`echo ${a.b}`\" ${a.b}", "echo \"`echo \"${AOF_REF_0}\"`\" \"${AOF_REF_0}\""},
		{"arithmetic", `echo $((1 << ${a.n})) ${a.b}`, `echo $((1 << ${AOF_REF_0})) "${AOF_REF_1}"`},
		{"arithmetic command", `((x = (1 + ${a.n}) * 2)); echo ${a.b}`, `((x = (1 + ${AOF_REF_0}) * 2)); echo "${AOF_REF_1}"`},
		{"a here-document", "cat <<EOF\nit's ${a.b} \"$(echo ${a.b})\"\nEOF\necho ${a.b}", "cat <<EOF\nit's ${AOF_REF_0} \"$(echo \"${AOF_REF_0}\")\"\nEOF\necho \"${AOF_REF_0}\""},
		{"a quoted here-document", "cat <<'EOF'\n${a.b} '\nEOF\necho ${a.b}", "cat <<'EOF'\n${a.b} '\nEOF\necho \"${AOF_REF_0}\""},
		{"two here-documents", "cat <<-A <<\"B\" ${a.b}\n\t'\n\tA\n${a.b}\nB\necho '${a.b}'", "cat <<-A <<\"B\" \"${AOF_REF_0}\"\n\t'\n\tA\n${a.b}\nB\necho ''\"${AOF_REF_0}\"''"},
		{"a here-string", "cat <<< ${a.b}\necho '${a.b}'", "cat <<< \"${AOF_REF_0}\"\necho ''\"${AOF_REF_0}\"''"},
		{"case patterns", "x=\"$(case $X in a) echo ${a.b};; (b) :;; esac)\" ${a.b}", "x=\"$(case $X in a) echo \"${AOF_REF_0}\";; (b) :;; esac)\" \"${AOF_REF_0}\""},
		{"jq in single quotes", `echo '${read.output}' | jq '.items[] | {name: .name}'`, `echo ''"${AOF_REF_0}"'' | jq '.items[] | {name: .name}'`},
		{"process substitution", `diff <(echo ${a.b}) '${a.b}'`, `diff <(echo "${AOF_REF_0}") ''"${AOF_REF_0}"''`},
		{"what bash can read is left when nothing resolves it", `echo ${arr[0]} ${X-none} ${arr[0]:-x}`, `echo ${arr[0]} ${X-none} "${AOF_REF_2}"`},
		{"what bash can read is bound when it resolves", `echo ${hyphen-ated}`, `echo "${AOF_REF_0}"`},
		{"operators on a path are not ours", `echo ${a.b%x}`, ``},
		{"an unclosed quote is left to the shell parser", `echo '${a.b}`, ``},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			script, err := expr.ParseShell(tt.src)
			require.NoError(t, err)
			hyphenated := expr.Root(map[string]any{"hyphen-ated": "h"})
			got, _, err := script.Bind(expr.Chain(scope(), hyphenated))
			require.NoError(t, err)
			if tt.want == "" {
				tt.want = tt.src
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestShellVariables(t *testing.T) {
	t.Parallel()
	tests := []struct {
		src  string
		want string
	}{
		{`${event.text}`, "restart ${a.b} {{a.b}} $(touch x) `touch x` ' \"\n"},
		{`${event.user}`, "U1"},
		{`${a.list}`, `["x",2]`},
		{`${a.nope}`, ""},
		{`${a.nope:-unknown}`, "unknown"},
		{`${a.null:-two words}`, "two words"},
		{`${a.nope:-"two words"}`, "two words"},
		{`${a.nope:-'${NAME} $NAME'}`, "${NAME} $NAME"},
		{`${a.nope:-"<${NAME}>"}`, "<aof>"},
		{`${a.nope:-$NAME-x}`, "aof-x"},
		{`${a.nope:-${EMPTY:-${a.b}}}`, "deep"},
		{`${a.nope:-{{a.b}}}`, "{{a.b}}"},
		{`${a.nope:-it costs $5}`, "it costs $5"},
		{`${ a.b }`, "deep"},
	}
	for _, tt := range tests {
		t.Run(tt.src, func(t *testing.T) {
			t.Parallel()
			script, err := expr.ParseShell("echo " + tt.src)
			require.NoError(t, err)
			got, vars, err := script.Bind(scope())
			require.NoError(t, err)
			assert.Equal(t, `echo "${AOF_REF_0}"`, got)
			assert.Equal(t, map[string]string{"AOF_REF_0": tt.want}, vars)
		})
	}
}

func TestShellRefs(t *testing.T) {
	t.Parallel()
	script, err := expr.ParseShell(`echo ${b.c} '${d.e:-${F}}' ${X} ${arr[0]} # ${g.h}`)
	require.NoError(t, err)
	assert.Equal(t, []expr.Path{{"b", "c"}, {"d", "e"}, {"F"}}, script.Refs())
}

func TestShellRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, src, message string
		offset             int
	}{
		{"a command in a default", `echo ${a.b:-$(date)}`, "command", 12},
		{"backquotes in a default", "echo ${a.b:-`date`}", "command", 12},
		{"a script too long", strings.Repeat("#", expr.MaxScript+1), "longer than 256 KiB", expr.MaxScript},
		{"defaults too deep", "${x.y:-" + nested(expr.MaxDepth) + "}", "nested deeper than 64", 7 + 5*(expr.MaxDepth-1)},
		{"substitutions too deep", strings.Repeat("$(", 1000), "nested deeper than 256", 512},
		{"here-documents too deep", strings.Repeat("cat <<E\n$(", 1000), "nested deeper than 256", 1280},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := expr.ParseShell(tt.src)
			var syntax *expr.SyntaxError
			require.ErrorAs(t, err, &syntax)
			assert.Contains(t, syntax.Message, tt.message)
			assert.Equal(t, tt.offset, syntax.Offset)
		})
	}
	script, err := expr.ParseShell(`echo ${a.b} ${a.c}`)
	require.NoError(t, err)
	_, _, err = script.Bind(expr.ResolverFunc(func(expr.Path) (any, bool) {
		return strings.Repeat("x", expr.MaxRendered/2+1), true
	}))
	require.ErrorIs(t, err, expr.ErrTooLarge)
}
