// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expr_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/expr"
)

type severity string

func TestGet(t *testing.T) {
	t.Parallel()
	root := map[string]any{
		"event":  map[string]any{"user": expr.Textual{Value: map[string]any{"id": "U1"}, Text: "U1"}, "none": nil},
		"env":    map[string]string{"HOME": "/h"},
		"items":  []any{map[string]any{"name": "a"}, "b"},
		"names":  []string{"x", "y"},
		"counts": map[severity]int{"high": 2},
		"point":  &expr.Textual{Value: []any{7}, Text: "seven"},
		"number": 3,
	}
	tests := []struct {
		path  string
		want  any
		found bool
	}{
		{"event.user.id", "U1", true},
		{"event.none", nil, true},
		{"event.none.more", nil, false},
		{"event.missing", nil, false},
		{"env.HOME", "/h", true},
		{"items.0.name", "a", true},
		{"items[1]", "b", true},
		{"items.2", nil, false},
		{"items.01", nil, false},
		{"names.1", "y", true},
		{"counts.high", 2, true},
		{"counts.low", nil, false},
		{"point.0", 7, true},
		{"number.x", nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			t.Parallel()
			path, err := expr.ParsePath(tt.path)
			require.NoError(t, err)
			got, found := expr.Get(root, path)
			assert.Equal(t, tt.found, found)
			assert.Equal(t, tt.want, got)
		})
	}
	got, found := expr.Get(root, nil)
	assert.True(t, found)
	assert.Equal(t, any(root), got)
}

func TestText(t *testing.T) {
	t.Parallel()
	var none *expr.Textual
	tests := []struct {
		name string
		in   any
		want string
	}{
		{"nothing", nil, ""},
		{"a nil textual", none, ""},
		{"a string", "a b", "a b"},
		{"a named string", severity("high"), "high"},
		{"a bool", true, "true"},
		{"an int", 3, "3"},
		{"a whole float", 3.0, "3"},
		{"half", 0.5, "0.5"},
		{"a float32", float32(0.1), "0.1"},
		{"a large float", 1e21, "1e+21"},
		{"a snowflake", int64(1234567890123456789), "1234567890123456789"},
		{"a JSON number", json.Number("1.50"), "1.50"},
		{"not a number", math.NaN(), "NaN"},
		{"a duration", 1500 * time.Millisecond, "1.5s"},
		{"unsigned", uint8(7), "7"},
		{"a map, keys sorted, nothing escaped", map[string]any{"b": "<&>", "a": 1.0}, `{"a":1,"b":"<&>"}`},
		{"a list with a textual", []any{expr.Textual{Value: map[string]any{"x": "<"}, Text: "T"}}, `[{"x":"<"}]`},
		{"a textual", expr.Textual{Value: 1, Text: "one"}, "one"},
		{"raw JSON", json.RawMessage(`{"a":1}`), `{"a":1}`},
		{"bytes", []byte("raw"), "raw"},
		{"what JSON can't say", map[string]any{"f": func() {}}, "(map[string]interface {})"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, expr.Text(tt.in))
		})
	}
}

func TestTruthy(t *testing.T) {
	t.Parallel()
	for _, v := range []any{nil, false, "", " ", "false", "False", "0", "no", "NO", 0, 0.0, int64(0), uint(0), json.Number("0"), severity("no"), expr.Textual{Value: 1, Text: "false"}, (*expr.Textual)(nil)} {
		assert.False(t, expr.Truthy(v), "%#v", v)
	}
	for _, v := range []any{true, "true", "x", "off", 1, -0.5, []any{}, map[string]any{}, expr.Textual{Text: "x"}, severity("high")} {
		assert.True(t, expr.Truthy(v), "%#v", v)
	}
}

func TestChain(t *testing.T) {
	t.Parallel()
	first := expr.Root(map[string]any{"a": 1, "null": nil})
	second := expr.ResolverFunc(func(p expr.Path) (any, bool) { return "second " + p.String(), p[0] != "nowhere" })
	chain := expr.Chain(nil, first, second)
	tests := []struct {
		path  string
		want  any
		found bool
	}{
		{"a", 1, true},
		{"null", nil, true},
		{"b.c", "second b.c", true},
		{"nowhere", nil, false},
	}
	for _, tt := range tests {
		path, err := expr.ParsePath(tt.path)
		require.NoError(t, err)
		got, found := chain.Resolve(path)
		assert.Equal(t, tt.found, found, tt.path)
		assert.Equal(t, tt.want, got, tt.path)
	}
	_, found := expr.Chain().Resolve(expr.Path{"a"})
	assert.False(t, found)
}
