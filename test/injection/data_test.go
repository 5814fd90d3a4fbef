// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package injection

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/node"
)

func TestJSONTool(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, e := range b.corpus(t) {
		out := b.output(t, flow.KindScript, script(values{"tool": "json", "action": "merge", "args": values{"objects": []any{
			values{"text": "kept", "admin": false}, values{"text": "${event.text}"}, "${ask.object}",
		}}}), e)
		merged, ok := out["output"].(map[string]any)
		require.True(t, ok, "%s: %v", e.Line, out)
		if e.Text != "admin" {
			assert.Equal(t, false, merged["admin"], e.Line)
		}
		assert.Equal(t, e.Text, merged["text"], e.Line)

		// A text that is JSON is parsed, once, and is not more than that.
		raw, err := json.Marshal(map[string]any{"wrapped": e.Text})
		require.NoError(t, err)
		parsed := b.output(t, flow.KindScript, script(values{"tool": "json", "action": "extract", "args": values{"input": "${event.text}", "path": "wrapped"}}), Entry{Line: e.Line, Text: string(raw)})
		assert.Equal(t, asJSON(t, e.Text), parsed["output"], e.Line)
	}
	b.quiet(t)
}

func TestFiles(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	files := filepath.Join(t.TempDir(), "files")
	require.NoError(t, os.Mkdir(files, 0o700))
	for _, e := range b.corpus(t) {
		b.output(t, flow.KindScript, script(values{"tool": "file", "action": "write", "args": values{"path": files + "/plain", "content": "<${event.text}>"}}), e)
		content, err := os.ReadFile(filepath.Join(files, "plain"))
		require.NoError(t, err)
		assert.Equal(t, "<"+e.Text+">", string(content), e.Line)

		_, err = b.run(t, flow.KindScript, script(values{"tool": "file", "action": "write", "args": values{"path": files + "/in-${event.text}-x", "content": "x"}}), e.Text)
		if err != nil {
			var typed *node.Error
			require.ErrorAs(t, err, &typed, e.Line)
			assert.Contains(t, []string{node.ReasonRefused, node.ReasonFile}, typed.Reason, e.Line)
		}
	}
	around, err := os.ReadDir(filepath.Dir(files))
	require.NoError(t, err)
	assert.Len(t, around, 1, "no text leads out of the folder")
	b.quiet(t)
}

func TestConditions(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, e := range b.corpus(t) {
		resolver := expr.Root(scope(e.Text))
		for _, tc := range []struct {
			source string
			want   bool
		}{
			{`${event.text} == ${ask.output}`, true},
			{`event.text == ask.output`, true},
			{`event.text != ask.output`, false},
			{`"${event.text}" == "an approved text that nobody sends"`, false},
			{`${event.text} == 'an approved text' AND ${event.text} == 'that nobody sends'`, false},
			{`event.text == 'one' || event.text == 'two' || event.nothing == 'three'`, false},
		} {
			condition, err := expr.ParseCondition(tc.source)
			require.NoError(t, err, tc.source)
			got, err := condition.Eval(resolver)
			require.NoError(t, err, "%s: %s", e.Line, tc.source)
			assert.Equal(t, tc.want, got, "%s: %s with %q", e.Line, tc.source, e.Text)
		}
	}
}

// TestTemplates renders every text by every form of reference: it comes out as it
// is, and what it says is not looked at again.
func TestTemplates(t *testing.T) {
	t.Parallel()
	for _, e := range newGround(t).corpus(t) {
		resolver := expr.Root(scope(e.Text))
		for source, want := range map[string]string{
			"${event.text}": e.Text, "<${event.text}>": "<" + e.Text + ">", "{{event.text}}": e.Text, "${nope:-${event.text}}": e.Text,
			"${VALUE}${ask.output}": e.Text + e.Text, "${event.user}": e.Text,
		} {
			if e.Text == "" {
				want = strings.ReplaceAll(want, e.Text, "")
				if source == "<${event.text}>" {
					want = "<>"
				}
			}
			template, err := expr.ParseTemplate(source)
			require.NoError(t, err)
			got, err := template.Render(resolver)
			require.NoError(t, err)
			assert.Equal(t, want, got, "%s: %s", e.Line, source)
			assert.NotContains(t, got, Secret, e.Line)
		}
	}
}

func TestAgentsAndApprovals(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	digests := map[any]string{}
	for _, e := range b.corpus(t) {
		b.agents.calls = nil
		_, err := b.run(t, flow.KindAgent, values{"agent": "a", "input": "<${event.text}>", "context": values{"who": "${event.user}"}}, e.Text)
		require.NoError(t, err, e.Line)
		require.Len(t, b.agents.calls, 1)
		call := b.agents.calls[0]
		assert.Equal(t, "a", call.Agent, "no text names the agent")
		assert.True(t, strings.HasPrefix(call.Input, "<"+e.Text+">"), e.Line)
		assert.NotContains(t, call.Input, Secret)

		res, err := b.run(t, flow.KindApproval, values{"message": "Do <${event.text}>?", "approvers": []any{"ann"}}, e.Text)
		require.NoError(t, err, e.Line)
		assert.Equal(t, "Do <"+e.Text+">?", res.Wait.Message)
		assert.Equal(t, []any{"ann"}, res.Wait.Details["approvers"], "no text says who decides")
		assert.Equal(t, "reject", res.Wait.Details["fallback"])
		digest := res.Wait.Details["digest"]
		assert.Empty(t, digests[digest], "%s has the digest of another question", e.Line)
		digests[digest] = e.Line
	}
	b.quiet(t)
}

func TestLoops(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, e := range b.corpus(t) {
		out := b.output(t, flow.KindLoop, values{
			"for_each": "${ask.list}", "node": values{"type": "Transform", "config": values{"script": `export GOT="<${item}>"`}},
		}, e)
		raw, err := json.Marshal(out)
		require.NoError(t, err)
		assert.Contains(t, string(raw), strings.Trim(quoted(t, "<"+plain(e.Text)+">"), `"`), "%s: %q", e.Line, e.Text)
		assert.NotContains(t, string(raw), Secret)
	}
	b.quiet(t)
}

func quoted(t *testing.T, text string) string {
	t.Helper()
	raw, err := json.Marshal(text)
	require.NoError(t, err)
	return string(raw)
}
