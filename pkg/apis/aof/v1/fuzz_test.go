// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/equality"
	"knative.dev/pkg/apis"
	"knative.dev/pkg/kmeta"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"
)

// specimens are specs that use every field somewhere, as starting points for
// random changes.
var specimens = map[string][]string{
	"Context": {`{kubeconfig: "${K:-/x}", namespace: n1, env: {A: b}, approval: {required: true, allowed_users: [a], timeout_seconds: 3, required_for: [x], min_approvers: 1},
		audit: {enabled: true, sink: File}, limits: {max_requests_per_minute: 1, max_tokens_per_day: 2, timeout_seconds: 3}, cluster_name: c, workingDir: /w}`},
	"Trigger": {
		`{type: slack, enabled: true, config: {bot_token: "${T}", app_token: {secretKeyRef: {name: a, key: b}}, channels: [C1, 2], users: U, patterns: ["a.b"], events: [m]}}`,
		`{type: cron, config: {cron: "*/5 9-17 * * MON-FRI", timezone: Europe/Berlin}}`,
		`{type: webhook, config: {path: /x, methods: [POST], headers: {A: "*"}, port: 8080, secret: "${S}"}}`,
	},
	"FlowBinding": {`{trigger: a, context: ns/b, flow: {ref: f/c.yaml}, enabled: false, match: {patterns: ["x"], conditions: {k: v}, priority: 2, channels: [c],
		users: [u], events: [e], required_keywords: [a], excludedKeywords: [b]}, overrides: {approval: {bypass_for_severity: [P0], approval_timeout_seconds: 4, require_double_approval: true}}}`},
	"Agent": {`{model: "mock:echo", provider: mock, system_prompt: x, tools: [a, {type: Shell, config: {}}], memory: "File:a:3", temperature: 0.5, maxTokens: 4,
		mcp_servers: [{name: m, command: [a]}], output_schema: {type: object}, max_iterations: 3}`},
	"AgentFleet": {`{agents: [{name: a, role: Manager, replicas: 2, spec: {model: "mock:x", instructions: z}, weight: 1.5, tier: 1}, {ref: x/b.yaml, labels: {l: m}}],
		coordination: {mode: hierarchical, distribution: round_robin, consensus: {algorithm: weighted, min_votes: 2, weights: {a: 1}}, manager: a, tiered: {}, deep: {max_iterations: 2}}}`},
	"AgentFlow": {`{trigger: {type: slack, patterns: [a], config: {users: [u]}}, description: d, context: {namespace: n1, ref: c, env: {A: b}, more: 1}, variables: {v: 1},
		nodes: [{id: a, type: agent, config: {inline: {model: "mock:x", instructions: z}, input: "${event.text}"}, retry: {max_attempts: 2, initialDelay: 1s}},
		{name: b, type: conditional, config: {condition: "${a.output.ok} == true AND a.x > 3"}, depends_on: [a], timeout_seconds: 5},
		{id: c, type: End, config: {output: "${b.result:-no}"}, conditions: [{from: b, value: true}], when: "b == true"}],
		connections: [{from: start, to: a}, {from: a, to: b, condition: "ok == true"}, {from: b, to: c}], config: {defaultTimeoutSeconds: 3, verbose: true}}`},
	"FlowRun": {`{flow: f, binding: b, trigger: n/t, context: c, plan: p, event: {specversion: "1.0", id: "1", source: s, type: t, data: {a: [1]}}}`},
}

// FuzzValidate reads any JSON as each kind: nothing panics, setting defaults
// twice is setting them once, and what is stored reads back as what was meant.
func FuzzValidate(f *testing.F) {
	for _, kind := range kinds() {
		for _, spec := range specimens[kind] {
			data, err := yaml.YAMLToJSON([]byte("metadata: {name: x}\nspec: " + spec))
			require.NoError(f, err)
			f.Add(slices.Index(kinds(), kind), data)
		}
	}
	f.Add(5, []byte(`{"spec":{"nodes":[{"id":"a","type":"End"},{"id":"a"}],"connections":[{"from":"a","to":"a"}]}}`))
	f.Add(1, []byte(`{"spec":{"type":"Schedule","config":{"cron":"TZ= * * * * *"}}}`))
	f.Fuzz(func(t *testing.T, kind int, data []byte) {
		object := newObject(kinds()[(kind%len(kinds())+len(kinds()))%len(kinds())])
		if json.Unmarshal(data, object) != nil {
			t.Skip("not of this kind")
		}
		holdsItsPromises(t, object)
	})
}

