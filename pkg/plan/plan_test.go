// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"aof.dev/operator/pkg/agent"
	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/fleet"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/match"
	"aof.dev/operator/pkg/plan"
)

func compile(t *testing.T, w world) *plan.Plan {
	t.Helper()
	p, err := plan.Binding(w.binding(t, "team-a/bind"), w)
	require.NoError(t, err)
	return p
}

func k8sAgent(name string) agent.Spec {
	half := 0.5
	return agent.Spec{Name: name, Model: "mock:m", Instructions: "from flows", Temperature: &half, MaxTokens: 7, Tools: []string{"shell"}}
}

func TestBinding(t *testing.T) {
	t.Parallel()
	p := compile(t, worldOf(t, composition))
	assert.Equal(t, "team-a", p.Namespace)
	assert.Equal(t, "bind", p.Binding)
	assert.Equal(t, "flows", p.FlowNamespace)
	assert.Equal(t, &plan.Trigger{Namespace: "triggers", Name: "chat", Type: "Slack", Config: map[string]string{"bot_token": "${TOKEN}"}}, p.Trigger)
	assert.Equal(t, plan.Context{
		Object: "prod", Namespace: "contexts",
		Facts:    map[string]string{"name": "prod", "namespace": "payments", "cluster": "c-prod", "working_dir": "/own"},
		Env:      map[string]string{"REGION": "eu", "KEY": "${KEY}", "MORE": "1"},
		Approval: plan.Approval{Required: true, AllowedUsers: []string{"U9"}, TimeoutSeconds: 60},
	}, p.Context, "the Context goes before the flow's own, references stay as they are")
	assert.Equal(t, map[string]agent.Spec{"k8s": k8sAgent("k8s")}, p.Agents)
	assert.Equal(t, map[string]agent.FleetSpec{"team": {
		Fleet: fleet.Spec{
			Name: "team",
			Members: []fleet.Member{
				{Name: "one", Role: "worker", Replicas: 1},
				{Name: "two", Role: "worker", Replicas: 2, Weight: 2.5},
			},
			Coordination: p.Fleets["team"].Fleet.Coordination,
		},
		Agents: map[string]agent.Spec{"one": k8sAgent("one"), "two": {Name: "two", Model: "mock:n", Instructions: "in place"}},
	}}, p.Fleets)
	assert.Equal(t, fleet.Peer, p.Fleets["team"].Fleet.Coordination.Mode)
	assert.Equal(t, fleet.Majority, p.Fleets["team"].Fleet.Coordination.Consensus.Algorithm)
	require.Len(t, p.Flow.Nodes, 2)
	assert.Equal(t, flow.KindFleet, p.Flow.Nodes[1].Kind)
	raw, err := p.Encode()
	require.NoError(t, err)
	assert.NotContains(t, string(raw), "xoxb-", "a secret that stands in a Trigger stays there")
}

func TestRule(t *testing.T) {
	t.Parallel()
	w := worldOf(t, composition)
	rule := compile(t, w).Rule
	require.NotNil(t, rule)
	assert.Equal(t, match.Rule{
		ID: "team-a/bind", Priority: 3,
		Filters: []match.Filter{
			{Name: "trigger chat", Patterns: []string{"from-trigger"}, Channels: []string{"C1"}, Users: []string{"U1"}},
			{Name: "binding bind", RequiredKeywords: []string{"please"}},
			{Name: "flow ops", Patterns: []string{"from-flow"}},
		},
	}, *rule)

	change(t, w.binding(t, "team-a/bind"), `spec: {match: {patterns: [from-binding]}}`)
	rule = compile(t, w).Rule
	assert.Empty(t, rule.Filters[0].Patterns, "the binding's patterns take the place of the trigger's")
	assert.Equal(t, []string{"C1"}, rule.Filters[0].Channels, "and of nothing else of it")
	assert.Equal(t, []string{"from-binding"}, rule.Filters[1].Patterns)
	assert.Equal(t, []string{"from-flow"}, rule.Filters[2].Patterns)
}

