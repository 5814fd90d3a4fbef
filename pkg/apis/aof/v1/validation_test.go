// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/yaml"
)

// refusal is a row of a validation table: a spec as YAML, and the paths of the
// fields that are refused, warned of, and what the message says.
type refusal struct {
	name  string
	spec  string
	paths []string
	warns []string
	says  string
}

// checkRefusals runs a table for one kind.
func checkRefusals(t *testing.T, kind string, rows []refusal) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			object := read(t, kind, row.spec)
			object.SetDefaults(t.Context())
			err := object.Validate(t.Context())
			assert.ElementsMatch(t, row.paths, paths(err.Filter(apis.ErrorLevel)), "%v", err)
			assert.ElementsMatch(t, row.warns, paths(err.Filter(apis.WarningLevel)), "%v", err)
			if row.says != "" {
				assert.ErrorContains(t, err, row.says)
			}
		})
	}
}

// read makes an object named x of a spec in YAML; an empty one has no spec.
func read(t *testing.T, kind, spec string) object {
	t.Helper()
	var parsed any
	require.NoError(t, yaml.Unmarshal([]byte(spec), &parsed))
	doc := map[string]any{"apiVersion": "aof.dev/v1", "kind": kind, "metadata": map[string]any{"name": "x"}}
	if parsed != nil {
		doc["spec"] = parsed
	}
	data, err := json.Marshal(doc)
	require.NoError(t, err)
	object := newObject(kind)
	require.NoError(t, json.Unmarshal(data, object))
	return object
}

func paths(err *apis.FieldError) []string {
	var out []string
	for _, e := range err.WrappedErrors() {
		out = append(out, e.Paths...)
	}
	slices.Sort(out)
	return out
}

func TestValidateContext(t *testing.T) {
	t.Parallel()
	checkRefusals(t, "Context", []refusal{
		{name: "nothing at all is a context"},
		{name: "the namespace may come from the environment", spec: `{namespace: "${NS:-default}"}`},
		{name: "a namespace that can't exist", spec: `{namespace: "No Spaces"}`, paths: []string{"spec.namespace"}},
		{name: "a reference that is never closed", spec: `{kubeconfig: "${HOME/x"}`, paths: []string{"spec.kubeconfig"}},
		{name: "a variable no shell can hold", spec: `{env: {"A-B": x, OK: z}}`, paths: []string{"spec.env.A-B"}},
		{name: "an unknown sink", spec: `{audit: {sink: s3}}`, paths: []string{"spec.audit.sink"}, says: "stdout, file, webhook"},
		{name: "the seed's webhook, whose address is a credential", spec: `{audit: {enabled: true, sink: webhook}}`},
		{name: "a webhook with all it may have", spec: `{audit: {enabled: true, sink: Webhook, url: "https://a.example/${PATH_TOKEN}", headers: {Authorization: "Bearer ${T}"}, events: [Tool_Call, error], include_payload: true}}`},
		{name: "a file", spec: `{audit: {enabled: true, sink: file, path: "audit.jsonl"}}`},
		{name: "a file without a path", spec: `{audit: {sink: file}}`, paths: []string{"spec.audit.path"}},
		{name: "the path of a directory", spec: `{audit: {sink: file, path: "/var/log/"}}`, paths: []string{"spec.audit.path"}},
		{name: "an address that is none", spec: `{audit: {sink: webhook, url: "audit.example.com"}}`, paths: []string{"spec.audit.url"}},
		{name: "an address with a password", spec: `{audit: {sink: webhook, url: "https://u:p@a.example/"}}`, paths: []string{"spec.audit.url"}, says: "without a user"},
		{name: "an address of another kind", spec: `{audit: {sink: webhook, url: "ftp://a.example/"}}`, paths: []string{"spec.audit.url"}},
		{name: "an address and no webhook", spec: `{audit: {sink: stdout, url: "https://a.example/", headers: {A: b}}}`, paths: []string{"spec.audit.headers", "spec.audit.url"}},
		{name: "headers that can't be", spec: `{audit: {sink: webhook, headers: {"A B": c, Host: x, X: "a\nb"}}}`, paths: []string{"spec.audit.headers[A B]", "spec.audit.headers[Host]", "spec.audit.headers[X]"}},
		{name: "records that there are none of", spec: `{audit: {events: [tool_call, everything]}}`, paths: []string{"spec.audit.events[1]"}, says: "approval_granted"},
		{name: "a destination that says otherwise", spec: `{audit: {sink: webhook, url: "https://a.example/", destination: "https://b.example/"}}`, paths: []string{"spec.audit.destination"}},
		{name: "a destination that is none", spec: `{audit: {destination: "somewhere"}}`, paths: []string{"spec.audit.destination"}},
		{
			name: "negative limits", spec: `{limits: {max_requests_per_minute: -1, max_tokens_per_day: -5, timeout_seconds: 0, max_concurrent: 0}}`,
			paths: []string{"spec.limits.max_concurrent", "spec.limits.max_execution_time_seconds", "spec.limits.max_requests_per_minute", "spec.limits.max_tokens_per_day"},
		},
		{name: "no limit at all is left out, not zero", spec: `{limits: {max_requests_per_minute: 0}}`, paths: []string{"spec.limits.max_requests_per_minute"}},
		{name: "an unknown way with who is kept out", spec: `{limits: {on_exceed: drop}}`, paths: []string{"spec.limits.on_exceed"}},
		{name: "an approval that times out at once", spec: `{approval: {timeout_seconds: 0}}`, paths: []string{"spec.approval.timeout_seconds"}},
		{name: "more approvers than may approve", spec: `{approval: {allowed_users: [a], min_approvers: 2}}`, paths: []string{"spec.approval.min_approvers"}},
		{name: "an approver without a name", spec: `{approval: {allowed_users: [a, ""]}}`, paths: []string{"spec.approval.allowed_users[1]"}},
		{name: "a pattern RE2 refuses", spec: `{approval: {require_for: [ok, "(?=x)"]}}`, paths: []string{"spec.approval.require_for[1]"}},
		{name: "two spellings that differ", spec: `{approval: {required: true, enabled: false}}`, paths: []string{"spec.approval.required", "spec.approval.enabled"}},
		{name: "two spellings that agree", spec: `{approval: {required: true, enabled: true}}`},
	})
}

