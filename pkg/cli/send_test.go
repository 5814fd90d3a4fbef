// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSendWaitsForTheRuns(t *testing.T) {
	t.Parallel()
	// The Trigger is Manual, so nothing of this leaves the machine.
	var ops strings.Builder
	ops.WriteString("apiVersion: aof.dev/v1\nkind: Context\nmetadata: {name: c, namespace: ops}\nspec: {}\n")
	for name, node := range map[string]string{
		"fails": `{id: a, type: Transform, config: {script: "exit 7"}}`,
		"asks":  `{id: a, type: Approval, config: {message: may I}}`,
	} {
		ops.WriteString("---\n" + strings.Replace(flowYAML(name, node), "name: "+name, "name: "+name+", namespace: ops", 1))
		ops.WriteString("---\napiVersion: aof.dev/v1\nkind: Trigger\nmetadata: {name: " + name + ", namespace: ops}\nspec: {type: Manual, config: {}}\n")
		ops.WriteString("---\napiVersion: aof.dev/v1\nkind: FlowBinding\nmetadata: {name: " + name + ", namespace: ops}\nspec: {trigger: {name: " + name + "}, context: {name: c}, flow: {name: " + name + "}}\n")
	}
	someone, _ := dev(t, quickstartDir, writeFile(t, "ops.yaml", ops.String()))
	for name, tc := range map[string]struct {
		in   string
		args []string
		code int
		says string
	}{
		"it succeeds":         {"", []string{"-n", "quickstart", "--event", quickstartDir + "/event.json"}, ExitOK, "URGENT (demo)"},
		"it fails":            {"", []string{"-n", "ops", "--trigger", "fails", "--text", "x"}, ExitFailed, "Failed     a (Transform)"},
		"it waits for human":  {"text: x\n", []string{"-n", "ops", "--trigger", "asks", "--event", "-"}, ExitWaiting, "a waits for approval:\n  may I\n"},
		"its text is a query": {"", []string{"-n", "quickstart", "--trigger", "web", "--text", "help, latency"}, ExitOK, "Latency is up"},
	} {
		someone.in = tc.in
		got := someone.aof(t, append([]string{"send", "--wait", patience.String()}, tc.args...)...)
		assert.Equal(t, tc.code, got.code, "%s: %s%s", name, got.out, got.errs)
		assert.Contains(t, got.out, tc.says, name)
		assert.Regexp(t, `^sent \S+\n`, got.errs, name)
	}
	got := someone.aof(t, "send", "-n", "quickstart", "--trigger", "web", "--text", "good morning", "--wait", "300ms")
	assert.Equal(t, ExitFailed, got.code)
	assert.Contains(t, got.errs, "no run was started: `aof explain` says why")

	got = someone.aof(t, "send", "-n", "quickstart", "--event", quickstartDir+"/event.json")
	assert.Equal(t, ExitOK, got.code, "without --wait it is enough that it was taken: %s", got.errs)
	assert.Equal(t, "sent quickstart-1\n", got.errs)
	got = someone.aof(t, "send", "-n", "ops", "--trigger", "nope", "--text", "x")
	assert.Equal(t, ExitFailed, got.code)
	assert.Regexp(t, `the event was refused \(400\): .*does not exist in namespace ops`, got.errs)
}

// asking is a flow that asks and then answers, for the Manual Trigger of its name.
const asking = `
apiVersion: aof.dev/v1
kind: Context
metadata: {name: c, namespace: ops}
spec: {approval: {required: false, allowed_users: [ann, bob], min_approvers: 2}}
---
apiVersion: aof.dev/v1
kind: Trigger
metadata: {name: asks, namespace: ops}
spec: {type: Manual, config: {}}
---
apiVersion: aof.dev/v1
kind: AgentFlow
metadata: {name: asks, namespace: ops}
spec:
  trigger: {type: Manual, config: {}}
  nodes: [{id: ask, type: Approval, config: {message: may I}}, {id: tell, type: Response, config: {message: thanks}}]
  connections: [{from: trigger, to: ask}, {from: ask, to: tell}]
---
apiVersion: aof.dev/v1
kind: FlowBinding
metadata: {name: asks, namespace: ops}
spec: {trigger: {name: asks}, context: {name: c}, flow: {name: asks}}
`

