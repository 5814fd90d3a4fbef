// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package local

import (
	"errors"
	"fmt"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"

	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/match"
)

// Explanation says for one binding whether an event starts a run of it, and why.
type Explanation struct {
	Binding string `json:"binding"` // namespace/name
	Trigger string `json:"trigger"`
	Flow    string `json:"flow"`
	Matched bool   `json:"matched"`
	Reason  string `json:"reason"`
}

// Explain compares an event with every binding. An event that names its trigger
// (aoftrigger) is compared with the bindings of that trigger; for the others the
// reason says so.
func (w *World) Explain(e cloudevents.Event) ([]Explanation, error) {
	m, err := event.FromCloudEvent(e)
	if err != nil {
		return nil, err
	}
	named, _ := e.Extensions()[event.ExtensionTrigger].(string)
	facts := m.Facts()
	out := make([]Explanation, 0, len(w.bindings))
	for _, b := range w.bindings {
		spec := &b.Binding.Spec
		row := Explanation{Binding: b.Key().String(), Trigger: spec.Trigger.String(), Flow: spec.Flow.String()}
		switch trigger := w.triggers[spec.Trigger.NamespacedName(b.Binding.Namespace)]; {
		case b.Err != nil:
			row.Reason = "the binding is not ready: " + b.Err.Error()
		case !b.Binding.IsEnabled():
			row.Reason = "the binding is suspended (enabled: false)"
		case !trigger.IsEnabled():
			row.Reason = "its trigger is disabled (enabled: false)"
		case named != "" && named != trigger.Name:
			row.Reason = fmt.Sprintf("the event came to trigger %s, not to %s", named, trigger.Name)
		default:
			verdict, err := decide(b, facts)
			if err != nil {
				return nil, err
			}
			row.Matched, row.Reason = verdict.Matched, verdict.Reason
			if row.Matched {
				row.Reason += b.Plan.Dedupe.Explain(m.Data())
			}
		}
		out = append(out, row)
	}
	return out, nil
}

func decide(b *Bound, facts match.Facts) (match.Verdict, error) {
	set, err := match.Compile([]match.Rule{*b.Plan.Rule})
	if err != nil {
		return match.Verdict{}, err
	}
	verdicts := set.Explain(facts)
	if len(verdicts) != 1 {
		return match.Verdict{}, errors.New("one rule gave no verdict")
	}
	return verdicts[0], nil
}
