// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package match_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/match"
)

// message is the event of most tests.
func message() match.Facts {
	return match.Facts{
		Text:       "Please restart POD web-7 in prod",
		Type:       "message",
		Channels:   []string{"C1", "ops", "#ops"},
		Users:      []string{"U1", "ann", "ann@example.com"},
		Attributes: map[string]string{"urgency": "high", "team": "web"},
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		filters []match.Filter
		facts   func(*match.Facts)
		matched bool
		reason  string
		pattern string
	}{
		{name: "no filter", matched: true, reason: "no filter restricts it"},
		{name: "an empty filter", filters: []match.Filter{{Name: "trigger t"}}, matched: true, reason: "no filter restricts it"},
		{
			name: "a pattern", filters: []match.Filter{{Name: "flow f", Patterns: []string{"kubectl", "(?i)pod"}}},
			matched: true, reason: `pattern "(?i)pod" of flow f`, pattern: "(?i)pod",
		},
		{
			name: "patterns of two filters", filters: []match.Filter{{Name: "trigger t", Patterns: []string{"restart"}}, {Name: "flow f", Patterns: []string{"web-[0-9]"}}},
			matched: true, reason: `pattern "restart" of trigger t and pattern "web-[0-9]" of flow f`, pattern: "restart",
		},
		{
			name: "no pattern", filters: []match.Filter{{Name: "flow f", Patterns: []string{"pod"}}},
			reason: `the text does not match pattern "pod" of flow f`,
		},
		{
			name: "none of several patterns", filters: []match.Filter{{Patterns: []string{"a{3}", "b{3}"}}},
			reason: `the text matches none of the patterns "a{3}", "b{3}"`,
		},
		{
			name: "a pattern and no text", filters: []match.Filter{{Patterns: []string{"pod"}}}, facts: func(f *match.Facts) { f.Text = "" },
			reason: `the text does not match pattern "pod"`,
		},
		{name: "a channel by id", filters: []match.Filter{{Name: "trigger t", Channels: []string{"C2", "C1"}}}, matched: true, reason: "channel C1 of trigger t"},
		{name: "a channel by name", filters: []match.Filter{{Channels: []string{"#ops"}}}, matched: true, reason: "channel #ops"},
		{name: "any channel", filters: []match.Filter{{Channels: []string{"C2", "*"}}}, matched: true, reason: "no filter restricts it"},
		{
			name: "another channel", filters: []match.Filter{{Name: "trigger slack-prod", Channels: []string{"C8", "C9"}}},
			reason: "channel C1 is not one of [C8, C9] of trigger slack-prod",
		},
		{
			name: "no channel", filters: []match.Filter{{Name: "trigger t", Channels: []string{"C1"}}}, facts: func(f *match.Facts) { f.Channels = nil },
			reason: "the event has no channel, which must be one of [C1] of trigger t",
		},
		{name: "a user by e-mail", filters: []match.Filter{{Users: []string{"ann@example.com"}}}, matched: true, reason: "user ann@example.com"},
		{name: "another user", filters: []match.Filter{{Users: []string{"Ann"}}}, reason: "user U1 is not one of [Ann]"},
		{name: "an event type", filters: []match.Filter{{Events: []string{"app_mention", "message"}}}, matched: true, reason: "event message"},
		{name: "another event type", filters: []match.Filter{{Events: []string{"app_mention"}}}, reason: "event type message is not one of [app_mention]"},
		{
			name: "an event type refined by its action", filters: []match.Filter{{Events: []string{"pull_request.opened"}}},
			facts:   func(f *match.Facts) { f.Type, f.Attributes["action"] = "pull_request", "opened" },
			matched: true, reason: "event pull_request.opened",
		},
		{
			name: "the family of an event type", filters: []match.Filter{{Events: []string{"incident"}}},
			facts: func(f *match.Facts) { f.Type = "incident.triggered" }, matched: true, reason: "event incident",
		},
		{
			name: "the family with a star", filters: []match.Filter{{Events: []string{"incident.*"}}},
			facts: func(f *match.Facts) { f.Type = "incident.triggered" }, matched: true, reason: "event incident.*",
		},
		{
			name: "a vendor's prefix", filters: []match.Filter{{Events: []string{"issue_created"}}},
			facts: func(f *match.Facts) { f.Type = "jira:issue_created" }, matched: true, reason: "event issue_created",
		},
		{
			name: "the type in the metadata", filters: []match.Filter{{Events: []string{"reaction_added"}}},
			facts: func(f *match.Facts) { f.Attributes["event_type"] = "reaction_added" }, matched: true, reason: "event reaction_added",
		},
		{
			name: "required keywords in any case", filters: []match.Filter{{Name: "binding b", RequiredKeywords: []string{"pod", "PROD"}}},
			matched: true, reason: `keyword "pod" of binding b and keyword "PROD" of binding b`,
		},
		{
			name: "a required keyword that is missing", filters: []match.Filter{{Name: "binding b", RequiredKeywords: []string{"pod", "staging"}}},
			reason: `the text lacks the required keyword "staging" of binding b`,
		},
		{
			name: "an excluded keyword", filters: []match.Filter{{Name: "binding b", Patterns: []string{"POD"}, ExcludedKeywords: []string{"Restart"}}},
			reason: `the text has the excluded keyword "Restart" of binding b`,
		},
		{name: "no excluded keyword", filters: []match.Filter{{ExcludedKeywords: []string{"test"}}}, matched: true, reason: "no filter restricts it"},
		{
			name: "conditions", filters: []match.Filter{{Name: "binding b", Conditions: map[string]string{"urgency": "high", "team": "web"}}},
			matched: true, reason: "team = web of binding b and urgency = high of binding b",
		},
		{
			name: "another value of a condition", filters: []match.Filter{{Name: "binding b", Conditions: map[string]string{"urgency": "low"}}},
			reason: `urgency is "high" and not "low" of binding b`,
		},
		{
			name: "an attribute that is missing", filters: []match.Filter{{Conditions: map[string]string{"service": ""}}},
			reason: `the event has no service, which must be ""`,
		},
		{
			name: "the first filter that refuses is named", filters: []match.Filter{{Name: "trigger t", Patterns: []string{"nope"}}, {Name: "flow f", Channels: []string{"C2"}}},
			reason: `the text does not match pattern "nope" of trigger t`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			set, err := match.Compile([]match.Rule{{ID: "r", Filters: tt.filters}})
			require.NoError(t, err)
			facts := message()
			if tt.facts != nil {
				tt.facts(&facts)
			}
			want := match.Verdict{Rule: "r", Matched: tt.matched, Reason: tt.reason, Pattern: tt.pattern}
			assert.Equal(t, []match.Verdict{want}, set.Explain(facts))
			if tt.matched {
				assert.Equal(t, []match.Verdict{want}, set.Match(facts))
			} else {
				assert.Empty(t, set.Match(facts))
			}
		})
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	set, err := match.Compile([]match.Rule{
		{ID: "c"},
		{ID: "b", Filters: []match.Filter{{Patterns: []string{"web"}}}},
		{ID: "late", Priority: -1, Filters: []match.Filter{{Channels: []string{"C1"}}}},
		{ID: "first", Priority: 10, Filters: []match.Filter{{Users: []string{"ann"}}}},
		{ID: "never", Priority: 20, Filters: []match.Filter{{Users: []string{"bob"}}}},
	})
	require.NoError(t, err)
	var matched, all []string
	for _, v := range set.Match(message()) {
		matched = append(matched, v.Rule)
	}
	for _, v := range set.Explain(message()) {
		all = append(all, v.Rule)
	}
	assert.Equal(t, []string{"first", "b", "c", "late"}, matched)
	assert.Equal(t, []string{"never", "first", "b", "c", "late"}, all)
}

func TestCompileNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := match.Compile([]match.Rule{
		{ID: "ok", Filters: []match.Filter{{Patterns: []string{"x"}}}},
		{ID: "broken", Filters: []match.Filter{{}, {Patterns: []string{"fine", "(", ""}, RequiredKeywords: []string{""}, ExcludedKeywords: []string{"x", ""}}}},
		{ID: "ok"},
		{},
		{ID: "long", Filters: []match.Filter{{Patterns: []string{strings.Repeat("x", match.MaxPattern+1), `(?<=x)` + strings.Repeat("y", 2000)}}}},
	})
	require.Error(t, err)
	var got []string
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok)
	for _, e := range joined.Unwrap() {
		var wrong *match.RuleError
		require.ErrorAs(t, e, &wrong)
		got = append(got, wrong.Rule+" "+wrong.Field)
		assert.Less(t, len(e.Error()), 200)
		assert.Error(t, errors.Unwrap(wrong))
	}
	assert.Equal(t, []string{
		"broken filters[1].requiredKeywords[0]", "broken filters[1].excludedKeywords[1]",
		"broken filters[1].patterns[1]", "broken filters[1].patterns[2]",
		"ok id", "#3 id", "long filters[0].patterns[0]", "long filters[0].patterns[1]",
	}, got)
	assert.ErrorContains(t, err, `rule "broken": filters[1].patterns[1]: no regular expression (RE2): missing closing )`)

	require.NoError(t, match.CheckPattern("^/deploy\\b"))
	require.Error(t, match.CheckPattern(`(a)\1`))
	require.Error(t, match.CheckPattern(""))
}