func TestWhatIsMissing(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		gone  []string
		edit  string // of the flow
		field []string
		kind  []string
		key   []string
	}{
		{"trigger", []string{"Trigger triggers/chat"}, "", []string{"spec.trigger"}, []string{"Trigger"}, []string{"triggers/chat"}},
		{"context", []string{"Context contexts/prod"}, "", []string{"spec.context"}, []string{"Context"}, []string{"contexts/prod"}},
		{"flow", []string{"AgentFlow flows/ops"}, "", []string{"spec.flow"}, []string{"AgentFlow"}, []string{"flows/ops"}},
		{
			"all three at once",
			[]string{"Trigger triggers/chat", "Context contexts/prod", "AgentFlow flows/ops"},
			"",
			[]string{"spec.trigger", "spec.context", "spec.flow"},
			[]string{"Trigger", "Context", "AgentFlow"},
			[]string{"triggers/chat", "contexts/prod", "flows/ops"},
		},
		{
			"agent of a node and of a fleet",
			[]string{"Agent flows/k8s"},
			"",
			[]string{"node ask", "spec.agents[0].ref"},
			[]string{"Agent", "Agent"},
			[]string{"flows/k8s", "flows/k8s"},
		},
		{"fleet", []string{"AgentFleet flows/team"}, "", []string{"node vote"}, []string{"AgentFleet"}, []string{"flows/team"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := worldOf(t, composition)
			for _, key := range test.gone {
				require.Contains(t, w, key)
				delete(w, key)
			}
			p, err := plan.Binding(w.binding(t, "team-a/bind"), w)
			assert.Nil(t, p)
			var fields, kinds, keys []string
			for _, m := range missing(err) {
				fields, kinds, keys = append(fields, m.Field), append(kinds, m.Kind), append(keys, m.Key.String())
				require.ErrorContains(t, err, m.Field+": "+m.Kind+" "+m.Key.String()+" does not exist")
			}
			assert.Equal(t, test.field, fields)
			assert.Equal(t, test.kind, kinds)
			assert.Equal(t, test.key, keys)
		})
	}
}

// missing finds all MissingErrors within an error.
func missing(err error) []*plan.MissingError {
	var one *plan.MissingError
	switch many := err.(type) { //nolint:errorlint // walks the tree by hand to see every branch
	case nil:
		return nil
	case *plan.MissingError:
		return []*plan.MissingError{many}
	case interface{ Unwrap() []error }:
		var out []*plan.MissingError
		for _, e := range many.Unwrap() {
			out = append(out, missing(e)...)
		}
		return out
	}
	if !errors.As(err, &one) {
		return nil
	}
	return missing(errors.Unwrap(err))
}

func TestWhereAgentsAreLookedUp(t *testing.T) {
	t.Parallel()
	everywhere := []string{"flows/k8s", "team-a/k8s", "flows/k8s-agent", "team-a/k8s-agent"}
	tests := []struct {
		name, ref string
		agents    []string
		want      string // what is found
	}{
		{"beside the flow first", "k8s", everywhere, "flows/k8s"},
		{"then beside the binding", "k8s", everywhere[1:], "team-a/k8s"},
		{"then with -agent behind it", "k8s", everywhere[2:], "flows/k8s-agent"},
		{"the same beside the binding", "k8s", everywhere[3:], "team-a/k8s-agent"},
		{"nowhere else", "k8s", []string{"other/k8s"}, ""},
		{"by namespace", "other/k8s", append([]string{"other/k8s"}, everywhere...), "other/k8s"},
		{"by namespace with -agent", "other/k8s", append([]string{"other/k8s-agent"}, everywhere...), "other/k8s-agent"},
		{"by namespace and nowhere else", "other/k8s", everywhere, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := worldOf(t, composition)
			delete(w, "Agent flows/k8s")
			for _, key := range test.agents {
				namespace, name, _ := strings.Cut(key, "/")
				a := &aofv1.Agent{Spec: aofv1.AgentSpec{Model: "mock:m", Instructions: key}}
				a.Namespace, a.Name = namespace, name
				w["Agent "+key] = a
			}
			change(t, w.Flow(types.NamespacedName{Namespace: "flows", Name: "ops"}),
				`spec: {nodes: [{id: ask, type: Agent, config: {agent: `+test.ref+`}}], connections: []}`)
			p, err := plan.Binding(w.binding(t, "team-a/bind"), w)
			if test.want == "" {
				require.Len(t, missing(err), 1)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.want, p.Agents[test.ref].Instructions)
			assert.Len(t, p.Agents, 1)
		})
	}
}

