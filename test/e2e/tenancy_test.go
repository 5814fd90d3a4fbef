// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// oneNode is a trigger and the smallest flow for it.
const oneNode = `apiVersion: aof.dev/v1
kind: Trigger
metadata: {name: web}
spec: {type: HTTP, config: {secret: quick}}
---
apiVersion: aof.dev/v1
kind: AgentFlow
metadata: {name: answer}
spec:
  trigger: {type: HTTP, config: {}}
  nodes:
  - {id: reply, type: Response, config: {message: "heard ${event.text} in ${context.namespace}"}}
  connections: [{from: trigger, to: reply}]`

const sharedContext = `apiVersion: aof.dev/v1
kind: Context
metadata: {name: shared-dev}
spec: {namespace: development, approval: {required: false}}`

const crossBinding = `apiVersion: aof.dev/v1
kind: FlowBinding
metadata: {name: dev-web}
spec:
  trigger: {name: web}
  context: {name: shared-dev, namespace: SHARED}
  flow: {name: answer}`

// TestContextOfAnotherNamespace is the seed's shared context: RBAC of who makes the binding is the consent.
func TestContextOfAnotherNamespace(t *testing.T) {
	t.Parallel()
	e := newOperatorEnv(t)
	shared := e.addNamespace("shared")
	shared.apply(sharedContext)
	e.apply(oneNode)
	binding := strings.ReplaceAll(crossBinding, "SHARED", shared.namespace)

	// A member of the team may edit its namespace, and see nothing of the other.
	e.kubectl("create", "rolebinding", "team", "--clusterrole=edit", "--user=member@example.com")
	out, err := e.applyAs("member@example.com", binding)
	require.Error(t, err)
	assert.Contains(t, out, "spec.context")
	assert.Contains(t, out, shared.namespace)
	assert.Nil(t, e.object(flowBindings, "dev-web"))

	shared.kubectl("create", "rolebinding", "consent", "--clusterrole=view", "--user=member@example.com")
	out, err = e.applyAs("member@example.com", binding)
	require.NoError(t, err, out)
	e.untilReady(flowBindings, "dev-web")

	p := e.startProbe()
	p.untilEvent("web", "one", "hello")
	run := e.untilRuns(1)[0]
	assert.Equal(t, "heard hello in development", field(&run, "status", "result", "text"), "%v", run.Object["status"])
}

// applyAs applies a manifest as another user.
func (e *env) applyAs(user, manifest string) (string, error) {
	e.t.Helper()
	kubectl := exec.CommandContext(e.t.Context(), "kubectl", "-n", e.namespace, "--as", user, "apply", "-f", "-")
	kubectl.Env = os.Environ()
	kubectl.Stdin = strings.NewReader(manifest)
	out, err := kubectl.CombinedOutput()
	return string(out), err
}

// TestTriggerOfAnotherNamespace is the seed's first example: trigger and context stand in the platform team's
// namespace, binding and flow in that of the workflows, and deleting the binding leaves nothing in either.
func TestTriggerOfAnotherNamespace(t *testing.T) {
	t.Parallel()
	e := newOperatorEnv(t)
	platform := e.addNamespace("platform")
	trigger, flow, _ := strings.Cut(oneNode, "\n---\n")
	platform.apply(trigger + "\n---\n" + sharedContext)
	e.apply(flow)
	e.apply(strings.ReplaceAll(strings.ReplaceAll(crossBinding, "SHARED", platform.namespace),
		"trigger: {name: web}", "trigger: {name: web, namespace: "+platform.namespace+"}"))
	e.untilReady(flowBindings, "dev-web")

	p := platform.startProbe()
	e.until("an event becomes a run in the binding's namespace", func(context.Context) (bool, error) {
		_ = p.eventFor(platform.brokerURL(), "web", "one", "hello")
		return len(e.runs()) == 1, nil
	})
	run := e.untilRuns(1)[0]
	assert.Equal(t, "Succeeded", field(&run, "status", "phase"), "%v", run.Object["status"])

	e.kubectl("delete", "flowbinding", "dev-web")
	e.kubectl("delete", "flowruns", "--all")
	e.untilNothingLeft()
	platform.kubectl("delete", "triggers.aof.dev", "web")
	platform.untilNothingLeft()
}
