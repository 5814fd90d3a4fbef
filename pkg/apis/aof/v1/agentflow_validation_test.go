// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"knative.dev/pkg/apis"

	"aof.dev/operator/pkg/flow"
)

// flowSpec is the YAML of a flow's spec with these nodes and connections.
func flowSpec(nodes, connections string) string {
	return "trigger: {type: Slack}\nnodes: [" + nodes + "]\nconnections: [" + connections + "]\n"
}

func TestValidateAgentFlow(t *testing.T) {
	t.Parallel()
	const ab = `{id: a, type: Agent, config: {agent: x}}, {id: b, type: Response, config: {message: "${a.output}"}}`
	checkRefusals(t, "AgentFlow", []refusal{
		{name: "two nodes in a row", spec: flowSpec(ab, `{from: trigger, to: a}, {from: a, to: b}`)},
		{name: "no spec", paths: []string{"spec.trigger", "spec.nodes", "spec.connections"}},
		{name: "an empty trigger is any trigger", spec: `{trigger: {}, nodes: [{id: a, type: End, config: {output: x}}], connections: []}`},
		{
			name: "a reference to a node that comes later", spec: flowSpec(`{id: a, type: Response, config: {message: "${b.output}"}}, {id: b, type: Agent, config: {agent: x}}`, `{from: a, to: b}`),
			warns: []string{"spec.nodes[0].config.message"},
		},
		{name: "a node nobody knows", spec: flowSpec(ab, `{from: a, to: b}, {from: a, to: nowhere}`), paths: []string{"spec.connections[1].to"}},
		{name: "a source nobody knows", spec: flowSpec(ab, `{from: nowhere, to: b}`), paths: []string{"spec.connections[0].from"}},
		{name: "one id twice", spec: flowSpec(ab+`, {id: a, type: End}`, `{from: a, to: b}`), paths: []string{"spec.nodes[2].id"}},
		{name: "a cycle with its path", spec: flowSpec(ab, `{from: a, to: b}, {from: b, to: a}`), paths: []string{"spec.connections[1].to"}, says: "a -> b"},
		{name: "a node after itself", spec: flowSpec(ab, `{from: a, to: a}, {from: a, to: b}`), paths: []string{"spec.connections[0].to"}},
		{name: "a type nobody knows", spec: flowSpec(`{id: a, type: Magic}`, ``), paths: []string{"spec.nodes[0].type"}},
		{name: "an agent node without an agent", spec: flowSpec(`{id: a, type: Agent, config: {input: x}}`, ``), paths: []string{"spec.nodes[0].config"}},
		{
			name: "an inline agent that is wrong", spec: flowSpec(`{id: a, type: agent, config: {inline: {model: "x:y", instructions: z, maxTokens: 0}}}`, ``),
			paths: []string{"spec.nodes[0].config.inline.model", "spec.nodes[0].config.inline.max_tokens"},
		},
		{name: "a script without a command", spec: flowSpec(`{id: a, type: Script, config: {}}`, ``), paths: []string{"spec.nodes[0].config"}},
		{
			name: "a condition that does not parse", spec: flowSpec(`{id: a, type: Conditional, config: {condition: "${x} == == 1"}}`, ``),
			paths: []string{"spec.nodes[0].config.condition"},
		},
		{
			name: "a template that is never closed", spec: flowSpec(`{id: a, type: Response, config: {message: "${event.text"}}`, ``),
			paths: []string{"spec.nodes[0].config.message"},
		},
		{name: "a when that does not parse", spec: flowSpec(ab, `{from: a, to: b, condition: "a =="}`), paths: []string{"spec.connections[0].when"}},
		{
			name: "two spellings that differ", spec: flowSpec(ab, `{from: a, to: b, when: x, condition: z}`),
			paths: []string{"spec.connections[0].when", "spec.connections[0].condition"},
		},
		{
			name: "a pattern RE2 refuses", spec: "trigger: {patterns: [\"*\"], config: {patterns: [\"(\"]}}\nnodes: [{id: a, type: End}]\nconnections: []",
			paths: []string{"spec.trigger.patterns[0]", "spec.trigger.config.patterns[0]"},
		},
		{name: "a trigger type nobody knows", spec: `{trigger: {type: Pigeon}, nodes: [{id: a, type: End}], connections: []}`, warns: []string{"spec.trigger.type"}},
		{
			name: "policies out of bounds", spec: flowSpec(`{id: a, type: End, timeout_seconds: -1, retry: {max_attempts: 0, initial_delay: soon, backoffMultiplier: 0.5}}`, ``) +
				`config: {default_timeout_seconds: 0, retry: {maxAttempts: 101}, error_handler: a}`,
			paths: []string{
				"spec.nodes[0].timeout_seconds", "spec.nodes[0].retry.max_attempts", "spec.nodes[0].retry.initial_delay",
				"spec.nodes[0].retry.backoff_multiplier", "spec.config.default_timeout_seconds", "spec.config.retry.max_attempts",
			},
		},
		{
			name: "a context with keys it does not know", spec: flowSpec(`{id: a, type: End}`, ``) + `context: {namespace: ns, env: {"1A": x}, colour: red}`,
			paths: []string{"spec.context.env.1A"}, warns: []string{"spec.context.colour"},
		},
	})
}

