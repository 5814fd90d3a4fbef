// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/node"
)

// hostile are values that try to be more than values.
func hostile() []string {
	out := []string{
		"", " ", "-", "--", "-rf", "--help", "--output=/tmp/x", "-n kube-system", "- -", "--\n--",
		"$(touch pwned)", "`touch pwned`", "; touch pwned", "&& touch pwned", "| touch pwned", "\ntouch pwned\n", "\r\ntouch pwned",
		"'; touch pwned; '", `"; touch pwned; "`, `\"; touch pwned; \"`, `'"; touch pwned; "'`, "'", `"`, `\`, "`", "$", "${", "}", "$(", "((",
		"> pwned", ">> pwned", "< /etc/passwd", "<(touch pwned)", "<<EOF\ntouch pwned\nEOF", "${IFS}touch${IFS}pwned", "$IFS", "$0", "$@",
		"${event.text}", "${SECRET}", "${event.text:-${SECRET}}", "{{SECRET}}", "{{event.text}}", "{{ range . }}", "${{ SECRET }}", "$${SECRET}", "${SECRET:-x}",
		"*", "?", "[a-z]", "~", "~root", "{a,b}", "!!", "# comment", "\t", "\x00", "a\x00b", "\x7f", "\x1b[31m", "\xff\xfe", "ünïcödé 漢字 🚀", "\u202e", "\u2028",
		"..", ".", "../..", "/../../etc/passwd", "/etc/passwd", "a/b", "a?b=c", "a#b", "a&b=c", "a;b", "%2e%2e", "%00", "%0d%0a", "//evil.example/", "@evil.example",
		"http://evil.example/", "javascript:alert(1)", "x\r\nX-Evil: 1", "x\nSet-Cookie: a=b", `","admin":true,"x":"`, `"}],"x":[{"`, `{"a":1}`, "null", "true", "0",
		"<script>alert(1)</script>", "<!channel>", "@everyone", "'); DROP TABLE runs;--", "$(printf '%s' x)", "export EVIL=1", "A=1 B=2", "\\n\\x41\\u0041",
		strings.Repeat("x", 4096), strings.Repeat("$(", 500), strings.Repeat("${", 500),
	}
	return out
}

func hostileScope(text string) values {
	return values{"event": values{"text": text}, "SECRET": "s3cr3t"}
}

// viaJSON is a text as JSON can hold it.
func viaJSON(t *testing.T, s string) string {
	t.Helper()
	data, err := json.Marshal(s)
	require.NoError(t, err)
	var out string
	require.NoError(t, json.Unmarshal(data, &out))
	return out
}

func TestHostileValuesAreManyKinds(t *testing.T) {
	t.Parallel()
	assert.GreaterOrEqual(t, len(hostile()), 60)
}

func TestHostileValuesInTransform(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, text := range hostile() {
		res, err := b.run(t, flow.KindTransform, values{"script": "export BARE=${event.text}\nexport QUOTED=\"<${event.text}>\"\nexport SINGLE='<${event.text}>'\nexport HERE=$(cat <<END\n<${event.text}>\nEND\n)"}, hostileScope(text))
		require.NoError(t, err, "%q", text)
		want := strings.ReplaceAll(text, "\x00", "")
		assert.Equal(t, map[string]string{"BARE": want, "QUOTED": "<" + want + ">", "SINGLE": "<" + want + ">", "HERE": "<" + want + ">"}, res.Exports, "%q", text)
	}
	b.nothingHappened(t)
}

func TestHostileValuesInScript(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.program(t, "show", `for a in "$@"; do printf '<%s>' "$a"; done`)
	for _, text := range hostile() {
		want := strings.ReplaceAll(text, "\x00", "")
		out := b.ok(t, flow.KindScript, script(values{"command": `printf '<%s>' ${event.text} "${event.text}"; show ${event.text}`}), hostileScope(text))
		assert.Equal(t, strings.Repeat("<"+want+">", 3), out["stdout"], "%q", text)

		res, err := b.run(t, flow.KindScript, script(values{"command": "show", "args": []any{"--x=${event.text}", "${event.text}"}}), hostileScope(text))
		if text != want || strings.HasPrefix(text, "-") {
			var e *node.Error
			require.ErrorAs(t, err, &e, "%q", text)
			assert.Equal(t, node.ReasonRefused, e.Reason)
			continue
		}
		require.NoError(t, err, "%q", text)
		assert.Equal(t, "<--x="+want+"><"+want+">", res.Output.(map[string]any)["stdout"], "%q", text)
	}
	b.nothingHappened(t)
}

func TestHostileValuesInHTTP(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var seen *http.Request
	var body []byte
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen = r
		body, _ = io.ReadAll(r.Body)
	}))
	t.Cleanup(s.Close)
	for _, text := range hostile() {
		for _, content := range []any{values{"text": "${event.text}"}, `{"text": "${event.text}"}`, `{"text": "${event.text}", "one": ${one}}`} {
			scope := hostileScope(text)
			scope["one"] = 1
			seen = nil
			_, err := b.run(t, flow.KindHTTP, values{"url": s.URL + "/a/${event.text}/b?q=${event.text}&r=1#${event.text}", "method": "POST", "body": content}, scope)
			if text == "." || text == ".." {
				var e *node.Error
				require.ErrorAs(t, err, &e)
				assert.Equal(t, node.ReasonRefused, e.Reason)
				continue
			}
			require.NoError(t, err, "%q", text)
			segments := strings.Split(seen.URL.EscapedPath(), "/")
			require.Len(t, segments, 4, "%q", text)
			segment, err := url.PathUnescape(segments[2])
			require.NoError(t, err)
			assert.Equal(t, text, segment)
			assert.Equal(t, url.Values{"q": {text}, "r": {"1"}}, seen.URL.Query())
			var got values
			require.NoError(t, json.Unmarshal(body, &got), "%q", body)
			delete(got, "one")
			assert.Equal(t, values{"text": viaJSON(t, text)}, got)
		}
	}
}

