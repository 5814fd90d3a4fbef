// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const planYAML = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web-plan, namespace: ops}\ndata:\n  plan.json: '" +
	`{"namespace":"ops","binding":"web","context":{},"flowNamespace":"ops","flow":{"name":"fix","nodes":[{"id":"ask","kind":"Agent","config":{"agent":"a"}},{"id":"approve","kind":"Approval"},{"id":"apply","kind":"Script","config":{"command":"true"}},{"id":"tell","kind":"Slack","config":{"message":"m"}}],` +
	`"edges":[{"from":"trigger","to":"ask"},{"from":"ask","to":"approve"},{"from":"approve","to":"apply"},{"from":"approve","to":"tell"}]}}` + "'\n"

func TestRetry(t *testing.T) {
	t.Parallel()
	c := newCluster(t).put(failedRun, planYAML, bindingYAML)
	got := c.user().aof(t, "retry", "web-2", "-o", "json")
	require.Equal(t, ExitOK, got.code, got.errs)
	var made struct {
		Metadata struct {
			Name        string
			Labels      map[string]string
			Annotations map[string]string
		}
		Spec   map[string]any
		Status map[string]any
	}
	require.NoError(t, json.Unmarshal([]byte(got.out), &made))
	assert.Regexp(t, `^web-[0-9a-v]{26}$`, made.Metadata.Name)
	assert.Equal(t, map[string]string{"aof.dev/binding": "web", "aof.dev/flow": "fix", "aof.dev/retry-of": "web-2"}, made.Metadata.Labels)
	assert.Equal(t, map[string]string{"aof.dev/pattern": "web"}, made.Metadata.Annotations)
	old := c.get(runsPath + "web-2")["spec"]
	now := c.get(runsPath + made.Metadata.Name)["spec"]
	assert.Equal(t, old, now, "the same binding, plan and event, to the last digit")
	assert.Contains(t, got.out, "1234567890123456789")
	assert.Nil(t, made.Status)

	got = c.user().aof(t, "retry", "web-2")
	assert.Equal(t, said{ExitFailed, "", "aof: run web-2 was retried already, by " + made.Metadata.Name + ", which is Pending\n"}, got)
	c.put(strings.Replace(bindingYAML, "spec: {", "status: {plan: web-new}\nspec: {", 1))
	got = c.user().aof(t, "retry", "web-2", "--latest")
	assert.Contains(t, got.errs, "was retried already", "on whatever plan: one attempt has one successor")
	got = c.user().aof(t, "retry", made.Metadata.Name)
	assert.Equal(t, ExitFailed, got.code)
	assert.Contains(t, got.errs, "is Pending: cancel it first, or wait for its end")
}

func TestRetryForPeople(t *testing.T) {
	t.Parallel()
	c := newCluster(t).put(failedRun, planYAML, bindingYAML)
	got := c.user().aof(t, "retry", "web-2")
	assert.Regexp(t, `^run ops/(web-\w+) retries web-2\n$`, got.out)
	assert.Regexp(t, `logs -f ops/web-\w+\n$`, got.errs)
}

func TestRetryOnAPlan(t *testing.T) {
	t.Parallel()
	const binding = "apiVersion: aof.dev/v1\nkind: FlowBinding\nmetadata: {name: web, namespace: ops}\nspec: {}\nstatus: {plan: web-new}\n"
	c := newCluster(t).put(failedRun, bindingYAML)
	got := c.user().aof(t, "retry", "web-2")
	assert.Equal(t, ExitFailed, got.code)
	assert.Contains(t, got.errs, "the plan of run web-2 (web-plan) is gone; retry on the binding's present one with --latest")
	got = c.user().aof(t, "retry", "web-2", "--latest")
	assert.Equal(t, ExitFailed, got.code)
	assert.Contains(t, got.errs, "binding ops/web has no plan now")
	c.remove("/apis/aof.dev/v1/namespaces/ops/flowbindings/web")
	got = c.user().aof(t, "retry", "web-2")
	assert.Contains(t, got.errs, "the binding of run web-2 (ops/web) is gone")
	got = c.user().aof(t, "retry", "web-2", "--latest")
	assert.Equal(t, ExitFailed, got.code)
	assert.Contains(t, got.errs, `flowbindings "web" not found`)

	c.put(binding)
	got = c.user().aof(t, "retry", "web-2", "--latest", "-o", "yaml")
	assert.Equal(t, ExitOK, got.code, got.errs)
	assert.Contains(t, got.out, "  plan: web-new\n")

	c = newCluster(t).put(failedRun, planYAML, bindingYAML).deny("get configmaps")
	got = c.user().aof(t, "retry", "web-2")
	assert.Equal(t, ExitOK, got.code, "nobody needs to be able to read plans: %s", got.errs)
}