func TestAFlowOfTenThousandNodesGetsAnAnswer(t *testing.T) {
	t.Parallel()
	f := &AgentFlow{}
	f.Name = "big"
	f.Spec.Trigger.Type = "Manual"
	f.Spec.Connections = []FlowConnection{}
	for i := range 10_000 {
		f.Spec.Nodes = append(f.Spec.Nodes, FlowNode{ID: fmt.Sprintf("n%d", i), Type: "End"})
	}
	f.SetDefaults(t.Context())
	err := f.Validate(t.Context())
	assert.Equal(t, []string{"spec.nodes"}, paths(err))
	assert.ErrorContains(t, err, strconv.Itoa(flow.MaxNodes))
}

func BenchmarkValidateFlow(b *testing.B) {
	for _, nodes := range []int{10, 1000, 5000} {
		b.Run(strconv.Itoa(nodes), func(b *testing.B) {
			f := &AgentFlow{}
			f.Name = "big"
			f.Spec.Trigger.Type = "Manual"
			for i := range nodes {
				f.Spec.Nodes = append(f.Spec.Nodes, FlowNode{ID: fmt.Sprintf("n%d", i), Type: "Response", Config: JSONObject{"message": "${event.text}"}})
				if i > 0 {
					f.Spec.Connections = append(f.Spec.Connections, FlowConnection{From: fmt.Sprintf("n%d", i-1), To: fmt.Sprintf("n%d", i), When: "ok == true"})
				}
			}
			f.SetDefaults(b.Context())
			for b.Loop() {
				if err := f.Validate(b.Context()); err.Filter(apis.ErrorLevel) != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The answer to a hostile object must be bounded too.
func TestThousandsOfErrorsGetAnAnswer(t *testing.T) {
	t.Parallel()
	f := &AgentFlow{}
	f.Spec.Trigger.Type = "Manual"
	for i := range flow.MaxNodes {
		f.Spec.Nodes = append(f.Spec.Nodes, FlowNode{ID: "same", Type: "Agent", When: "a", Condition: "b", Config: JSONObject{"inline": map[string]any{}}})
		f.Spec.Connections = append(f.Spec.Connections, FlowConnection{From: strconv.Itoa(i), To: "x", When: "a", Condition: "b"})
	}
	f.SetDefaults(t.Context())
	assert.NotEmpty(t, paths(f.Validate(t.Context())))
}

func TestDefinition(t *testing.T) {
	t.Parallel()
	object := read(t, "AgentFlow", `
trigger: {type: slack, patterns: [pod], config: {users: [U1], patterns: [node], channels: C1}}
variables: {region: eu}
config: {defaultTimeoutSeconds: 5, retry: {maxAttempts: 3, initialDelay: 2s, backoffMultiplier: 1.5}}
nodes:
- {name: first, type: shell, config: {command: "echo hi"}, timeoutSeconds: 7}
- {id: second, type: Approval, depends_on: [first], when: "success == true", conditions: [{from: first, value: yes it is}, {from: first, reaction: eyes, condition: x}]}
connections:
- {from: start, to: first}
- {from: first, to: second, condition: "ok == true"}`).(*AgentFlow)
	object.SetDefaults(t.Context())
	got, err := object.Definition()
	require.NoError(t, err)
	value, reaction := "yes it is", "eyes"
	assert.Equal(t, flow.Flow{
		Name:      "x",
		Variables: map[string]any{"region": "eu"},
		Defaults:  flow.Policy{TimeoutSeconds: 5, MaxAttempts: 3, InitialDelay: 2e9, BackoffMultiplier: 1.5},
		Nodes: []flow.Node{
			{ID: "first", Kind: flow.KindScript, Config: map[string]any{"command": "echo hi"}, Policy: &flow.Policy{TimeoutSeconds: 7}},
			{ID: "second", Kind: flow.KindApproval, When: "success == true", DependsOn: []string{"first"}, Conditions: []flow.NodeCondition{
				{From: "first", Value: &value}, {From: "first", Reaction: &reaction, When: "x"},
			}},
		},
		Edges: []flow.Edge{{From: "start", To: "first"}, {From: "first", To: "second", When: "ok == true"}},
	}, got)
	filter := object.Filter()
	assert.Equal(t, "flow x", filter.Name)
	assert.Equal(t, []string{"pod", "node"}, filter.Patterns)
	assert.Equal(t, []string{"C1"}, filter.Channels)
	assert.Equal(t, []string{"U1"}, filter.Users)

	object.Spec.Nodes[0].Retry = &FlowRetry{InitialDelay: "soon"}
	_, err = object.Definition()
	assert.ErrorContains(t, err, "spec.nodes[0]: retry.initial_delay")
}

func TestDefinitionSharesNothingWithTheObject(t *testing.T) {
	t.Parallel()
	object := read(t, "AgentFlow", flowSpec(`{id: a, type: Agent, config: {agent: x, context: {k: v}}}`, ``)).(*AgentFlow)
	before := object.DeepCopy()
	definition, err := object.Definition()
	require.NoError(t, err)
	definition.Nodes[0].Config["context"].(map[string]any)["k"] = "changed"
	assert.Equal(t, before, object)
}

func TestMessagesAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100_000)
	object := read(t, "AgentFlow", flowSpec(`{id: "`+long+`", type: "`+long+`", when: "`+long+` == =="}`, `{from: "`+long+`", to: "`+long+`"}`))
	object.SetDefaults(t.Context())
	err := object.Validate(t.Context()).Filter(apis.ErrorLevel)
	require.Error(t, err)
	assert.Less(t, len(err.Error()), 5000)
}
