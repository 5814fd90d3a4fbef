// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/local"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	got := aof(t, "explain", "-f", quickstartDir, "--event", quickstartDir+"/event.json")
	assert.Equal(t, ExitOK, got.code, got.errs)
	assert.Equal(t, `MATCH  quickstart/web-triage  (trigger web -> flow triage)
       pattern "(?i)\\b(disk|latency|error|help|down)\\b" of binding web-triage

1 of 1 bindings match
`, got.out)

	got = aof(t, "explain", "-f", quickstartDir, "--text", "good morning")
	assert.Equal(t, ExitFailed, got.code)
	assert.True(t, strings.HasPrefix(got.out, "no     quickstart/web-triage  (trigger web -> flow triage)\n       "), got.out)
	assert.Contains(t, got.out, "of binding web-triage")
	assert.Contains(t, got.out, "\n0 of 1 bindings match\n")
	assert.Empty(t, got.errs)

	got = aof(t, "explain", "-f", quickstartDir, "--text", "help")
	assert.Equal(t, ExitOK, got.code, "text alone is compared with every binding: %s", got.out)

	for _, tc := range []struct{ channel, trigger, reason string }{
		{"random", "slack", "channel"},
		{"production", "other", "the event came to trigger other, not to slack"},
	} {
		event := fmt.Sprintf(`{"specversion":"1.0","id":"1","source":"/s","type":"dev.aof.slack.message","aoftrigger":%q,"datacontenttype":"application/json","data":{"text":"show the pods","user":"u","channel":%q}}`, tc.trigger, tc.channel)
		got = person{in: event}.aof(t, "explain", "-f", slackDir, "--event", "-")
		assert.Equal(t, ExitFailed, got.code)
		assert.Contains(t, got.out, tc.reason)
	}
	got = aof(t, "explain", "-f", slackDir, "--event", slackDir+"/event.json", "-o", "json")
	assert.Equal(t, ExitOK, got.code, got.out)
	var rows []local.Explanation
	require.NoError(t, json.Unmarshal([]byte(got.out), &rows))
	require.Len(t, rows, 1)
	assert.True(t, rows[0].Matched)
	assert.Equal(t, "ops/slack-k8s", rows[0].Binding)
}

func TestExplainBadInput(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"no files":          {[]string{"--text", "x"}, "-f PATH"},
		"no event":          {[]string{"-f", quickstartDir}, "text"},
		"a missing event":   {[]string{"-f", quickstartDir, "--event", "/nope.json"}, "no such file"},
		"an unknown format": {[]string{"-f", quickstartDir, "--text", "x", "-o", "xml"}, "want json or yaml"},
	} {
		got := aof(t, append([]string{"explain"}, tc.args...)...)
		assert.Equal(t, ExitBadInput, got.code, name)
		assert.Contains(t, got.errs, tc.says, name)
		assert.Empty(t, got.out, name)
	}
}

// What nobody means to write has a clear and bounded answer too.
func TestExtremeFlowsAreAnswered(t *testing.T) {
	t.Parallel()
	nodes := make([]string, 10_000)
	for i := range nodes {
		nodes[i] = fmt.Sprintf("{id: n%d, type: Response, config: {message: hi}}", i)
	}
	deep := "x"
	for i := range 1000 {
		deep = fmt.Sprintf("${a%d:-%s}", i, deep)
	}
	const spin = "while true; do :; done"
	for name, tc := range map[string]struct {
		nodes []string
		code  int
		says  string
	}{
		"10,000 nodes":             {nodes, ExitBadInput, "10000 nodes, at most 5000 are allowed"},
		"defaults 1,000 deep":      {[]string{`{id: a, type: Response, config: {message: "` + deep + `"}}`}, ExitBadInput, "nested deeper than 64"},
		"a Transform without end":  {[]string{`{id: a, type: Transform, config: {script: "` + spin + `", timeout_seconds: 1}}`}, ExitFailed, "Timeout"},
		"a Script without end":     {[]string{`{id: a, type: Script, config: {scriptConfig: {command: "` + spin + `", timeout_seconds: 1}}}`}, ExitFailed, "Timeout"},
		"a Script that recurses":   {[]string{`{id: a, type: Script, config: {scriptConfig: {command: "f() { f; }; f", timeout_seconds: 1}}}`}, ExitFailed, "a: "},
		"a Transform of much text": {[]string{`{id: a, type: Transform, config: {script: "while true; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxx; done", timeout_seconds: 1}}`}, ExitFailed, "a: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := aof(t, "run", "f", "-f", writeFile(t, "f.yaml", flowYAML("f", tc.nodes...)))
			assert.Equal(t, tc.code, got.code, got.errs)
			assert.Contains(t, got.out+got.errs, tc.says)
			assert.Less(t, len(got.out+got.errs), 4096)
		})
	}
}
