// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowbinding

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/reconciler/flowbinding/resources"
)

// reconcilePlan sees to it that the plan is there before anything refers to it.
func (r *Reconciler) reconcilePlan(ctx context.Context, b *aofv1.FlowBinding, in *Input, d *Decision) error {
	if d.Plan == "" {
		return nil
	}
	r.Tracker.Track(in.Key, kindConfigMap, types.NamespacedName{Namespace: in.Key.Namespace, Name: d.Plan})
	want := resources.MakePlan(in.Key, in.Plan)
	have, err := r.ConfigMaps.ConfigMaps(want.Namespace).Get(want.Name)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("get plan %s: %w", want.Name, err)
	}
	found := err == nil
	if found && !resources.SamePlan(want, have) {
		logDiff(ctx, "plan "+want.Name, have, want)
		if err := r.deletePlan(ctx, have); err != nil {
			return err
		}
		found = false
	}
	_, err = ensure(ctx, child[*corev1.ConfigMap]{
		kind: "plan", store: r.Kube.CoreV1().ConfigMaps(want.Namespace), want: want, have: have, found: found,
		same: resources.SamePlan,
	})
	if reason, ok := d.settled(err); ok {
		_ = b.Status.MarkBoundFailed(reason, err)
		d.Plan, d.Subscribe = "", false
		return nil
	}
	return err
}

// reconcileOldPlans marks and collects the plans that are not the binding's any
// more.
func (r *Reconciler) reconcileOldPlans(ctx context.Context, _ *aofv1.FlowBinding, in *Input, d *Decision) error {
	for _, p := range d.Supersede {
		if err := r.markPlan(ctx, p, in.Now); err != nil {
			return err
		}
	}
	for _, p := range d.Restore {
		if err := r.markPlan(ctx, p, time.Time{}); err != nil {
			return err
		}
	}
	for _, p := range d.Delete {
		if err := r.deletePlan(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reconciler) markPlan(ctx context.Context, p *corev1.ConfigMap, at time.Time) error {
	_, err := r.Kube.CoreV1().ConfigMaps(p.Namespace).Update(ctx, resources.Superseded(p, at), metav1.UpdateOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("mark plan %s: %w", p.Name, err)
	}
	return nil
}

func (r *Reconciler) deletePlan(ctx context.Context, p *corev1.ConfigMap) error {
	err := r.Kube.CoreV1().ConfigMaps(p.Namespace).Delete(ctx, p.Name, metav1.DeleteOptions{Preconditions: preconditions(p)})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete plan %s: %w", p.Name, err)
	}
	return nil
}

func preconditions(o metav1.Object) *metav1.Preconditions {
	uid := o.GetUID()
	return &metav1.Preconditions{UID: &uid}
}

// removePlans deletes the plans of a binding that goes or is gone, but for those
// that a run which is not over is pinned to: that run wakes the binding's key when
// it is.
func (r *Reconciler) removePlans(ctx context.Context, binding types.NamespacedName) error {
	stored, err := r.storedPlans(binding)
	if err != nil {
		return err
	}
	for _, p := range stored {
		if p.InUse {
			continue
		}
		if err := r.deletePlan(ctx, p.ConfigMap); err != nil {
			return err
		}
	}
	return nil
}
