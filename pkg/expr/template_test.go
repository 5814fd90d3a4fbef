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

// scope is what the references of the tests in this package can name.
func scope() expr.Resolver {
	return expr.Root(map[string]any{
		"NAME":  "aof",
		"EMPTY": "",
		"a":     map[string]any{"b": "deep", "n": 3.0, "yes": true, "null": nil, "list": []any{"x", 2.0}},
		"event": map[string]any{
			"text": "restart ${a.b} {{a.b}} $(touch x) `touch x` ' \"\n",
			"user": expr.Textual{Value: map[string]any{"id": "U1", "name": "ann"}, Text: "U1"},
		},
		"k8s-process": map[string]any{"output": expr.Textual{Value: map[string]any{"severity": "high", "n": "90"}, Text: "all well"}},
	})
}

func TestTemplateRender(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, src, want string }{
		{"nothing", "", ""},
		{"text only", "a $ b } { $x", "a $ b } { $x"},
		{"one name", "hi ${NAME}!", "hi aof!"},
		{"a path", "${a.b}/${k8s-process.output.severity}", "deep/high"},
		{"spaces in the braces", "${ a.b }", "deep"},
		{"a textual and what is in it", "${event.user} ${event.user.name}", "U1 ann"},
		{"a node's output", "${k8s-process.output}", "all well"},
		{"a list and an index", "${a.list} ${a.list[1]} ${a.list.0}", `["x",2] 2 x`},
		{"missing is nothing", "[${nope}][${a.null}]", "[][]"},
		{"a default", "${nope:-x y}", "x y"},
		{"a default for what is empty", "${EMPTY:-x}${a.null:-y}", "xy"},
		{"no default when there is a value", "${NAME:-x}", "aof"},
		{"an empty default", "[${nope:-}]", "[]"},
		{"nested defaults", "${nope:-${EMPTY:-${a.b:-x}}}", "deep"},
		{"text around a nested default", "${nope:-<${NAME}>}", "<aof>"},
		{"braces in a default balance", `${nope:-{"a":{}}}!`, `{"a":{}}!`},
		{"moustaches", "{{a.b}} {{ a.n }}", "deep 3"},
		{"a moustache in a default", "${nope:-{{a.b}}}", "deep"},
		{"a lone word in moustaches that resolves", "{{NAME}}", "aof"},
		{"a lone word in moustaches that does not", "{{ now }}", "{{ now }}"},
		{"other template languages stay", "{{.Names}} {{ range }}{{end}} {{ $x }} {{a | b}} {{a b}}", "{{.Names}} {{ range }}{{end}} {{ $x }} {{a | b}} {{a b}}"},
		{"missing behind a dot in moustaches", "[{{a.nope}}]", "[]"},
		{"the shell's expansions stay", "${#NAME} ${NAME%x} ${NAME/a/b} ${1} ${@} ${NAME:=x} ${}", "${#NAME} ${NAME%x} ${NAME/a/b} ${1} ${@} ${NAME:=x} ${}"},
		{"a reference inside the shell's expansion", "${NAME%${a.b}}", "${NAME%deep}"},
		{"values are not parsed again", "${event.text}", "restart ${a.b} {{a.b}} $(touch x) `touch x` ' \"\n"},
		{"no escape for the dollar", "$${NAME} $$", "$aof $$"},
		{"home stays", "${KUBECONFIG:-~/.kube/config}", "~/.kube/config"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			template, err := expr.ParseTemplate(tt.src)
			require.NoError(t, err)
			got, err := template.Render(scope())
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestTemplateValue(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, src string
		want      any
	}{
		{"a number stays one", "${a.n}", 3.0},
		{"a bool stays one", "{{ a.yes }}", true},
		{"a list stays one", "${a.list}", []any{"x", 2.0}},
		{"a textual stays one", "${event.user}", expr.Textual{Value: map[string]any{"id": "U1", "name": "ann"}, Text: "U1"}},
		{"missing is nil", "${nope}", nil},
		{"a default that is one reference keeps its type", "${nope:-${a.n}}", 3.0},
		{"an empty text takes the default", "${EMPTY:-d}", "d"},
		{"more than a reference is text", "${a.n} ", "3 "},
		{"text", "x", "x"},
		{"nothing", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			template, err := expr.ParseTemplate(tt.src)
			require.NoError(t, err)
			got, err := template.Value(scope())
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
	template, err := expr.ParseTemplate("[${a.b}]")
	require.NoError(t, err)
	got, err := template.Value(nil)
	require.NoError(t, err)
	assert.Equal(t, "[]", got, "a nil resolver finds nothing")
}

func TestTemplateRefs(t *testing.T) {
	t.Parallel()
	template, err := expr.ParseTemplate("${b.c} ${a:-${d:-x} {{e.f}}} ${b.c} {{word}} ${#G}")
	require.NoError(t, err)
	assert.Equal(t, []expr.Path{{"b", "c"}, {"a"}, {"d"}, {"e", "f"}}, template.Refs())
}

func TestTemplateRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, src string
		offset    int
		message   string
	}{
		{"an unclosed reference", "hello ${event.text and on", 6, "never closed"},
		{"an unclosed default", "x ${a:-${b:-c}", 2, "never closed"},
		{"an unclosed expansion of the shell", "${a}${#b", 4, "never closed"},
		{"too much text", strings.Repeat("x", expr.MaxSource+1), expr.MaxSource, "longer than 64 KiB"},
		{"defaults 1,000 deep", nested(1000), 5 * expr.MaxDepth, "nested deeper than 64"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := expr.ParseTemplate(tt.src)
			var syntax *expr.SyntaxError
			require.ErrorAs(t, err, &syntax)
			assert.Equal(t, tt.offset, syntax.Offset)
			assert.Contains(t, syntax.Message, tt.message)
		})
	}
	deepest, err := expr.ParseTemplate(nested(expr.MaxDepth))
	require.NoError(t, err)
	got, err := deepest.Render(nil)
	require.NoError(t, err)
	assert.Equal(t, "x", got)
}

