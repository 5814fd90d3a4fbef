// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package injection

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/flow"
)

// request is what a server saw.
type request struct {
	method, uri, host string
	header            http.Header
	body              string
}

// watch is a server that keeps the last request.
func watch(t *testing.T) (base string, last func() *request) {
	t.Helper()
	var seen *request
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		seen = &request{r.Method, r.RequestURI, r.Host, r.Header, string(body)}
		_, _ = w.Write([]byte(`{"html_url":"x","id":1}`))
	}))
	t.Cleanup(s.Close)
	return s.URL, func() *request {
		r := seen
		seen = nil
		return r
	}
}

// segments are the parts of a request's path, decoded.
func segments(t *testing.T, uri string) []string {
	t.Helper()
	path, _, _ := strings.Cut(uri, "?")
	var out []string
	for part := range strings.SplitSeq(path, "/") {
		plain, err := url.PathUnescape(part)
		require.NoError(t, err)
		out = append(out, plain)
	}
	return out
}

func TestAddressesOfRequests(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	base, last := watch(t)
	for _, e := range b.corpus(t) {
		for name, run := range map[string]func(string) error{
			"HTTP": func(address string) error {
				_, err := b.run(t, flow.KindHTTP, values{"url": address}, e.Text)
				return err
			},
			"tool": func(address string) error {
				_, err := b.run(t, flow.KindScript, script(values{"tool": "http", "action": "get", "args": values{"url": address}}), e.Text)
				return err
			},
		} {
			err := run(base + "/a/${event.text}/b?q=${event.text}&r=1&${event.text}#${event.text}")
			got := last()
			if e.Text == "." || e.Text == ".." {
				assert.True(t, refused(t, e, err), "%s leads to another path", e.Line)
				assert.Nil(t, got)
				continue
			}
			require.NoError(t, err, "%s: %s: %q", name, e.Line, e.Text)
			assert.Equal(t, []string{"", "a", e.Text, "b"}, segments(t, got.uri), "%s: %s", name, e.Line)
			_, raw, _ := strings.Cut(got.uri, "?")
			query, err := url.ParseQuery(raw)
			require.NoError(t, err, e.Line)
			want := url.Values{"q": {e.Text}, "r": {"1"}}
			if e.Text != "" {
				want.Add(e.Text, "")
			}
			assert.Equal(t, want, query, "%s: %s", name, e.Line)
			assert.Equal(t, strings.TrimPrefix(base, "http://"), got.host, e.Line)
		}
	}
	b.quiet(t)
}

// TestHostsOfRequests puts texts where the name of a server, a user or a port
// would stand: they lead to no other server.
func TestHostsOfRequests(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	base, last := watch(t)
	for _, e := range b.corpus(t) {
		for _, address := range []string{base + "${event.text}", base + "${event.text}/x", strings.Replace(base, "http://", "http://${event.text}@", 1) + "/x"} {
			_, err := b.run(t, flow.KindHTTP, values{"url": address}, e.Text)
			if got := last(); got != nil {
				require.NoError(t, err)
				assert.Equal(t, strings.TrimPrefix(base, "http://"), got.host, "%s: %s", e.Line, address)
				assert.Contains(t, []string{"/", "/x"}, got.uri, "%s: %s", e.Line, address)
				continue
			}
			require.Error(t, err, e.Line)
			assert.NotContains(t, err.Error(), Secret)
		}
	}
	b.quiet(t)
}

func TestHeadersOfRequests(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	base, last := watch(t)
	sent := 0
	for _, e := range b.corpus(t) {
		_, err := b.run(t, flow.KindHTTP, values{"url": base + "/x", "headers": values{"X-Text": "${event.text}", "X-Next": "1"}}, e.Text)
		got := last()
		if refused(t, e, err) {
			assert.Nil(t, got, e.Line)
			assert.True(t, strings.ContainsFunc(e.Text, func(c rune) bool { return c < ' ' || c == 0x7f }), "%s: %q is refused for no reason", e.Line, e.Text)
			continue
		}
		sent++
		assert.Equal(t, []string{strings.Trim(e.Text, " \t")}, got.header.Values("X-Text"), e.Line)
		assert.Equal(t, "1", got.header.Get("X-Next"))
		assert.ElementsMatch(t, []string{"X-Text", "X-Next", "User-Agent", "Accept-Encoding"}, slices.Collect(maps.Keys(got.header)), e.Line)
		assert.Equal(t, "/x", got.uri)
	}
	assert.Greater(t, sent, 500)
	b.quiet(t)
}

