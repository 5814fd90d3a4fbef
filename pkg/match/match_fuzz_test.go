// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package match_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"aof.dev/operator/pkg/match"
)

// agree holds that Match, with its index, and Explain, without, both give what a plain loop over the
// rules gives.
func agree(t require.TestingT, rules []match.Rule, facts match.Facts) {
	set, err := match.Compile(rules)
	require.NoError(t, err)
	sorted := slices.SortedFunc(slices.Values(rules), func(a, b match.Rule) int {
		return cmp.Or(b.Priority-a.Priority, cmp.Compare(a.ID, b.ID))
	})
	plain := naive{}
	explained := set.Explain(facts)
	matched := set.Match(facts)
	for i, r := range sorted {
		require.Equal(t, r.ID, explained[i].Rule)
		require.Equal(t, plain.matches(r, facts), explained[i].Matched, "%+v on %+v: %s", r, facts, explained[i].Reason)
		require.NotEmpty(t, explained[i].Reason)
	}
	want := slices.DeleteFunc(explained, func(v match.Verdict) bool { return !v.Matched })
	require.Equal(t, want, append([]match.Verdict{}, matched...), "on %+v", facts)
	require.Equal(t, matched, set.Match(facts), "the second time, with used memory")
}

// FuzzMatch takes its patterns and keywords from the input, one a line.
func FuzzMatch(f *testing.F) {
	for _, s := range []string{
		"pod\nkubectl|k8s|kubernetes", "(?i)straße\n[Pp]od", `\bdeploy(ment)?s?\b`, "^/run (a|b|cd)+$\nx{2,3}y*", "(?i)ſtop\nK", "a?b?c?\n.*\n(ab|)c",
		"[^a]bc\n(?s:.)abc\nab[cd]ef[gh]ij", "\\x{FFFD}ab\n(foo|bar)(baz|qux){1,2}", "p0\np1|p2\n(?:a|b)(?:c|d)(?:e|f)(?:g|h)(?:i|j)(?:k|l)(?:m|n)", "(a{1,30}){1,30}\n(?i:K)elvin",
	} {
		f.Add(s, "Restart the POD: kubectl deployments STRASSE \u212aelvin \u017ftop \xffab p1 foobazqux abcd")
	}
	f.Fuzz(func(t *testing.T, patterns, text string) {
		if len(patterns) > 200 || len(text) > 1000 {
			return
		}
		var rules []match.Rule
		for i, line := range strings.Split(patterns, "\n") {
			if match.CheckPattern(line) != nil {
				continue
			}
			rules = append(rules,
				match.Rule{ID: fmt.Sprintf("pattern-%d", i), Priority: i % 3, Filters: []match.Filter{{Patterns: []string{line}}}},
				match.Rule{ID: fmt.Sprintf("keyword-%d", i), Filters: []match.Filter{{RequiredKeywords: []string{line}}}},
				match.Rule{ID: fmt.Sprintf("excluded-%d", i), Filters: []match.Filter{{Patterns: []string{line}, ExcludedKeywords: []string{line}}}},
				match.Rule{ID: fmt.Sprintf("both-%d", i), Filters: []match.Filter{{Patterns: []string{line, "pod"}}, {Patterns: []string{"o", line}}}},
			)
		}
		agree(t, rules, match.Facts{Text: text})
	})
}

// TestMatchAgreesWithAPlainLoop mixes all kinds of restrictions.
func TestMatchAgreesWithAPlainLoop(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		few := func(label string, from ...string) []string {
			return rapid.SliceOfN(rapid.SampledFrom(from), 0, 2).Draw(t, label)
		}
		patterns := []string{"pod", "(?i)POD", "po?d", "k8s|kube", `\d+`, "^re", "x", "ab", "(?i)ſ", ".", "deploy.*prod", "[a-c]d"}
		words := []string{"pod", "K8S", "ab", "prod", "x", "ſ"}
		conditions := rapid.MapOfN(rapid.SampledFrom([]string{"k", "l"}), rapid.SampledFrom([]string{"1", "2"}), 0, 2)
		rules := make([]match.Rule, rapid.IntRange(0, 12).Draw(t, "rules"))
		for i := range rules {
			rules[i] = match.Rule{ID: fmt.Sprintf("r%02d", i), Priority: rapid.IntRange(-1, 1).Draw(t, "priority")}
			for range rapid.IntRange(0, 2).Draw(t, "filters") {
				rules[i].Filters = append(rules[i].Filters, match.Filter{
					Patterns: few("patterns", patterns...), Channels: few("channels", "C1", "C2", "*"),
					Users: few("users", "U1", "U2", "*"), Events: few("events", "message", "push", "*"),
					RequiredKeywords: few("required", words...), ExcludedKeywords: few("excluded", words...),
					Conditions: conditions.Draw(t, "conditions"),
				})
			}
		}
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`(restart|pod|PoD|K8s|kube|deploy|prod|ab|[a-d]d|S|7| ){0,6}`)).Draw(t, "text")
		agree(t, rules, match.Facts{
			Text: text, Type: rapid.SampledFrom([]string{"", "message", "push"}).Draw(t, "type"),
			Channels: few("channel", "C1", "C2", "C3"), Users: few("user", "U1", "U2", "U3"), Attributes: conditions.Draw(t, "attributes"),
		})
	})
}