func TestValidateTrigger(t *testing.T) {
	t.Parallel()
	checkRefusals(t, "Trigger", []refusal{
		{name: "channels without credentials", spec: `{type: Slack, config: {channels: [C_TEAM_A]}}`},
		{name: "no spec", paths: []string{"spec.type", "spec.config"}},
		{name: "an unknown type", spec: `{type: Carrier, config: {}}`, paths: []string{"spec.type"}, says: "Carrier"},
		{name: "a type in another case", spec: `{type: pagerduty, config: {service_ids: [P1]}}`},
		{name: "a pattern RE2 refuses", spec: `{type: Slack, config: {patterns: [pod, "a(b"]}}`, paths: []string{"spec.config.patterns[1]"}},
		{name: "an empty pattern", spec: `{type: Slack, config: {patterns: [""]}}`, paths: []string{"spec.config.patterns[0]"}},
		{name: "chats may be numbers", spec: `{type: Telegram, config: {chats: [-1001234567890], users: [123]}}`},
		{name: "a channel that is a map", spec: `{type: Slack, config: {channels: [{id: C1}]}}`, paths: []string{"spec.config.channels[0]"}},
		{name: "users under another name", spec: `{type: Slack, config: {allowed_users: [""]}}`, paths: []string{"spec.config.allowed_users[0]"}},
		{name: "a credential from the environment", spec: `{type: Slack, config: {bot_token: "${SLACK_BOT_TOKEN}"}}`},
		{name: "a credential in the open", spec: `{type: Slack, config: {bot_token: xoxb-1-2}}`, warns: []string{"spec.config.bot_token"}},
		{name: "a credential from a Secret", spec: `{type: Slack, config: {bot_token: {secretKeyRef: {name: s, key: k}}}}`},
		{name: "half a Secret's key", spec: `{type: Slack, config: {bot_token: {secretKeyRef: {name: s}}}}`, paths: []string{"spec.config.bot_token.secretKeyRef.key"}},
		{name: "a credential that is a list", spec: `{type: Slack, config: {bot_token: [a]}}`, paths: []string{"spec.config.bot_token"}},
		{name: "a schedule without a time", spec: `{type: Schedule, config: {}}`, paths: []string{"spec.config.cron"}},
		{name: "a time that never comes", spec: `{type: Schedule, config: {cron: "0 0 30 2 *"}}`, paths: []string{"spec.config.cron"}, says: "never"},
		{name: "a leap day", spec: `{type: Schedule, config: {cron: "0 0 29 2 *"}}`},
		{name: "seconds", spec: `{type: Schedule, config: {cron: "30 0 9 * * MON-FRI"}}`},
		{name: "a descriptor", spec: `{type: Schedule, config: {cron: "@daily", timezone: Europe/Berlin}}`},
		{name: "a zone inside the schedule", spec: `{type: Schedule, config: {cron: "TZ=UTC 0 9 * * *"}}`, paths: []string{"spec.config.cron"}, says: "timezone"},
		{name: "a bare TZ=", spec: `{type: Schedule, config: {cron: "TZ="}}`, paths: []string{"spec.config.cron"}},
		{name: "too few fields", spec: `{type: Schedule, config: {cron: "0 9 *"}}`, paths: []string{"spec.config.cron"}},
		{name: "a schedule that is a number", spec: `{type: Schedule, config: {cron: 5}}`, paths: []string{"spec.config.cron"}},
		{name: "a zone nobody knows", spec: `{type: Schedule, config: {cron: "0 9 * * *", timezone: Mars/Base}}`, paths: []string{"spec.config.timezone"}},
		{name: "a webhook with everything", spec: `{type: HTTP, config: {path: /hook, methods: [POST, put], port: 8080, secret: "${S}", required_headers: {X-GitHub-Event: push, X-Sig: "*"}}}`},
		{
			name: "a webhook with nothing right", spec: `{type: HTTP, config: {path: hook, method: BREW, port: 70000, headers: 1}}`,
			paths: []string{"spec.config.path", "spec.config.method", "spec.config.port", "spec.config.headers"},
		},
	})
}

