// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/cli/remote"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/local"
	"aof.dev/operator/pkg/match"
	"aof.dev/operator/pkg/plan"
)

// live compares an event with the bindings that a server has. What the user may
// not read is said in the binding's reason.
func (o *explaining) live(ctx context.Context, e cloudevents.Event) ([]local.Explanation, error) {
	c, err := o.open(ctx)
	if err != nil {
		return nil, err
	}
	m, err := event.FromCloudEvent(e)
	if err != nil {
		return nil, &ExitError{Code: ExitBadInput, Err: err}
	}
	list, err := c.List(ctx, aofResource("flowbindings"), remote.Selection{Namespace: o.namespace})
	if err != nil {
		return nil, startable(err)
	}
	named, _ := e.Extensions()[event.ExtensionTrigger].(string)
	judge := &judge{
		facts: m.Facts(), data: m.Data(), trigger: named,
		triggers: &cache[aofv1.Trigger]{client: c, plural: "triggers", kind: "trigger"},
		flows:    &cache[aofv1.AgentFlow]{client: c, plural: "agentflows", kind: "flow"},
	}
	rows := make([]local.Explanation, 0, len(list.Items))
	for i := range list.Items {
		var b aofv1.FlowBinding
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(list.Items[i].Object, &b); err != nil {
			return nil, failed("read binding %s: %w", list.Items[i].GetName(), err)
		}
		b.SetDefaults(ctx)
		row := local.Explanation{
			Binding: b.Namespace + "/" + b.Name, Trigger: b.Spec.Trigger.String(), Flow: b.Spec.Flow.String(),
		}
		if row.Matched, row.Reason, err = judge.verdict(ctx, &b); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b local.Explanation) int { return strings.Compare(a.Binding, b.Binding) })
	return rows, nil
}

// judge says of bindings whether an event matches them.
type judge struct {
	facts    match.Facts
	data     map[string]any
	trigger  string // that the event came to; empty: any
	triggers *cache[aofv1.Trigger]
	flows    *cache[aofv1.AgentFlow]
}

// verdict asks what the operator asks, in its order. The error is one that every
// binding would meet.
func (j *judge) verdict(ctx context.Context, b *aofv1.FlowBinding) (matched bool, reason string, err error) {
	if !b.IsEnabled() {
		return false, "the binding is suspended (enabled: false)", nil
	}
	key := b.Spec.Trigger.NamespacedName(b.Namespace)
	if j.trigger != "" && j.trigger != key.Name {
		return false, fmt.Sprintf("the event came to trigger %s, not to %s", j.trigger, key.Name), nil
	}
	trigger, why, err := j.triggers.get(ctx, key)
	if trigger == nil {
		return false, why, err
	}
	trigger.SetDefaults(ctx)
	if !trigger.IsEnabled() {
		return false, "its trigger is disabled (enabled: false)", nil
	}
	flow, why, err := j.flows.get(ctx, b.Spec.Flow.NamespacedName(b.Namespace))
	if flow == nil {
		return false, why, err
	}
	flow.SetDefaults(ctx)
	set, err := match.Compile([]match.Rule{plan.Rule(b, trigger, flow)})
	if err != nil {
		return false, "the binding is not ready: " + err.Error(), nil //nolint:nilerr // it is the answer
	}
	verdicts := set.Explain(j.facts)
	if len(verdicts) != 1 {
		return false, "", errors.New("one rule gave no verdict")
	}
	v := verdicts[0]
	if !v.Matched {
		return false, v.Reason, nil
	}
	if bound := b.Status.GetCondition(aofv1.FlowBindingConditionBound); bound.IsFalse() {
		return false, fmt.Sprintf("the binding can't run: %s (else it would match: %s)", bound.GetMessage(), v.Reason), nil
	}
	if rule, err := b.Dedupe(); err == nil {
		v.Reason += rule.Explain(j.data)
	}
	if ready := b.Status.GetCondition(aofv1.FlowBindingConditionReady); ready.IsFalse() {
		v.Reason += " (but the binding is not ready: " + ready.GetMessage() + ")"
	}
	return true, v.Reason, nil
}

// cache reads each object of a kind once.
type cache[T any] struct {
	client       *remote.Client
	plural, kind string
	have         map[types.NamespacedName]cached[T]
}

type cached[T any] struct {
	object *T
	why    string
}

// get gives an object, or nil and why there is none.
func (c *cache[T]) get(ctx context.Context, key types.NamespacedName) (*T, string, error) {
	if found, ok := c.have[key]; ok {
		return found.object, found.why, nil
	}
	var out cached[T]
	u, err := c.client.Get(ctx, aofResource(c.plural), key.Namespace, key.Name)
	switch {
	case err == nil:
		out.object = new(T)
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, out.object); err != nil {
			return nil, "", failed("read %s %s: %w", c.kind, key, err)
		}
	case apierrors.IsNotFound(err):
		out.why = fmt.Sprintf("the binding is not ready: its %s %s does not exist", c.kind, key)
	case remote.IsForbidden(err):
		out.why = fmt.Sprintf("not known: you may not read its %s %s", c.kind, key)
	default:
		return nil, "", startable(err)
	}
	if c.have == nil {
		c.have = map[types.NamespacedName]cached[T]{}
	}
	c.have[key] = out
	return out.object, out.why, nil
}

// only keeps the row of one binding.
func only(rows []local.Explanation, binding string) ([]local.Explanation, error) {
	var out []local.Explanation
	known := make([]string, 0, len(rows))
	for _, row := range rows {
		_, name, _ := strings.Cut(row.Binding, "/")
		known = append(known, name)
		if row.Binding == binding || name == binding {
			out = append(out, row)
		}
	}
	if len(out) == 0 {
		return nil, failed("binding %q not found%s", binding, didYouMean(binding, known))
	}
	return out, nil
}