func TestBodiesOfRequests(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	base, last := watch(t)
	jsonType, formType := values{"Content-Type": "application/json"}, values{"Content-Type": "application/x-www-form-urlencoded"}
	for _, e := range b.corpus(t) {
		text := asJSON(t, e.Text)
		for name, tc := range map[string]struct {
			config values
			want   any
		}{
			"an object":             {values{"body": values{"text": "${event.text}", "in": values{"deep": "<${event.text}>"}}}, values{"text": text, "in": values{"deep": asJSON(t, "<"+e.Text+">")}}},
			"an object with lists":  {values{"body": values{"list": "${ask.list}"}}, values{"list": []any{text, text}}},
			"JSON as text":          {values{"body": `{"text": "${event.text}", "n": 1}`}, values{"text": text, "n": 1.0}},
			"JSON with bare values": {values{"body": `{"text": ${event.text}, "in": "a ${event.text} b"}`, "headers": jsonType}, values{"text": text, "in": asJSON(t, "a "+e.Text+" b")}},
		} {
			tc.config["url"], tc.config["method"] = base, "POST"
			_, err := b.run(t, flow.KindHTTP, tc.config, e.Text)
			require.NoError(t, err, "%s: %s: %q", name, e.Line, e.Text)
			var got any
			body := last().body
			require.NoError(t, json.Unmarshal([]byte(body), &got), "%s: %s: %q", name, e.Line, body)
			assert.Equal(t, tc.want, got, "%s: %s", name, e.Line)
		}
		for name, body := range map[string]any{"a form": values{"a": "${event.text}", "b": "2"}, "a form as text": "a=${event.text}&b=2"} {
			_, err := b.run(t, flow.KindHTTP, values{"url": base, "method": "POST", "headers": formType, "body": body}, e.Text)
			require.NoError(t, err, "%s: %s", name, e.Line)
			form, err := url.ParseQuery(last().body)
			require.NoError(t, err, "%s: %s", name, e.Line)
			assert.Equal(t, url.Values{"a": {e.Text}, "b": {"2"}}, form, "%s: %s", name, e.Line)
		}
	}
	b.quiet(t)
}

// TestJSONThatIsNone has an author write what is nearly JSON: a text may not be
// what makes it JSON of another shape.
func TestJSONThatIsNone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	base, last := watch(t)
	for _, e := range b.corpus(t) {
		_, err := b.run(t, flow.KindHTTP, values{
			"url": base, "method": "POST", "body": `{"text": "${event.text}", admin: false}`, "headers": values{"Content-Type": "application/json"},
		}, e.Text)
		assert.True(t, refused(t, e, err), "%s: it is said to be JSON and is not", e.Line)
		assert.Nil(t, last(), e.Line)
	}
}

func TestGitHubCalls(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	base, last := watch(t)
	for _, e := range b.corpus(t) {
		_, err := b.run(t, flow.KindGitHub, values{
			"api_url": base, "token": "t", "action": "add_comment", "repository": "owner/repo", "issue_number": 7, "body": "<${event.text}>",
		}, e.Text)
		require.NoError(t, err, "%s: %q", e.Line, e.Text)
		got := last()
		assert.Equal(t, "/repos/owner/repo/issues/7/comments", got.uri)
		var body map[string]string
		require.NoError(t, json.Unmarshal([]byte(got.body), &body))
		assert.Equal(t, map[string]string{"body": strings.ToValidUTF8("<"+e.Text+">", "\uFFFD")}, body, e.Line)

		for _, config := range []values{
			{"action": "add_comment", "repository": "owner/${event.text}", "issue_number": "7", "body": "x"},
			{"action": "add_comment", "repository": "owner/repo", "issue_number": "7${event.text}", "body": "x"},
			{"action": "update_status", "repository": "owner/repo", "sha": "abcdef0${event.text}", "state": "success"},
		} {
			config["api_url"], config["token"] = base, "t"
			_, err := b.run(t, flow.KindGitHub, config, e.Text)
			if got := last(); got != nil {
				require.NoError(t, err)
				parts := segments(t, got.uri)
				assert.Equal(t, []string{"", "repos", "owner"}, parts[:3], e.Line)
				assert.Regexp(t, `^/repos/owner/[A-Za-z0-9._-]+/(issues/[0-9]+/comments|statuses/[0-9a-fA-F]+)$`, got.uri, e.Line)
				continue
			}
			refused(t, e, err)
		}
	}
	b.quiet(t)
}
