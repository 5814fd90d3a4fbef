// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expr_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/expr"
)

// facts is what the conditions of the tests in this package compare.
func facts() expr.Resolver {
	return expr.Root(map[string]any{
		"yes": true, "no": false, "null": nil, "empty": "", "n": 3.0, "i": 90, "text": "90", "half": json.Number("0.5"),
		"True": "True", "word": "high", "id": int64(1234567890123456789), "list": []any{"a", 2.0, true},
		"names": []string{"x", "y"}, "map": map[string]any{"k": 1.0}, "same": map[string]int{"k": 1},
		"in": 1, "contains": "c", "a-b": map[string]any{"c": "hyphen"}, "status": "approved",
		"security-scan":   map[string]any{"output": map[string]any{"passed": true, "score": "85"}},
		"validate-config": map[string]any{"output": map[string]any{"passed": "true"}, "exit_code": 0},
		"agent":           map[string]any{"output": expr.Textual{Value: map[string]any{"severity": "high"}, Text: "restart pod-7 now"}},
		"event":           map[string]any{"text": "kubectl get\npods", "user": expr.Textual{Value: map[string]any{"id": "U1"}, Text: "U1"}},
		"items":           expr.Textual{Value: []any{"a", "b"}, Text: "a, b"},
	})
}

func TestCondition(t *testing.T) {
	t.Parallel()
	tests := map[bool][]string{
		true: {
			// what upstream's flows say
			"${security-scan.output.passed} == true AND \n${validate-config.output.passed} == true\n",
			"yes == true", "no == false", "status == 'approved'", `status != "denied"`, "validate-config.exit_code == 0",
			// numbers
			"text >= 80", "80 <= text", "${security-scan.output.score} > 84.5", "text == 90", "90 == text", "text == i", "n == 3", "n == 3.0",
			"n == '3'", "half < 1", "-1 < n", "n > -2.5e0", "1 < n < 5", "id == 1234567890123456789", "id != 1234567890123456788",
			`"100" > "90"`, `"b" > "a"`, "text == \"90\"", "map.k == 1",
			// truth
			"yes", "!no", "NOT no", "not NOT yes", "!!yes", "word", "n", "yes == 'true'", "True == true", "True != false", "!empty", "!nope", "list", "true", "!null",
			// missing is null
			"nope == null", "null == nil", "nope != 'x'", "nope != false", "nope == nope2", "NOT nope == false", "NOT nope > 3", "NOT (nope < 3)", "${null} == null",
			// words, symbols, precedence
			"yes and yes", "yes AND NOT no", "no Or yes", "no && no || yes", "yes || no && no", "NOT no AND yes", "NOT n == 4 AND yes", "NOT (yes AND no)", "!(n == 4)",
			"yes\tAND\r\nyes", "(((yes)))", "NOT no == true OR no",
			// text
			"event.text =~ 'get'", `event.text =~ "^kubectl\s+get"`, `event.text =~ 'pods$'`, `event.text =~ "(?i)KUBECTL"`, "event.text =~ ('ku' )", "event.text !~ 'helm'",
			"event.text =~ word OR yes", "nope !~ 'x'", "n =~ '^3$'",
			"event.text contains 'get'", "'get' in event.text", "word in ['low', 'high']", "word not in ['low']", "word NOT IN ['low']", "n in [1, 2, 3]", "'2' in list", "2 in list",
			"'x' in names", "names contains 'y'", "event.text not contains 'helm'", "'k' in map", "'b' in items", "'x' not in []", "items not contains 'a, b'", "3 in ['3']",
			// a structured value that reads as text
			"agent.output =~ 'pod-[0-9]'", "agent.output == 'restart pod-7 now'", "agent.output contains 'pod'", "agent.output.severity == 'high'", "event.user == 'U1'", "event.user.id == event.user",
			"map == same", "items == ['a', 'b']", "'U1' in [event.user]",
			// references
			`"${status}" == "approved"`, `'<${status}>' == "<approved>"`, "'${nope}' == ''", "${nope:-x} == 'x'", "${nope:-${text}} == 90", "{{status}} == 'approved'", "{{ agent.output.severity }} == 'high'",
			"a-b.c == 'hyphen'", "${a-b.c} == 'hyphen'", "list[0] == 'a'", "list.1 == 2", "in == 1", "contains == 'c'", "in IN [in]",
			// strings
			`'it\'s' == "it's"`, `"a\nb" =~ 'a\sb'`, `"\\" == '\\'`, `"say \"x\"" == 'say "x"'`, "'' == ''", "'AND' == 'AND'", "'é' == 'é'",
		},
		false: {
			"no", "yes == false", "nope == false", "nope == true", "nope == ''", "nope == 0", "null == false", "nope < 1", "nope >= 0", "nope", "null", "''", "0", "'no'",
			"text == '90.0'", "text < 80", "id == 1234567890123456788", "word == 3", "word > 3", "word == true", "n == true", "'1' == true", "yes < 3", "list > 1", "list == 'a'",
			"yes AND no", "NOT yes", "NOT n == 3", "!n == 3", "status == 'Approved'", "event.text =~ '^get'", "nope =~ '.*'", "event.text contains 'helm'", "'z' in list", "nope in list",
			"'x' in nope", "nope contains 'x'", "3 contains 4", "'K' in map", "map == list", "map == 'map'", "items contains 'a, b'", "5 < n < 9", "'inf' > 1", "'0x10' == 16", "yes == 1",
		},
	}
	for want, conditions := range tests {
		for _, src := range conditions {
			t.Run(fmt.Sprintf("%v is %v", src, want), func(t *testing.T) {
				t.Parallel()
				condition, err := expr.ParseCondition(src)
				require.NoError(t, err)
				got, err := condition.Eval(facts())
				require.NoError(t, err)
				assert.Equal(t, want, got)
			})
		}
	}
}

func TestConditionRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		src     string
		offset  int
		message string
	}{
		{"", 0, "empty"},
		{" \n", 0, "empty"},
		{"a ==", 4, "ends where a value must follow"},
		{"a AND", 5, "ends where a value must follow"},
		{"NOT", 3, "ends where a value must follow"},
		{"== a", 0, `unexpected "="`},
		{"a = 3", 2, `compare with "=="`},
		{"a === 3", 4, `unexpected "="`},
		{"a & b", 2, "write it twice"},
		{"a | b", 2, "write it twice"},
		{"a + 1", 2, "can't calculate"},
		{"a - b", 2, "can't calculate"},
		{"a b", 2, `unexpected "b"`},
		{"a not b", 2, `unexpected "not"`},
		{"a ? b : c", 2, `unexpected "?"`},
		{"(a", 0, `"(" is never closed`},
		{"[a", 0, `"[" is never closed`},
		{"NOT (NOT a", 4, `"(" is never closed`},
		{"a)", 1, `")" closes nothing`},
		{"(a]", 2, `"]" closes nothing`},
		{"()", 1, "a value must stand"},
		{"a in [1,]", 8, "a value must stand"},
		{"a in (1, 2)", 7, "comma"},
		{"len(a)", 3, "functions can't be called"},
		{"a == 'x", 5, "never closed"},
		{"a == ${x", 5, "never closed"},
		{"a == ${x%y}", 5, "no reference"},
		{"$a == 1", 0, "${name}"},
		{"a == 5m", 5, "put it in quotes"},
		{"a == 90%", 5, "put it in quotes"},
		{"a == 1.2.3", 5, "no number"},
		{"a == 1e999", 5, "no number"},
		{"a =~ '['", 5, "no regular expression"},
		{"a == 1 OR b =~ ('(?<x')", 16, "no regular expression"},
		{"a =~ 'x{2000}'", 5, "no regular expression"},
		{"'${x' == 1", 0, "in the string"},
		{"a.b. == 1", 3, `unexpected "."`},
		{"a == #", 5, `unexpected "#"`},
		{"a == \xff", 5, "unexpected"},
		{strings.Repeat("(", 100) + "a" + strings.Repeat(")", 100), 65, "nested deeper than 64"},
		{strings.Repeat("!", 100) + "a", 65, "nested deeper than 64"},
		{strings.Repeat("NOT ", 100) + "a", 4 * 65, "nested deeper than 64"},
		{"a" + strings.Repeat(" AND a", 5000), 0, "more than 2048 parts"},
		{strings.Repeat("a", expr.MaxSource+1), expr.MaxSource, "longer than 64 KiB"},
		{"'" + nested(1000) + "' == 'x'", 0, "nested deeper than 64"},
	}
	for _, tt := range tests {
		t.Run(tt.src[:min(len(tt.src), 30)], func(t *testing.T) {
			t.Parallel()
			_, err := expr.ParseCondition(tt.src)
			var syntax *expr.SyntaxError
			require.ErrorAs(t, err, &syntax)
			assert.Contains(t, syntax.Message, tt.message)
			assert.Equal(t, tt.offset, syntax.Offset)
		})
	}
}