func TestNamesWorkedOutAtRunTimeAreNotCollected(t *testing.T) {
	t.Parallel()
	w := worldOf(t, composition)
	f := w.Flow(types.NamespacedName{Namespace: "flows", Name: "ops"})
	change(t, f, `spec: {nodes: [{id: ask, type: Agent, config: {agent: "${event.agent}"}}], connections: []}`)
	p := compile(t, w)
	assert.Empty(t, p.Agents)
}

func TestOverrides(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, context, overrides string
		timeout, approvers       int64
	}{
		{"none", `{}`, `{}`, 60, 0},
		{"timeout", `{}`, `{approval: {approval_timeout_seconds: 5}}`, 5, 0},
		{"double approval", `{}`, `{approval: {require_double_approval: true}}`, 60, 2},
		{"double approval is no less than was asked", `{min_approvers: 3}`, `{approval: {require_double_approval: true}}`, 60, 3},
		{"no double approval changes nothing", `{min_approvers: 3}`, `{approval: {require_double_approval: false}}`, 60, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := worldOf(t, composition)
			change(t, w.Context(types.NamespacedName{Namespace: "contexts", Name: "prod"}), `spec: {approval: `+test.context+`}`)
			change(t, w.binding(t, "team-a/bind"), `spec: {overrides: `+test.overrides+`}`)
			got := compile(t, w).Context.Approval
			assert.Equal(t, test.timeout, got.TimeoutSeconds)
			assert.Equal(t, test.approvers, got.MinApprovers)
			assert.Equal(t, []string{"U9"}, got.AllowedUsers)
		})
	}
}

func TestFlowStartedByHand(t *testing.T) {
	t.Parallel()
	w := worldOf(t, composition)
	p, err := plan.Flow(w.Flow(types.NamespacedName{Namespace: "flows", Name: "ops"}), nil, w)
	require.NoError(t, err)
	assert.Equal(t, "flows", p.Namespace)
	assert.Empty(t, p.Binding)
	assert.Nil(t, p.Trigger)
	assert.Nil(t, p.Rule)
	assert.Equal(t, map[string]string{"namespace": "own", "working_dir": "/own"}, p.Context.Facts)
	assert.Equal(t, map[string]string{"REGION": "us", "MORE": "1"}, p.Context.Env)
	raw, err := p.Encode()
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(plan.Name(p, raw), "ops-"))
}

func TestInvalidFlow(t *testing.T) {
	t.Parallel()
	w := worldOf(t, composition)
	change(t, w.Flow(types.NamespacedName{Namespace: "flows", Name: "ops"}), `spec: {connections: [{from: ask, to: nobody}]}`)
	_, err := plan.Binding(w.binding(t, "team-a/bind"), w)
	require.ErrorContains(t, err, "AgentFlow ops: ")
	require.ErrorContains(t, err, "connections[0].to")
}

func TestEncodeAndDecode(t *testing.T) {
	t.Parallel()
	p := compile(t, worldOf(t, composition))
	raw, err := p.Encode()
	require.NoError(t, err)
	back, err := plan.Decode(raw)
	require.NoError(t, err)
	again, err := back.Encode()
	require.NoError(t, err)
	assert.Equal(t, string(raw), string(again))
	assert.Equal(t, p.Rule, back.Rule)
	assert.Equal(t, p.Context, back.Context)
	assert.Equal(t, p.Agents, back.Agents)
	_, err = flow.Compile(back.Flow)
	require.NoError(t, err)
	_, err = plan.Decode([]byte(`{"namespace": 3}`))
	require.ErrorContains(t, err, "decode plan")
}

