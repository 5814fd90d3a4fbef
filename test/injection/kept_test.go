// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package injection

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	cesql "github.com/cloudevents/sdk-go/sql/v2/parser"
	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/audit"
	"aof.dev/operator/pkg/claim"
	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/ledger/sqlite"
	"aof.dev/operator/pkg/match"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/plan"
	"aof.dev/operator/pkg/reconciler/flowbinding/resources"
	"aof.dev/operator/pkg/route"
	"aof.dev/operator/pkg/settings"
)

func keptRun(namespace, name, text string) *aofv1.FlowRun {
	raw, err := json.Marshal(map[string]any{"text": text})
	if err != nil {
		panic(err)
	}
	return &aofv1.FlowRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"text": text}, Annotations: map[string]string{text: text}},
		Spec: aofv1.FlowRunSpec{
			Flow: aofv1.ObjectReference{Name: text}, Binding: &aofv1.ObjectReference{Name: text}, Trigger: &aofv1.ObjectReference{Name: text},
			Plan: "p", Event: runtime.RawExtension{Raw: raw},
		},
	}
}

// TestLedgerInSQLite keeps every text as every name that a query compares, with one
// run beside it that no text finds.
func TestLedgerInSQLite(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	store, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{Synchronous: sqlite.Normal})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	require.NoError(t, store.Create(t.Context(), keptRun("ns", "beside", "nobody sends this")))
	entries := g.corpus(t)
	for i, e := range entries {
		require.NoError(t, store.Create(t.Context(), keptRun("ns", fmt.Sprintf("r%d", i), e.Text)), "%s: %q", e.Line, e.Text)
	}
	for i, e := range entries {
		if asJSON(t, e.Text) != e.Text {
			continue // it is kept as JSON can hold it
		}
		for _, o := range []ledger.ListOptions{{Flow: e.Text}, {Binding: e.Text}, {Trigger: e.Text}, {Namespace: "ns", Flow: e.Text, NewestFirst: true}} {
			if e.Text == "" {
				continue // which means any
			}
			list, err := store.List(t.Context(), o)
			require.NoError(t, err, "%s: %q", e.Line, e.Text)
			if assert.Len(t, list.Items, 1, "%s: %q", e.Line, e.Text) {
				assert.Equal(t, fmt.Sprintf("r%d", i), list.Items[0].Name)
				assert.Equal(t, map[string]string{e.Text: e.Text}, list.Items[0].Annotations)
			}
		}
		for _, o := range []ledger.ListOptions{{Namespace: e.Text + "x"}, {Phases: []aofv1.FlowRunPhase{aofv1.FlowRunPhase(e.Text + "x")}}} {
			list, err := store.List(t.Context(), o)
			require.NoError(t, err, e.Line)
			assert.Empty(t, list.Items, "%s: %q", e.Line, e.Text)
		}
		list, err := store.List(t.Context(), ledger.ListOptions{Continue: e.Text})
		if err == nil && e.Text != "" {
			assert.Empty(t, list.Items, e.Line)
		}
		_, err = store.Get(t.Context(), e.Text, "beside")
		require.ErrorIs(t, err, ledger.ErrNotFound, e.Line)
	}
	list, err := store.List(t.Context(), ledger.ListOptions{Limit: 2000})
	require.NoError(t, err)
	assert.NotEmpty(t, list.Items, "the table is still there")
	g.quiet(t)
}

// TestNamesOfRuns has every text be what names are made of: the id and the source of
// an event, the name of a binding.
func TestNamesOfRuns(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, e := range newGround(t).corpus(t) {
		for _, name := range []string{
			ledger.RunName(e.Text, "uid", "/source", "1"), ledger.RunName("web", e.Text, "/source", "1"),
			ledger.RunName("web", "uid", e.Text, "1"), ledger.RunName("web", "uid", "/source", e.Text),
		} {
			assert.Empty(t, validation.IsDNS1123Label(name), "%s: %q", e.Line, name)
		}
		name := ledger.RunName("web", "uid", "/source", e.Text)
		assert.Empty(t, seen[name], "%s has the name of %s", e.Line, seen[name])
		seen[name] = e.Line

		ce := cloudevents.New()
		ce.SetID(e.Text)
		ce.SetSource("/s")
		ce.SetType("t")
		run, err := claim.Of(&plan.Plan{Namespace: "ns", Binding: "web", Flow: flow.Flow{Name: "f"}}, "p").Run(ce, e.Text)
		if err != nil {
			continue // no event has such an id
		}
		assert.Empty(t, validation.IsDNS1123Label(run.Name), e.Line)
		for key, value := range run.Labels {
			assert.Empty(t, validation.IsQualifiedName(key))
			assert.Empty(t, validation.IsValidLabelValue(value), "%s: %q", e.Line, value)
		}
		for key := range run.Annotations {
			assert.Empty(t, validation.IsQualifiedName(key), e.Line)
		}
	}
}

// TestPathsOfBindings has every text be a binding or a plan in the URL of a runner.
func TestPathsOfBindings(t *testing.T) {
	t.Parallel()
	for _, e := range newGround(t).corpus(t) {
		for prefix, path := range map[string]string{"bindings": names.BindingPath(e.Text, e.Text), "dead-letters": names.DeadLetterPath(e.Text, e.Text)} {
			u, err := url.Parse("http://runner" + path)
			require.NoError(t, err, e.Line)
			assert.Equal(t, "runner", u.Host)
			assert.Equal(t, []string{"", prefix, e.Text}, segments(t, u.EscapedPath()), e.Line)
			assert.Equal(t, url.Values{"plan": {e.Text}}, u.Query(), e.Line)
		}
	}
}

