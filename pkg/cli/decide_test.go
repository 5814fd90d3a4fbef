// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A run that asks may it do something, and one that failed.
const (
	waitingRun = `
apiVersion: aof.dev/v1
kind: FlowRun
metadata: {name: web-1, namespace: ops, uid: u1, labels: {aof.dev/binding: web, aof.dev/flow: fix}}
spec:
  flow: {name: fix}
  binding: {name: web, namespace: ops}
  trigger: {name: slack, namespace: ops}
  context: {name: prod}
  plan: web-plan
  event: {specversion: "1.0", id: e1, source: /s, type: dev.aof.slack.message, aoftrigger: slack, datacontenttype: application/json,
    data: {id: e1, platform: slack, type: message, text: "scale \u001b[2Jweb", user: {id: U1, username: bob}, channel_id: C1, channel_name: prod}}
status:
  phase: Waiting
  startTime: "2026-05-04T10:00:01.000000Z"
  nodes:
    - {id: ask, type: Agent, phase: Succeeded, attempt: 2, startTime: "2026-05-04T10:00:01.000000Z", endTime: "2026-05-04T10:00:02.500000Z", duration: 1.5s, output: {output: "kubectl scale"}, usage: {inputTokens: 10, outputTokens: 5}}
    - id: approve
      type: Approval
      phase: Waiting
      attempt: 1
      startTime: "2026-05-04T10:00:03.000000Z"
      wait: &wait {node: approve, kind: Approval, message: "may I run\nkubectl scale", until: "2026-05-04T10:05:03.000000Z", details: {digest: d1, approvers: [alice, carol], fallback: reject}}
  waiting: [*wait]
`
	failedRun = `
apiVersion: aof.dev/v1
kind: FlowRun
metadata: {name: web-2, namespace: ops, uid: u2, creationTimestamp: "2026-05-04T10:01:00Z", labels: {aof.dev/binding: web, aof.dev/flow: fix}, annotations: {aof.dev/pattern: web}}
spec:
  flow: {name: fix}
  binding: {name: web, namespace: ops}
  plan: web-plan
  event: {specversion: "1.0", id: e2, source: /s, type: t, data: {number: 1234567890123456789}}
status:
  phase: Failed
  startTime: "2026-05-04T10:01:01.000000Z"
  completionTime: "2026-05-04T10:01:02.000000Z"
  duration: 1s
  error: {node: apply, reason: Exit, message: "exit code 7"}
  nodes:
    - {id: apply, type: Script, phase: Failed, attempt: 1, startTime: "2026-05-04T10:01:01.000000Z", endTime: "2026-05-04T10:01:02.000000Z", duration: 1s, error: {node: apply, reason: Exit, message: "exit code 7"}}
    - {id: tell, type: Slack, phase: Skipped, error: {node: tell, reason: UpstreamFailed}}
`
	runsPath = "/apis/aof.dev/v1/namespaces/ops/flowruns/"
)

func decisions(c *fakeCluster, name string) []any {
	spec, _ := c.get(runsPath + name)["spec"].(map[string]any)
	list, _ := spec["decisions"].([]any)
	return list
}

func TestApprove(t *testing.T) {
	t.Parallel()
	c := newCluster(t).put(waitingRun)
	got := c.user().at(time.Minute).aof(t, "approve", "web-1", "--comment", "checked")
	assert.Equal(t, said{ExitOK, `run ops/web-1: approve: approved by alice at 2026-05-04T10:01:00Z: checked
  may I run kubectl scale
`, ""}, got)
	assert.Equal(t, []any{map[string]any{
		"node": "approve", "digest": "d1", "approved": true, "user": "alice", "comment": "checked", "at": "2026-05-04T10:01:00.000000Z",
	}}, decisions(c, "web-1"), "the digest is that of what was asked, and the server says who it was")

	again := c.user().at(2*time.Minute).aof(t, "deny", "web-1")
	assert.Equal(t, said{ExitFailed, "", "aof: approve was decided already: approved by alice at 2026-05-04T10:01:00Z: checked; the run has yet to go on\n"}, again)
	assert.Len(t, decisions(c, "web-1"), 1)
}

func TestDenyForMachines(t *testing.T) {
	t.Parallel()
	c := newCluster(t).put(waitingRun)
	got := c.user().at(time.Minute).aof(t, "deny", "flowrun.aof.dev/web-1", "--node", "approve", "-o", "yaml")
	assert.Equal(t, ExitOK, got.code, got.errs)
	assert.Contains(t, got.out, "approved: false\n")
	assert.Contains(t, got.out, "kind: FlowRun\n")
}

