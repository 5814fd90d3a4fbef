// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expr_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/expr"
)

func TestRenderMarked(t *testing.T) {
	t.Parallel()
	scope := expr.Root(map[string]any{"a": "<a>", "none": "", "n": 7})
	for source, want := range map[string]string{
		"":                        "",
		"plain":                   "plain",
		"${a}":                    "[<a>]",
		"x ${a} y ${n}":           "x [<a>] y [7]",
		"${a}${a}":                "[<a>][<a>]",
		"${none}x":                "x",
		"${none:-<b>} ${nope:-c}": "<b> c",
		"${nope:-<${a}>}":         "<[<a>]>",
		"{{word}} {{a}}":          "{{word}} [<a>]",
	} {
		template, err := expr.ParseTemplate(source)
		require.NoError(t, err)
		marked, err := template.RenderMarked(scope)
		require.NoError(t, err)
		assert.Equal(t, want, marked.Map(func(s string) string { return s }, func(s string) string { return "[" + s + "]" }), source)
		plain, err := template.Render(scope)
		require.NoError(t, err)
		assert.Equal(t, plain, marked.Text, source)
		raw, err := json.Marshal(marked)
		require.NoError(t, err)
		var read string
		require.NoError(t, json.Unmarshal(raw, &read))
		assert.Equal(t, plain, read)
	}
	template, err := expr.ParseTemplate("${a}${a}")
	require.NoError(t, err)
	_, err = template.RenderMarked(expr.Root(map[string]any{"a": strings.Repeat("x", expr.MaxRendered)}))
	require.ErrorIs(t, err, expr.ErrTooLarge)
	assert.Equal(t, expr.Marked{Text: "x", Data: []expr.Span{{End: 1}}}, expr.Value("x"))
	assert.Equal(t, expr.Marked{}, expr.Value(""))
}
