// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// countingFlow pauses with a runner at work, and then has one side effect.
const countingFlow = `apiVersion: aof.dev/v1
kind: AgentFlow
metadata: {name: answer}
spec:
  trigger: {type: HTTP, config: {}}
  nodes:
  - {id: pause, type: Wait, config: {duration: 2s}}
  - {id: effect, type: HTTP, config: {method: POST, url: "http://probe.NAMESPACE.svc.cluster.local/effect/${event.text}", body: {}}}
  connections: [{from: trigger, to: pause}, {from: pause, to: effect}]`

// perVictim is how many webhooks are on their way when something is unplugged.
const perVictim = 4

// TestUnplugging kills every part of the way while runs are on it, and pauses the API server. Each webhook that was
// told "accepted" has its effect exactly once, as counted by the server that was asked for it, not by our status.
func TestUnplugging(t *testing.T) {
	e := newOperatorEnv(t)
	p := e.startProbe()
	flow := strings.ReplaceAll(countingFlow, "NAMESPACE", e.namespace)
	e.apply(strings.Join([]string{webTrigger, demoContext, flow, localBinding}, "\n---\n"))
	e.untilReady(flowBindings, "local")
	endpoint := field(e.object(aofTriggers, "web"), "status", "webhookEndpoint")

	system, eventing := e.in(systemNamespace), e.in("knative-eventing")
	victims := []struct {
		name   string
		unplug func()
	}{
		{"runner", func() { e.kill(runnerPods) }},
		{"adapter", func() { system.kill("serving.knative.dev/service=aof-adapter") }},
		{"controller", func() { system.kill("app.kubernetes.io/name=aof-controller") }},
		{"webhook", func() { system.kill("app.kubernetes.io/name=aof-webhook") }},
		{"broker-filter", func() { eventing.kill("eventing.knative.dev/brokerRole=filter") }},
		{"broker-ingress", func() { eventing.kill("eventing.knative.dev/brokerRole=ingress") }},
		{"channel", func() { eventing.kill("messaging.knative.dev/role=dispatcher") }},
		{"api-server", e.pauseAPIServer},
	}
	accepted := map[string]int{}
	for _, v := range victims {
		for i := range perVictim {
			key := fmt.Sprintf("%s-%d", v.name, i)
			e.within(2*time.Minute, "the adapter accepts "+key, func(context.Context) (bool, error) {
				return p.hook(endpoint, key, `{"text":"`+key+`"}`, "quick", http.StatusAccepted) == nil, nil
			})
			accepted[key] = 1
			if i == perVictim/2 {
				v.unplug()
			}
		}
	}
	e.within(4*time.Minute, "every accepted webhook has had its effect", func(context.Context) (bool, error) {
		return len(p.effects()) >= len(accepted), nil
	})
	// What is doubled would come with the last resend: no run may be open any more.
	e.within(2*time.Minute, "no run is open", func(context.Context) (bool, error) {
		for _, run := range e.runs() {
			if phase := field(&run, "status", "phase"); phase != "Succeeded" && phase != "Failed" {
				return false, nil
			}
		}
		return true, nil
	})
	assert.Equal(t, accepted, p.effects())
	assert.Len(t, e.runs(), len(accepted))
}

// kill ends pods at once, as a node that goes away does.
func (e *env) kill(selector string) {
	e.t.Helper()
	require.NotZero(e.t, e.pods(selector), "there is nothing to kill: %s", selector)
	e.kubectl("delete", "pods", "-l", selector, "--grace-period=0", "--force", "--ignore-not-found")
}

// pauseAPIServer stops the API server for 20 s. Only our own node lets us.
func (e *env) pauseAPIServer() {
	e.t.Helper()
	if os.Getenv("E2E_KUBECONFIG") != "" {
		e.t.Log("the API server of a cluster that is not ours is not paused")
		return
	}
	require.NoError(e.t, exec.CommandContext(e.t.Context(), "pkill", "-STOP", "-x", "kube-apiserver").Run())
	timer := time.NewTimer(20 * time.Second)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-e.t.Context().Done():
	}
	require.NoError(e.t, exec.Command("pkill", "-CONT", "-x", "kube-apiserver").Run())
}