func holdsItsPromises(t require.TestingT, object object) {
	ctx := apis.WithinCreate(context.Background())
	object.SetDefaults(ctx)
	once := object.DeepCopyObject()
	object.SetDefaults(ctx)
	require.True(t, equality.Semantic.DeepEqual(once, object), "defaults are set twice and differ:\n%s\n%s", asJSON(t, once), asJSON(t, object))
	first := object.Validate(ctx)
	require.True(t, equality.Semantic.DeepEqual(once, object), "Validate changes the object")
	require.Equal(t, first.Error(), object.Validate(ctx).Error(), "Validate answers differently")

	stored := asJSON(t, object)
	again := newObject(object.(kmeta.OwnerRefable).GetGroupVersionKind().Kind)
	require.NoError(t, json.Unmarshal([]byte(stored), again), stored)
	again.SetDefaults(ctx)
	require.JSONEq(t, stored, asJSON(t, again), "what is stored is canonical")
}

func asJSON(t require.TestingT, v any) string {
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return string(data)
}

// Random changes at random places of a good spec reach deeper than random bytes.
func TestNoSpecPanics(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				var spec any
				require.NoError(t, yaml.Unmarshal([]byte(rapid.SampledFrom(specimens[kind]).Draw(t, "specimen")), &spec))
				for range rapid.IntRange(1, 4).Draw(t, "changes") {
					spec = mutate(t, spec)
				}
				data, err := json.Marshal(map[string]any{"metadata": map[string]any{"name": "x"}, "spec": spec})
				require.NoError(t, err)
				object := newObject(kind)
				if json.Unmarshal(data, object) != nil {
					return // a value of the wrong type is refused by reading it
				}
				holdsItsPromises(t, object)
			})
		})
	}
}

// mutate replaces, drops or doubles one value somewhere in a tree.
func mutate(t *rapid.T, v any) any {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 || rapid.IntRange(0, 9).Draw(t, "here") == 0 {
			return randomValue(t)
		}
		keys := make([]string, 0, len(v))
		for key := range v {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		key := rapid.SampledFrom(keys).Draw(t, "key")
		if rapid.IntRange(0, 9).Draw(t, "drop") == 0 {
			delete(v, key)
			return v
		}
		v[key] = mutate(t, v[key])
		return v
	case []any:
		if len(v) == 0 || rapid.IntRange(0, 9).Draw(t, "here") == 0 {
			return randomValue(t)
		}
		i := rapid.IntRange(0, len(v)-1).Draw(t, "index")
		if rapid.Bool().Draw(t, "double") {
			return append(v, v[i])
		}
		v[i] = mutate(t, v[i])
		return v
	default:
		return randomValue(t)
	}
}

func randomValue(t *rapid.T) any {
	switch rapid.IntRange(0, 6).Draw(t, "form") {
	case 0:
		return rapid.SampledFrom([]string{
			"", " ", "${", "${a:-${b:-x}}", "${a", "{{x}}", "a/b", "/", "*", "(", "a == ", "AND", "TZ=", "CRON_TZ=x 1 * * * *", "@every 1ns", "0 0 30 2 *",
			"mock:", ":", "mock:a", "File:", "File:a:b", "trigger", "start", "true", "1e309", strings.Repeat("x", 300), "\x00", "é\u2028", "first_wins", "Agent", "Loop",
		}).Draw(t, "text")
	case 1:
		return rapid.String().Draw(t, "string")
	case 2:
		return rapid.SampledFrom([]any{0, -1, 1, 0.5, int64(math.MaxInt64), int64(math.MinInt64), 1e300}).Draw(t, "number")
	case 3:
		return rapid.Bool().Draw(t, "bool")
	case 4:
		return nil
	case 5:
		return []any{rapid.String().Draw(t, "item")}
	default:
		return map[string]any{rapid.SampledFrom([]string{"name", "ref", "type", "config", "algorithm", "x"}).Draw(t, "name"): rapid.String().Draw(t, "value")}
	}
}

func TestDeepCopiesShareNothing(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds() {
		for i, spec := range specimens[kind] {
			t.Run(fmt.Sprintf("%s %d", kind, i), func(t *testing.T) {
				t.Parallel()
				object := read(t, kind, spec)
				before := asJSON(t, object)
				object.DeepCopyObject().(apis.Defaultable).SetDefaults(t.Context())
				require.Equal(t, before, asJSON(t, object), "changing a copy changed the object")
			})
		}
	}
}
