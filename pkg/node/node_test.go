// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/shell"
)

var start = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)

// bench is a set of executors with everything around them fake.
type bench struct {
	executors node.Executors
	messenger *fakeMessenger
	agents    *fakeAgents
	clock     *clocktesting.FakeClock
	bin       string // on PATH
	dir       string // where scripts run
}

func newBench(t *testing.T, change ...func(*node.Options)) *bench {
	t.Helper()
	b := &bench{
		messenger: &fakeMessenger{receipt: node.Receipt{ID: "17.5", Channel: "C1"}}, agents: &fakeAgents{},
		clock: clocktesting.NewFakeClock(start), bin: t.TempDir(), dir: t.TempDir(),
	}
	policy := shell.ScriptPolicy(map[string]string{"PATH": b.bin + ":/usr/bin:/bin"}, nil)
	policy.Dir = b.dir
	o := node.Options{
		Transform: shell.New(shell.TransformPolicy(), clock.RealClock{}),
		Script:    shell.New(policy, clock.RealClock{}),
		Clock:     b.clock, Messenger: b.messenger, Agents: b.agents,
	}
	for _, f := range change {
		f(&o)
	}
	b.executors = node.New(o)
	return b
}

// program puts a shell script on PATH.
func (b *bench) program(t *testing.T, name, script string) {
	t.Helper()
	// A process forked by another test while the file is open for writing would
	// hold it open, and starting it would fail with "text file busy".
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	require.NoError(t, os.WriteFile(filepath.Join(b.bin, name), []byte("#!/bin/sh\n"+script), 0o700))
}

// nothingHappened asserts that no file was created.
func (b *bench) nothingHappened(t *testing.T) {
	t.Helper()
	entries, err := os.ReadDir(b.dir)
	require.NoError(t, err)
	assert.Empty(t, entries, "a value had an effect")
}

type values = map[string]any

func (b *bench) run(t *testing.T, kind flow.Kind, config, scope values) (node.Result, error) {
	t.Helper()
	return b.execute(t.Context(), request(kind, config, scope))
}

func (b *bench) execute(ctx context.Context, req node.Request) (node.Result, error) {
	return b.executors[req.Node.Kind].Execute(ctx, req)
}

// ok runs a node that must succeed and gives its output.
func (b *bench) ok(t *testing.T, kind flow.Kind, config, scope values) values {
	t.Helper()
	res, err := b.run(t, kind, config, scope)
	require.NoError(t, err)
	out, ok := res.Output.(map[string]any)
	require.True(t, ok, "output is %T", res.Output)
	return out
}

// fails runs a node that must fail for a reason.
func (b *bench) fails(t *testing.T, kind flow.Kind, config, scope values, reason string) *node.Error {
	t.Helper()
	_, err := b.run(t, kind, config, scope)
	var e *node.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, reason, e.Reason, e.Message)
	assert.LessOrEqual(t, len(e.Message), 1100)
	return e
}

func request(kind flow.Kind, config, scope values) node.Request {
	return node.Request{
		Node: flow.Node{ID: "n", Kind: kind, Config: config}, Scope: expr.Root(scope), Attempt: 1,
		Run: node.Run{Namespace: "prod", Name: "r1", Flow: "f", Trigger: "t", Platform: "slack", Channel: "C9", Thread: "1.2"},
		Env: map[string]string{"GIVEN": "was here"},
	}
}

func script(config values) values { return values{"script_config": config} }

func event(text string) values {
	return values{"event": values{"text": text, "user": expr.Textual{Value: values{"id": "U1", "name": "ann"}, Text: "U1"}}}
}

type fakeMessenger struct {
	sent    []node.Message
	receipt node.Receipt
	err     error
}

func (m *fakeMessenger) Send(_ context.Context, _ node.Run, msg node.Message) (node.Receipt, error) {
	m.sent = append(m.sent, msg)
	return m.receipt, m.err
}

type fakeAgents struct {
	calls  []node.AgentCall
	answer node.AgentAnswer
	err    error
}

func (a *fakeAgents) Ask(_ context.Context, _ node.Run, call node.AgentCall) (node.AgentAnswer, error) {
	a.calls = append(a.calls, call)
	return a.answer, a.err
}

func TestEveryKindHasAnExecutor(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, kind := range flow.Kinds() {
		require.Contains(t, b.executors, kind)
	}
	for _, kind := range []flow.Kind{flow.KindEnd} {
		b.fails(t, kind, values{}, nil, node.ReasonUnsupported)
	}
}

func TestTheContextsErrorPasses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for kind, config := range map[flow.Kind]values{
		flow.KindTransform: {"script": "export A=1"},
		flow.KindScript:    script(values{"command": "echo"}),
		flow.KindHTTP:      {"url": "http://localhost"},
		flow.KindResponse:  {"message": "x"},
		flow.KindWait:      {"duration": "1s"},
		flow.KindApproval:  {},
		flow.KindAgent:     {"agent": "a"},
	} {
		_, err := b.execute(ctx, request(kind, config, nil))
		require.ErrorIs(t, err, context.Canceled, kind)
	}
}

func TestTemplatesThatCannotBeRendered(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fails(t, flow.KindResponse, values{"message": "${open"}, nil, node.ReasonTemplate)
	b.fails(t, flow.KindResponse, values{"message": "${a}${a}"}, values{"a": strings.Repeat("x", 700<<10)}, node.ReasonTemplate)
	e := b.fails(t, flow.KindApproval, values{"message": "x", "approvers": []any{strings.Repeat("${open", 1)}}, nil, node.ReasonTemplate)
	assert.Contains(t, e.Message, "approvers")
}
