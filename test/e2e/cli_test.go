// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// askingFlow asks one person, and fails for who asks for that.
const askingFlow = `apiVersion: aof.dev/v1
kind: Context
metadata: {name: demo}
spec: {namespace: default, approval: {allowed_users: [approver@example.com]}}
---
apiVersion: aof.dev/v1
kind: AgentFlow
metadata: {name: answer}
spec:
  trigger: {type: HTTP, config: {}}
  nodes:
  - {id: note, type: Transform, config: {script: "echo noted"}}
  - {id: ask, type: Approval, config: {message: "May I ${event.text}?"}}
  - {id: reply, type: Response, config: {message: "done: ${event.text}"}}
  connections: [{from: trigger, to: note}, {from: note, to: ask}, {from: ask, to: reply}]`

// sendRole is that of docs/cli.md: it lets somebody have the API server pass events on to the broker.
const sendRole = `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: NAME, namespace: knative-eventing}
rules:
- {apiGroups: [""], resources: [services/proxy], resourceNames: ["broker-ingress:80"], verbs: [create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: NAME, namespace: knative-eventing}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: NAME}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: member@example.com}]`

// plugin builds kubectl aof, once for the suite, and returns its folder.
var plugin = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "aof-e2e-")
	if err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(dir, "kubectl-aof"), "./cmd/aof")
	build.Dir = top
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building kubectl aof: %w\n%s", err, out)
	}
	return dir, nil
})

