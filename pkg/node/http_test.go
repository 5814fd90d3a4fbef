// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/node"
)

// echo answers with what it was asked.
func echo(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Answer", "yes")
		_ = json.NewEncoder(w).Encode(values{
			"method": r.Method, "path": r.URL.EscapedPath(), "query": r.URL.RawQuery, "body": string(body), "header": r.Header, "host": r.Host,
		})
	}))
	t.Cleanup(s.Close)
	return s
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	b, s := newBench(t), echo(t)
	out := b.ok(t, flow.KindHTTP, values{
		"url": "${base}/v1/${name}/x?q=${name}&n=1", "method": "put", "headers": values{"X-Who": "${event.user}", "Host": "example.org"},
		"body": values{"text": "${event.text}", "list": "${list}", "mixed": "n=${n}", "n": "${n}", "user": "${event.user}"},
	}, values{"base": s.URL + "/", "name": "a/b c&d", "list": []any{1, "x"}, "n": 3, "event": event(`say "hi"`)["event"]})
	assert.Equal(t, 200, out["status"])
	assert.Equal(t, true, out["success"])
	assert.Equal(t, "yes", out["headers"].(map[string]any)["x-answer"])
	assert.Equal(t, out["json"], out["output"])
	seen := out["json"].(map[string]any)
	assert.Equal(t, "PUT", seen["method"])
	assert.Equal(t, "/v1/a%2Fb%20c%26d/x", seen["path"])
	assert.Equal(t, "q=a%2Fb%20c%26d&n=1", seen["query"])
	assert.Equal(t, "example.org", seen["host"])
	assert.JSONEq(t, `{"text":"say \"hi\"","list":[1,"x"],"mixed":"n=3","n":3,"user":"U1"}`, seen["body"].(string))
	headers := seen["header"].(map[string]any)
	assert.Equal(t, []any{"U1"}, headers["X-Who"])
	assert.Equal(t, []any{"application/json"}, headers["Content-Type"])
}

func TestHTTPBodies(t *testing.T) {
	t.Parallel()
	scope := values{"text": `a"b&c=d`, "n": 3, "map": values{"k": "v"}}
	for name, test := range map[string]struct {
		body        any
		contentType string
		want        string
		wantType    string
	}{
		"text":               {"hello ${text}", "", `hello a"b&c=d`, "text/plain; charset=utf-8"},
		"JSON as text":       {`{"t": "${text}", "n": "${n}"}`, "", `{"n":3,"t":"a\"b&c=d"}`, "application/json"},
		"JSON by its type":   {`["${text}!"]`, "application/vnd.x+json", `["a\"b&c=d!"]`, "application/vnd.x+json"},
		"JSON with holes":    {`{"t": "x ${text}", "q": "${n}${map}", "n": ${n}, "m": ${map}, "s": ${text}}`, "", `{"t": "x a\"b&c=d", "q": "3{\"k\":\"v\"}", "n": 3, "m": {"k":"v"}, "s": "a\"b&c=d"}`, "application/json"},
		"a value":            {"${map}", "", `{"k":"v"}`, "application/json"},
		"a text alone":       {"${text}", "text/csv", `a"b&c=d`, "text/csv"},
		"form as text":       {"t=${text}&n=1", "application/x-www-form-urlencoded", `t=a%22b%26c%3Dd&n=1`, "application/x-www-form-urlencoded"},
		"form":               {values{"t": "${text}"}, "application/x-www-form-urlencoded", `t=a%22b%26c%3Dd`, "application/x-www-form-urlencoded"},
		"not JSON after all": {"{{.Names}} ${text}", "", `{{.Names}} a"b&c=d`, "text/plain; charset=utf-8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, s := newBench(t), echo(t)
			config := values{"url": s.URL, "method": "POST", "body": test.body}
			if test.contentType != "" {
				config["headers"] = values{"content-type": test.contentType}
			}
			seen := b.ok(t, flow.KindHTTP, config, scope)["json"].(map[string]any)
			assert.Equal(t, test.want, seen["body"])
			assert.Equal(t, []any{test.wantType}, seen["header"].(map[string]any)["Content-Type"])
		})
	}
}

func TestHTTPRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	scope := values{"file": "file:///etc/passwd", "rel": "/x", "up": "..", "evil": "a@evil.example/", "tld": ".evil", "lines": "a\r\nX-Evil: 1"}
	for url, reason := range map[string]string{
		"${file}":                node.ReasonInvalidConfig,
		"${rel}":                 node.ReasonInvalidConfig,
		"${none}":                node.ReasonInvalidConfig,
		"ftp://host/":            node.ReasonInvalidConfig,
		"javascript:alert(1)":    node.ReasonInvalidConfig,
		"http:///x":              node.ReasonInvalidConfig,
		"http${rel}://x":         node.ReasonInvalidConfig,
		"http://${evil}/x":       node.ReasonInvalidConfig,
		"http://h/a/${up}/b":     node.ReasonRefused,
		"http://h.example${tld}": node.ReasonRefused,
		"http://h${tld}/x":       node.ReasonRefused,
		"http://h${tld}${up}":    node.ReasonRefused,
		"http://${tld:-h}${tld}": node.ReasonRefused,
		"http://h/a/${up}":       node.ReasonRefused,
		"http://h/a/.${dot:-.}/": node.ReasonRefused,
	} {
		b.fails(t, flow.KindHTTP, values{"url": url}, scope, reason)
	}
	for _, headers := range []values{{"X-A": "${lines}"}, {"X-A": "a\x00b"}} {
		b.fails(t, flow.KindHTTP, values{"url": "http://h", "headers": headers}, scope, node.ReasonRefused)
	}
	for _, headers := range []values{{"X A": "b"}, {"": "b"}, {"X:A": "b"}, {"Content-Length": "1"}, {"Transfer-Encoding": "chunked"}} {
		b.fails(t, flow.KindHTTP, values{"url": "http://h", "headers": headers}, scope, node.ReasonInvalidConfig)
	}
	b.fails(t, flow.KindHTTP, values{"url": "http://h", "method": "GET /x"}, scope, node.ReasonInvalidConfig)
	notJSON := values{"url": "http://h", "method": "POST", "headers": values{"Content-Type": "application/json"}, "body": `{"a": "${evil}", b: 1}`}
	b.fails(t, flow.KindHTTP, notJSON, scope, node.ReasonInvalidConfig)
}

func TestHTTPStatus(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var status int
		_, _ = fmt.Sscanf(r.URL.Path, "/hook-secret/%d", &status)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "because")
	}))
	t.Cleanup(s.Close)
	for status, retryable := range map[int]bool{400: false, 404: false, 408: true, 425: true, 429: true, 500: true, 503: true} {
		url := fmt.Sprintf("%s/hook-secret/%d", s.URL, status)
		e := b.fails(t, flow.KindHTTP, values{"url": url}, nil, node.ReasonStatus)
		assert.Equal(t, retryable, e.Retryable, status)
		assert.Contains(t, e.Message, "because")
		assert.NotContains(t, e.Message, "secret")
		out := b.ok(t, flow.KindHTTP, values{"url": url, "fail_on_status": false}, nil)
		assert.Equal(t, status, out["status"])
		assert.Equal(t, false, out["success"])

		tool := values{"tool": "http", "action": "get", "args": values{"url": url}}
		b.fails(t, flow.KindScript, script(tool), nil, node.ReasonStatus)
		tool["fail_on_error"] = false
		out = b.ok(t, flow.KindScript, script(tool), nil)
		assert.Equal(t, false, out["success"])
		assert.Equal(t, status, out["output"].(map[string]any)["status"])
	}
}

func TestHTTPWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	gone := httptest.NewServer(nil)
	gone.Close()
	e := b.fails(t, flow.KindHTTP, values{"url": gone.URL + "/hook-secret"}, nil, node.ReasonRequest)
	assert.True(t, e.Retryable)
	assert.NotContains(t, e.Error(), "secret")

	held := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-held:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(func() { close(held); slow.Close() })
	e = b.fails(t, flow.KindHTTP, values{"url": slow.URL, "timeout": "50ms"}, nil, node.ReasonTimeout)
	assert.True(t, e.Retryable)
}

func TestHTTPAnswersAreBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 3<<20))
	}))
	t.Cleanup(s.Close)
	out := b.ok(t, flow.KindHTTP, values{"url": s.URL}, nil)
	assert.Len(t, out["body"], 1<<20)
	assert.Equal(t, true, out["truncated"])
}

func TestHTTPRedirects(t *testing.T) {
	t.Parallel()
	b, other := newBench(t), echo(t)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to := map[string]string{"/round": "/round", "/file": "file:///etc/passwd", "/other": other.URL, "/once": "/end"}[r.URL.Path]
		if to == "" {
			_, _ = io.WriteString(w, r.Header.Get("X-Api-Key"))
			return
		}
		http.Redirect(w, r, to, http.StatusFound)
	}))
	t.Cleanup(s.Close)
	config := func(path string) values {
		return values{"url": s.URL + path, "headers": values{"X-Api-Key": "k"}}
	}
	assert.Equal(t, "k", b.ok(t, flow.KindHTTP, config("/once"), nil)["body"])
	b.fails(t, flow.KindHTTP, config("/round"), nil, node.ReasonRequest)
	b.fails(t, flow.KindHTTP, config("/file"), nil, node.ReasonRequest)
	seen := b.ok(t, flow.KindHTTP, config("/other"), nil)["json"].(map[string]any)
	require.Contains(t, seen, "header")
	assert.NotContains(t, seen["header"], "X-Api-Key", "a key left for another origin")
}

func TestHTTPHosts(t *testing.T) {
	t.Parallel()
	b, s := newBench(t), echo(t)
	host, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "http://"), ":")
	scope := values{"url": s.URL, "slash": s.URL + "/", "deep": s.URL + "/a/../b", "host": host, "port": port, "both": host + ":" + port, "colon": ":" + port, "two": "0.1"}
	for _, url := range []string{"${url}", " ${url} ", "${url}/", "${url}/a/../b", "${slash}/x", "${slash}x", "${deep}/x", "http://${host}:${port}/", "http://${both}/", "http://" + host + "${colon}/x", "http://127.0.${two}:${port}", "http://ann:${host}@${both}/"} {
		assert.Equal(t, 200, b.ok(t, flow.KindHTTP, values{"url": url}, scope)["status"], url)
	}
}
