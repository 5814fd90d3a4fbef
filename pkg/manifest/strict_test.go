// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestStrictDecoding(t *testing.T) {
	t.Parallel()
	object := func(kind, spec string) string {
		return "apiVersion: aof.dev/v1\nkind: " + kind + "\nmetadata:\n  name: x\nspec:\n" + spec
	}
	tests := map[string]struct {
		data string
		want string
	}{
		"unknown field with a near one": {
			data: object("Context", "  aprooval: {}\n"),
			want: "f.yaml:6: Context/x: spec.aprooval: unknown field \"aprooval\" (did you mean \"approval\"?); looks like upstream form: run `aof import -f f.yaml`",
		},
		"unknown field beside spec": {
			data: "apiVersion: aof.dev/v1\nkind: Context\nmetadata: {name: x}\nspce: {}\n",
			want: `f.yaml:4: Context/x: spce: unknown field "spce" (did you mean "spec"?)`,
		},
		"wrong types, each at its line": {
			data: object("Context", "  namespace: 12\n  env:\n    A: 1\n    B: [x]\n  approval:\n    required: \"yes\"\n    allowed_users: bob\n    timeout_seconds: soon\n  limits: []\n"),
			want: `f.yaml:6: Context/x: spec.namespace: wants text, found a number (quote it if text is meant)
f.yaml:8: Context/x: spec.env.A: wants text, found a number (quote it if text is meant)
f.yaml:9: Context/x: spec.env.B: wants text, found a list
f.yaml:11: Context/x: spec.approval.required: wants true or false, found text
f.yaml:12: Context/x: spec.approval.allowed_users: wants a list, found text
f.yaml:13: Context/x: spec.approval.timeout_seconds: wants a whole number, found text
f.yaml:14: Context/x: spec.limits: wants fields, found a list`,
		},
		"a fraction where a whole number is wanted": {
			data: object("Context", "  approval: {timeout_seconds: 1.5}\n"),
			want: "f.yaml:6: Context/x: spec.approval.timeout_seconds: wants a whole number, found a number (quote it if text is meant)",
		},
		"the words kubectl reads as booleans": {data: object("Context", "  approval: {required: yes, allow_self_approval: Off}\n")},
		"null is not written":                 {data: object("Context", "  approval:\n  env: ~\n")},
		"both forms of references, tools and memory": {
			data: object("FlowBinding", "  trigger: t\n  context: {name: c}\n  flow: {ref: flows/f.yaml}\n") + "---\n" +
				object("Agent", "  model: mock:echo\n  instructions: x\n  tools: [shell, {type: MCP, config: {a: 1}}]\n  memory: File:x.json:5\n"),
			want: `f.yaml:6: warning: FlowBinding/x: spec.trigger: Trigger "t" is not among these files
f.yaml:7: warning: FlowBinding/x: spec.context: Context "c" is not among these files
f.yaml:8: warning: FlowBinding/x: spec.flow: AgentFlow "f" is not among these files`,
		},
		"a tool that is neither text nor fields": {
			data: object("Agent", "  model: mock:echo\n  instructions: x\n  tools: [3]\n"),
			want: "f.yaml:8: Agent/x: spec.tools[0]: a tool must be a string or an object: must be a JSON object",
		},
		"open objects take any key": {
			data: object("Trigger", "  type: HTTP\n  config: {path: /x, whatever: {a: [1]}}\n"),
		},
		"a member's spec is an agent's": {
			data: object("AgentFleet", "  agents:\n    - name: a\n      spec:\n        model: mock:echo\n        instructions: x\n        sistem_prompt: y\n"),
			want: "f.yaml:11: AgentFleet/x: spec.agents[0].spec.sistem_prompt: unknown field \"sistem_prompt\" (did you mean \"system_prompt\"?); looks like upstream form: run `aof import -f f.yaml`",
		},
		"a consensus as an object": {
			data: object("AgentFleet", "  agents:\n    - {name: a, spec: {model: \"mock:echo\", instructions: x}}\n  coordination:\n    consensus: {algorithm: majority, min_votes: 1, colour: red}\n"),
			want: "f.yaml:9: AgentFleet/x: spec.coordination.consensus.colour: unknown field \"colour\"",
		},
		"upstream's forms say what to do": {
			data: "apiVersion: aof.dev/v1\nkind: Binding\nmetadata: {name: b}\n---\napiVersion: aof.dev/v1alpha1\nkind: Agent\nmetadata: {name: a}\n---\nname: flat\nmodel: m\ninstructions: x\n",
			want: "f.yaml:1: Binding/b: looks like upstream form (kind Binding): run `aof import -f f.yaml`\n" +
				"f.yaml:5: Agent/a: looks like upstream form (apiVersion aof.dev/v1alpha1): run `aof import -f f.yaml`\n" +
				"f.yaml:9: looks like upstream form (no apiVersion and kind): run `aof import -f f.yaml`",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			docs, problems := Parse("f.yaml", []byte(tt.data))
			var objects []*Object
			for _, doc := range docs {
				found, wrong := Decode(doc)
				objects = append(objects, found...)
				problems = append(problems, wrong...)
			}
			problems = append(problems, Validate(objects)...)
			assert.Equal(t, tt.want, text(Sort(problems)))
		})
	}
}