func TestTwoApproversAreAskedFor(t *testing.T) {
	t.Parallel()
	c := newCluster(t).put(strings.Replace(waitingRun, "fallback: reject", "min_approvers: 2", 1))
	user := c.user().at(time.Minute)
	got := user.aof(t, "approve", "web-1")
	assert.Equal(t, ExitOK, got.code, got.errs)
	assert.Contains(t, got.out, "\n1 more have to approve it\n")
	assert.Contains(t, user.aof(t, "describe", "web-1").out, "left, 1 of 2 approvals, by alice, carol\n")
	got = user.aof(t, "approve", "ops/web-1")
	assert.Equal(t, ExitFailed, got.code)
	assert.Equal(t, "aof: it is recorded and does not count: You have approved this already; others have to, too.\n", got.errs)
	c.me = "carol"
	got = user.aof(t, "approve", "web-1")
	assert.Equal(t, ExitOK, got.code, got.errs)
	assert.Contains(t, user.aof(t, "runs").out, "approve: approval approved\n")
	got = user.aof(t, "approve", "web-1")
	assert.Equal(t, ExitFailed, got.code)
	assert.Contains(t, got.errs, "was decided already: approved by alice, carol at ")
}

func TestADecisionThatDoesNotCount(t *testing.T) {
	t.Parallel()
	c := newCluster(t).put(waitingRun)
	c.me = "mallory"
	got := c.user().at(time.Minute).aof(t, "approve", "web-1")
	assert.Equal(t, ExitFailed, got.code)
	assert.Contains(t, got.out, "approved by mallory")
	assert.Equal(t, "aof: it is recorded and does not count: You are not among those who may decide this; nothing has changed.\n     those who may decide: alice, carol\n", got.errs)
	c.me = "alice"
	assert.Equal(t, ExitOK, c.user().at(time.Minute).aof(t, "approve", "web-1").code)

	c = newCluster(t).put(strings.NewReplacer("approvers: [alice, carol]", "approvers: []", "username: bob", "email: alice").Replace(waitingRun))
	got = c.user().at(time.Minute).aof(t, "approve", "web-1", "-o", "name")
	assert.Equal(t, ExitFailed, got.code, "she asked for it herself")
	assert.Contains(t, got.errs, "You asked for this yourself")
	assert.Equal(t, "flowrun.aof.dev/web-1\n", got.out)
}

func TestADecisionThatCannotBeMade(t *testing.T) {
	t.Parallel()
	second := "\n    - {node: other, kind: Approval, message: x, details: {digest: d2}}\n    - {node: nap, kind: Timer}"
	for name, tc := range map[string]struct {
		run  string
		args []string
		code int
		says string
	}{
		"the time is up":      {strings.Replace(waitingRun, "10:05:03", "10:00:30", 1), nil, ExitFailed, "the time to decide approve was up 30s ago (2026-05-04T10:00:30Z), which counts as a no"},
		"the run is over":     {failedRun, nil, ExitFailed, "nothing waits: run web-2 is Failed"},
		"it waits for a time": {strings.Replace(waitingRun, "kind: Approval", "kind: Timer", 1), nil, ExitFailed, "run web-1 is Waiting and waits for no approval; it waits at approve (timer)"},
		"another node":        {waitingRun, []string{"--node", "aprove"}, ExitFailed, `node "aprove" of run web-1 waits for no approval; it waits at approve (approval)`},
		"several wait":        {strings.Replace(waitingRun, "waiting: [*wait]", "waiting:\n    - *wait"+second, 1), nil, ExitBadInput, "several approvals wait; say which with --node: approve, other"},
		"no digest":           {strings.Replace(waitingRun, "digest: d1, ", "", 1), nil, ExitFailed, "no digest"},
		"it is cancelled":     {strings.Replace(waitingRun, "  plan:", "  cancel: {user: eve, reason: enough}\n  plan:", 1), nil, ExitFailed, "nothing waits: run web-1 is to be cancelled by eve: enough"},
		"a misspelt run":      {waitingRun, []string{"web-l"}, ExitFailed, `flowruns "web-l" not found in namespace ops; did you mean web-1?`},
		"an unknown format":   {waitingRun, []string{"-o", "xml"}, ExitBadInput, "-o xml: want json, yaml or name"},
	} {
		c := newCluster(t).put(tc.run)
		args := tc.args
		if len(args) == 0 || strings.HasPrefix(args[0], "-") {
			run := "web-1"
			if tc.run == failedRun {
				run = "web-2"
			}
			args = append([]string{run}, args...)
		}
		got := c.user().at(time.Minute).aof(t, append([]string{"approve"}, args...)...)
		assert.Equal(t, tc.code, got.code, name)
		assert.Contains(t, got.errs, tc.says, name)
		assert.Empty(t, got.out, name)
		assert.Zero(t, c.writes, name)
	}
}

func TestOneOfSeveralApprovals(t *testing.T) {
	t.Parallel()
	c := newCluster(t).put(strings.Replace(waitingRun, "waiting: [*wait]", "waiting: [*wait, {node: other, kind: Approval, message: x, details: {digest: d2}}]", 1))
	got := c.user().at(time.Minute).aof(t, "approve", "web-1", "--node", "other")
	assert.Equal(t, ExitOK, got.code, got.errs)
	got = c.user().at(time.Minute).aof(t, "approve", "web-1")
	assert.Equal(t, ExitOK, got.code, "one is left: %s", got.errs)
	assert.Contains(t, got.out, "ops/web-1: approve: approved")
}