func nameOf(t *testing.T, p *plan.Plan) string {
	t.Helper()
	raw, err := p.Encode()
	require.NoError(t, err)
	return plan.Name(p, raw)
}

func TestNameIsByContent(t *testing.T) {
	t.Parallel()
	name := nameOf(t, compile(t, worldOf(t, composition)))
	assert.Regexp(t, `^bind-[0-9a-f]{20}$`, name)
	for range 5 {
		assert.Equal(t, name, nameOf(t, compile(t, worldOf(t, composition))))
	}
	seen := map[string]string{"": name}
	for _, edit := range [][2]string{
		{"c-prod", "c-other"},
		{"from flows", "other words"},
		{"from-trigger", "x"},
		{"from-flow]", "x]"},
		{"please", "now"},
		{"mock:n", "mock:o"},
		{"${event.text}", "${event.user}"},
		{"REGION: eu", "REGION: ap"},
		{"priority: 3", "priority: 4"},
		{"type: Slack\n  config", "type: Discord\n  config"},
		{"timeout_seconds: 60", "timeout_seconds: 61"},
		{"weight: 2.5", "weight: 2.6"},
	} {
		changed := strings.Replace(composition, edit[0], edit[1], 1)
		require.NotEqual(t, composition, changed, edit[0])
		seen[edit[0]] = nameOf(t, compile(t, worldOf(t, changed)))
	}
	different := map[string]bool{}
	for _, n := range seen {
		different[n] = true
	}
	assert.Len(t, different, len(seen), "%v", maps.Clone(seen))
}

func TestNameIsAName(t *testing.T) {
	t.Parallel()
	for _, binding := range []string{
		"b", strings.Repeat("b", 63), strings.Repeat("b", 39) + "-tail", strings.Repeat("b", 39) + ".tail",
		strings.Repeat("b", 38) + "-.tail", "dotted.name",
	} {
		p := &plan.Plan{Binding: binding}
		name := nameOf(t, p)
		assert.Empty(t, validation.IsDNS1123Subdomain(name), name)
		assert.LessOrEqual(t, len(name), validation.DNS1123LabelMaxLength)
	}
}

func TestInlineAgent(t *testing.T) {
	t.Parallel()
	var config map[string]any
	require.NoError(t, json.Unmarshal([]byte(`{"model":"mock:m","instructions":"be brief","tools":["shell"],"other":1}`), &config))
	spec, err := plan.InlineAgent("ask", config)
	require.NoError(t, err)
	assert.Equal(t, agent.Spec{Name: "ask", Model: "mock:m", Instructions: "be brief", Tools: []string{"shell"}}, spec)
	config["name"] = "own"
	spec, err = plan.InlineAgent("ask", config)
	require.NoError(t, err)
	assert.Equal(t, "own", spec.Name)
	_, err = plan.InlineAgent("ask", map[string]any{"model": 3})
	require.Error(t, err)
}

func TestAnAuditIsPartOfThePlanWhenItIsEnabled(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]*plan.Audit{
		`{}`:                             nil,
		`{enabled: false, sink: stdout}`: nil,
		`{enabled: true, sink: stdout}`:  {Sink: "stdout"},
		`{enabled: true, sink: webhook, url: "${U}", headers: {A: "${T}"}, events: [error], include_payload: true}`: {
			Sink: "webhook", URL: "${U}", Headers: map[string]string{"A": "${T}"}, Events: []string{"error"}, Payload: true,
		},
	} {
		w := worldOf(t, composition)
		change(t, w.Context(types.NamespacedName{Namespace: "contexts", Name: "prod"}), `spec: {audit: `+written+`}`)
		assert.Equal(t, want, compile(t, w).Context.Audit, written)
	}
}