// TestFiltersOfKnativeTriggers has every text be the name of a binding or of its
// namespace: it is refused, or the filter is one that says what it should.
func TestFiltersOfKnativeTriggers(t *testing.T) {
	t.Parallel()
	defaults := settings.Default()
	made := 0
	for _, e := range newGround(t).corpus(t) {
		for _, binding := range []types.NamespacedName{{Namespace: "ns", Name: e.Text}, {Namespace: e.Text, Name: "web"}} {
			trigger, err := resources.MakeSubscription(resources.Subscription{
				Binding: binding, Trigger: types.NamespacedName{Namespace: "ns", Name: "slack"}, Plan: "p", Settings: defaults,
			})
			if err != nil {
				continue
			}
			made++
			expression, err := cesql.Parse(trigger.Spec.Filters[1].CESQL)
			require.NoError(t, err, "%s: %q", e.Line, e.Text)
			for matched, want := range map[string]bool{"|" + binding.String() + "|": true, "|ns/other|": false, "": false} {
				ce := cloudevents.New()
				ce.SetID("1")
				ce.SetSource("/s")
				ce.SetType("t")
				ce.SetExtension("aofmatch", matched)
				got, err := expression.Evaluate(ce)
				require.NoError(t, err, e.Line)
				assert.Equal(t, want, got, "%s: %q", e.Line, e.Text)
			}
		}
	}
	assert.Positive(t, made, "some are names")
}

func rule(f match.Filter) match.Rule { return match.Rule{ID: "ns/web", Filters: []match.Filter{f}} }

func TestRouteTables(t *testing.T) {
	t.Parallel()
	for _, e := range newGround(t).corpus(t) {
		text := asJSON(t, e.Text)
		table := route.Table{Namespace: "ns", Trigger: "hook", Type: "HTTP", Config: map[string]any{"path": text, text: text}, Bindings: []route.Binding{{
			Rule: rule(match.Filter{Patterns: []string{text}, Channels: []string{text}, Conditions: map[string]string{"text": text}}), Claim: claim.Binding{Namespace: "ns", Name: "web"},
		}}}
		raw, err := table.Encode()
		require.NoError(t, err)
		read, err := route.Decode(raw)
		require.NoError(t, err, e.Line)
		assert.Equal(t, table, *read, e.Line)
	}
}

// TestPatterns has every text be a pattern of an author's and a text that patterns
// look at: none takes long, none breaks.
func TestPatterns(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 20_000) + "!"
	for _, e := range newGround(t).corpus(t) {
		set, err := match.Compile([]match.Rule{rule(match.Filter{Patterns: []string{e.Text}})})
		if err != nil {
			continue
		}
		set.Match(match.Facts{Text: long})
		set, err = match.Compile([]match.Rule{rule(match.Filter{Patterns: []string{"^a sentence that nobody sends$"}, Conditions: map[string]string{"team": "ops"}})})
		require.NoError(t, err)
		assert.Empty(t, set.Match(match.Facts{Text: e.Text, Attributes: map[string]string{"team": e.Text}}), e.Line)
	}
}

func TestLogLines(t *testing.T) {
	t.Parallel()
	for _, e := range newGround(t).corpus(t) {
		var asText, asRecord bytes.Buffer
		for _, handler := range []slog.Handler{slog.NewTextHandler(&asText, nil), slog.NewJSONHandler(&asRecord, nil)} {
			slog.New(handler).Info("claimed", "why", e.Text, "run", "r1")
		}
		assert.Equal(t, 1, strings.Count(asText.String(), "\n"), e.Line)
		var read map[string]any
		require.NoError(t, json.Unmarshal(asRecord.Bytes(), &read), e.Line)
		assert.Equal(t, "INFO", read["level"], e.Line)
		assert.Equal(t, "r1", read["run"], e.Line)
	}
}

func TestAuditRecords(t *testing.T) {
	t.Parallel()
	for _, e := range newGround(t).corpus(t) {
		payload, err := json.Marshal(e.Text)
		require.NoError(t, err)
		r := audit.Record{
			Event: audit.ApprovalGranted, Status: audit.Denied, Command: e.Text, Message: e.Text, Error: e.Text, DecidedBy: e.Text, Comment: e.Text,
			Input: payload, Output: payload, About: audit.About{User: e.Text, Run: "r1"},
		}
		line, err := r.Line()
		require.NoError(t, err, e.Line)
		tame(t, e.Line, line)
		assert.NotContains(t, line, "\n", e.Line)
		var read map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &read), e.Line)
		assert.Equal(t, "denied", read["status"], e.Line)
		assert.Equal(t, "r1", read["run"], e.Line)
		for _, key := range []string{"command", "message", "error", "user", "decided_by", "comment", "input", "output"} {
			if e.Text != "" {
				assert.Equal(t, asJSON(t, e.Text), read[key], "%s: %s", e.Line, key)
			}
		}
	}
}

// TestMessagesOfErrors has texts be what parsers complain about: what they say is
// bounded.
func TestMessagesOfErrors(t *testing.T) {
	t.Parallel()
	for _, e := range newGround(t).corpus(t) {
		var said []error
		_, err := expr.ParseTemplate(e.Text)
		said = append(said, err)
		_, err = expr.ParseCondition(e.Text)
		said = append(said, err)
		_, err = expr.ParseShell(e.Text)
		said = append(said, err)
		_, err = match.Compile([]match.Rule{rule(match.Filter{Patterns: []string{e.Text}})})
		said = append(said, err)
		for _, err := range said {
			if err != nil {
				assert.LessOrEqual(t, len(err.Error()), 1000, e.Line)
			}
		}
	}
}