func TestCredentialsAreNeverRepeated(t *testing.T) {
	t.Parallel()
	for _, spec := range []string{
		`{type: Slack, config: {bot_token: xoxb-very-secret}}`,
		`{type: Slack, config: {bot_token: "${xoxb-very-secret"}}`,
		`{type: Slack, config: {bot_token: [xoxb-very-secret]}}`,
	} {
		err := read(t, "Trigger", spec).Validate(t.Context())
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "very-secret")
	}
	err := read(t, "Context", `{env: {TOKEN: "${very-secret"}}`).Validate(t.Context())
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "very-secret")
}

func TestValidateFlowBinding(t *testing.T) {
	t.Parallel()
	refs := "trigger: {name: t}\ncontext: {name: c}\nflow: {name: f}\n"
	checkRefusals(t, "FlowBinding", []refusal{
		{name: "three references", spec: refs},
		{name: "no spec", paths: []string{"spec.trigger.name", "spec.context.name", "spec.flow.name"}},
		{
			name: "an empty reference", spec: `{trigger: {}, context: {namespace: ns}, flow: ""}`,
			paths: []string{"spec.trigger.name", "spec.context.name", "spec.flow.name"},
		},
		{
			name: "a name that can't exist", spec: `{trigger: "Not A Name", context: "a/b", flow: "A_B/c"}`,
			paths: []string{"spec.trigger.name", "spec.flow.namespace"},
		},
		{name: "a ref beside another name", spec: `{trigger: {name: a, ref: b}, context: {name: c}, flow: {name: f}}`, paths: []string{"spec.trigger.ref"}},
		{name: "a pattern RE2 refuses", spec: refs + `match: {patterns: ["(?!x)"]}`, paths: []string{"spec.match.patterns[0]"}},
		{name: "a business key", spec: refs + `match: {dedupe: {key: "${event.alert.id}", window: 10m}}`},
		{name: "a business key of nothing", spec: refs + `match: {dedupe: {}}`, paths: []string{"spec.match.dedupe.key", "spec.match.dedupe.window"}},
		{name: "a key that is no template of the event", spec: refs + `match: {dedupe: {key: "${SECRET}", window: 30d}}`, paths: []string{"spec.match.dedupe.key", "spec.match.dedupe.window"}},
		{name: "a keyword both required and excluded", spec: refs + `match: {required_keywords: [Pod], excludedKeywords: [pod]}`, paths: []string{"spec.match.required_keywords[0]"}},
		{
			name: "spellings that differ", spec: refs + `match: {required_keywords: [a], requiredKeywords: [b]}`,
			paths: []string{"spec.match.required_keywords", "spec.match.requiredKeywords"},
		},
		{
			name: "empty words", spec: refs + `match: {channels: [""], users: [" "], events: [""], conditions: {" ": x}}`,
			paths: []string{"spec.match.channels[0]", "spec.match.users[0]", "spec.match.events[0]", "spec.match.conditions"},
		},
		{
			name: "an approval that times out at once", spec: refs + `overrides: {approval: {approval_timeout_seconds: 0}}`,
			paths: []string{"spec.overrides.approval.approval_timeout_seconds"},
		},
		{name: "an overrun without a policy", spec: refs + "overrun: {key: x}", paths: []string{"spec.overrun.policy"}},
		{name: "an unknown overrun policy", spec: refs + "overrun: {policy: queue}", paths: []string{"spec.overrun.policy"}},
		{name: "a key that says nothing", spec: refs + `overrun: {policy: Allow, key: "${event.text}"}`, paths: []string{"spec.overrun.key"}},
		{name: "a key that is no template", spec: refs + `overrun: {policy: skip, key: "${event."}`, paths: []string{"spec.overrun.key"}},
	})
}

