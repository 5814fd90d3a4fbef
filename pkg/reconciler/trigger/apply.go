// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	sourcesv1 "knative.dev/eventing/pkg/apis/sources/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/reconciler/trigger/resources"
	"aof.dev/operator/pkg/route"
)

// apply brings about what was decided. Rights come before the table that makes
// the adapter use them, and go after it.
func (r *Reconciler) apply(ctx context.Context, in *Input, d *Decision) error {
	steps := []func(context.Context, *Input, *Decision) error{
		r.applyBroker, r.applyAccess, r.applyQuestions, r.applyDocuments, r.applySchedule, r.withdrawAccess,
	}
	for _, step := range steps {
		err := step(ctx, in, d)
		if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
			return nil // the Trigger is next to go, which wakes us
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// applyBroker makes a Broker where there is none. One that is there is its
// owner's affair.
func (r *Reconciler) applyBroker(ctx context.Context, in *Input, _ *Decision) error {
	if in.Broker != nil {
		return nil
	}
	want := resources.MakeBroker(in.Trigger.Namespace, in.BrokerName, r.Settings().BrokerClass)
	_, err := r.Eventing.EventingV1().Brokers(want.Namespace).Create(ctx, want, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) { // the cache is about to show it
		return fmt.Errorf("create Broker %s: %w", want.Name, err)
	}
	return nil
}

// applyQuestions writes for which runs a reaction may be meant. While there are
// none, and there were none, there is nothing to write.
func (r *Reconciler) applyQuestions(ctx context.Context, in *Input, _ *Decision) error {
	runs, err := r.Runs.ByIndex(IndexAsking, keyOf(in.Trigger).String())
	if err != nil {
		return fmt.Errorf("find the runs that ask: %w", err)
	}
	var questions []route.Question
	for _, object := range runs {
		if run, ok := object.(*aofv1.FlowRun); ok {
			questions = append(questions, route.QuestionsOf(run)...)
		}
	}
	want, err := resources.MakeQuestions(in.Trigger, questions)
	if err != nil {
		return err
	}
	have, err := found(r.ConfigMaps.ConfigMaps(want.Namespace).Get(want.Name))
	if err != nil || have == nil && len(questions) == 0 {
		return err
	}
	return ensure(ctx, "ConfigMap", have, want, r.Kube.CoreV1().ConfigMaps(want.Namespace), func(into, want *corev1.ConfigMap) { into.Data = want.Data })
}

// applyDocuments writes what the adapter reads, and where it counts.
func (r *Reconciler) applyDocuments(ctx context.Context, in *Input, d *Decision) error {
	t := in.Trigger
	if d.again = r.tables.rest(keyOf(t), in.Routes, d.Table, r.Clock.Now()); d.again > 0 {
		d.routed = len(in.Routes.Bindings)
		return nil
	}
	routes, err := resources.MakeRoutes(t, d.Table)
	if err != nil {
		return err
	}
	for _, want := range []*corev1.ConfigMap{resources.MakeEvents(t), routes} {
		have, err := found(r.ConfigMaps.ConfigMaps(want.Namespace).Get(want.Name))
		if err != nil {
			return fmt.Errorf("get ConfigMap %s: %w", want.Name, err)
		}
		if err := ensure(ctx, "ConfigMap", have, want, r.Kube.CoreV1().ConfigMaps(want.Namespace), func(into, want *corev1.ConfigMap) {
			if want.Data != nil { // else the adapter's
				into.Data = want.Data
			}
		}); err != nil {
			return err
		}
	}
	r.tables.wrote(keyOf(t), routes.Data[names.KeyRoutes], d.Table, r.Clock.Now())
	return nil
}

// applySchedule has a PingSource tick while it should.
func (r *Reconciler) applySchedule(ctx context.Context, in *Input, d *Decision) error {
	sources := r.Eventing.SourcesV1().PingSources(in.Trigger.Namespace)
	if d.Schedule {
		return ensure(ctx, "PingSource", in.Ping, resources.MakePingSource(in.Trigger, in.BrokerName), sources, func(into, want *sourcesv1.PingSource) {
			into.Spec = want.Spec
		})
	}
	if in.Ping == nil || !metav1.IsControlledBy(in.Ping, in.Trigger) {
		return nil
	}
	if err := sources.Delete(ctx, in.Ping.Name, metav1.DeleteOptions{}); ignoreGone(err) != nil {
		return fmt.Errorf("delete PingSource %s: %w", in.Ping.Name, err)
	}
	return nil
}

// pruneBroker removes what Brokers we made with the last Trigger of the namespace:
// there may be several when the settings have changed.
func (r *Reconciler) pruneBroker(ctx context.Context, gone *aofv1.Trigger) error {
	others, err := r.Triggers.Triggers(gone.Namespace).List(labels.Everything())
	if err != nil {
		return fmt.Errorf("list Triggers: %w", err)
	}
	if slices.ContainsFunc(others, func(t *aofv1.Trigger) bool { return t.Name != gone.Name && t.DeletionTimestamp == nil }) {
		return nil
	}
	ours, err := r.Brokers.Brokers(gone.Namespace).List(labels.SelectorFromSet(labels.Set{names.LabelManaged: "true"}))
	if err != nil {
		return fmt.Errorf("list Brokers: %w", err)
	}
	for _, broker := range ours {
		if err := r.Eventing.EventingV1().Brokers(gone.Namespace).Delete(ctx, broker.Name, metav1.DeleteOptions{}); ignoreGone(err) != nil {
			return fmt.Errorf("delete Broker %s: %w", broker.Name, err)
		}
	}
	return nil
}

func ignoreGone(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
