// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package claim makes the FlowRun that claims one event for one binding. Whoever
// receives an event first (the adapter, the runner, the embedded operator) makes
// the same run of it, so that creating it twice fails. It has no I/O.
package claim

import (
	"encoding/json"
	"fmt"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/dedupe"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/fold"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/plan"
)

// Binding is what a run is made from, beside the event.
type Binding struct {
	Namespace string `json:"namespace"`
	// Name of the FlowBinding; empty for a run started by hand.
	Name string `json:"name,omitempty"`
	// UID of the FlowBinding; without one (files have none) its name stands in.
	UID     types.UID              `json:"uid,omitempty"`
	Flow    aofv1.ObjectReference  `json:"flow"`
	Trigger *aofv1.ObjectReference `json:"trigger,omitempty"`
	Context *aofv1.ObjectReference `json:"context,omitempty"`
	// Plan is the name of the compiled plan.
	Plan string `json:"plan"`
	// Dedupe says which events are about the same thing; nil when each is its own.
	Dedupe *dedupe.Rule `json:"dedupe,omitempty"`
}

// Of is the binding of a plan.
func Of(p *plan.Plan, planName string) Binding {
	b := Binding{
		Namespace: p.Namespace, Name: p.Binding, UID: p.BindingUID, Plan: planName, Dedupe: p.Dedupe,
		Flow: aofv1.ObjectReference{Namespace: p.FlowNamespace, Name: p.Flow.Name},
	}
	if t := p.Trigger; t != nil {
		b.Trigger = &aofv1.ObjectReference{Namespace: t.Namespace, Name: t.Name}
	}
	if p.Context.Object != "" {
		b.Context = &aofv1.ObjectReference{Namespace: p.Context.Namespace, Name: p.Context.Object}
	}
	return b
}

// RunName is the name of the binding's run for an event.
func (b Binding) RunName(e cloudevents.Event) string {
	prefix := b.Name
	if prefix == "" {
		prefix = b.Flow.Name
	}
	return ledger.RunName(prefix, b.identity(), e.Source(), e.ID())
}

// identity tells bindings apart.
func (b Binding) identity() string {
	if b.UID != "" {
		return string(b.UID)
	}
	return b.Namespace + "/" + b.Name
}

// Key names what an event is about, for package once; false when the binding does
// not ask, the event does not say, or it is to run whatever ran before
// (event.Forced).
func (b Binding) Key(e cloudevents.Event, m event.Message) (string, bool, error) {
	if b.Dedupe == nil || event.Forced(e) {
		return "", false, nil
	}
	key, ok, err := b.Dedupe.Of(b.identity(), m.Data())
	if !ok || err != nil {
		return "", false, err
	}
	return names.Dedupe(key), true, nil
}

// Run makes the run of the binding for an event. Pattern is the pattern that let
// the event through, empty when none was needed. The error wraps
// event.ErrInvalid or event.ErrTooLarge.
func (b Binding) Run(e cloudevents.Event, pattern string) (*aofv1.FlowRun, error) {
	raw, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", event.ErrInvalid, err)
	}
	if len(raw) > event.MaxBytes {
		return nil, fmt.Errorf("%w: it has %d bytes, at most %d are allowed", event.ErrTooLarge, len(raw), event.MaxBytes)
	}
	run := &aofv1.FlowRun{
		TypeMeta:   metav1.TypeMeta{APIVersion: aofv1.SchemeGroupVersion.String(), Kind: "FlowRun"},
		ObjectMeta: metav1.ObjectMeta{Namespace: b.Namespace, Name: b.RunName(e), Labels: b.labels()},
		Spec: aofv1.FlowRunSpec{
			Flow: b.Flow, Trigger: b.Trigger, Context: b.Context, Plan: b.Plan, Event: runtime.RawExtension{Raw: raw},
		},
	}
	if b.Name != "" {
		run.Spec.Binding = &aofv1.ObjectReference{Namespace: b.Namespace, Name: b.Name}
	}
	if pattern != "" {
		run.Annotations = map[string]string{fold.AnnotationPattern: pattern}
	}
	return run, nil
}

// labels are those by which runs are selected. A name too long for a label's
// value (63 bytes) is left out; its runs are found by their spec.
func (b Binding) labels() map[string]string {
	labels := map[string]string{}
	set := func(key, value string) {
		if value != "" && len(value) <= 63 {
			labels[key] = value
		}
	}
	set(names.LabelBinding, b.Name)
	set(names.LabelFlow, b.Flow.Name)
	if b.Trigger != nil {
		set(names.LabelTrigger, b.Trigger.Name)
	}
	return labels
}
