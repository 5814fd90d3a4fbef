// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/agent"
)

const fence = "```"

func TestParseOutput(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		text string
		want map[string]any // without output, which is the text unless given
	}{
		"prose":               {"All fine: nothing to do.", map[string]any{"requires_approval": false}},
		"empty":               {"", map[string]any{"requires_approval": false}},
		"whole object":        {" {\"severity\": \"high\", \"n\": 2}\n", map[string]any{"severity": "high", "n": 2.0, "requires_approval": false}},
		"its own output":      {`{"output": {"x": 1}}`, map[string]any{"output": map[string]any{"x": 1.0}, "requires_approval": false}},
		"array is text":       {`[1, 2]`, map[string]any{"requires_approval": false}},
		"two objects are not": {`{"a": 1} {"b": 2}`, map[string]any{"requires_approval": false}},
		"broken object":       {`{"a": 1`, map[string]any{"requires_approval": false}},
		"fenced":              {"Here:\n" + fence + "json\n{\"command\": \"ls\", \"requires_approval\": true}\n" + fence + "\nBye", map[string]any{"command": "ls", "requires_approval": true}},
		"fenced in capitals":  {fence + "JSON\r\n{\"a\": true}\r\n" + fence, map[string]any{"a": true, "requires_approval": false}},
		"whole plain fence":   {"\n" + fence + "\n{\"a\": 1}\n" + fence + "\n", map[string]any{"a": 1.0, "requires_approval": false}},
		"plain fence in text": {"see\n" + fence + "\n{\"a\": 1}\n" + fence, map[string]any{"requires_approval": false}},
		"fence not closed":    {fence + "json\n{\"a\": 1}", map[string]any{"a": 1.0, "requires_approval": false}},
		"first good fence": {
			fence + "json\nnot json\n" + fence + "\n" + fence + "json\n{\"a\": 1}\n" + fence + "\n" + fence + "json\n{\"a\": 2}\n" + fence,
			map[string]any{"a": 1.0, "requires_approval": false},
		},
		"convention": {
			"This deletes a pod.\nrequires_approval: true\ncommand: \"kubectl delete pod 'x' -n \\\"prod\\\"\"\n",
			map[string]any{"requires_approval": true, "command": `kubectl delete pod 'x' -n "prod"`},
		},
		"convention in a fence": {
			fence + "\nrequires_approval: true\ncommand: 'kubectl get po'\n" + fence,
			map[string]any{"requires_approval": true, "command": "kubectl get po"},
		},
		"convention marked up": {
			"- **requires_approval**: `true`\n* `command`: `kubectl delete pod x`\n",
			map[string]any{"requires_approval": true, "command": "kubectl delete pod x"},
		},
		"bold with the colon inside": {"**requires_approval:** true", map[string]any{"requires_approval": true}},
		"bare command":               {"command: kubectl get pods -o wide", map[string]any{"command": "kubectl get pods -o wide", "requires_approval": false}},
		"scalars": {
			"resolved: true\nreplicas: 3\nratio: -0.5\nname: \"web\"\nnote: this is prose\nBig: 3\nurl: http://x\nresolved: false",
			map[string]any{"resolved": true, "replicas": 3.0, "ratio": -0.5, "name": "web", "requires_approval": false},
		},
		"a no is a no":                      {"requires_approval: No.", map[string]any{"requires_approval": false}},
		"doubt asks":                        {"requires_approval: maybe", map[string]any{"requires_approval": true}},
		"one yes is enough":                 {"requires_approval: false\nrequires_approval: true", map[string]any{"requires_approval": true}},
		"text may ask where JSON does not":  {"requires_approval: true\n" + fence + "json\n{\"requires_approval\": false, \"command\": \"a\"}\n" + fence + "\ncommand: b", map[string]any{"requires_approval": true, "command": "a"}},
		"JSON's other spellings":            {`{"requires_approval": "yes"}`, map[string]any{"requires_approval": true}},
		"JSON null is no":                   {`{"requires_approval": null}`, map[string]any{"requires_approval": false}},
		"JSON number":                       {`{"requires_approval": 1}`, map[string]any{"requires_approval": true}},
		"JSON zero":                         {`{"requires_approval": 0}`, map[string]any{"requires_approval": false}},
		"JSON list":                         {`{"requires_approval": ["x"]}`, map[string]any{"requires_approval": true}},
		"convention within JSON is no line": {"{\"log\": \"x\\nrequires_approval: true\"}", map[string]any{"log": "x\nrequires_approval: true", "requires_approval": false}},
		"convention can't replace output":   {"output: \"short\"", map[string]any{"requires_approval": false}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, ok := tc.want["output"]; !ok {
				tc.want["output"] = tc.text
			}
			assert.Equal(t, tc.want, agent.ParseOutput(tc.text))
		})
	}
}

func TestParseOutputIsBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 10000 {
		b.WriteString("f" + strings.Repeat("x", i%60) + ": 1\n")
	}
	b.WriteString("requires_approval: true\n")
	out := agent.ParseOutput(b.String())
	assert.LessOrEqual(t, len(out), 66)
	assert.Equal(t, true, out["requires_approval"], "the line that matters is read wherever it stands")

	deep := strings.Repeat(`{"a":`, 20000) + "1" + strings.Repeat("}", 20000)
	assert.Equal(t, map[string]any{"output": deep, "requires_approval": false}, agent.ParseOutput(deep))
}

func FuzzParseOutput(f *testing.F) {
	for _, s := range []string{
		"", "requires_approval: true\ncommand: \"x\"", `{"a": {"b": [1, null]}}`, fence + "json\n{}\n" + fence, fence, "- **a**: 'x'", "a: 1e999", `{"a": 1e999}`, "command: ```",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		out := agent.ParseOutput(text)
		_, isBool := out["requires_approval"].(bool)
		require.True(t, isBool)
		require.Contains(t, out, "output")
		first, err := json.Marshal(out)
		require.NoError(t, err)
		var loaded map[string]any
		require.NoError(t, json.Unmarshal(first, &loaded))
		second, err := json.Marshal(loaded)
		require.NoError(t, err)
		require.JSONEq(t, string(first), string(second))
	})
}
