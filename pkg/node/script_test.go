// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/shell"
)

func TestScriptCommand(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	res, err := b.run(t, flow.KindScript, script(values{
		"command": "echo \"got ${event.text}\" $OWN $GIVEN; echo warn >&2; export SEEN=yes", "env": values{"OWN": "${event.user}"},
	}), event("a  b"))
	require.NoError(t, err)
	assert.Equal(t, values{
		"exit_code": 0, "stdout": "got a  b U1 was here\n", "stderr": "warn\n", "output": "got a  b U1 was here", "success": true,
	}, res.Output)
	assert.Equal(t, map[string]string{"SEEN": "yes"}, res.Exports)
}

func TestScriptParses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config values
		want   any
	}{
		"text":        {values{"command": "printf 'a\n\n'"}, "a"},
		"lines":       {values{"command": "printf 'a\nb \n\nc'", "parse": "lines"}, []any{"a", "b ", "", "c"}},
		"no lines":    {values{"command": "true", "parse": "lines"}, []any{}},
		"json":        {values{"command": `echo '{"a": 12345678901234567890}'`, "parse": "json"}, values{"a": json.Number("12345678901234567890")}},
		"json stream": {values{"command": `echo '"x"'; echo '"y"'`, "parse": "json"}, []any{"x", "y"}},
		"no json":     {values{"command": "true", "parse": "json"}, nil},
		"regex": {
			values{"command": "printf 'pod=a n=1\npod=b n=2'", "parse": "regex", "pattern": `pod=(?P<pod>\w) n=(\d)`},
			[]any{values{"$0": "pod=a n=1", "$1": "a", "$2": "1", "pod": "a"}, values{"$0": "pod=b n=2", "$1": "b", "$2": "2", "pod": "b"}},
		},
		"regex with a value": {values{"command": "echo 'axb a.b'", "parse": "regex", "pattern": "${event.text}"}, []any{values{"$0": "a.b"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.want, newBench(t).ok(t, flow.KindScript, script(test.config), event("a.b"))["output"])
		})
	}
}

func TestScriptFails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config values
		reason string
		code   int
	}{
		"status":         {values{"command": "echo no >&2; exit 3"}, node.ReasonScript, 3},
		"missing":        {values{"command": "nonesuch-program"}, node.ReasonCommandNotFound, 127},
		"missing argv":   {values{"command": "nonesuch-program", "args": []any{"x"}}, node.ReasonCommandNotFound, 127},
		"missing tool":   {values{"tool": "docker", "action": "ps"}, node.ReasonCommandNotFound, 127},
		"time":           {values{"command": "while true; do :; done", "timeout_seconds": 0.05}, node.ReasonTimeout, 124},
		"not JSON":       {values{"command": "echo '{'", "parse": "json"}, node.ReasonParse, 0},
		"nothing":        {values{}, node.ReasonInvalidConfig, 1},
		"unknown tool":   {values{"tool": "nmap"}, node.ReasonUnsupported, 1},
		"unknown action": {values{"tool": "kubectl", "action": "delete", "args": values{"resource": "pods"}}, node.ReasonUnsupported, 1},
		"unknown parse":  {values{"command": "echo", "parse": "xml"}, node.ReasonInvalidConfig, 0},
		"bad pattern":    {values{"command": "echo", "parse": "regex", "pattern": "(${x}"}, node.ReasonInvalidConfig, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.emptyPath(t)
			b.fails(t, flow.KindScript, script(test.config), nil, test.reason)
			test.config["fail_on_error"] = false
			out := b.ok(t, flow.KindScript, script(test.config), nil)
			assert.Equal(t, false, out["success"])
			assert.Equal(t, test.code, out["exit_code"])
		})
	}
}

// emptyPath makes sure that this machine's own docker is not found.
func (b *bench) emptyPath(t *testing.T) {
	t.Helper()
	policy := shell.ScriptPolicy(map[string]string{"PATH": b.bin}, nil)
	policy.Dir = b.dir
	b.executors[flow.KindScript] = node.New(node.Options{Script: shell.New(policy, b.clock)})[flow.KindScript]
}