func TestConditionRefs(t *testing.T) {
	t.Parallel()
	condition, err := expr.ParseCondition(`a.b == "${c:-${d.e}}" AND a.b OR {{f.g}} in [h-i, true, 'x']`)
	require.NoError(t, err)
	assert.Equal(t, []expr.Path{{"a", "b"}, {"c"}, {"d", "e"}, {"f", "g"}, {"h-i"}}, condition.Refs())
}

func TestConditionPatternFromAValue(t *testing.T) {
	t.Parallel()
	condition, err := expr.ParseCondition("text =~ ${pattern}")
	require.NoError(t, err)
	eval := func(pattern any) (bool, error) {
		return condition.Eval(expr.Root(map[string]any{"text": "pod-7", "pattern": pattern}))
	}
	got, err := eval("d-[0-9]")
	require.NoError(t, err)
	assert.True(t, got)
	got, err = eval(nil)
	require.NoError(t, err)
	assert.False(t, got)
	_, err = eval("[")
	require.ErrorContains(t, err, "no regular expression")
	_, err = eval(strings.Repeat("x", 5000))
	require.ErrorContains(t, err, "longer than 4 KiB")
	assert.Less(t, len(err.Error()), 200)
}

func TestConditionsAreSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	condition, err := expr.ParseCondition("n > 3 AND text =~ '^p' AND x in ['a', 'b']")
	require.NoError(t, err)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 200 {
				got, err := condition.Eval(expr.Root(map[string]any{"n": i, "text": "pod", "x": "b"}))
				assert.NoError(t, err)
				assert.Equal(t, i > 3, got)
			}
		})
	}
	wg.Wait()
}

func FuzzCondition(f *testing.F) {
	for _, s := range []string{
		"${a.b} == true AND \n c.d != 'x'", "NOT (a >= 80.5 || !b)", "x in [1, 'two', ${three:-3}]", `t =~ "^a\s" OR t !~ 'b'`,
		"a not contains {{b.c}}", "((a))", "a == 'it\\'s'", "1 < a < 3", "null == nil", "a =~ ${b}",
	} {
		f.Add(s, "value")
	}
	f.Fuzz(func(t *testing.T, src, value string) {
		condition, err := expr.ParseCondition(src)
		if err != nil {
			var syntax *expr.SyntaxError
			require.ErrorAs(t, err, &syntax)
			require.LessOrEqual(t, len(err.Error()), 400)
			require.GreaterOrEqual(t, len(src), syntax.Offset)
			require.NotContains(t, err.Error(), "does not parse", "the lexer let through what expr-lang refuses")
			return
		}
		values := []any{nil, value, 3.5, true, []any{value, 1}, map[string]any{value: nil}, expr.Textual{Value: []any{value}, Text: value}}
		for i := range values {
			next := i
			resolver := expr.ResolverFunc(func(p expr.Path) (any, bool) {
				next++
				return values[next%len(values)], len(p) < 4
			})
			if _, err := condition.Eval(resolver); err != nil {
				require.LessOrEqual(t, len(err.Error()), 400)
				require.ErrorContains(t, err, "the pattern", "nothing else can go wrong")
			}
		}
		negated, err := expr.ParseCondition("!(" + src + ")")
		if err == nil {
			got, err := condition.Eval(facts())
			opposite, errOpposite := negated.Eval(facts())
			if err == nil && errOpposite == nil {
				require.NotEqual(t, got, opposite)
			}
		}
	})
}

func BenchmarkConditionEval(b *testing.B) {
	condition, err := expr.ParseCondition("${security-scan.output.passed} == true AND ${security-scan.output.score} >= 80")
	require.NoError(b, err)
	resolver := facts()
	b.ReportAllocs()
	for b.Loop() {
		if ok, err := condition.Eval(resolver); err != nil || !ok {
			b.Fatal(ok, err)
		}
	}
}
