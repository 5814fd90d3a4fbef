// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestQuickstart is the README on a cluster: apply the example, send a CloudEvent to the broker and a webhook to the
// adapter, read what happened with kubectl, and see the pods go and come again.
func TestQuickstart(t *testing.T) {
	t.Parallel()
	e := newOperatorEnv(t)
	p := e.startProbe()
	// The scripted model's replies are a file beside the example; in a cluster they stand among the credentials.
	e.kubectl("create", "secret", "generic", "aof-credentials", "--from-file=REPLIES_YAML="+filepath.Join(top, "examples/quickstart/replies.yaml"))
	e.apply(e.example("quickstart", "quickstart"))
	e.untilReady(aofTriggers, "web")
	e.untilReady(agentFlows, "triage")
	e.untilReady(flowBindings, "web-triage")

	p.untilEvent("web", "ask-1", "the disk of db-1 is full")
	run := e.untilRuns(1)[0]
	assert.Equal(t, "Succeeded", field(&run, "status", "phase"), "%v", run.Object["status"])
	assert.Equal(t, "URGENT (demo): The disk of the database is nearly full. Extend the volume, then find what grows",
		field(&run, "status", "result", "text"))

	e.until("the binding shows the run", func(context.Context) (bool, error) {
		return field(e.object(flowBindings, "web-triage"), "status", "executionCount") == "1", nil
	})
	b := e.object(flowBindings, "web-triage")
	assert.Equal(t, "1", field(b, "status", "successCount"))
	assert.Equal(t, "1", field(b, "status", "metrics", "successRate"))
	assert.Equal(t, "ask-1", field(b, "status", "lastTriggered", "eventId"))
	assert.Equal(t, "Bound", field(b, "status", "phase"))
	table := e.kubectl("get", "flowbinding", "web-triage")
	assert.Regexp(t, `web-triage\s+web\s+demo\s+triage\s+true\s+1\s+1\s`, table)

	// The same event again is the same run.
	require.NoError(t, p.eventFor(e.brokerURL(), "web", "ask-1", "the disk of db-1 is full"))

	e.untilPods(runnerPods, 0)
	endpoint := field(e.object(aofTriggers, "web"), "status", "webhookEndpoint")
	require.NotEmpty(t, endpoint)
	assert.True(t, strings.HasSuffix(endpoint, "/"+e.namespace+"/web"), endpoint)
	require.NoError(t, p.hook(endpoint, "hook-0", `{"text":"latency is up"}`, "wrong", http.StatusUnauthorized))
	require.NoError(t, p.hook(endpoint, "hook-1", `{"text":"latency is up"}`, "quickstart", http.StatusAccepted))
	for _, run := range e.untilRuns(2) {
		assert.Equal(t, "Succeeded", field(&run, "status", "phase"), "%v", run.Object["status"])
	}
	e.until("the trigger shows the webhook", func(context.Context) (bool, error) {
		trigger := e.object(aofTriggers, "web")
		return field(trigger, "status", "eventCount") != "" && field(trigger, "status", "errorCount") == "1", nil
	})
	e.until("the binding shows both runs", func(context.Context) (bool, error) {
		return field(e.object(flowBindings, "web-triage"), "status", "executionCount") == "2", nil
	})
	e.until("the agent shows its runs", func(context.Context) (bool, error) {
		return strings.Contains(e.kubectl("get", "agent", "triage"), " 2 "), nil
	})
	e.untilPods(runnerPods, 0)
}