func TestScriptArguments(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.program(t, "show", `for a in "$@"; do echo "<$a>"; done`)
	scope := values{"list": []any{"a b", "c"}, "text": "x; touch y", "option": "--all"}
	out := b.ok(t, flow.KindScript, script(values{
		"command": "show first", "args": []any{"-n", "${text}", "--flag=${option}", "${list}", 3, ""},
	}), scope)
	assert.Equal(t, "<first>\n<-n>\n<x; touch y>\n<--flag=--all>\n<a b>\n<c>\n<3>\n<>", out["output"])
	for _, arg := range []any{"${option}", "-${text}", "--${text}", "${none:-}${option}"} {
		b.fails(t, flow.KindScript, script(values{"command": "show", "args": []any{arg}}), scope, node.ReasonRefused)
	}
	b.fails(t, flow.KindScript, script(values{"command": "${option}", "args": []any{}}), scope, node.ReasonRefused)
	b.fails(t, flow.KindScript, script(values{"command": "show", "args": values{"a": "b"}}), scope, node.ReasonInvalidConfig)
	b.nothingHappened(t)
}

func TestDocker(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.program(t, "docker", `echo "$@" >> "$LOG"
case $1 in
ps) echo '{"Names":"web"}'; echo '{"Names":"db"}';;
stats) echo '{"CPUPerc":"1%"}';;
inspect) echo '[{"Id":"7"}]';;
logs) echo line; echo trouble >&2;;
esac`)
	log := filepath.Join(t.TempDir(), "log")
	tool := func(action string, args values) values {
		return script(values{"tool": "docker", "action": action, "args": args, "env": values{"LOG": log}})
	}
	out := b.ok(t, flow.KindScript, tool("ps", values{"all": true, "filter": "status=${x}"}), values{"x": "exited --all"})
	assert.Equal(t, values{"containers": []any{values{"Names": "web"}, values{"Names": "db"}}, "count": 2}, out["output"])
	assert.Equal(t, 2, out["count"])
	out = b.ok(t, flow.KindScript, tool("stats", nil), nil)
	assert.Equal(t, values{"stats": []any{values{"CPUPerc": "1%"}}}, out["output"])
	out = b.ok(t, flow.KindScript, tool("logs", values{"container": "web", "tail": 5}), nil)
	assert.Equal(t, values{"logs": "line\n", "stderr": "trouble\n", "container": "web"}, out["output"])
	out = b.ok(t, flow.KindScript, tool("inspect", values{"container": "web"}), nil)
	assert.Equal(t, values{"inspect": []any{values{"Id": "7"}}, "container": "web"}, out["output"])

	seen, err := os.ReadFile(log)
	require.NoError(t, err)
	assert.Equal(t, "ps --format={{json .}} --all --filter=status=exited --all\nstats --no-stream --format={{json .}}\nlogs --tail=5 web\ninspect web\n", string(seen))
	b.fails(t, flow.KindScript, tool("logs", values{"container": "${x}"}), values{"x": "--follow"}, node.ReasonRefused)
	b.fails(t, flow.KindScript, tool("logs", nil), nil, node.ReasonInvalidConfig)
	b.fails(t, flow.KindScript, tool("rm", nil), nil, node.ReasonUnsupported)
}

func TestKubectl(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.program(t, "kubectl", `case $1 in
get) [ "$2" = secrets ] && { echo forbidden >&2; exit 1; }; echo '{"kind":"List","items":[{"a":1}]}';;
*) echo "$@";;
esac`)
	tool := func(action string, args values) values {
		return script(values{"tool": "kubectl", "action": action, "args": args})
	}
	scope := values{"ns": "prod --all-namespaces"}
	out := b.ok(t, flow.KindScript, tool("get", values{"resource": "pods", "namespace": "${ns}"}), scope)
	assert.Equal(t, values{"kind": "List", "items": []any{values{"a": json.Number("1")}}}, out["output"])
	out = b.ok(t, flow.KindScript, tool("logs", values{"pod": "web-1", "namespace": "${ns}", "container": "c"}), scope)
	assert.Equal(t, values{"logs": "logs web-1 --container=c --tail=100 --namespace=prod --all-namespaces\n", "pod": "web-1"}, out["output"])
	out = b.ok(t, flow.KindScript, tool("describe", values{"resource": "pod", "name": "web-1"}), nil)
	assert.Equal(t, "describe pod web-1\n", out["output"])
	e := b.fails(t, flow.KindScript, tool("get", values{"resource": "secrets"}), nil, node.ReasonScript)
	assert.Contains(t, e.Message, "forbidden")
	assert.True(t, e.Retryable)
	b.fails(t, flow.KindScript, tool("get", values{"resource": "pods", "name": "${ns}"}), values{"ns": "-A"}, node.ReasonRefused)
	b.fails(t, flow.KindScript, tool("get", nil), nil, node.ReasonInvalidConfig)
}

