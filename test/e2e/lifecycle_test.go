// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const demoContext = `apiVersion: aof.dev/v1
kind: Context
metadata: {name: demo}
spec: {namespace: default}`

const localBinding = `apiVersion: aof.dev/v1
kind: FlowBinding
metadata: {name: local}
spec: {trigger: {name: web}, context: {name: demo}, flow: {name: answer}}`

const waitingFlow = `apiVersion: aof.dev/v1
kind: AgentFlow
metadata: {name: answer}
spec:
  trigger: {type: HTTP, config: {}}
  nodes:
  - {id: pause, type: Wait, config: {duration: 12s}}
  - {id: reply, type: Response, config: {message: "VERSION says ${event.text}"}}
  connections: [{from: trigger, to: pause}, {from: pause, to: reply}]`

// webTrigger is the trigger of oneNode alone.
var webTrigger, _, _ = strings.Cut(oneNode, "\n---\n")

// TestWaitingRunKeepsItsPlan edits a flow while a run waits without a pod: the run ends on the flow it began with.
func TestWaitingRunKeepsItsPlan(t *testing.T) {
	t.Parallel()
	e := newOperatorEnv(t)
	p := e.startProbe()
	e.apply(strings.Join([]string{webTrigger, demoContext, strings.ReplaceAll(waitingFlow, "VERSION", "old"), localBinding}, "\n---\n"))
	e.untilReady(flowBindings, "local")
	old := field(e.object(flowBindings, "local"), "status", "plan")

	p.untilEvent("web", "one", "hello")
	e.until("the run waits", func(context.Context) (bool, error) {
		runs := e.runs()
		return len(runs) == 1 && field(&runs[0], "status", "phase") == "Waiting", nil
	})
	e.apply(strings.ReplaceAll(waitingFlow, "VERSION", "new"))
	e.until("the binding has a new plan", func(context.Context) (bool, error) {
		plan := field(e.object(flowBindings, "local"), "status", "plan")
		return plan != "" && plan != old, nil
	})
	run := e.untilRuns(1)[0]
	assert.Equal(t, "old says hello", field(&run, "status", "result", "text"), "%v", run.Object["status"])
	assert.Equal(t, old, field(&run, "spec", "plan"))
}

// TestDeletionInAnyOrder deletes a composition in several orders, and nothing of what was made for it may stay.
func TestDeletionInAnyOrder(t *testing.T) {
	t.Parallel()
	objects := []string{"triggers.aof.dev/web", "contexts/demo", "agentflows/answer", "flowbindings/local"}
	for _, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			t.Parallel()
			e := newOperatorEnv(t)
			e.apply(strings.Join([]string{oneNode, demoContext, localBinding}, "\n---\n"))
			e.untilReady(flowBindings, "local")
			for _, n := range order {
				e.kubectl("delete", objects[n], "--wait=false")
			}
			e.untilNothingLeft()
			for _, object := range objects {
				kind, _, _ := strings.Cut(object, "/")
				e.until("no "+kind+" is left", func(context.Context) (bool, error) {
					return strings.TrimSpace(e.kubectl("get", kind, "-o", "name")) == "", nil
				})
			}
		})
	}
}

// TestAnotherLeaderTakesOver kills the pods of the controller that leads: what is applied then becomes ready all the same.
func TestAnotherLeaderTakesOver(t *testing.T) {
	e := newOperatorEnv(t)
	system := e.in(systemNamespace)
	system.kubectl("scale", "deployment/aof-controller", "--replicas=2")
	t.Cleanup(func() {
		back := exec.Command("kubectl", "-n", systemNamespace, "scale", "deployment/aof-controller", "--replicas=1")
		out, err := back.CombinedOutput()
		assert.NoError(t, err, "%s", out)
	})
	system.kubectl("rollout", "status", "deployment/aof-controller", "--timeout=60s")
	e.apply(strings.Join([]string{webTrigger, demoContext}, "\n---\n"))
	e.untilReady(aofTriggers, "web")

	leases := strings.Fields(system.kubectl("get", "leases", "-o", "jsonpath={.items[*].spec.holderIdentity}"))
	pods := strings.Fields(system.kubectl("get", "pods", "-l", "app.kubernetes.io/name=aof-controller", "-o", "jsonpath={.items[*].metadata.name}"))
	killed := ""
	for _, pod := range pods {
		if strings.Contains(strings.Join(leases, " "), pod) {
			killed = pod
			system.kubectl("delete", "pod", pod, "--grace-period=0", "--force")
			break
		}
	}
	require.NotEmpty(t, killed, "one of %v leads: %v", pods, leases)
	_, flow, _ := strings.Cut(oneNode, "\n---\n")
	e.apply(flow + "\n---\n" + localBinding)
	e.untilReady(flowBindings, "local")
}
