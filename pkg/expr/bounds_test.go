// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expr_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/expr"
)

// TestHostileSourcesEnd parses the longest sources of the shapes that make a careless parser start
// again and again. A blow-up shows as a test that never ends.
func TestHostileSourcesEnd(t *testing.T) {
	t.Parallel()
	parsers := map[string]struct {
		longest int
		parse   func(string) error
	}{
		"template":  {expr.MaxSource, func(s string) error { _, err := expr.ParseTemplate(s); return err }},
		"condition": {expr.MaxSource, func(s string) error { _, err := expr.ParseCondition(s); return err }},
		"shell":     {expr.MaxScript, func(s string) error { _, err := expr.ParseShell(s); return err }},
	}
	shapes := map[string][3]string{ // what comes before, what is repeated, what comes after
		"opened braces":                {"", "${", "}"},
		"opened references":            {"", "${a.b", "}"},
		"opened indexes":               {"", "${a[", "}"},
		"opened keys":                  {"", "${a['", "']}"},
		"unclosed defaults":            {"", "${a.b:-x ", "}"},
		"many unclosed defaults":       {"", strings.Repeat("${a.b:-", 60) + "'", ""},
		"unclosed defaults in quotes":  {"'", strings.Repeat("${a.b:-", 60) + "' '", ""},
		"unclosed defaults in doubles": {"", `"${a.b:-"`, ""},
		"quoted defaults":              {"", `${a.b:-"`, "}"},
		"deep defaults side by side":   {"", strings.Repeat("${a.b:-", 63) + strings.Repeat("}", 63), ""},
		"spaces":                       {"${", " ", "}"},
		"spaces in braces":             {"", "${    ", "}"},
		"moustaches":                   {"", "{{", "}}"},
		"here-documents on a line":     {"", "<<A ", "\n"},
		"here-documents":               {"", "cat <<A\n", ""},
		"here-documents in each other": {strings.Repeat("cat <<A\n$(", 100), "y\n", ""},
		"backquotes":                   {"", "`", ""},
		"parentheses":                  {"", "(x)", ""},
		"cases":                        {"", "case x in ", "esac"},
		"operators":                    {"a", " AND a == 1", ""},
		"chained comparisons":          {"1", " < a", ""},
		"negated comparisons":          {"a", " OR NOT a", ""},
		"lists":                        {"a in [1", ",1", "]"},
		"strings":                      {"", "'${", ""},
	}
	for parser, p := range parsers {
		for name, shape := range shapes {
			t.Run(parser+"/"+name, func(t *testing.T) {
				t.Parallel()
				n := (p.longest - len(shape[0]) - len(shape[2])) / len(shape[1])
				if err := p.parse(shape[0] + strings.Repeat(shape[1], n) + shape[2]); err != nil {
					var syntax *expr.SyntaxError
					require.ErrorAs(t, err, &syntax)
					require.Less(t, len(err.Error()), 400)
				}
			})
		}
	}
}
