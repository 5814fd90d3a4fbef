// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"aof.dev/operator/pkg/agent"
	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/match"
)

// Finder gives the objects that references name, with their defaults set. It
// returns nil for what does not exist.
type Finder interface {
	Trigger(key types.NamespacedName) *aofv1.Trigger
	Context(key types.NamespacedName) *aofv1.Context
	Flow(key types.NamespacedName) *aofv1.AgentFlow
	Agent(key types.NamespacedName) *aofv1.Agent
	Fleet(key types.NamespacedName) *aofv1.AgentFleet
}

// MissingError says that an object which is referred to does not exist.
type MissingError struct {
	Kind string
	Key  types.NamespacedName
	// Field is where the reference stands, from the object being compiled.
	Field string
}

// Error names field, kind and object.
func (e *MissingError) Error() string {
	return fmt.Sprintf("%s: %s %s does not exist", e.Field, e.Kind, e.Key)
}

// Binding compiles the plan of a binding. The error joins everything that is
// missing (*MissingError) or invalid.
func Binding(b *aofv1.FlowBinding, find Finder) (*Plan, error) {
	var errs []error
	missing := func(kind, field string, key types.NamespacedName) {
		errs = append(errs, &MissingError{Kind: kind, Key: key, Field: field})
	}
	triggerKey := b.Spec.Trigger.NamespacedName(b.Namespace)
	trigger := find.Trigger(triggerKey)
	if trigger == nil {
		missing("Trigger", "spec.trigger", triggerKey)
	}
	contextKey := b.Spec.Context.NamespacedName(b.Namespace)
	c := find.Context(contextKey)
	if c == nil {
		missing("Context", "spec.context", contextKey)
	}
	flowKey := b.Spec.Flow.NamespacedName(b.Namespace)
	f := find.Flow(flowKey)
	if f == nil {
		missing("AgentFlow", "spec.flow", flowKey)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	p, err := compile(f, c, []string{f.Namespace, b.Namespace}, find)
	if err != nil {
		return nil, err
	}
	p.Namespace, p.Binding, p.BindingUID = b.Namespace, b.Name, b.UID
	p.Trigger = &Trigger{Namespace: trigger.Namespace, Name: trigger.Name, Type: string(trigger.Spec.Type), Config: replyConfig(trigger)}
	overrideApproval(&p.Context.Approval, b.Spec.Overrides)
	rule := Rule(b, trigger, f)
	p.Rule = &rule
	if p.Dedupe, err = b.Dedupe(); err != nil {
		return nil, err
	}
	p.Overrun = overrunOf(b.Spec.Overrun)
	return p, nil
}

// replyConfig is what a plan keeps of a Trigger's configuration.
func replyConfig(t *aofv1.Trigger) map[string]string {
	var kept map[string]string
	for key, value := range t.Spec.Config {
		text, ok := value.(string)
		if !ok || (secret(key) && !strings.Contains(text, "${")) {
			continue
		}
		if kept == nil {
			kept = map[string]string{}
		}
		kept[key] = text
	}
	return kept
}

// secret says whether a key of a configuration sounds like one whose value is
// nobody else's business.
func secret(key string) bool {
	key = strings.ToLower(key)
	for _, part := range []string{"secret", "token", "password", "key", "credential", "webhook"} {
		if strings.Contains(key, part) {
			return true
		}
	}
	return false
}

// Flow compiles the plan of a flow that is started by hand. The context may be
// nil.
func Flow(f *aofv1.AgentFlow, c *aofv1.Context, find Finder) (*Plan, error) {
	p, err := compile(f, c, []string{f.Namespace}, find)
	if err != nil {
		return nil, err
	}
	p.Namespace = f.Namespace
	return p, nil
}

// Rule is what an event of the trigger must fulfil to start a run of the
// binding: what trigger, binding and flow each demand. The binding's patterns
// take the place of the trigger's.
func Rule(b *aofv1.FlowBinding, t *aofv1.Trigger, f *aofv1.AgentFlow) match.Rule {
	trigger, binding := t.Filter(), b.Filter()
	if len(binding.Patterns) > 0 {
		trigger.Patterns = nil
	}
	return match.Rule{
		ID:       types.NamespacedName{Namespace: b.Namespace, Name: b.Name}.String(),
		Priority: b.Priority(),
		Filters:  []match.Filter{trigger, binding, f.Filter()},
	}
}

func compile(f *aofv1.AgentFlow, c *aofv1.Context, namespaces []string, find Finder) (*Plan, error) {
	definition, err := f.Definition()
	if err != nil {
		return nil, fmt.Errorf("AgentFlow %s: %w", f.Name, err)
	}
	compiled, err := flow.Compile(definition)
	if err != nil {
		return nil, fmt.Errorf("AgentFlow %s: %w", f.Name, err)
	}
	p := &Plan{
		Flow: definition, FlowNamespace: f.Namespace, Context: contextOf(c, f.Spec.Context),
		Agents: map[string]agent.Spec{}, Fleets: map[string]agent.FleetSpec{},
	}
	m := members{find: find, namespaces: namespaces, plan: p}
	if err := m.collect(compiled.Nodes()); err != nil {
		return nil, fmt.Errorf("AgentFlow %s: %w", f.Name, err)
	}
	return p, nil
}
