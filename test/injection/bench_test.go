// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package injection

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"

	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/shell"
)

type values = map[string]any

// ground is where hostile texts are let loose: the canaries they are after, and
// a folder with the programs there are.
type ground struct {
	places Places
	bin    string // on PATH
	dir    string // where scripts run
	visits atomic.Int64
}

func newGround(t *testing.T) *ground {
	t.Helper()
	g := &ground{bin: t.TempDir(), dir: t.TempDir()}
	evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { g.visits.Add(1) }))
	t.Cleanup(evil.Close)
	g.places = Places{Canary: filepath.Join(t.TempDir(), "canary"), Evil: strings.TrimPrefix(evil.URL, "http://")}
	return g
}

// corpus gives all texts for this ground.
func (g *ground) corpus(t *testing.T) []Entry {
	t.Helper()
	return Corpus(t, g.places)
}

// quiet asserts that no text had an effect: no file came to be, and nobody
// called the server that nobody knows.
func (g *ground) quiet(t *testing.T) {
	t.Helper()
	assert.NoFileExists(t, g.places.Canary, "a text made the canary")
	entries, err := os.ReadDir(g.dir)
	require.NoError(t, err)
	assert.Empty(t, entries, "a text made files where scripts run")
	assert.Zero(t, g.visits.Load(), "a text had a request sent to a server of its own")
}

// program puts a shell script on the PATH.
func (g *ground) program(t *testing.T, name, script string) {
	t.Helper()
	// Not while another test forks: the file would be busy when it is started.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	require.NoError(t, os.WriteFile(filepath.Join(g.bin, name), []byte("#!/bin/sh\n"+script), 0o700))
}

// recorder puts a program on the PATH that writes its arguments down, each with a
// NUL behind it, and says something. The function gives what was written since
// it was last called; nil when the program was not started.
func (g *ground) recorder(t *testing.T, name, says string) func() []string {
	t.Helper()
	record := filepath.Join(t.TempDir(), "argv")
	g.program(t, name, `printf '%s\000' "$@" > '`+record+"'\nprintf '%s' '"+says+"'\n")
	return func() []string {
		raw, err := os.ReadFile(record)
		if err != nil {
			return nil
		}
		require.NoError(t, os.Remove(record))
		return strings.Split(strings.TrimSuffix(string(raw), "\x00"), "\x00")
	}
}

// bench executes single nodes on a ground.
type bench struct {
	*ground

	executors node.Executors
	messenger *heard
	agents    *asked
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{ground: newGround(t), messenger: &heard{}, agents: &asked{}}
	policy := shell.ScriptPolicy(map[string]string{"PATH": b.bin + ":/usr/bin:/bin"}, nil)
	policy.Dir = b.dir
	b.executors = node.New(node.Options{
		Transform: shell.New(shell.TransformPolicy(), clock.RealClock{}), Script: shell.New(policy, clock.RealClock{}),
		Messenger: b.messenger, Agents: b.agents,
	})
	return b
}

// scope has the text wherever a flow may look for one, and the secret beside it.
func scope(text string) values {
	return values{
		"event": values{"text": text, "user": expr.Textual{Value: values{"id": text, "name": text}, Text: text}, "headers": values{"x-text": text}},
		"ask":   values{"output": text, "list": []any{text, text}, "object": values{"text": text, text: text}},
		"VALUE": text, SecretName: Secret,
	}
}

func (b *bench) run(t *testing.T, kind flow.Kind, config values, text string) (node.Result, error) {
	t.Helper()
	return b.executors[kind].Execute(t.Context(), node.Request{
		Node: flow.Node{ID: "n", Kind: kind, Config: config}, Scope: expr.Root(scope(text)), Attempt: 1,
		Run: node.Run{Namespace: "prod", Name: "r1", Flow: "f", Trigger: "prod/t", Platform: "slack", Channel: "C9", Thread: "1.2"},
		Env: map[string]string{"VALUE": strings.ReplaceAll(text, "\x00", "")},
	})
}

// output runs a node that must succeed.
func (b *bench) output(t *testing.T, kind flow.Kind, config values, e Entry) values {
	t.Helper()
	res, err := b.run(t, kind, config, e.Text)
	require.NoError(t, err, "%s: %q", e.Line, e.Text)
	out, ok := res.Output.(map[string]any)
	require.True(t, ok, "output is %T", res.Output)
	return out
}

// refused says whether a node refused the text, which must be the only way in
// which it fails. What it says never holds the secret.
func refused(t *testing.T, e Entry, err error) bool {
	t.Helper()
	if err == nil {
		return false
	}
	var typed *node.Error
	if assert.ErrorAs(t, err, &typed, e.Line) {
		assert.Contains(t, []string{node.ReasonRefused, node.ReasonInvalidConfig}, typed.Reason, "%s: %s", e.Line, typed.Message)
		assert.NotContains(t, typed.Message, Secret, e.Line)
	}
	return true
}

// asJSON is a text as JSON can hold it.
func asJSON(t *testing.T, text string) string {
	t.Helper()
	raw, err := json.Marshal(text)
	require.NoError(t, err)
	var out string
	require.NoError(t, json.Unmarshal(raw, &out))
	return out
}

// heard is a messenger that keeps what it is told.
type heard struct{ messages []node.Message }

// Send implements node.Messenger.
func (h *heard) Send(_ context.Context, _ node.Run, m node.Message) (node.Receipt, error) {
	h.messages = append(h.messages, m)
	return node.Receipt{ID: "1.1", Channel: m.Channel}, nil
}

// asked are agents that keep what they are asked.
type asked struct{ calls []node.AgentCall }

// Ask implements node.Agents.
func (a *asked) Ask(_ context.Context, _ node.Run, call node.AgentCall) (node.AgentAnswer, error) {
	a.calls = append(a.calls, call)
	return node.AgentAnswer{Output: map[string]any{"output": "ok"}}, nil
}