func TestHostileValuesInHeaders(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var seen http.Header
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header }))
	t.Cleanup(s.Close)
	for _, text := range hostile() {
		seen = nil
		_, err := b.run(t, flow.KindHTTP, values{"url": s.URL, "headers": values{"X-Text": "${event.text}"}}, hostileScope(text))
		var e *node.Error
		if errors.As(err, &e) {
			assert.Equal(t, node.ReasonRefused, e.Reason, "%q", text)
			assert.Nil(t, seen)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, strings.Trim(text, " \t"), seen.Get("X-Text"))
		assert.ElementsMatch(t, []string{"X-Text", "User-Agent", "Accept-Encoding"}, keys(seen))
	}
}

func keys(h http.Header) []string {
	var out []string
	for name := range h {
		out = append(out, name)
	}
	return out
}

func TestHostileValuesInResponse(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, text := range hostile() {
		b.messenger.sent = nil
		out := b.ok(t, flow.KindResponse, values{"message": "<${event.text}>", "blocks": []any{values{"text": "${event.text}"}}}, hostileScope(text))
		assert.Equal(t, "<"+text+">", out["message"])
		require.Len(t, b.messenger.sent, 1)
		assert.Equal(t, node.Message{
			Platform: "slack", Channel: "C9", Thread: "1.2", Text: "<" + text + ">", Format: "blocks", Blocks: []any{values{"text": marked(text)}},
			Sorted: true, Data: within(1, text),
		}, b.messenger.sent[0])
	}
}

// marked is a text of a block that a value gave.
func marked(text string) any {
	if text == "" {
		return ""
	}
	return expr.Value(text)
}

// within says where a value of that text stands in a message.
func within(at int, text string) []expr.Span {
	if text == "" {
		return nil
	}
	return []expr.Span{{Start: at, End: at + len(text)}}
}

func TestHostileValuesInAgentAndApproval(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, text := range hostile() {
		b.agents.calls = nil
		_, err := b.run(t, flow.KindAgent, values{"agent": "a", "input": "<${event.text}>"}, hostileScope(text))
		require.NoError(t, err)
		assert.Equal(t, []node.AgentCall{{Agent: "a", Input: "<" + text + ">"}}, b.agents.calls)
		res, err := b.run(t, flow.KindApproval, values{"message": "<${event.text}>"}, hostileScope(text))
		require.NoError(t, err)
		assert.Equal(t, "<"+text+">", res.Wait.Message)
	}
}
