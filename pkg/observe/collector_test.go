// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/fold"
	"aof.dev/operator/pkg/names"
	reconcilertesting "aof.dev/operator/pkg/reconciler/testing"
)

func meta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

func document(t *testing.T, namespace, name, key string, value any) *corev1.ConfigMap {
	t.Helper()
	data, err := json.Marshal(value)
	require.NoError(t, err)
	return &corev1.ConfigMap{ObjectMeta: meta(namespace, name), Data: map[string]string{key: string(data)}}
}

// seed is the state in which the order for this product shows its metrics.
func seed(t *testing.T) []runtime.Object {
	t.Helper()
	prod := &aofv1.Context{ObjectMeta: meta("aof-system", "prod")}
	prod.Spec.Approval, prod.Status.Ready = &aofv1.ContextApproval{Required: new(true)}, true
	dev := &aofv1.Context{ObjectMeta: meta("aof-system", "dev")}

	slack := &aofv1.Trigger{ObjectMeta: meta("aof-system", "slack-oncall")}
	slack.Spec.Type, slack.Status.Connected = "Slack", true
	events := document(t, "aof-system", names.Events("slack-oncall"), names.KeyEvents, fold.Events{Received: 1420, Errors: 2})

	busy := &aofv1.FlowBinding{ObjectMeta: meta("workflows", "prod-slack")}
	var tally fold.Tally
	for i := range 287 {
		outcome := fold.Succeeded
		if i < 6 {
			outcome = fold.Failed
		}
		var limited []string
		if i < 3 {
			limited = []string{"max_requests_per_minute/waited"}
		}
		tally.Add(fold.Run{Limited: limited, Outcome: outcome, Ended: time.Unix(0, 0), Duration: time.Duration(i%50+1) * 100 * time.Millisecond})
	}
	counted := document(t, "workflows", names.Tally("flowbinding", "prod-slack"), names.KeyTally, map[string]any{"tally": tally, "pending": []string{}})
	idle := &aofv1.FlowBinding{ObjectMeta: meta("workflows", "idle")}
	return []runtime.Object{prod, dev, slack, events, busy, counted, idle}
}

func collect(objects []runtime.Object, leads func(types.NamespacedName) bool) *Collector {
	l := reconcilertesting.NewListers(objects)
	return &Collector{Contexts: l.Contexts(), Triggers: l.Triggers(), Bindings: l.FlowBindings(), ConfigMaps: l.ConfigMaps(), Leads: leads}
}

func everything(types.NamespacedName) bool { return true }

func TestMetrics(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(collect(seed(t), everything)))
	golden, err := os.Open("testdata/metrics.prom")
	require.NoError(t, err)
	defer golden.Close()
	require.NoError(t, testutil.GatherAndCompare(registry, golden))

	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	assert.Empty(t, problems)
}

// TestMetricsOfTheOrder holds the names, labels and values the order shows.
func TestMetricsOfTheOrder(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(collect(seed(t), everything)))
	families, err := registry.Gather()
	require.NoError(t, err)
	var lines []string
	for _, family := range families {
		for _, m := range family.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			value := m.GetGauge().GetValue() + m.GetCounter().GetValue()
			lines = append(lines, fmt.Sprintf("%s{%s} %.3g", family.GetName(), strings.Join(labels, ","), value))
		}
	}
	for _, want := range []string{
		`aof_context_ready{name="prod",namespace="aof-system"} 1`,
		`aof_context_approval_required{name="prod",namespace="aof-system"} 1`,
		`aof_trigger_connected{name="slack-oncall",namespace="aof-system",type="Slack"} 1`,
		`aof_trigger_events_total{name="slack-oncall",namespace="aof-system"} 1.42e+03`,
		`aof_trigger_errors_total{name="slack-oncall",namespace="aof-system"} 2`,
		`aof_binding_executions_total{name="prod-slack",namespace="workflows"} 287`,
		`aof_binding_success_total{name="prod-slack",namespace="workflows"} 281`,
		`aof_binding_failure_total{name="prod-slack",namespace="workflows"} 6`,
		`aof_binding_success_rate{name="prod-slack",namespace="workflows"} 0.979`,
	} {
		assert.Contains(t, lines, want)
	}
}

func TestAReplicaShowsWhatItLeads(t *testing.T) {
	t.Parallel()
	objects := seed(t)
	mine := func(key types.NamespacedName) bool { return key.Namespace == "workflows" }
	others := func(key types.NamespacedName) bool { return !mine(key) }
	all := testutil.CollectAndCount(collect(objects, everything))
	a, b := testutil.CollectAndCount(collect(objects, mine)), testutil.CollectAndCount(collect(objects, others))
	assert.Positive(t, a)
	assert.Positive(t, b)
	assert.Equal(t, all, a+b)
}

func TestATallyThatCantBeReadCountsAsNone(t *testing.T) {
	t.Parallel()
	broken := &corev1.ConfigMap{ObjectMeta: meta("ns", names.Tally("flowbinding", "b")), Data: map[string]string{names.KeyTally: "{"}}
	c := collect([]runtime.Object{&aofv1.FlowBinding{ObjectMeta: meta("ns", "b")}, broken}, everything)
	assert.Equal(t, 3, testutil.CollectAndCount(c), "three counters, no rate and no durations")
}