func TestAofDevIsDecidedLikeACluster(t *testing.T) {
	t.Parallel()
	someone, _ := dev(t, writeFile(t, "asks.yaml", asking))
	start := func() string {
		got := someone.aof(t, "send", "--binding", "asks", "--text", "x", "--wait", patience.String())
		require.Equal(t, ExitWaiting, got.code, got.errs)
		return regexp.MustCompile(`asks-\w{26}`).FindString(got.out)
	}
	run := start()
	l := someone.begin(t, "logs", "-f", run)
	l.shows(t, "waits for approval")
	got := someone.aof(t, "approve", run, "--as", "mallory")
	assert.Equal(t, ExitFailed, got.code)
	assert.Contains(t, got.errs, "You are not among those who may decide this")
	got = someone.aof(t, "approve", run, "--as", "ann", "--comment", "fine")
	assert.Equal(t, ExitOK, got.code, got.errs)
	assert.Regexp(t, `^run ops/`+run+`: ask: approved by ann at \S+Z: fine\n  may I\n1 more have to approve it\n$`, got.out)
	got = someone.aof(t, "approve", "ops/"+run, "--as", "ann")
	assert.Equal(t, ExitFailed, got.code)
	assert.Contains(t, got.errs, "You have approved this already")
	assert.Equal(t, ExitOK, someone.aof(t, "approve", run, "--as", "bob").code)
	assert.Equal(t, ExitOK, <-l.done, l.errs.String())
	assert.Contains(t, l.out.String(), "succeeded in ")

	run = start()
	got = someone.aof(t, "cancel", run, "--as", "eve", "--reason", "enough")
	assert.Equal(t, ExitOK, got.code, got.errs)
	assert.Contains(t, got.out, "cancelled by eve: enough\n")
	assert.Equal(t, ExitFailed, someone.aof(t, "logs", "-f", run).code)
	got = someone.aof(t, "retry", run)
	require.Equal(t, ExitOK, got.code, got.errs)
	again := regexp.MustCompile(`asks-\w{26}`).FindString(got.out)
	l = someone.begin(t, "logs", "-f", again)
	l.shows(t, "waits for approval")
	l.stop()
	assert.Equal(t, ExitWaiting, <-l.done)
	got = someone.aof(t, "retry", run)
	assert.Equal(t, ExitFailed, got.code)
	assert.Contains(t, got.errs, "was retried already, by "+again)
}

func TestSendBadInput(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"no namespace":    {[]string{"--trigger", "t", "--text", "x", "--server", "http://127.0.0.1:1"}, "-n"},
		"no event":        {[]string{"-n", "x"}, "text"},
		"a missing event": {[]string{"-n", "x", "--event", "/nope"}, "no such file"},
		"no trigger":      {[]string{"-n", "x", "--text", "x"}, "--trigger"},
		"nobody answers":  {[]string{"-n", "x", "--trigger", "t", "--text", "x", "--server", "http://127.0.0.1:1"}, "nobody answers at http://127.0.0.1:1"},
	} {
		got := aof(t, append([]string{"send"}, tc.args...)...)
		assert.Equal(t, ExitBadInput, got.code, name)
		assert.Contains(t, got.errs, tc.says, name)
	}
}

func TestDescribeARun(t *testing.T) {
	t.Parallel()
	someone, _ := dev(t, quickstartDir)
	got := someone.aof(t, "send", "-n", "quickstart", "--event", quickstartDir+"/event.json", "--wait", patience.String())
	require.Equal(t, ExitOK, got.code, got.errs)
	name := regexp.MustCompile(`web-triage-\w+`).FindString(got.out)
	for _, args := range [][]string{{"run", name}, {"flowruns", name, "-n", "quickstart"}, {"FlowRun", name, "-A"}} {
		described := someone.aof(t, append([]string{"describe"}, args...)...)
		assert.Equal(t, ExitOK, described.code, described.errs)
		assert.Equal(t, got.out, described.out)
	}
	assert.Regexp(t, `^run quickstart/`+name+` Succeeded in `, got.out)
	assert.Regexp(t, `(?m)^  Succeeded  think \(Agent\)  \S+  75 tokens\n             \{"advice":"Extend`, got.out)
	assert.Contains(t, got.out, "\n  Skipped    answer (Response) after urgent  ")

	got = someone.aof(t, "describe", "trigger", "web", "-n", "quickstart")
	assert.Equal(t, ExitOK, got.code, got.errs)
	assert.True(t, strings.HasPrefix(got.out, "Name:       web\nNamespace:  quickstart\nKind:       Trigger\nSpec:\n"), got.out)
	assert.Contains(t, got.out, "\nStatus:\n")
	for _, args := range [][]string{{"run", "nope"}, {"run", "nope", "-n", "quickstart"}, {"trigger", "web", "-n", "other"}} {
		got = someone.aof(t, append([]string{"describe"}, args...)...)
		assert.Equal(t, ExitFailed, got.code)
		assert.Contains(t, got.errs, `"`+args[1]+`" not found`)
	}
}