func TestJSONTool(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	run := func(action string, args values) any {
		return b.ok(t, flow.KindScript, script(values{"tool": "json", "action": action, "args": args}),
			values{"text": `{"a":{"b":["x","y"]}}`, "map": values{"a": values{"c": "z"}}})["output"]
	}
	assert.Equal(t, values{"a": values{"b": []any{"x", "y"}}}, run("parse", values{"input": "${text}"}))
	for _, path := range []string{"a.b[1]", ".a.b.1", "$.a.b[1]", "/a/b/1"} {
		assert.Equal(t, "y", run("extract", values{"input": "${text}", "path": path}), path)
	}
	merged := values{"a": values{"b": []any{"x", "y"}, "c": "z"}}
	assert.Equal(t, merged, run("merge", values{"objects": []any{"${text}", "${map}"}}))
	assert.Equal(t, merged, run("merge", values{"base": "${text}", "overlay": "${map}"}))
	b.fails(t, flow.KindScript, script(values{"tool": "json", "action": "extract", "args": values{"input": values{}, "path": "q"}}), nil, node.ReasonParse)
	b.fails(t, flow.KindScript, script(values{"tool": "json", "action": "parse", "args": values{"input": "{"}}), nil, node.ReasonParse)
}

func TestFileTool(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	run := func(action string, args values) any {
		return b.ok(t, flow.KindScript, script(values{"tool": "file", "action": action, "args": args}), values{"name": "a b", "text": "$(hi) ${x}"})["output"]
	}
	assert.Equal(t, values{"path": "a b.txt", "bytes": 11}, run("write", values{"path": "${name}.txt", "content": "${text}\n"}))
	run("write", values{"path": "a b.txt", "content": "more", "append": true})
	assert.Equal(t, values{"path": "a b.txt", "content": "$(hi) ${x}\nmore"}, run("read", values{"path": "a b.txt"}))
	assert.Equal(t, values{"path": "a b.txt", "exists": true}, run("exists", values{"path": "a b.txt"}))
	assert.Equal(t, values{"path": "none", "exists": false}, run("exists", values{"path": "none"}))
	assert.Equal(t, values{"path": ".", "count": 1, "entries": []any{values{"name": "a b.txt", "type": "file"}}}, run("list", values{"path": "."}))

	for _, evil := range []string{"../x", "a/../../x", "a\x00b"} {
		b.fails(t, flow.KindScript, script(values{"tool": "file", "action": "read", "args": values{"path": "data/${name}"}}), values{"name": evil}, node.ReasonRefused)
	}
	b.fails(t, flow.KindScript, script(values{"tool": "file", "action": "read", "args": values{"path": "none"}}), nil, node.ReasonFile)
	b.fails(t, flow.KindScript, script(values{"tool": "file", "action": "read", "args": values{"path": "/dev/zero"}}), nil, node.ReasonFile)
	b.fails(t, flow.KindScript, script(values{"tool": "file", "action": "write", "args": values{"path": "."}}), nil, node.ReasonFile)
}

func TestFilesAreThePolicysToAllow(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *node.Options) { o.Script = shell.New(shell.TransformPolicy(), o.Clock) })
	for _, action := range []string{"read", "write", "exists", "list"} {
		b.fails(t, flow.KindScript, script(values{"tool": "file", "action": action, "args": values{"path": "/etc/hosts"}}), nil, "Denied")
	}
}
