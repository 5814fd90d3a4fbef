// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package local

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"aof.dev/operator/pkg/adapter"
	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/match"
	"aof.dev/operator/pkg/plan"
	"aof.dev/operator/pkg/secretref"
	"aof.dev/operator/pkg/source"
)

// scene is what is served of one World: routes, rules and messengers by trigger.
type scene struct {
	world      *World
	since      time.Time // when it was loaded
	routes     []adapter.Route
	rules      map[types.NamespacedName]*match.Set
	messengers map[types.NamespacedName]messenger
	// errs says why a trigger can't be served, flowErrs what a flow lacks.
	errs, flowErrs map[types.NamespacedName]error
}

// messenger is a trigger's, or the reason why it has none.
type messenger struct {
	source.Messenger
	platform string
	err      error
}

// stage prepares a World to be served. One trigger's trouble is its own: the
// others are served all the same.
func (s *Server) stage(w *World) (*scene, error) {
	out := &scene{
		world: w, since: s.settings.Clock.Now(), rules: map[types.NamespacedName]*match.Set{},
		messengers: map[types.NamespacedName]messenger{}, errs: map[types.NamespacedName]error{},
		flowErrs: map[types.NamespacedName]error{},
	}
	for key, f := range w.flows {
		_, out.flowErrs[key] = plan.Flow(f, nil, w)
	}
	platforms := Platforms()
	for key, trigger := range w.triggers {
		rules, err := match.Compile(w.rulesOf(key))
		if err != nil {
			return nil, fmt.Errorf("trigger %s: %w", key, err)
		}
		out.rules[key] = rules
		route := adapter.Route{Namespace: key.Namespace, Trigger: key.Name, Rules: rules}
		platform, known := platforms.Lookup(string(trigger.Spec.Type))
		switch {
		case !trigger.IsEnabled():
			continue
		case !known || platform.NewReceiver == nil:
			out.errs[key] = fmt.Errorf("triggers of type %s are not served by aof dev yet; send CloudEvents to %s%s instead", trigger.Spec.Type, pathEvents, key.Namespace)
			continue
		default:
			settings, err := s.platformSettings(w, trigger)
			if err == nil {
				route.Receiver, err = platform.NewReceiver(settings)
			}
			if err == nil {
				route.Receiver = s.taker(key, platform.Type).Receiver(route.Receiver)
			}
			route.Err, out.errs[key] = err, err
			out.messengers[key] = newMessenger(platform, settings, err)
		}
		out.routes = append(out.routes, route)
	}
	return out, nil
}

func newMessenger(p source.Platform, settings source.Settings, err error) messenger {
	m := messenger{err: err}
	if err == nil && p.NewMessenger != nil {
		m.Messenger, m.err = p.NewMessenger(settings)
	}
	return m
}

// rulesOf gives the rules of every binding of a trigger that may start runs.
func (w *World) rulesOf(trigger types.NamespacedName) []match.Rule {
	if t := w.triggers[trigger]; t == nil || !t.IsEnabled() {
		return nil
	}
	var rules []match.Rule
	for _, b := range w.bindings {
		if b.Err == nil && b.Binding.IsEnabled() && b.Binding.Spec.Trigger.NamespacedName(b.Binding.Namespace) == trigger {
			rules = append(rules, *b.Plan.Rule)
		}
	}
	return rules
}

// platformSettings resolves the references in a trigger's configuration.
func (s *Server) platformSettings(w *World, t *aofv1.Trigger) (source.Settings, error) {
	out := source.Settings{Namespace: t.Namespace, Name: t.Name, HTTPClient: s.settings.HTTPClient}
	config, err := secretref.Fill(map[string]any(t.Spec.Config), s.environment())
	if err != nil {
		return out, fmt.Errorf("spec.config: %w", err)
	}
	out.Config, _ = config.(map[string]any)
	if t.Spec.Type == aofv1.TriggerSlack {
		out.BaseURL = s.settings.Getenv("SLACK_API_URL")
	}
	for _, rule := range w.rulesOf(types.NamespacedName{Namespace: t.Namespace, Name: t.Name}) {
		for _, f := range rule.Filters {
			out.Channels = append(out.Channels, f.Channels...)
			out.Users = append(out.Users, f.Users...)
		}
	}
	return out, nil
}

// environment is where credentials are.
func (s *Server) environment() secretref.Place {
	return secretref.Place{Name: "the environment", Lookup: s.settings.lookup}
}

// docPlan is the kind of the documents that hold plans, by namespace and name.
const docPlan = "plan"

// storedPlans reads plans out of the ledger: a run goes on with the plan it
// began with, whatever became of the files.
type storedPlans struct{ store ledger.Folder }

// Plan reads one plan.
func (p *storedPlans) Plan(ctx context.Context, namespace, name string) (*plan.Plan, error) {
	var raw json.RawMessage
	err := p.store.View(ctx, func(docs ledger.Documents) error {
		found, err := docs.Load(docPlan, namespace+"/"+name, &raw)
		if err == nil && !found {
			err = ledger.ErrNotFound
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("plan %s: %w", name, err)
	}
	return plan.Decode(raw)
}

// keepPlans puts the plans of a World into the ledger before any run names them,
// and removes those that neither a binding nor a run needs: one that is not over,
// or can be retried.
func (s *Server) keepPlans(ctx context.Context, w *World) error {
	needed := map[string]bool{}
	for _, b := range w.bindings {
		if b.Plan != nil {
			needed[b.Plan.Namespace+"/"+b.Name] = true
		}
	}
	pinned := ledger.ListOptions{Phases: []aofv1.FlowRunPhase{
		aofv1.FlowRunPhasePending, aofv1.FlowRunPhaseRunning, aofv1.FlowRunPhaseWaiting, aofv1.FlowRunPhaseFailed, aofv1.FlowRunPhaseCancelled,
	}}
	for run, err := range ledger.All(ctx, s.store, pinned) {
		if err != nil {
			return fmt.Errorf("list the runs that need a plan: %w", err)
		}
		needed[run.Namespace+"/"+run.Spec.Plan] = true
	}
	return s.store.Change(ctx, func(docs ledger.Documents) error {
		for _, b := range w.bindings {
			if b.Plan == nil {
				continue
			}
			if err := docs.Save(docPlan, b.Plan.Namespace+"/"+b.Name, json.RawMessage(b.Encoded)); err != nil {
				return fmt.Errorf("keep plan of binding %s: %w", b.Key(), err)
			}
		}
		keys, err := docs.Keys(docPlan)
		if err != nil {
			return err
		}
		for _, key := range keys {
			if !needed[key] {
				if err := docs.Remove(docPlan, key); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