// aofAs runs kubectl aof as somebody, and returns what is printed and the exit code.
func (e *env) aofAs(user string, args ...string) (string, int) {
	e.t.Helper()
	dir, err := plugin()
	require.NoError(e.t, err)
	cmd := exec.CommandContext(e.t.Context(), "kubectl", append([]string{"aof", "-n", e.namespace, "--as", user}, args...)...)
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	e.t.Logf("$ kubectl aof %s   # as %s: %d\n%s", strings.Join(args, " "), user, cmd.ProcessState.ExitCode(), out)
	if cmd.ProcessState == nil {
		require.NoError(e.t, err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// TestCommandLine is kubectl aof in the hands of people who have the roles edit and view of a namespace and nothing
// else, but for the right to send.
func TestCommandLine(t *testing.T) {
	t.Parallel()
	e := newOperatorEnv(t)
	const member, approver, viewer, stranger = "member@example.com", "approver@example.com", "viewer@example.com", "stranger@example.com"
	for user, role := range map[string]string{member: "edit", approver: "edit", viewer: "view"} {
		e.kubectl("create", "rolebinding", strings.Split(user, "@")[0], "--clusterrole="+role, "--user="+user)
	}
	e.apply(webTrigger + "\n---\n" + askingFlow + "\n---\n" + localBinding)
	e.untilReady(flowBindings, "local")

	// Without the right to send, one is told which right that is.
	out, code := e.aofAs(member, "send", "--binding", "local", "--text", "begin")
	assert.Equal(t, 1, code)
	assert.Contains(t, out, "it needs the right to create services/proxy in namespace knative-eventing")
	e.in("knative-eventing").apply(strings.ReplaceAll(sendRole, "NAME", e.namespace))
	t.Cleanup(func() {
		_ = exec.Command("kubectl", "-n", "knative-eventing", "delete", "role/"+e.namespace, "rolebinding/"+e.namespace).Run()
	})
	e.until("the member may send", func(context.Context) (bool, error) {
		_, code := e.aofAs(member, "send", "--binding", "local", "--text", "drop the table", "--wait", "60s")
		return code == 3, nil // it waits
	})
	run := e.waiting()
	t.Run("reading", func(t *testing.T) {
		e.on(t).readWith(viewer, stranger, run)
	})

	out, code = e.aofAs(stranger, "approve", run)
	assert.Equal(t, 1, code)
	assert.Contains(t, out, "it needs the right to get flowruns")
	out, code = e.aofAs(viewer, "approve", run)
	assert.Equal(t, 1, code)
	assert.Contains(t, out, "it needs the right to patch flowruns")
	out, code = e.aofAs(member, "approve", run)
	assert.Equal(t, 1, code, "an editor is not an approver")
	assert.Contains(t, out, "not among those who may decide")
	out, code = e.aofAs(approver, "approve", run, "--comment", "checked")
	assert.Equal(t, 0, code)
	assert.Contains(t, out, "approved")
	e.untilOver(run, "Succeeded")
	out, code = e.aofAs(approver, "deny", run)
	assert.Equal(t, 1, code)
	assert.Contains(t, out, approver, "who decided before")
	out, code = e.aofAs(viewer, "describe", run)
	assert.Equal(t, 0, code)
	assert.Contains(t, out, "approved by "+approver)
	assert.Regexp(t, "approved by "+member+".*does not count", out)

	// The next one is cancelled, retried and denied.
	_, code = e.aofAs(member, "send", "--binding", "local", "--text", "raise the dead", "--wait", "60s")
	assert.Equal(t, 3, code)
	cancelled := e.waiting()
	_, code = e.aofAs(member, "cancel", cancelled, "--reason", "no longer needed")
	assert.Equal(t, 0, code)
	e.untilOver(cancelled, "Cancelled")
	out, code = e.aofAs(viewer, "retry", cancelled)
	assert.Equal(t, 1, code)
	assert.Contains(t, out, "it needs the right to create flowruns")
	_, code = e.aofAs(member, "retry", cancelled)
	assert.Equal(t, 0, code)
	again := e.waiting()
	assert.NotEqual(t, cancelled, again)
	_, code = e.aofAs(approver, "deny", again)
	assert.Equal(t, 0, code)
	e.untilOver(again, "Succeeded")
	assert.NotContains(t, field(e.object(flowRuns, again), "status", "result", "text"), "done", "what comes after the question is left out")
	out, code = e.aofAs(viewer, "runs")
	assert.Equal(t, 0, code)
	for _, phase := range []string{"Succeeded", "Cancelled"} {
		assert.Contains(t, out, phase)
	}
}

// readWith looks at everything as somebody who may view, and as somebody who may not.
func (e *env) readWith(viewer, stranger, run string) {
	for _, verb := range []struct {
		args []string
		says []string
	}{
		{[]string{"runs"}, []string{run, "Waiting"}},
		{[]string{"get", "flowbindings"}, []string{"local", "web", "demo", "answer"}},
		{[]string{"describe", "run", run}, []string{"ask", "May I drop the table?", "approver@example.com", "reply"}},
		{[]string{"describe", "flowbinding", "local"}, []string{"local"}},
		{[]string{"logs", run}, []string{"note", "ask"}},
		{[]string{"explain", "--trigger", "web", "--text", "hello"}, []string{"local"}},
	} {
		out, code := e.aofAs(viewer, verb.args...)
		assert.Equal(e.t, 0, code, "%v", verb.args)
		for _, text := range verb.says {
			assert.Contains(e.t, out, text, "%v", verb.args)
		}
		out, code = e.aofAs(stranger, verb.args...)
		assert.Equal(e.t, 1, code, "%v", verb.args)
		assert.Contains(e.t, out, "it needs the right to", "%v", verb.args)
	}
}

// waiting is the name of the run that waits.
func (e *env) waiting() string {
	e.t.Helper()
	var name string
	e.until("a run waits", func(context.Context) (bool, error) {
		for _, run := range e.runs() {
			if field(&run, "status", "phase") == "Waiting" {
				name = run.GetName()
			}
		}
		return name != "", nil
	})
	return name
}

// untilOver waits until a run is over, and wants a phase.
func (e *env) untilOver(run, phase string) {
	e.t.Helper()
	e.until("the run "+run+" is "+phase, func(context.Context) (bool, error) {
		return field(e.object(flowRuns, run), "status", "phase") == phase, nil
	})
}
