// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package match_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/match"
)

// benchmarkRules is what a large installation looks like: each rule a few patterns of its own, some
// with alternatives, some for any case, some restricted to a channel, and one in a hundred without
// anything that an index of texts could use.
func benchmarkRules(n int) []match.Rule {
	verbs := []string{"deploy", "restart", "scale", "rollback", "describe", "investigate"}
	rules := make([]match.Rule, n)
	for i := range rules {
		service := fmt.Sprintf("%s-%05d", []string{"billing", "checkout", "search", "mail", "ledger"}[i%5], i)
		verb := verbs[i%len(verbs)]
		f := match.Filter{Name: fmt.Sprintf("flow flow-%05d", i)}
		switch i % 10 {
		case 0:
			f.Patterns = []string{fmt.Sprintf(`(?i)\b%s\s+%s\b`, verb, service)}
		case 1:
			f.Patterns = []string{fmt.Sprintf(`(%s|%s) the %s`, verb, verbs[(i+1)%len(verbs)], service), service + `.*down`}
		case 2:
			f.Patterns = []string{"^/" + verb + " " + service + `( --force)?$`}
		case 3:
			f.Patterns, f.Channels = []string{verb}, []string{fmt.Sprintf("C%05d", i)}
		case 4:
			f.Conditions, f.Channels = map[string]string{"service": service}, []string{"*"}
		default:
			f.Patterns = []string{service}
		}
		if i%100 == 99 {
			f.Patterns, f.Users = []string{`^[a-z]+ \d+$`}, []string{fmt.Sprintf("U%05d", i)}
		}
		rules[i] = match.Rule{ID: fmt.Sprintf("binding-%05d", i), Filters: []match.Filter{{Name: "trigger slack", Channels: []string{"*"}}, f}}
	}
	return rules
}

// BenchmarkMatch is the cost of one event of 100 characters.
func BenchmarkMatch(b *testing.B) {
	facts := match.Facts{
		Type: "message", Channels: []string{"C-OPS", "ops", "#ops"}, Users: []string{"U-ANN", "ann"},
		Attributes: map[string]string{"team": "web", "service": "none"},
	}
	texts := []struct{ name, text string }{
		{"none", "good morning everyone, the quarterly report is ready for review, please have a look before Friday :)"},
		{"one", "good morning everyone, someone should please restart the checkout-00001, it looks stuck since 9:00!!"},
	}
	for _, n := range []int{10, 1000, 10000} {
		set, err := match.Compile(benchmarkRules(n))
		require.NoError(b, err)
		for i, text := range texts {
			facts.Text = text.text
			require.Len(b, set.Match(facts), i)
			b.Run(fmt.Sprintf("rules=%d/matching=%s", n, text.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					set.Match(facts)
				}
			})
		}
	}
}

// wordRules look for two plain words each, so that nothing tells them from ordinary prose but the words.
func wordRules(n int) []match.Rule {
	verbs := strings.Fields(`deploy restart scale rollback describe investigate approve cancel check clean compare copy create
		debug delete drain enable disable explain export fetch find fix freeze import inspect install list load lock merge
		migrate monitor move open pause patch ping plan publish purge push read rebuild record release remove rename repair
		replace report reset resize resolve resume retry review rotate run save schedule search send share show sign start
		stop store submit sync tag test trace train transfer undo unlock update upgrade upload validate verify watch write`)
	nouns := strings.Fields(`billing checkout search mail ledger invoice payment catalog basket profile session gateway proxy
		cache queue broker worker cluster node pod service ingress volume secret config image registry pipeline build branch
		commit ticket incident alert metric dashboard trace log report backup snapshot database table index schema replica
		shard tenant account user group role policy token certificate domain record zone network subnet route firewall
		balancer listener target function bucket object topic stream event job schedule task workflow agent model prompt
		embedding dataset feature experiment notebook license contract vendor order shipment warehouse courier return refund
		coupon discount campaign audience segment survey review rating comment thread channel message reaction reminder
		calendar meeting room device sensor camera printer badge visitor`)
	rules := make([]match.Rule, n)
	for i := range rules {
		rules[i] = match.Rule{ID: fmt.Sprintf("binding-%05d", i), Filters: []match.Filter{{
			Name: "flow", Patterns: []string{verbs[i%len(verbs)] + " the " + nouns[i/len(verbs)%len(nouns)]},
		}}}
	}
	return rules
}

// BenchmarkMatchProse is BenchmarkMatch with rules that share their words with the text.
func BenchmarkMatchProse(b *testing.B) {
	facts := match.Facts{Text: "could somebody restart or even replace the old mail server before the review of the quarterly report?"}
	for _, n := range []int{10, 1000, 10000} {
		set, err := match.Compile(wordRules(n))
		require.NoError(b, err)
		require.Empty(b, set.Match(facts))
		b.Run(fmt.Sprintf("rules=%d/matching=none", n), func(b *testing.B) {
			for b.Loop() {
				set.Match(facts)
			}
		})
	}
}

// BenchmarkMatchLargeText is the cost of the largest event.
func BenchmarkMatchLargeText(b *testing.B) {
	set, err := match.Compile(benchmarkRules(10000))
	require.NoError(b, err)
	text := make([]byte, 256<<10)
	for i := range text {
		text[i] = "the quick brown fox jumps over a lazy dog\n"[i%42]
	}
	facts := match.Facts{Text: string(text)}
	require.Empty(b, set.Match(facts))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		set.Match(facts)
	}
}

func BenchmarkCompile(b *testing.B) {
	rules := benchmarkRules(10000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := match.Compile(rules); err != nil {
			b.Fatal(err)
		}
	}
}