func TestADecisionLosesToAnother(t *testing.T) {
	t.Parallel()
	c := newCluster(t).put(waitingRun)
	c.meddle = func(c *fakeCluster, n int) {
		if n > 1 {
			return
		}
		run := clone(c.objects[runsPath+"web-1"])
		run["spec"].(map[string]any)["decisions"] = []any{map[string]any{"node": "approve", "digest": "d1", "approved": false, "user": "carol"}}
		c.store(runsPath+"web-1", run)
	}
	got := c.user().at(time.Minute).aof(t, "approve", "web-1")
	assert.Equal(t, said{ExitFailed, "", "aof: approve was decided already: denied by carol at 2026-05-04T10:01:00Z; the run has yet to go on\n"}, got)
	require.Len(t, decisions(c, "web-1"), 1, "what carol said is not overwritten")
}

func TestADecisionIsTriedAgainWhenTheRunMovesOn(t *testing.T) {
	t.Parallel()
	c := newCluster(t).put(waitingRun)
	c.meddle = func(c *fakeCluster, n int) {
		if n < maxTries {
			c.store(runsPath+"web-1", clone(c.objects[runsPath+"web-1"]))
		}
	}
	got := c.user().at(time.Minute).aof(t, "approve", "web-1")
	assert.Equal(t, ExitOK, got.code, got.errs)

	c.meddle = func(c *fakeCluster, _ int) { c.store(runsPath+"web-1", clone(c.objects[runsPath+"web-1"])) }
	got = c.user().at(time.Minute).aof(t, "cancel", "web-1")
	assert.Equal(t, ExitFailed, got.code, "there is an end to it")
	assert.Contains(t, got.errs, "the object has been modified")
}

func TestCancel(t *testing.T) {
	t.Parallel()
	c := newCluster(t).put(waitingRun, failedRun)
	got := c.user().aof(t, "cancel", "web-1", "--reason", "not\x1b[2J today")
	assert.Equal(t, said{ExitOK, "run ops/web-1 is to be cancelled by alice: not [2J today\n", ""}, got)
	spec := c.get(runsPath + "web-1")["spec"].(map[string]any)
	assert.Equal(t, map[string]any{"user": "alice", "reason": "not\x1b[2J today"}, spec["cancel"])

	got = c.user().aof(t, "cancel", "web-1")
	assert.Equal(t, said{ExitOK, "run ops/web-1 is to be cancelled by alice: not [2J today\n", ""}, got, "it is so already")
	assert.Equal(t, 1, c.writes)
	got = c.user().aof(t, "cancel", "web-1", "-o", "name")
	assert.Equal(t, "flowrun.aof.dev/web-1\n", got.out)
	got = c.user().aof(t, "cancel", "web-2")
	assert.Equal(t, said{ExitFailed, "", "aof: run web-2 is over: it failed\n"}, got)
}

func TestRightsAreNamed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ deny, args, needs string }{
		"approve":        {"patch flowruns", "approve web-1", "patch flowruns.aof.dev in namespace ops"},
		"cancel":         {"patch flowruns", "cancel web-1", "patch flowruns.aof.dev in namespace ops"},
		"retry":          {"create flowruns", "retry web-2", "create flowruns.aof.dev in namespace ops"},
		"runs":           {"list flowruns", "runs", "list flowruns.aof.dev in namespace ops"},
		"runs of all":    {"list flowruns", "runs -A", "list flowruns.aof.dev in all namespaces"},
		"runs -w":        {"watch flowruns", "runs -w", "watch flowruns.aof.dev in namespace ops"},
		"get":            {"list triggers", "get triggers", "list triggers.aof.dev in namespace ops"},
		"get one":        {"get flowruns", "get run web-1", "get flowruns.aof.dev in namespace ops"},
		"describe":       {"get flowruns", "describe web-1", "get flowruns.aof.dev in namespace ops"},
		"logs":           {"get flowruns", "logs web-1", "get flowruns.aof.dev in namespace ops"},
		"explain":        {"list flowbindings", "explain --text x", "list flowbindings.aof.dev in namespace ops"},
		"send":           {"create services/proxy", "send --trigger slack --text x", "create services/proxy in namespace knative-eventing"},
		"send, a broker": {"get brokers", "send --trigger slack --text x", "get brokers.eventing.knative.dev in namespace ops"},
	} {
		c := newCluster(t).put(waitingRun, failedRun, planYAML, bindingYAML, brokerYAML, triggerYAML).deny(tc.deny)
		got := c.user().at(time.Minute).aof(t, strings.Fields(tc.args)...)
		assert.Equal(t, ExitFailed, got.code, name)
		assert.Contains(t, got.errs, `User "alice" cannot `, name)
		assert.Contains(t, got.errs, "\n     it needs the right to "+tc.needs, name)
		assert.Equal(t, name == "runs -w", got.out != "", "%s: %s", name, got.out)
		if strings.HasPrefix(name, "send") {
			assert.Contains(t, got.errs, "--url", name)
		}
	}
}
