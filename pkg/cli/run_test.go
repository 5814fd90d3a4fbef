// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/yaml"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
)

const (
	quickstartDir = "../../examples/quickstart"
	slackDir      = "../../examples/slack-k8s"
)

// person is somebody at a keyboard: what aof is given beside its arguments.
type person struct {
	in       string
	vars     map[string]string
	terminal bool
	width    int
	program  string
	server   string           // that stands where one is looked for
	clock    clock.WithTicker // nil is the real one
}

// start is when things begin in tests whose output tells times.
var start = time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)

// at gives somebody who looks some time after the start.
func (p person) at(d time.Duration) person {
	p.clock = clocktesting.NewFakeClock(start.Add(d))
	return p
}

// said is what a command came to.
type said struct {
	code      int
	out, errs string
}

// aof runs a command line to its end.
func (p person) aof(t *testing.T, args ...string) said {
	t.Helper()
	var out, errs bytes.Buffer
	code := Main(t.Context(), p.env(&out, &errs), args)
	return said{code, out.String(), errs.String()}
}

func (p person) env(out, errs io.Writer) *Env {
	env := &Env{
		In: strings.NewReader(p.in), Out: out, Err: errs, Clock: clock.RealClock{},
		Getenv: func(name string) string { return p.vars[name] }, Terminal: p.terminal, Width: p.width,
		Program: p.program, Server: orElse(p.server, nobody),
	}
	if p.clock != nil {
		env.Clock = p.clock
	}
	return env
}

// nobody is where no server answers.
const nobody = "http://127.0.0.1:1"

func aof(t *testing.T, args ...string) said {
	t.Helper()
	return person{}.aof(t, args...)
}

// flowYAML is an AgentFlow with the nodes given as YAML flow mappings, one after
// the other.
func flowYAML(name string, nodes ...string) string {
	var b strings.Builder
	b.WriteString("apiVersion: aof.dev/v1\nkind: AgentFlow\nmetadata: {name: " + name + "}\nspec:\n  trigger: {type: Manual, config: {}}\n  nodes:\n")
	for _, n := range nodes {
		b.WriteString("    - " + n + "\n")
	}
	b.WriteString("  connections:\n    - {from: trigger, to: a}\n")
	return b.String()
}

const sayNode = `{id: a, type: Response, config: {message: "said ${event.text} by ${event.user}"}}`

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestRunQuickstart(t *testing.T) {
	t.Parallel()
	got := aof(t, "run", "triage", "-f", quickstartDir, "--text", "the disk is full")
	assert.Equal(t, ExitOK, got.code, got.errs)
	assert.Regexp(t, `^run quickstart/triage-\w+ Succeeded in \S+, \d+ tokens in, \d+ out
\n  URGENT \(demo\): The disk of the database is nearly full\. Extend the volume, then find what grows\n$`, got.out)
	assert.Contains(t, got.errs, "\nRunning   think (Agent)\n")
	assert.Regexp(t, `\nSucceeded think \(Agent\)  \S+, \d+ tokens\n`, got.errs)
	assert.Contains(t, got.errs, "\nSkipped   answer (Response)  NotTaken\n")
	assert.NotContains(t, got.errs+got.out, "\x1b", "no escape sequences outside a terminal")
	assert.NotContains(t, got.errs, "Pending")
}

func TestRunPrintsTheRunForMachines(t *testing.T) {
	t.Parallel()
	for format, read := range map[string]func([]byte, any) error{
		"json": json.Unmarshal,
		"yaml": func(raw []byte, into any) error { return yaml.UnmarshalStrict(raw, into) },
	} {
		got := aof(t, "run", "quickstart/triage", "-f", quickstartDir, "--text", "the disk is full", "-o", format)
		require.Equal(t, ExitOK, got.code, got.errs)
		var run aofv1.FlowRun
		require.NoError(t, read([]byte(got.out), &run), got.out)
		assert.Equal(t, "FlowRun", run.Kind)
		assert.Equal(t, "quickstart", run.Namespace)
		assert.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase)
		assert.Contains(t, run.Status.Result.Text, "URGENT (demo)")
		assert.Equal(t, "demo", run.Spec.Context.Name, "the only binding's Context")
	}
}