// nested is ${a:-${a:-…x}} with so many defaults.
func nested(depth int) string {
	return strings.Repeat("${a:-", depth) + "x" + strings.Repeat("}", depth)
}

func TestRenderIsBounded(t *testing.T) {
	t.Parallel()
	big := expr.Root(map[string]any{"half": strings.Repeat("x", expr.MaxRendered/2)})
	template, err := expr.ParseTemplate("${half}${half}")
	require.NoError(t, err)
	got, err := template.Render(big)
	require.NoError(t, err)
	assert.Len(t, got, expr.MaxRendered)

	template, err = expr.ParseTemplate("${half}${half}!")
	require.NoError(t, err)
	_, err = template.Render(big)
	require.ErrorIs(t, err, expr.ErrTooLarge)
}

func FuzzTemplate(f *testing.F) {
	for _, s := range []string{
		"", "${a.b}", "${nope:-${EMPTY:-x}}", "{{a.b}} {{ range }}", "${#X} ${X%y}", "${event.text", "${a[0].b}",
		`${h["x y"]}`, "${nope:-{}}", "$${$}{{}}", "${ a.b :-x}", nested(70),
	} {
		f.Add(s, "value ${a.b} {{a.b}}")
	}
	f.Fuzz(func(t *testing.T, src, value string) {
		template, err := expr.ParseTemplate(src)
		if err != nil {
			var syntax *expr.SyntaxError
			require.ErrorAs(t, err, &syntax)
			require.LessOrEqual(t, len(err.Error()), 400)
			require.GreaterOrEqual(t, len(src), syntax.Offset)
			return
		}
		all := expr.ResolverFunc(func(expr.Path) (any, bool) { return value, true })
		got, err := template.Render(all)
		if err != nil {
			require.ErrorIs(t, err, expr.ErrTooLarge)
			return
		}
		if len(template.Refs()) > 0 && value != "" {
			require.Contains(t, got, value, "a value appears as it is")
		}
		for _, path := range template.Refs() {
			again, err := expr.ParsePath(path.String())
			require.NoError(t, err)
			require.Equal(t, path, again)
		}
		if !strings.Contains(src, "${") && !strings.Contains(src, "{{") {
			require.Equal(t, src, got, "text without references is itself")
		}
	})
}