func TestValidateAgent(t *testing.T) {
	t.Parallel()
	checkRefusals(t, "Agent", []refusal{
		{name: "a model and instructions", spec: `{model: "google:gemini-2.5-flash", instructions: x, temperature: 0}`},
		{name: "a model without a provider is anthropic's", spec: `{model: claude-3-5-sonnet-20241022, instructions: x}`},
		{name: "a model from the environment", spec: `{model: "${MODEL:-mock:echo}", instructions: x}`},
		{name: "a model with a tag", spec: `{model: "ollama:llama3:8b", instructions: x}`},
		{name: "no spec", paths: []string{"spec.model", "spec.instructions"}},
		{name: "an unknown provider", spec: `{model: "acme:one", instructions: x}`, paths: []string{"spec.model"}, says: "openrouter"},
		{name: "a provider without a model", spec: `{model: "openai:", instructions: x}`, paths: []string{"spec.model"}},
		{name: "two providers", spec: `{model: "openai:gpt-4o", provider: google, instructions: x}`, paths: []string{"spec.provider"}},
		{
			name: "bounds", spec: `{model: "mock:echo", instructions: x, temperature: 1.01, max_tokens: 0, max_iterations: 0, max_context_messages: -1}`,
			paths: []string{"spec.temperature", "spec.max_tokens", "spec.max_iterations", "spec.max_context_messages"},
		},
		{name: "a temperature below zero", spec: `{model: "mock:echo", instructions: x, temperature: -0.1}`, paths: []string{"spec.temperature"}},
		{name: "instructions of spaces", spec: `{model: "mock:echo", instructions: "  "}`, paths: []string{"spec.instructions"}},
		{
			name: "two spellings that differ", spec: `{model: "mock:echo", instructions: a, system_prompt: b, maxTokens: 1, max_tokens: 2}`,
			paths: []string{"spec.instructions", "spec.system_prompt", "spec.max_tokens", "spec.maxTokens"},
		},
		{
			name: "tools that name nothing", spec: `{model: "mock:echo", instructions: x, tools: ["", {config: {}}, {type: 3}]}`,
			paths: []string{"spec.tools[0].name", "spec.tools[1].name", "spec.tools[1].type", "spec.tools[2].type"},
		},
		{name: "a memory nobody has", spec: `{model: "mock:echo", instructions: x, memory: {type: conversation}}`, paths: []string{"spec.memory.type"}},
		{name: "a memory without a type", spec: `{model: "mock:echo", instructions: x, memory: {config: {max_messages: 0}}}`, paths: []string{"spec.memory.type"}},
		{name: "a memory of no messages", spec: `{model: "mock:echo", instructions: x, memory: "File:a:0"}`, paths: []string{"spec.memory.config.max_messages"}},
		{
			name: "MCP servers", spec: `{model: "mock:echo", instructions: x, mcp_servers: [{name: a, command: x}, {name: a, url: y}, {}]}`,
			paths: []string{"spec.mcp_servers[1].name", "spec.mcp_servers[2].name", "spec.mcp_servers[2].command", "spec.mcp_servers[2].endpoint"},
		},
		{name: "endless instructions", spec: `{model: "mock:echo", instructions: "` + strings.Repeat("x", MaxTextBytes+1) + `"}`, paths: []string{"spec.instructions"}},
	})
}