// brokenRun is a run that came to the ends of two branches, and failed in both.
const brokenRun = `
apiVersion: aof.dev/v1
kind: FlowRun
metadata: {name: web-3, namespace: ops, uid: u3, creationTimestamp: "2026-05-04T10:01:00Z"}
spec:
  flow: {name: fix}
  binding: {name: web, namespace: ops}
  plan: web-plan
  event: {specversion: "1.0", id: e3, source: /s, type: t, data: {}}
status:
  phase: Failed
  error: {node: apply, reason: Exit, message: "exit code 7"}
  nodes:
    - {id: ask, type: Agent, phase: Succeeded, attempt: 1, output: {output: "kubectl scale"}}
    - {id: approve, type: Approval, phase: Succeeded, attempt: 1, output: {approved: true}}
    - {id: apply, type: Script, phase: Failed, attempt: 1, error: {node: apply, reason: Exit, message: "exit code 7"}}
    - {id: tell, type: Slack, phase: Failed, attempt: 1, error: {node: tell, reason: HTTP, message: "500"}}
`

func TestRetryFromANode(t *testing.T) {
	t.Parallel()
	c := newCluster(t).put(brokenRun, planYAML, bindingYAML)
	got := c.user().aof(t, "retry", "web-3", "--from", "tell", "--from", "apply,tell", "-o", "json")
	require.Equal(t, ExitOK, got.code, got.errs)
	assert.Empty(t, got.errs)
	var made struct {
		Metadata struct{ Name string }
		Spec     struct{ Retry any }
	}
	require.NoError(t, json.Unmarshal([]byte(got.out), &made))
	assert.Equal(t, map[string]any{"run": "web-3", "uid": "u3", "from": []any{"apply", "tell"}}, made.Spec.Retry)

	got = c.user().aof(t, "retry", "web-3", "--from", "apply", "--from", "tell")
	assert.Equal(t, said{ExitFailed, "", "aof: run web-3 was retried from apply, tell already, by " + made.Metadata.Name + ", which is Pending\n"}, got)
	got = c.user().aof(t, "retry", "web-3", "--from", "apply")
	assert.Equal(t, ExitOK, got.code, "from elsewhere is another retry")
	assert.Regexp(t, `^run ops/web-\w+ retries web-3 from apply\n$`, got.out)
	assert.Contains(t, got.errs, "node tell failed as well and stays so, so the run will fail again: name it with --from, too\n")
	got = c.user().aof(t, "retry", "web-3")
	assert.Equal(t, ExitOK, got.code, "and so is from the beginning: %s", got.errs)
	got = c.user().aof(t, "describe", made.Metadata.Name)
	assert.Contains(t, got.out, "  retries  web-3 from apply, tell\n")

	// Whoever can't read plans is told what the journal says; the runner the rest.
	c.deny("get configmaps")
	got = c.user().aof(t, "retry", "web-3", "--from", "approve")
	assert.Equal(t, ExitOK, got.code, got.errs)
	got = c.user().aof(t, "retry", "web-3", "--from", "nobody")
	assert.Equal(t, said{ExitFailed, "", `aof: run web-3: the run did not come to node "nobody"; it came to "ask", "approve", "apply", "tell"` + "\n"}, got)
}

func TestWhatWasTakenOverIsShownSo(t *testing.T) {
	t.Parallel()
	c := newCluster(t).put(strings.Replace(brokenRun, "type: Agent,", "type: Agent, takenFrom: web-2, startTime: \"2026-05-04T09:00:00.000000Z\",", 1))
	got := c.user().aof(t, "describe", "web-3")
	assert.Contains(t, got.out, "  Succeeded  ask (Agent)  taken over from web-2\n")
	got = c.user().aof(t, "logs", "web-3")
	assert.Contains(t, got.out, "ask      succeeded in run web-2, taken over from there\n")
	assert.NotContains(t, got.out, "09:00")
}

func TestRetryRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		run  string
		args []string
		code int
		says string
	}{
		"it succeeded": {strings.Replace(failedRun, "phase: Failed", "phase: Succeeded", 1), nil, ExitFailed, "run web-2 succeeded: there is nothing to retry"},
		"it goes on":   {strings.Replace(failedRun, "phase: Failed", "phase: Running", 1), nil, ExitFailed, "is Running: cancel it first"},
		"not come to":  {failedRun, []string{"--from", "tell"}, ExitFailed, `run web-2: the run did not come to node "tell"; it came to "apply"`},
		"no such node": {failedRun, []string{"--from", "appply"}, ExitFailed, `run web-2: there is no node "appply"; it came to "apply"`},
		"another plan": {failedRun, []string{"--from", "apply", "--latest"}, ExitBadInput, "[from latest]"},
		"by hand":      {strings.Replace(failedRun, "  binding: {name: web, namespace: ops}\n", "", 1), []string{"--latest"}, ExitFailed, "was started by hand"},
		"no event":     {strings.Replace(failedRun, "specversion: \"1.0\", ", "", 1), nil, ExitFailed, "the event of run web-2 can't be read"},
	} {
		c := newCluster(t).put(tc.run, planYAML, bindingYAML)
		got := c.user().aof(t, append([]string{"retry", "web-2"}, tc.args...)...)
		assert.Equal(t, tc.code, got.code, "%s: %s", name, got.errs)
		assert.Contains(t, got.errs, tc.says, name)
		assert.Zero(t, c.writes, name)
	}
}

