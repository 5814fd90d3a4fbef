// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const askingAgent = `apiVersion: aof.dev/v1
kind: Agent
metadata: {name: helper}
spec: {model: "openai:any", instructions: help}
---
apiVersion: aof.dev/v1
kind: AgentFlow
metadata: {name: answer}
spec:
  trigger: {type: HTTP, config: {}}
  nodes:
  - {id: ask, type: Agent, config: {agent: helper, input: "${event.text}"}}
  connections: [{from: trigger, to: ask}]`

// Two traces, as whoever sends an event may have begun them.
const (
	traceOfEvent = "0af7651916cd43dd8448eb211c80319c"
	traceOfHook  = "4bf92f3577b34da6a3ce929d0e0e4736"
)

func parent(trace string) string { return "00-" + trace + "-b7ad6b7169203331-01" }

// TestMetricsAndTraces has known runs, and reads them from the controller's metrics under the names that were promised.
// The trace that an event came with is found in the run, in the logs, and at the model that was asked.
func TestMetricsAndTraces(t *testing.T) {
	t.Parallel()
	e := newOperatorEnv(t)
	p := e.startProbe()
	e.kubectl("create", "secret", "generic", "aof-credentials", "--from-literal=OPENAI_API_KEY=k",
		"--from-literal=OPENAI_BASE_URL=http://probe."+e.namespace+".svc.cluster.local/v1")
	e.apply(strings.Join([]string{webTrigger, strings.ReplaceAll(demoContext, "namespace: default", "namespace: default, approval: {required: true}"),
		askingAgent, localBinding}, "\n---\n"))
	e.untilReady(aofTriggers, "web")
	e.untilReady(flowBindings, "local")
	endpoint := field(e.object(aofTriggers, "web"), "status", "webhookEndpoint")

	e.until("an event becomes a run", func(context.Context) (bool, error) {
		data := []byte(`{"text":"by curl"}`)
		_ = p.post("send", "one", "com.example.asked").SetHeader("Ce-Aoftrigger", "web").SetHeader("Ce-Traceparent", parent(traceOfEvent)).
			Body(data).Param("url", e.brokerURL()).Do(t.Context()).Error()
		return len(e.runs()) == 1, nil
	})
	e.until("a webhook is taken", func(context.Context) (bool, error) {
		return p.post("send", "two", "").SetHeader("X-Aof-Token", "quick").SetHeader("Idempotency-Key", "two").
			SetHeader("Traceparent", parent(traceOfHook)).Body([]byte(`{"text":"by hook"}`)).Param("url", endpoint).Param("via", gateway()).
			Param("want", "202").Do(t.Context()).Error() == nil, nil
	})
	e.untilRuns(2)
	e.traced(p)
	require.NoError(t, p.hook(endpoint, "three", `{"text":"fail, please"}`, "quick", http.StatusAccepted))
	e.untilRuns(3)
	require.NoError(t, p.hook(endpoint, "four", `{"text":"x"}`, "wrong", http.StatusUnauthorized))

	labels := fmt.Sprintf(`name="%%s",namespace="%s"`, e.namespace)
	binding, context1, trigger := fmt.Sprintf(labels, "local"), fmt.Sprintf(labels, "demo"), fmt.Sprintf(labels, "web")
	for _, line := range []string{
		"aof_context_ready{" + context1 + "} 1",
		"aof_context_approval_required{" + context1 + "} 1",
		"aof_trigger_connected{" + trigger + `,type="HTTP"} 1`,
		"aof_trigger_events_total{" + trigger + "} 2",
		"aof_trigger_errors_total{" + trigger + "} 1",
		"aof_binding_executions_total{" + binding + "} 3",
		"aof_binding_success_total{" + binding + "} 2",
		"aof_binding_failure_total{" + binding + "} 1",
		"aof_binding_success_rate{" + binding + "} 0.6666666666666666",
		"aof_binding_execution_duration_seconds_count{" + binding + "} 3",
		"aof_binding_execution_duration_seconds{" + binding + `,quantile="0.99"} `,
	} {
		e.until("the metrics have "+line, func(ctx context.Context) (bool, error) {
			return strings.Contains(e.metrics(ctx, p), "\n"+line), nil
		})
	}
	all := e.metrics(t.Context(), p)
	assert.Contains(t, all, "go_goroutines", "the runtime's own")
	assert.Contains(t, all, "workqueue", "those of the work queues")
}

// metrics are those of the controller, as Prometheus would read them.
func (e *env) metrics(ctx context.Context, p probe) string {
	pods, err := e.kube.CoreV1().Pods(systemNamespace).List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=aof-controller"})
	if err != nil {
		return ""
	}
	var all string
	for _, pod := range pods.Items {
		text, _ := p.fetch("http://" + pod.Status.PodIP + ":9090/metrics")
		all += text
	}
	return all
}

// traced looks for the two traces in all places.
func (e *env) traced(p probe) {
	e.t.Helper()
	var calls []struct{ Traceparent, Text string }
	require.NoError(e.t, json.Unmarshal([]byte(p.get("calls")), &calls))
	log := e.kubectl("logs", "-l", runnerPods, "-c", "user-container", "--tail=-1")
	adapter := e.in(systemNamespace).kubectl("logs", "-l", "serving.knative.dev/service=aof-adapter", "-c", "user-container", "--tail=-1")
	var events []string
	for _, run := range e.runs() {
		events = append(events, field(&run, "spec", "event"))
	}
	for text, trace := range map[string]string{"by curl": traceOfEvent, "by hook": traceOfHook} {
		found := ""
		for _, c := range calls {
			if strings.Contains(c.Text, text) {
				found = c.Traceparent
			}
		}
		assert.Contains(e.t, found, "00-"+trace+"-", "the model is asked within the trace; calls: %v", calls)
		assert.Contains(e.t, log, "00-"+trace+"-", "the runner's log")
		assert.Contains(e.t, strings.Join(events, "\n"), "00-"+trace+"-", "the events of the runs")
	}
	assert.Contains(e.t, adapter, "00-"+traceOfHook+"-", "the adapter's log")
}
