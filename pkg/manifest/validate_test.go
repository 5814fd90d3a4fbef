// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// header begins an object of a kind with the name x in a namespace.
func header(kind, namespace, name string) string {
	h := "apiVersion: aof.dev/v1\nkind: " + kind + "\nmetadata:\n  name: " + name + "\n"
	if namespace != "" {
		h += "  namespace: " + namespace + "\n"
	}
	return h
}

func TestValidateLooksForWhatIsReferredTo(t *testing.T) {
	t.Parallel()
	agentIn := func(namespace, name string) string {
		return header("Agent", namespace, name) + "spec: {model: \"mock:echo\", instructions: x}\n"
	}
	flowAsking := func(config string) string {
		return header("AgentFlow", "", "f") + "spec:\n  trigger: {type: Manual}\n  nodes:\n  - id: a\n    type: Agent\n    config: {" + config + ", input: x}\n  connections:\n  - {from: trigger, to: a}\n"
	}
	const missingAgent = `f.yaml:10: warning: AgentFlow/f: spec.nodes[0].config.agent: Agent "helper" is not among these files`
	tests := map[string]struct {
		objects []string
		want    string
	}{
		"an agent that is there":         {objects: []string{flowAsking("agent: helper"), agentIn("", "helper")}},
		"an agent that is not":           {objects: []string{flowAsking("agent: helper"), agentIn("", "other")}, want: missingAgent},
		"an agent of another namespace":  {objects: []string{flowAsking("agent: helper"), agentIn("elsewhere", "helper")}, want: missingAgent},
		"the agent with -agent behind":   {objects: []string{flowAsking("agent: helper"), agentIn("", "helper-agent")}},
		"a name known at run time only":  {objects: []string{flowAsking(`agent: "${WHO}"`)}},
		"an inline agent needs no other": {objects: []string{flowAsking(`inline: {model: "mock:echo", instructions: x}`)}},
		"a fleet that is not there": {
			objects: []string{flowAsking("fleet: crew")},
			want:    `f.yaml:10: warning: AgentFlow/f: spec.nodes[0].config.fleet: AgentFleet "crew" is not among these files`,
		},
		"a fleet's members": {
			objects: []string{header("AgentFleet", "", "crew") + "spec:\n  agents:\n  - ref: {name: helper}\n  - ref: {name: ghost}\n", agentIn("", "helper")},
			want:    `f.yaml:8: warning: AgentFleet/crew: spec.agents[1].ref: Agent "ghost" is not among these files`,
		},
		"references across namespaces": {
			objects: []string{
				header("FlowBinding", "ops", "b") + "spec:\n  trigger: {name: t, namespace: shared}\n  context: {name: c}\n  flow: {name: f, namespace: shared}\n",
				header("Context", "ops", "c"), header("Trigger", "shared", "t") + "spec: {type: Manual, config: {}}\n",
			},
			want: `f.yaml:9: warning: FlowBinding/b: spec.flow: AgentFlow "shared/f" is not among these files`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			docs, problems := Parse("f.yaml", []byte(strings.Join(tt.objects, "---\n")))
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

func TestLoadBoundsFiles(t *testing.T) {
	t.Parallel()
	objects, problems := Load([]string{"-"}, Options{Stdin: strings.NewReader(strings.Repeat("#", 100)), MaxFileBytes: 50})
	assert.Empty(t, objects)
	assert.Equal(t, "<stdin>: larger than 50 bytes: not read", text(problems))
	assert.True(t, problems[0].Unreadable)

	_, problems = Load([]string{"-", "-"}, Options{})
	assert.Equal(t, "<stdin>: there is no standard input to read", text(problems))
}