func TestRunDrawsATreeOnATerminal(t *testing.T) {
	t.Parallel()
	const width = 40
	got := person{terminal: true, width: width}.aof(t, "run", "k8s-ops", "-f", slackDir, "--text", "scale the web deployment")
	assert.Equal(t, ExitWaiting, got.code, got.errs)
	frames := strings.Split(got.errs, "\x1b[6A")
	require.Greater(t, len(frames), 3, "six nodes are drawn again and again, over what stood there")
	for _, frame := range frames {
		assert.Equal(t, 6, strings.Count(frame, "\n"))
		assert.Equal(t, 6, strings.Count(frame, "\x1b[2K"))
	}
	last := escapes.ReplaceAllString(frames[len(frames)-1], "")
	assert.NotContains(t, last, "\x1b", "only colours and the erasing of lines")
	for _, line := range strings.Split(last, "\n") {
		assert.LessOrEqual(t, len([]rune(line)), width-1, line)
	}
	assert.Contains(t, last, "✔ ask (Agent)")
	assert.Contains(t, last, "⏸ approve (Approval)  for approval: <@")
	assert.Contains(t, last, "○ execute (Agent)")
}

func TestRunExitCodes(t *testing.T) {
	t.Parallel()
	t.Run("a flow that waits", func(t *testing.T) {
		t.Parallel()
		got := aof(t, "run", "k8s-ops", "-f", slackDir, "--text", "scale the web deployment")
		assert.Equal(t, ExitWaiting, got.code)
		assert.Contains(t, got.out, " Waiting, ")
		assert.Contains(t, got.out, "\napprove waits for approval:\n  <@cli_user> wants to run: kubectl scale deployment/web --replicas=3\n")
		assert.Contains(t, got.errs, "Waiting   approve (Approval)  for approval: ")
	})
	t.Run("a flow that fails", func(t *testing.T) {
		t.Parallel()
		file := writeFile(t, "f.yaml", flowYAML("f", `{id: a, type: Transform, config: {script: "echo sorry >&2; exit 7"}}`))
		got := aof(t, "run", "f", "-f", file)
		assert.Equal(t, ExitFailed, got.code)
		assert.Regexp(t, `(?m)^run default/f-\w+ Failed`, got.out)
		assert.Regexp(t, `(?m)^a: \w+: .*7`, got.out, "node, reason and what happened")
		assert.Contains(t, got.errs, "Failed    a (Transform)")
		got = aof(t, "run", "f", "-f", file, "-o", "json")
		assert.Equal(t, ExitFailed, got.code, "the format does not change the code")
	})
	t.Run("a flow that waits for a time", func(t *testing.T) {
		t.Parallel()
		got := aof(t, "run", "f", "-f", writeFile(t, "f.yaml", flowYAML("f", `{id: a, type: Wait, config: {duration: 1h}}`)))
		assert.Equal(t, ExitWaiting, got.code, got.out+got.errs)
		assert.Contains(t, got.out, "a waits for ")
	})
}

func TestRunBadInput(t *testing.T) {
	t.Parallel()
	two := writeManifests(t, "a.yaml", strings.Replace(flowYAML("f", sayNode), "name: f", "name: f, namespace: a", 1),
		"b.yaml", strings.Replace(flowYAML("f", sayNode), "name: f", "name: f, namespace: b", 1))
	misspelled := writeFile(t, "bad.yaml", flowYAML("f", `{id: a, type: Pigeon, config: {}}`))
	upstream := writeFile(t, "old.yaml", upstreamForm)
	for name, tc := range map[string]struct {
		args []string
		says []string
	}{
		"an unknown flow":        {[]string{"nope", "-f", slackDir}, []string{`no flow "nope"`, "ops/k8s-ops"}},
		"an ambiguous flow":      {[]string{"f", "-f", two}, []string{"ambiguous", "namespace/name", "a/f", "b/f"}},
		"an unknown context":     {[]string{"k8s-ops", "-f", slackDir, "--context", "nope"}, []string{`no context "nope"`, "ops/prod"}},
		"no files":               {[]string{"f"}, []string{"-f PATH"}},
		"a missing file":         {[]string{"f", "-f", filepath.Join(two, "none.yaml")}, []string{"none.yaml: no such file"}},
		"a file with an error":   {[]string{"f", "-f", misspelled}, []string{"bad.yaml:7: AgentFlow/f: spec.nodes[0].type", "Pigeon", "aof validate"}},
		"upstream's form":        {[]string{"f", "-f", upstream}, []string{"aof import -f " + upstream}},
		"an unknown format":      {[]string{"f", "-f", two, "-o", "xml"}, []string{"want json or yaml"}},
		"no flow":                {[]string{"-f", two}, []string{"accepts 1 arg"}},
		"text and event at once": {[]string{"a/f", "-f", two, "--text", "x", "--event", "y"}, []string{"text", "event"}},
		"a missing event":        {[]string{"a/f", "-f", two, "--event", filepath.Join(two, "none.json")}, []string{"event", "none.json: no such file"}},
		"an unknown flag":        {[]string{"triage", "-f", quickstartDir, "--nope"}, []string{"--nope"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := aof(t, append([]string{"run"}, tc.args...)...)
			assert.Equal(t, ExitBadInput, got.code, got.out)
			assert.Empty(t, got.out)
			for _, part := range tc.says {
				assert.Contains(t, got.errs, part)
			}
			assert.Less(t, len(got.errs), 2048)
		})
	}
}

