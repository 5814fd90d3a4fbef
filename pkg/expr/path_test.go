// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expr_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/expr"
)

func TestParsePath(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, src string
		want      expr.Path
		str       string // when it differs from src
	}{
		{name: "one name", src: "result", want: expr.Path{"result"}},
		{name: "dots", src: "event.text", want: expr.Path{"event", "text"}},
		{name: "hyphens", src: "k8s-process.output", want: expr.Path{"k8s-process", "output"}},
		{name: "a number between dots", src: "a.items.0.name", want: expr.Path{"a", "items", "0", "name"}},
		{name: "an index", src: "a.items[0].name", want: expr.Path{"a", "items", "0", "name"}, str: "a.items.0.name"},
		{name: "a key in quotes", src: `h["X-Git.Hub/Event"].x`, want: expr.Path{"h", "X-Git.Hub/Event", "x"}},
		{name: "a key with quotes and backslashes", src: `h['a"\b']`, want: expr.Path{"h", `a"\b`}},
		{name: "a node that begins with a digit", src: "2nd.output", want: expr.Path{"2nd", "output"}},
		{name: "letters of any script", src: "événement.текст", want: expr.Path{"événement", "текст"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := expr.ParsePath(tt.src)
			require.NoError(t, err)
			assert.Empty(t, cmp.Diff(tt.want, got))
			if tt.str == "" {
				tt.str = tt.src
			}
			assert.Equal(t, tt.str, got.String())
			again, err := expr.ParsePath(got.String())
			require.NoError(t, err)
			assert.Empty(t, cmp.Diff(got, again), "what String writes must read back")
		})
	}
	for _, src := range []string{"", ".", "a.", ".a", "1", "10", "a..b", "a b", "-a", "a[", "a[x]", "a[]", `a[""]`, "a[0", "a[\"\x10\"]", "#a", "a%b"} {
		t.Run("refuses "+src, func(t *testing.T) {
			t.Parallel()
			_, err := expr.ParsePath(src)
			var syntax *expr.SyntaxError
			require.ErrorAs(t, err, &syntax)
		})
	}
}

func TestErrorsStayShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 30000)
	_, pathErr := expr.ParsePath("!" + long)
	_, templateErr := expr.ParseTemplate("${" + long)
	_, conditionErr := expr.ParseCondition("a ~ " + long)
	_, stringErr := expr.ParseCondition("a =~ '[" + long + "'")
	for _, err := range []error{pathErr, templateErr, conditionErr, stringErr} {
		require.Error(t, err)
		assert.Less(t, len(err.Error()), 300)
	}
}
