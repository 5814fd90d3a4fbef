// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"encoding/json"
	"fmt"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/plan"
)

func readEvent(run *aofv1.FlowRun) (event.Message, error) {
	var ce cloudevents.Event
	if err := json.Unmarshal(run.Spec.Event.Raw, &ce); err != nil {
		return event.Message{}, fmt.Errorf("spec.event: %w", err)
	}
	m, err := event.FromCloudEvent(ce)
	if err != nil {
		return event.Message{}, fmt.Errorf("spec.event: %w", err)
	}
	return m, nil
}

// factsOf is what the flow may name from its first node on. References in the
// Context's values are resolved here, once, and only against the secrets: what
// comes from the event is never read as a template.
func factsOf(run *aofv1.FlowRun, p *plan.Plan, m event.Message, secrets *Secrets) (flow.Facts, error) {
	facts := flow.Facts{
		Event:   m.Data(),
		Context: map[string]any{},
		Env:     map[string]string{},
		Meta: map[string]any{
			"name": p.Flow.Name, "namespace": p.FlowNamespace, "run": run.Name, "run_namespace": run.Namespace, "binding": p.Binding,
		},
	}
	for key, value := range p.Context.Facts {
		text, err := render(value, secrets)
		if err != nil {
			return facts, fmt.Errorf("context %s: %w", key, err)
		}
		facts.Context[key] = text
	}
	for key, value := range p.Context.Env {
		text, err := render(value, secrets)
		if err != nil {
			return facts, fmt.Errorf("context env %s: %w", key, err)
		}
		facts.Env[key] = text
	}
	return facts, nil
}

func render(template string, r expr.Resolver) (string, error) {
	t, err := expr.ParseTemplate(template)
	if err != nil {
		return "", err
	}
	return t.Render(r)
}

func aboutRun(run *aofv1.FlowRun, p *plan.Plan, m event.Message) node.Run {
	about := node.Run{
		Namespace: run.Namespace, Name: run.Name, Flow: p.Flow.Name, Binding: p.Binding,
		Platform: m.Platform, Channel: m.ChannelID, Thread: m.ThreadID,
	}
	if p.Trigger != nil {
		about.Trigger = p.Trigger.Namespace + "/" + p.Trigger.Name
	}
	return about
}