func TestDescribeARunOfACluster(t *testing.T) {
	t.Parallel()
	c := newCluster(t).put(waitingRun, planYAML, strings.ReplaceAll(planYAML, "web-plan", "other"))
	got := c.user().at(time.Minute).aof(t, "describe", "web-1")
	assert.Equal(t, said{ExitOK, `run ops/web-1 Waiting

approve waits for approval:
  may I run
  kubectl scale

  flow     fix
  binding  ops/web
  trigger  ops/slack
  context  prod
  plan     web-plan
  event    dev.aof.slack.message from bob in prod: "scale [2Jweb" (id e1)
  created  2026-05-04T10:00:00Z

  Succeeded  ask (Agent)  1.5s  attempt 2  15 tokens
             {"output":"kubectl scale"}
  Waiting    approve (Approval)  for approval, 4m3s left, by alice, carol
  Pending    apply (Script)
  Pending    tell (Slack) after approve

`, ""}, got)
	assert.NotContains(t, got.out, "\x1b")

	c.deny("get configmaps", "get agentflows")
	got = c.user().at(time.Minute).aof(t, "describe", "run", "web-1")
	assert.Equal(t, ExitOK, got.code, "how the nodes hang together is a help and not needed: %s", got.errs)
	assert.NotContains(t, got.out, "Pending")
	assert.Contains(t, got.out, "  Waiting    approve (Approval)")

	c.user().at(time.Minute).aof(t, "approve", "web-1", "--comment", "go")
	got = c.user().at(2*time.Minute).aof(t, "describe", "web-1")
	assert.Contains(t, got.out, "\n             approved by alice at 2026-05-04T10:01:00Z: go\n")
}

func TestLogs(t *testing.T) {
	t.Parallel()
	c := newCluster(t).put(waitingRun, failedRun)
	got := c.user().aof(t, "logs", "web-1")
	assert.Equal(t, `2026-05-04T10:00:00.000Z  run      claimed: dev.aof.slack.message from bob in prod: "scale [2Jweb" (id e1)
2026-05-04T10:00:01.000Z  ask      began (Agent, attempt 2)
2026-05-04T10:00:02.500Z  ask      succeeded in 1.5s, 15 tokens: {"output":"kubectl scale"}
2026-05-04T10:00:03.000Z  approve  began (Approval)
2026-05-04T10:00:03.000Z  approve  waits for approval until 2026-05-04T10:05:03Z: may I run kubectl scale
`, got.out)
	assert.Equal(t, "(the runner's log: no runner pod is there now, they go when there is no work)\n", got.errs)
	assert.Equal(t, ExitOK, got.code)

	got = c.user().aof(t, "logs", "web-2")
	assert.Equal(t, `2026-05-04T10:01:00.000Z  run    claimed: t: "{\"number\":1234567890123456789}" (id e2)
2026-05-04T10:01:01.000Z  apply  began (Script)
2026-05-04T10:01:02.000Z  apply  failed: Exit: exit code 7
                          tell   skipped: UpstreamFailed
2026-05-04T10:01:02.000Z  run    failed in 1s: apply: Exit: exit code 7
`, got.out)
	got = c.user().aof(t, "logs", "web-2", "-o", "json")
	assert.Equal(t, 5, strings.Count(got.out, "\n"))
	assert.Contains(t, got.out, `{"time":"2026-05-04T10:01:02Z","node":"apply","text":"failed: Exit: exit code 7"}`+"\n")
	assert.Empty(t, got.errs)
}

const podYAML = `
apiVersion: v1
kind: Pod
metadata: {name: aof-runner-1, namespace: ops, labels: {serving.knative.dev/service: aof-runner}}
spec: {containers: [{name: queue-proxy}, {name: runner}]}
`

func TestLogsOfTheRunner(t *testing.T) {
	t.Parallel()
	c := newCluster(t).put(failedRun, podYAML)
	c.logs["aof-runner-1"] = "level=INFO run=web-1\nlevel=WARN run=web-2 msg=\"\x1b[2J\"\n"
	got := c.user().aof(t, "logs", "web-2")
	assert.Contains(t, got.out, "exit code 7\n\naof-runner-1: level=WARN run=web-2 msg=\" [2J\"\n")
	assert.Contains(t, c.requests[len(c.requests)-1], "/pods/aof-runner-1/log?container=runner&sinceTime=2026-05-04T10%3A01%3A00Z")
	assert.Empty(t, got.errs)

	c.logs["aof-runner-1"] = "level=INFO run=web-1\n"
	got = c.user().aof(t, "logs", "web-2")
	assert.Equal(t, "(the runner's log: the pods that are there now say nothing of this run)\n", got.errs)
	got = c.deny("get pods/log").user().aof(t, "logs", "web-2")
	assert.Equal(t, said{ExitOK, got.out, "(the runner's log: you lack the right to get pods/log in namespace ops)\n"}, got)
	got = c.deny("list pods").user().aof(t, "logs", "web-2")
	assert.Equal(t, said{ExitOK, got.out, "(the runner's log: you lack the right to list pods in namespace ops)\n"}, got)
}
