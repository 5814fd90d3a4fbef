// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzLoad holds for any bytes: no panic, problems of bounded size with a line,
// and objects that have kind, name and lines.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		agent,
		"apiVersion: aof.dev/v1\nkind: AgentFlow\nmetadata: {name: f}\nspec:\n  trigger: {patterns: [\"a|b\"]}\n  nodes:\n  - {id: a, type: End, config: {output: \"${event.text}\"}}\n  connections:\n  - {from: trigger, to: a}\n",
		"apiVersion: v1\nkind: List\nitems:\n- apiVersion: aof.dev/v1\n  kind: FlowBinding\n  metadata: {name: b}\n  spec: {trigger: t, context: {ref: c.yaml}, flow: ns/f}\n",
		"a: &a [1, &b {x: *a}]\n<<: *a\n---\n{\"a\": \"\\ud83d\"}\n",
		"{\"apiVersion\": \"aof.dev/v1\", \"kind\": \"Trigger\", \"metadata\": {\"name\": \"t\"}, \"spec\": {\"type\": 1}}",
		"kind: AgentFleet\napiVersion: aof.dev/v1\nmetadata: {name: x}\nspec: {agents: [{name: a, spec: []}], coordination: {consensus: {algorithm: 1}}}\n",
		"--- !!map\n? [a]\n: b\n", "\xff\xfea\x00", "%YAML 1.2\n---\na: b", "- - - -\n\t- x",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 64<<10 {
			return
		}
		docs, problems := Parse("f.yaml", data)
		var objects []*Object
		for _, doc := range docs {
			found, wrong := Decode(doc)
			objects = append(objects, found...)
			problems = append(problems, wrong...)
			Prune(doc)
		}
		problems = append(problems, Validate(objects)...)
		for _, p := range problems {
			require.Positive(t, p.Line)
			require.LessOrEqual(t, len(p.String()), 1500)
			require.NotContains(t, p.String(), "\n")
		}
		for _, o := range objects {
			require.NotEmpty(t, o.Name)
			require.NotEmpty(t, o.Kind)
			require.Positive(t, o.LineOf("spec.nodes[0].config[x].y"))
			require.Positive(t, o.LineOf(string(data[:min(len(data), 200)])))
		}
	})
}