func TestReasonsStayShort(t *testing.T) {
	t.Parallel()
	many := make([]string, 1000)
	for i := range many {
		many[i] = fmt.Sprintf("C%d%s", i, strings.Repeat("é", 500))
	}
	long := strings.Repeat("x", 4000)
	set, err := match.Compile([]match.Rule{
		{ID: "channels", Filters: []match.Filter{{Channels: many}}},
		{ID: "patterns", Filters: []match.Filter{{Patterns: many}}},
		{ID: "keyword", Filters: []match.Filter{{RequiredKeywords: []string{long}}}},
		{ID: "condition", Filters: []match.Filter{{Conditions: map[string]string{"k": long}}}},
		{ID: "matched", Filters: []match.Filter{{ExcludedKeywords: many, Patterns: []string{long[:4]}}}},
	})
	require.NoError(t, err)
	for _, v := range set.Explain(match.Facts{Text: long[:100], Channels: []string{long}, Attributes: map[string]string{"k": long}}) {
		assert.Less(t, len(v.Reason), 1500, v.Rule)
	}
}

// TestLargeTexts holds that a text of the largest event is searched to its end, with and without the
// literals that the index knows.
func TestLargeTexts(t *testing.T) {
	t.Parallel()
	set, err := match.Compile([]match.Rule{
		{ID: "literal", Filters: []match.Filter{{Patterns: []string{"needle-[0-9]+"}}}},
		{ID: "fold", Filters: []match.Filter{{Patterns: []string{"(?i)NEEDLE"}}}},
		{ID: "keyword", Filters: []match.Filter{{RequiredKeywords: []string{"Needle-7"}}}},
		{ID: "short", Filters: []match.Filter{{Patterns: []string{"-7"}}}},
		{ID: "none", Filters: []match.Filter{{Patterns: []string{`\d$`}}}},
		{ID: "missing", Filters: []match.Filter{{Patterns: []string{"needles"}}}},
	})
	require.NoError(t, err)
	for _, filler := range []string{"x", "é", "\xff", "nee", "界"} {
		text := strings.Repeat(filler, (256<<10)/len(filler)-10) + "needle-7"
		assert.Len(t, set.Match(match.Facts{Text: text}), 5, "%q", filler)
	}
}

func TestSetsAreSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	rules := make([]match.Rule, 50)
	for i := range rules {
		rules[i] = match.Rule{ID: fmt.Sprintf("r%02d", i), Filters: []match.Filter{{Patterns: []string{fmt.Sprintf("word%02d", i)}}}}
	}
	set, err := match.Compile(rules)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for i := range rules {
		wg.Go(func() {
			for range 50 {
				got := set.Match(match.Facts{Text: fmt.Sprintf("a WORD word%02d", i)})
				assert.Len(t, got, 1)
				assert.Equal(t, rules[i].ID, got[0].Rule)
			}
		})
	}
	wg.Wait()
}

// naive decides rules the plain way: what the index must agree with.
type naive map[string]*regexp.Regexp

func (n naive) found(pattern, text string) bool {
	re, ok := n[pattern]
	if !ok {
		re = regexp.MustCompile(pattern)
		n[pattern] = re
	}
	return re.MatchString(text)
}

func (n naive) matches(r match.Rule, f match.Facts) bool {
	for _, filter := range r.Filters {
		if len(filter.Patterns) > 0 && !anyOf(filter.Patterns, func(p string) bool { return n.found(p, f.Text) }) {
			return false
		}
		if !listed(filter.Channels, f.Channels) || !listed(filter.Users, f.Users) || !listed(filter.Events, []string{f.Type}) {
			return false
		}
		for k, want := range filter.Conditions {
			if got, ok := f.Attributes[k]; !ok || got != want {
				return false
			}
		}
		for _, k := range filter.RequiredKeywords {
			if !n.found("(?i)"+regexp.QuoteMeta(k), f.Text) {
				return false
			}
		}
		for _, k := range filter.ExcludedKeywords {
			if n.found("(?i)"+regexp.QuoteMeta(k), f.Text) {
				return false
			}
		}
	}
	return true
}

func anyOf(values []string, accept func(string) bool) bool {
	for _, v := range values {
		if accept(v) {
			return true
		}
	}
	return false
}

func listed(accepted, names []string) bool {
	return len(accepted) == 0 || anyOf(accepted, func(a string) bool {
		return a == "*" || anyOf(names, func(n string) bool { return n == a })
	})
}
