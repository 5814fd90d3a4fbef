// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"encoding/json"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	corelisters "k8s.io/client-go/listers/core/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	aoflisters "aof.dev/operator/pkg/client/listers/aof/v1"
	"aof.dev/operator/pkg/fold"
	"aof.dev/operator/pkg/names"
)

// Collector shows Contexts, Triggers and FlowBindings as metrics. All fields must
// be set.
type Collector struct {
	Contexts aoflisters.ContextLister
	Triggers aoflisters.TriggerLister
	Bindings aoflisters.FlowBindingLister
	// ConfigMaps are those with tallies of runs and counts of events.
	ConfigMaps corelisters.ConfigMapLister
	// Leads says whether this replica is the one to show an object.
	Leads func(types.NamespacedName) bool
}

var _ prometheus.Collector = (*Collector)(nil)

func describe(name, help string, more ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, append([]string{"name", "namespace"}, more...), nil)
}

var (
	contextReady     = describe("aof_context_ready", "Whether the Context is ready (1) or not (0).")
	approvalRequired = describe("aof_context_approval_required", "Whether the Context asks for approval (1) or not (0).")

	triggerConnected = describe("aof_trigger_connected", "Whether the Trigger is connected to its platform (1) or not (0).", "type")
	triggerEvents    = describe("aof_trigger_events_total", "Events that arrived at the Trigger.")
	triggerErrors    = describe("aof_trigger_errors_total", "Events of the Trigger that were refused or could not be kept.")

	bindingExecutions = describe("aof_binding_executions_total", "Runs of the FlowBinding that are over.")
	bindingSuccess    = describe("aof_binding_success_total", "Runs of the FlowBinding that succeeded.")
	bindingFailure    = describe("aof_binding_failure_total", "Runs of the FlowBinding that failed.")
	bindingRate       = describe("aof_binding_success_rate", "Share of the FlowBinding's runs that succeeded, 0 to 1; absent before the first.")
	bindingLimited    = describe("aof_binding_limited_total", "Runs of the FlowBinding that are over and that a limit of the Context, or the overrun policy, was in the way of.", "limit", "outcome")
	bindingDuration   = describe("aof_binding_execution_duration_seconds", "Time from start to end of the FlowBinding's runs; the quantiles are those of the latest 256.")
)

// Describe sends the descriptions of all metrics.
func (c *Collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		contextReady, approvalRequired, triggerConnected, triggerEvents, triggerErrors,
		bindingExecutions, bindingSuccess, bindingFailure, bindingRate, bindingLimited, bindingDuration,
	} {
		out <- d
	}
}

// Collect sends the metrics of every object that this replica leads.
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	c.contexts(out)
	c.triggers(out)
	c.bindings(out)
}

func (c *Collector) contexts(out chan<- prometheus.Metric) {
	all, err := c.Contexts.List(labels.Everything())
	if err != nil {
		out <- prometheus.NewInvalidMetric(contextReady, err)
		return
	}
	for _, o := range all {
		if !c.leads(o.Namespace, o.Name) {
			continue
		}
		required := o.Spec.Approval != nil && o.Spec.Approval.Required != nil && *o.Spec.Approval.Required
		out <- gauge(contextReady, truth(o.Status.Ready), o.Name, o.Namespace)
		out <- gauge(approvalRequired, truth(required), o.Name, o.Namespace)
	}
}

func (c *Collector) triggers(out chan<- prometheus.Metric) {
	all, err := c.Triggers.List(labels.Everything())
	if err != nil {
		out <- prometheus.NewInvalidMetric(triggerConnected, err)
		return
	}
	for _, o := range all {
		if !c.leads(o.Namespace, o.Name) {
			continue
		}
		events := fold.Events{Received: o.Status.EventCount, Errors: o.Status.ErrorCount}
		c.read(o.Namespace, names.Events(o.Name), names.KeyEvents, &events)
		out <- gauge(triggerConnected, truth(o.Status.Connected), o.Name, o.Namespace, string(o.Spec.Type))
		out <- counter(triggerEvents, events.Received, o.Name, o.Namespace)
		out <- counter(triggerErrors, events.Errors, o.Name, o.Namespace)
	}
}

func (c *Collector) bindings(out chan<- prometheus.Metric) {
	all, err := c.Bindings.List(labels.Everything())
	if err != nil {
		out <- prometheus.NewInvalidMetric(bindingExecutions, err)
		return
	}
	for _, o := range all {
		if c.leads(o.Namespace, o.Name) {
			c.binding(out, o)
		}
	}
}

func (c *Collector) binding(out chan<- prometheus.Metric, o *aofv1.FlowBinding) {
	var document struct {
		Tally fold.Tally `json:"tally"`
	}
	c.read(o.Namespace, names.Tally("flowbinding", o.Name), names.KeyTally, &document)
	t := &document.Tally
	out <- counter(bindingExecutions, t.Executions, o.Name, o.Namespace)
	out <- counter(bindingSuccess, t.Successes, o.Name, o.Namespace)
	out <- counter(bindingFailure, t.Failures, o.Name, o.Namespace)
	for hit, n := range t.Limited {
		limit, outcome, _ := strings.Cut(hit, "/")
		out <- counter(bindingLimited, n, o.Name, o.Namespace, limit, outcome)
	}
	if t.Executions == 0 {
		return
	}
	out <- gauge(bindingRate, t.SuccessRate(), o.Name, o.Namespace)
	quantiles := make(map[float64]float64, 3)
	for _, q := range []float64{0.5, 0.95, 0.99} {
		quantiles[q] = t.Percentile(q).Seconds()
	}
	out <- prometheus.MustNewConstSummary(bindingDuration, uint64(max(t.Executions, 0)), t.TotalDuration.Seconds(), quantiles, o.Name, o.Namespace)
}

func (c *Collector) leads(namespace, name string) bool {
	return c.Leads(types.NamespacedName{Namespace: namespace, Name: name})
}

// read reads a document of a ConfigMap. One that is not there, or can't be read,
// leaves what was there: whoever writes it complains.
func (c *Collector) read(namespace, name, key string, into any) {
	if stored, err := c.ConfigMaps.ConfigMaps(namespace).Get(name); err == nil {
		_ = json.Unmarshal([]byte(stored.Data[key]), into)
	}
}

func gauge(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func counter(d *prometheus.Desc, value int64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
}

func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
