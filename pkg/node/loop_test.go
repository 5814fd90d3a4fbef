// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/node"
)

// looped compiles a Loop and gives the request to execute it.
func looped(t *testing.T, config, scope values) node.Request {
	t.Helper()
	p, err := flow.Compile(flow.Flow{Name: "f", Nodes: []flow.Node{{ID: "n", Kind: flow.KindLoop, Config: config}}})
	require.NoError(t, err)
	req := request(flow.KindLoop, nil, scope)
	req.Node, _ = p.Node("n")
	return req
}

func TestLoops(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	echo := func(text string) values { return values{"type": "Script", "config": values{"command": "echo " + text}} }
	scope := values{"event": values{"pods": []any{"a", "b; touch x"}, "by": values{"y": 2, "x": 1}, "text": `["p","q"]`}}
	for name, test := range map[string]struct {
		config    values
		outputs   []any
		exhausted bool
	}{
		"a list":             {values{"for_each": "${event.pods}", "node": echo(`"$item" ${index} ${loop.iteration}`)}, []any{"a 0 1", "b; touch x 1 2"}, false},
		"a map":              {values{"forEach": "${event.by}", "as": "e", "node": echo(`"${e.key}=${e.value}"`)}, []any{"x=1", "y=2"}, false},
		"a number":           {values{"items": 3, "node": echo(`${item}`)}, []any{"0", "1", "2"}, false},
		"a list in a text":   {values{"items": "${event.text}", "node": echo(`${item}`)}, []any{"p", "q"}, false},
		"nothing":            {values{"items": "${event.none}", "node": echo(`x`)}, nil, false},
		"while":              {values{"while": "index < 3", "node": echo(`${last.output}x`)}, []any{"x", "xx", "xxx"}, false},
		"while, at most":     {values{"while": "true", "maxIterations": 2, "node": echo(`${iteration}`)}, []any{"1", "2"}, true},
		"each, while":        {values{"items": 9, "while": "last.output != '2'", "node": echo(`${item}`)}, []any{"0", "1", "2"}, false},
		"exports are passed": {values{"items": 3, "node": values{"type": "Script", "config": values{"scriptConfig": values{"command": `export N="${N:-}i"; echo "$N"`}}}}, []any{"i", "ii", "iii"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, err := b.execute(t.Context(), looped(t, test.config, scope))
			require.NoError(t, err)
			out := res.Output.(map[string]any)
			var outputs []any
			for _, r := range out["results"].([]any) {
				outputs = append(outputs, r.(map[string]any)["output"])
			}
			assert.Equal(t, test.outputs, outputs)
			assert.Equal(t, len(test.outputs), out["iterations"])
			assert.Equal(t, test.exhausted, out["exhausted"])
		})
	}
	t.Cleanup(func() { b.nothingHappened(t) })
}

func TestLoopsThatFail(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	fails := values{"type": "Script", "config": values{"command": `touch "done-${item}"; test "${item}" != 1`}}
	for name, test := range map[string]struct {
		config values
		reason string
		says   string
	}{
		"too many":       {values{"items": 3, "max_iterations": 2, "node": fails}, node.ReasonIterations, "3 items"},
		"a round":        {values{"items": 3, "node": fails}, node.ReasonScript, "round 2"},
		"no list":        {values{"items": "${event.text}", "node": fails}, node.ReasonInvalidConfig, "for_each"},
		"a silly bound":  {values{"items": 3, "max_iterations": 100000, "node": fails}, node.ReasonInvalidConfig, "max_iterations"},
		"what must wait": {values{"items": 1, "node": values{"type": "Slack", "config": values{"message": "x", "wait_for_reaction": true}}}, node.ReasonWaits, "round 1"},
	} {
		_, err := b.execute(t.Context(), looped(t, test.config, values{"event": values{"text": "hello"}}))
		var e *node.Error
		require.ErrorAs(t, err, &e, name)
		assert.Equal(t, test.reason, e.Reason, name)
		assert.Contains(t, e.Message, test.says, name)
	}
	req := looped(t, values{"items": 1, "node": fails}, nil)
	var seen []node.Action
	req.Gate = hold(&seen)
	_, err := b.execute(t.Context(), req)
	var e *node.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, node.ReasonWaits, e.Reason, "a gate can't be asked in the middle of a Loop")
}

func TestGitHub(t *testing.T) {
	t.Parallel()
	type call struct{ method, path, auth, body string }
	var calls []call
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, r.ContentLength)
		_, _ = r.Body.Read(body)
		calls = append(calls, call{r.Method, r.URL.Path, r.Header.Get("Authorization"), string(body)})
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(`{"id":7,"html_url":"https://github.com/x"}`))
	}))
	defer server.Close()
	b := newBench(t)
	run := func(config values) (node.Result, error) {
		config["api_url"] = server.URL
		req := request(flow.KindGitHub, config, values{"event": values{"text": "${TOKEN} \"quoted\"", "evil": "o/r/../../x", "number": 12}})
		req.Scope = expr.Chain(req.Scope, expr.Root(values{"GITHUB_TOKEN": "ghp_1"}))
		return b.execute(t.Context(), req)
	}
	res, err := run(values{"action": "add_comment", "repository": "o/r", "issue_number": "${event.number}", "body": "${event.text}"})
	require.NoError(t, err)
	out := res.Output.(map[string]any)
	assert.Equal(t, "https://github.com/x", out["url"])
	assert.Equal(t, true, out["success"])
	_, err = run(values{"action": "update_status", "repository": "o/r", "sha": "0123abc", "state": "success", "context": "aof"})
	require.NoError(t, err)
	assert.Equal(t, []call{
		{"POST", "/repos/o/r/issues/12/comments", "Bearer ghp_1", `{"body":"${TOKEN} \"quoted\""}`},
		{"POST", "/repos/o/r/statuses/0123abc", "Bearer ghp_1", `{"context":"aof","state":"success"}`},
	}, calls)

	for name, config := range map[string]values{
		"a path":     {"action": "add_comment", "repository": "${event.evil}", "issue_number": 1, "body": "x"},
		"no number":  {"action": "add_comment", "repository": "o/r", "issue_number": "1/../2", "body": "x"},
		"no words":   {"action": "add_comment", "repository": "o/r", "issue_number": 1},
		"no state":   {"action": "update_status", "repository": "o/r", "sha": "0123abc", "state": "fine"},
		"no commit":  {"action": "update_status", "repository": "o/r", "sha": "HEAD", "state": "success"},
		"dots":       {"action": "add_comment", "repository": "o/..", "issue_number": 1, "body": "x"},
		"other deed": {"action": "delete", "repository": "o/r"},
	} {
		_, err := run(config)
		var e *node.Error
		require.ErrorAs(t, err, &e, name)
	}
	assert.Len(t, calls, 2)
	b.fails(t, flow.KindGitHub, values{"action": "add_comment", "repository": "o/r", "issue_number": 1, "body": "x"}, nil, node.ReasonInvalidConfig)
}