func TestRunReadsEvents(t *testing.T) {
	t.Parallel()
	flow := writeFile(t, "say.yaml", flowYAML("say", sayNode))
	for name, content := range map[string]string{
		"a CloudEvent in JSON":       `{"specversion":"1.0","id":"1","source":"/s","type":"dev.aof.slack.message","datacontenttype":"application/json","data":{"text":"up","user":"bob"}}`,
		"a CloudEvent in YAML":       "specversion: '1.0'\nid: '1'\nsource: /s\ntype: t\ndata: {text: up, user: bob}\n",
		"the data alone in YAML":     "text: up\nuser: bob\n",
		"the data alone in JSON":     `{"text":"up","user":"bob"}`,
		"upstream's {event: {...}}":  "event:\n  text: up\n  user: bob\n",
		"data with an event beside":  "event: {kind: x}\ntext: up\nuser: bob\n",
		"a user that is an object":   "text: up\nuser: {id: bob}\n",
		"text that looks like a ref": "text: up\nuser: bob\nevil: ${event.user}\n",
	} {
		got := aof(t, "run", "say", "-f", flow, "--event", writeFile(t, "event", content))
		assert.Equal(t, ExitOK, got.code, "%s: %s", name, got.errs)
		assert.Contains(t, got.out, "\n  said up by bob\n", name)
		got = person{in: content}.aof(t, "run", "say", "-f", flow, "--event", "-")
		assert.Equal(t, ExitOK, got.code, "%s on standard input: %s", name, got.errs)
		assert.Contains(t, got.out, "\n  said up by bob\n", name)
	}
	// The flow can come on standard input as well.
	got := person{in: flowYAML("say", sayNode)}.aof(t, "run", "say", "-f", "-", "--text", "${event.user} $(id)")
	assert.Equal(t, ExitOK, got.code, got.errs)
	assert.Contains(t, got.out, "\n  said ${event.user} $(id) by cli_user\n", "text is never a template or a script")
}

func TestRunRefusesEventsItCannotUse(t *testing.T) {
	t.Parallel()
	flow := writeFile(t, "say.yaml", flowYAML("say", sayNode))
	for name, tc := range map[string]struct{ content, says string }{
		"a mebibyte":                 {`{"text":"` + strings.Repeat("x", 1<<20) + `"}`, "more than 256 KiB"},
		"a list":                     {"[1, 2]", "want a JSON or YAML object"},
		"no YAML":                    {"{text: ", "want a JSON or YAML object"},
		"a CloudEvent without an id": {`{"specversion":"1.0","source":"/s","type":"t"}`, "id"},
	} {
		got := aof(t, "run", "say", "-f", flow, "--event", writeFile(t, "event", tc.content))
		assert.Equal(t, ExitBadInput, got.code, name)
		assert.Contains(t, got.errs, tc.says, name)
		assert.Less(t, len(got.errs), 1024, "%s: bounded", name)
		assert.Empty(t, got.out, name)
	}
	got := aof(t, "run", "say", "-f", flow, "--text", strings.Repeat("x", 1<<20))
	assert.Equal(t, ExitBadInput, got.code)
	assert.Less(t, len(got.errs), 1024)
	assert.Contains(t, got.errs, "245760")
}
