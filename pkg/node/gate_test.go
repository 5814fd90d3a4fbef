// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/node"
)

// hold is a gate that holds everything and remembers what it held.
func hold(seen *[]node.Action) node.Gate {
	return func(a node.Action) (*flow.Wait, error) {
		*seen = append(*seen, a)
		return &flow.Wait{Kind: flow.WaitApproval, Message: a.Text, Details: map[string]any{"channel": "C9", "digest": "d"}}, nil
	}
}

func TestActionsAreHeldAtTheGate(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	defer server.Close()
	b := newBench(t)
	b.program(t, "kubectl", "touch touched")
	scope := values{"name": "api; rm -rf /", "n": 3}
	scope["event"] = values{"name": "api; rm -rf /", "n": 3}
	tests := []struct {
		name   string
		kind   flow.Kind
		config values
		text   string
		reads  bool
	}{
		{"a script", flow.KindScript, values{"command": `touch "${event.name}" x-${event.n} "$GIVEN" ${GIVEN} $OTHER`}, `touch api; rm -rf / x-3 "was here" was here $OTHER`, false},
		{"a program", flow.KindScript, values{"command": "kubectl", "args": []any{"scale", "deploy/${name}"}}, `kubectl scale 'deploy/api; rm -rf /'`, false},
		{
			"a tool that reads", flow.KindScript,
			values{"tool": "kubectl", "action": "get", "args": values{"resource": "pods"}},
			"kubectl get pods --output=json", true,
		},
		{
			"a tool that writes", flow.KindScript,
			values{"tool": "file", "action": "write", "args": values{"path": "f", "content": "${name}"}},
			"write " + filepath.Join(b.dir, "f") + "\napi; rm -rf /", false,
		},
		{
			"a request", flow.KindHTTP,
			values{"url": server.URL + "/scale", "method": "POST", "body": "to ${n}"},
			"POST " + server.URL + "/scale\nto 3", false,
		},
		{"a request that reads", flow.KindHTTP, values{"url": server.URL}, "GET " + server.URL, true},
		{
			"the http tool", flow.KindScript,
			values{"tool": "http", "action": "delete", "args": values{"url": server.URL + "/x"}},
			"DELETE " + server.URL + "/x", false,
		},
	}
	for _, test := range tests {
		var seen []node.Action
		req := request(test.kind, test.config, scope)
		req.Gate = hold(&seen)
		res, err := b.execute(t.Context(), req)
		require.NoError(t, err, test.name)
		require.NotNil(t, res.Wait, test.name)
		require.Len(t, seen, 1, test.name)
		assert.Equal(t, test.text, seen[0].Text, test.name)
		assert.Equal(t, test.reads, seen[0].ReadOnly, test.name)
		assert.Equal(t, true, res.Wait.Details["notified"], test.name)
		assert.Equal(t, "17.5", res.Wait.Details["ts"], test.name)
	}
	b.nothingHappened(t)
	assert.Zero(t, requests.Load())
	require.Len(t, b.messenger.sent, len(tests))
	sent := b.messenger.sent[0]
	assert.Equal(t, &node.Ask{Namespace: sent.Ask.Namespace, Run: sent.Ask.Run, Node: "n", Digest: "d"}, sent.Ask)
}

// What an action is told by is everything that its effect depends on.
func TestFingerprintsTellActionsApart(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	seen := map[string]string{}
	for name, config := range map[string]values{
		"a script":         {"command": "echo ${event.x}"},
		"another script":   {"command": "echo  ${event.x}"},
		"another value":    {"command": "echo ${event.y}"},
		"another variable": {"command": "echo ${event.x}", "env": values{"A": "1"}},
		"its value":        {"command": "echo ${event.x}", "env": values{"A": "2"}},
		"another place":    {"command": "echo ${event.x}", "working_dir": "/"},
		"a program":        {"command": "echo", "args": []any{"a b"}},
		"two arguments":    {"command": "echo", "args": []any{"a", "b"}},
	} {
		var actions []node.Action
		req := request(flow.KindScript, config, values{"event": values{"x": "1", "y": "2"}})
		req.Gate = hold(&actions)
		for range 2 { // the same each time
			_, err := b.execute(t.Context(), req)
			require.NoError(t, err)
		}
		require.Len(t, actions, 2)
		assert.Equal(t, actions[0], actions[1])
		assert.Empty(t, seen[actions[0].Fingerprint], "%s is like %s", name, seen[actions[0].Fingerprint])
		seen[actions[0].Fingerprint] = name
	}
}

func TestAnOpenGateLetsThrough(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	req := request(flow.KindScript, values{"command": "touch done"}, nil)
	req.Gate = func(node.Action) (*flow.Wait, error) { return nil, nil } //nolint:nilnil // an open gate
	_, err := b.execute(t.Context(), req)
	require.NoError(t, err)
	_, err = os.Stat(filepath.Join(b.dir, "done"))
	require.NoError(t, err)

	req.Gate = func(node.Action) (*flow.Wait, error) { return nil, &node.Error{Reason: "ActionChanged"} }
	_, err = b.execute(t.Context(), req)
	var e *node.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "ActionChanged", e.Reason)
}

func TestApprovalsFollowTheContext(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	general := node.Approval{AllowedUsers: []string{"alice", "bob"}, MinApprovers: 2, AllowSelf: true, Timeout: 7 * time.Minute}
	tests := []struct {
		name   string
		config values
		want   values
	}{
		{"the Context's", values{}, values{"approvers": []any{"alice", "bob"}, "min_approvers": 2, "allow_self_approval": true}},
		{"the node's own", values{"approvers": "carol", "allow_self_approval": false}, values{"approvers": []any{"carol"}, "min_approvers": 2, "allow_self_approval": false}},
		{"more than the Context", values{"min_approvers": 3}, values{"approvers": []any{"alice", "bob"}, "min_approvers": 3, "allow_self_approval": true}},
		{"not less than it", values{"min_approvers": 1}, values{"approvers": []any{"alice", "bob"}, "min_approvers": 2, "allow_self_approval": true}},
	}
	for _, test := range tests {
		req := request(flow.KindApproval, test.config, nil)
		req.Approval = general
		res, err := b.execute(t.Context(), req)
		require.NoError(t, err)
		assert.Equal(t, start.Add(general.Timeout), res.Wait.Until)
		for key, want := range test.want {
			assert.Equal(t, want, res.Wait.Details[key], "%s: %s", test.name, key)
		}
	}
}

func TestTheEndOfALongActionIsShown(t *testing.T) {
	t.Parallel()
	text := "kubectl annotate pod web " + strings.Repeat("x=1 ", 2000) + "; kubectl delete namespace prod"
	wait := node.GateWait(request(flow.KindScript, nil, nil), node.Action{Text: text})
	assert.LessOrEqual(t, len(wait.Message), 2200)
	assert.Contains(t, wait.Message, "kubectl annotate pod web")
	assert.Contains(t, wait.Message, "bytes are not shown here")
	assert.True(t, strings.HasSuffix(wait.Message, "; kubectl delete namespace prod"), "what was padded out of sight is seen")
	assert.Equal(t, wait.Details["command"], wait.Message[strings.Index(wait.Message, "\n")+1:])
}
