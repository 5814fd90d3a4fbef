// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package local

import (
	"context"
	"errors"
	"fmt"
	"slices"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"k8s.io/apimachinery/pkg/types"

	"aof.dev/operator/pkg/adapter"
	"aof.dev/operator/pkg/claim"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/match"
	"aof.dev/operator/pkg/once"
)

var _ adapter.Sink = (*Server)(nil)

// Accept claims an event for every binding that matched: when it returns nil the
// runs are in the ledger. A run that is there already is the same event again.
func (s *Server) Accept(ctx context.Context, namespace, trigger string, m event.Message, matched []match.Verdict) error {
	ids := make([]string, 0, len(matched))
	for _, v := range matched {
		ids = append(ids, v.Rule)
	}
	e, err := m.CloudEvent(namespace, trigger, ids)
	if err != nil {
		return err
	}
	return s.claim(ctx, types.NamespacedName{Namespace: namespace, Name: trigger}, e, m, matched)
}

// deliver takes a CloudEvent that came without a platform, as a broker would: it
// goes to the bindings of the trigger that it names.
func (s *Server) deliver(ctx context.Context, namespace string, e cloudevents.Event) error {
	m, err := event.FromCloudEvent(e)
	if err != nil {
		return err
	}
	name, _ := e.Extensions()[event.ExtensionTrigger].(string)
	if name == "" {
		return fmt.Errorf("%w: set the attribute %s (header ce-%s) to the name of a Trigger in namespace %s", event.ErrInvalid, event.ExtensionTrigger, event.ExtensionTrigger, namespace)
	}
	key := types.NamespacedName{Namespace: namespace, Name: name}
	rules, ok := s.current().rules[key]
	if !ok {
		return fmt.Errorf("%w: %s names a Trigger that does not exist in namespace %s", event.ErrInvalid, event.ExtensionTrigger, namespace)
	}
	matched := rules.Match(m.Facts())
	if wanted, looked := event.Matched(e); looked { // it is for these alone
		matched = slices.DeleteFunc(matched, func(v match.Verdict) bool { return !slices.Contains(wanted, v.Rule) })
	}
	if len(matched) == 0 {
		s.Event(namespace, name, m, adapter.Dropped, "no binding matches")
		return nil
	}
	switch err := s.claim(ctx, key, e, m, matched); {
	case errors.Is(err, adapter.ErrDuplicate):
		s.Event(namespace, name, m, adapter.Duplicate, err.Error())
	case err != nil:
		s.Event(namespace, name, m, adapter.Failed, "the event could not be kept")
		return err
	default:
		s.Event(namespace, name, m, adapter.Accepted, "")
	}
	return nil
}

// claim creates the runs of an event. The error wraps adapter.ErrDuplicate when
// for each of the bindings another event that is about the same thing has started
// one.
func (s *Server) claim(ctx context.Context, trigger types.NamespacedName, e cloudevents.Event, m event.Message, matched []match.Verdict) error {
	scene := s.current()
	var duplicates []error
	for _, v := range matched {
		b := scene.world.binding(v.Rule)
		if b == nil || b.Plan == nil {
			return fmt.Errorf("binding %s is gone", v.Rule) // reloaded in between; the sender tries again
		}
		binding := claim.Of(b.Plan, b.Name)
		run, err := binding.Run(e, v.Pattern)
		if err != nil {
			return err
		}
		duplicate := (*once.DuplicateError)(nil)
		switch err := s.once.Create(ctx, binding, e, m, run); {
		case errors.As(err, &duplicate):
			duplicates = append(duplicates, duplicate)
			s.counters.duplicate(trigger, v.Rule)
			s.log.Info("duplicate", "binding", v.Rule, "event", e.ID(), "run", duplicate.Run, "until", duplicate.Until)
		case errors.Is(err, ledger.ErrExists):
			s.log.Debug("event seen before", "run", run.Name, "binding", v.Rule)
		case err != nil:
			return fmt.Errorf("claim for binding %s: %w", v.Rule, err)
		default:
			s.counters.matched(trigger, v.Rule)
			s.log.Info("claimed", "run", run.Name, "namespace", run.Namespace, "binding", v.Rule, "why", v.Reason)
			s.dispatcher.submit(types.NamespacedName{Namespace: run.Namespace, Name: run.Name})
		}
	}
	if len(duplicates) > 0 && len(duplicates) == len(matched) {
		return fmt.Errorf("%w: %w", adapter.ErrDuplicate, duplicates[0])
	}
	return nil
}