func TestValidateAgentFleet(t *testing.T) {
	t.Parallel()
	two := `agents: [{name: a, role: manager, ref: x}, {name: b, spec: {model: "mock:echo", system_prompt: x, tools: [kubectl]}}]` + "\n"
	checkRefusals(t, "AgentFleet", []refusal{
		{name: "a referenced and an inline member", spec: two},
		{name: "no spec", paths: []string{"spec.agents"}},
		{name: "a hierarchy led by the one manager", spec: two + `coordination: {mode: hierarchical}`},
		{name: "a hierarchy nobody leads", spec: `{agents: [{ref: a}, {ref: b}], coordination: {mode: hierarchical}}`, paths: []string{"spec.coordination.manager"}},
		{
			name: "a hierarchy two lead", spec: `{agents: [{ref: a, role: manager}, {ref: b, role: manager}], coordination: {mode: Hierarchical}}`,
			paths: []string{"spec.coordination.manager"}, says: "2 have it",
		},
		{name: "a manager who is no member", spec: two + `coordination: {mode: hierarchical, manager: c}`, paths: []string{"spec.coordination.manager"}},
		{name: "a synthesis nobody makes", spec: `{agents: [{ref: a}], coordination: {aggregation: manager_synthesis}}`, paths: []string{"spec.coordination.manager"}},
		{name: "one name twice", spec: `{agents: [{name: a, ref: x}, {name: a, ref: z}]}`, paths: []string{"spec.agents[1].name"}},
		{
			name: "members that are nobody", spec: `{agents: [{}, {name: b}, {name: c, ref: {namespace: ns}, spec: {}}]}`,
			paths: []string{"spec.agents[0].name", "spec.agents[0].ref", "spec.agents[0].spec", "spec.agents[1].ref", "spec.agents[1].spec", "spec.agents[2].ref", "spec.agents[2].spec"},
		},
		{
			name: "an inline agent that is wrong", spec: `{agents: [{name: a, spec: {model: "x:y", temperature: 2}}]}`,
			paths: []string{"spec.agents[0].spec.model", "spec.agents[0].spec.instructions", "spec.agents[0].spec.temperature"},
		},
		{name: "an inline agent of the wrong type", spec: `{agents: [{name: a, spec: {model: 3}}]}`, paths: []string{"spec.agents[0].spec"}},
		{
			name: "words nobody knows", spec: `{agents: [{ref: a, role: boss, replicas: 0}], coordination: {mode: anarchy, distribution: fair, consensus: loudest, aggregation: none}}`,
			paths: []string{"spec.agents[0].role", "spec.agents[0].replicas", "spec.coordination.mode", "spec.coordination.distribution", "spec.coordination.consensus", "spec.coordination.aggregation"},
		},
		{
			name: "votes", spec: `{agents: [{ref: a, replicas: 2}], coordination: {consensus: {algorithm: weighted, min_votes: 3, min_confidence: 2, weights: {a: -1, z: 1}}}}`,
			paths: []string{
				"spec.coordination.consensus_options.min_votes", "spec.coordination.consensus_options.min_confidence",
				"spec.coordination.consensus_options.weights.a", "spec.coordination.consensus_options.weights.z",
			},
		},
		{name: "an army", spec: `{agents: [{ref: a, replicas: 1000000000000}, {ref: b, replicas: 1000000000000}]}`, paths: []string{"spec.agents"}},
	})
}

func TestValidateNames(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, generate, want string
	}{
		{name: "", want: "metadata.name"},
		{name: "Has Spaces", want: "metadata.name"},
		{name: "", generate: "x-"},
		{name: "k8s-ops.v2"},
	} {
		for _, kind := range kinds() {
			object := newObject(kind)
			object.SetName(tc.name)
			object.SetGenerateName(tc.generate)
			found := paths(object.Validate(context.WithoutCancel(t.Context())).Filter(apis.ErrorLevel))
			if tc.want != "" {
				assert.Contains(t, found, tc.want, "%s %q", kind, tc.name)
			} else {
				assert.NotContains(t, found, "metadata.name", "%s %q", kind, tc.name)
			}
		}
	}
}
