// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowbinding

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/reconciler/flowbinding/resources"
)

// reconcileLimits sees to it that the runner can keep what the Context's limits
// and the binding's overrun policy need, before any event comes. Of what is there
// it changes nothing: what it makes says all by its name, and who owns it, and the
// content is the runners'.
func (r *Reconciler) reconcileLimits(ctx context.Context, b *aofv1.FlowBinding, in *Input, d *Decision) error {
	if !d.Subscribe {
		return nil
	}
	err := r.ensureLimits(ctx, b, in.Context)
	if reason, ok := d.settled(err); ok {
		_ = b.Status.MarkRunnerFailed(reason, err)
		d.Subscribe = false
		return nil
	}
	return err
}

func (r *Reconciler) ensureLimits(ctx context.Context, b *aofv1.FlowBinding, c *aofv1.Context) error {
	if resources.HasTurns(b) {
		if err := r.ensureShared(ctx, resources.MakeTurns(b)); err != nil {
			return err
		}
	}
	if c == nil {
		return nil
	}
	if !resources.HasQuota(c) {
		return r.removeQuotaAccess(ctx, types.NamespacedName{Namespace: c.Namespace, Name: c.Name}, b.Namespace)
	}
	if err := r.ensureShared(ctx, resources.MakeQuota(c)); err != nil {
		return err
	}
	role, rbac := resources.MakeQuotaRole(c), r.Kube.RbacV1()
	_, found, err := cached(r.Roles.Roles(role.Namespace).Get(role.Name))
	if err == nil && !found {
		_, err = rbac.Roles(role.Namespace).Create(ctx, role, metav1.CreateOptions{})
	}
	if err := made("role", role, err); err != nil {
		return err
	}
	binding := resources.MakeQuotaRoleBinding(c, b.Namespace)
	_, found, err = cached(r.RoleBindings.RoleBindings(binding.Namespace).Get(binding.Name))
	if err == nil && !found {
		_, err = rbac.RoleBindings(binding.Namespace).Create(ctx, binding, metav1.CreateOptions{})
	}
	return made("role binding", binding, err)
}

// ensureShared makes a ConfigMap that is shared by replicas. One that belongs to
// an object of the same name that is gone goes soon, and is made again then.
func (r *Reconciler) ensureShared(ctx context.Context, want *corev1.ConfigMap) error {
	_, found, err := cached(r.ConfigMaps.ConfigMaps(want.Namespace).Get(want.Name))
	if err == nil && !found {
		_, err = r.Kube.CoreV1().ConfigMaps(want.Namespace).Create(ctx, want, metav1.CreateOptions{})
	}
	return made("config map", want, err)
}

// made takes "it exists" for an answer: another binding's worker was faster.
func made(kind string, o metav1.Object, err error) error {
	if err == nil || apierrors.IsAlreadyExists(err) {
		return nil
	}
	return fmt.Errorf("create %s %s/%s: %w", kind, o.GetNamespace(), o.GetName(), err)
}

// removeQuotaAccess takes from the runner of a namespace the right to keep a
// Context's quota.
func (r *Reconciler) removeQuotaAccess(ctx context.Context, c types.NamespacedName, namespace string) error {
	have, found, err := cached(r.RoleBindings.RoleBindings(c.Namespace).Get(names.QuotaOf(c.Name, namespace)))
	if err != nil || !found || !resources.IsManaged(have) {
		return err
	}
	err = r.Kube.RbacV1().RoleBindings(have.Namespace).Delete(ctx, have.Name, metav1.DeleteOptions{Preconditions: preconditions(have)})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete role binding %s/%s: %w", have.Namespace, have.Name, err)
	}
	return nil
}

// releaseQuota takes that right away with the last binding of a namespace that
// needed it.
func (r *Reconciler) releaseQuota(ctx context.Context, b *aofv1.FlowBinding) error {
	key := b.Spec.Context.NamespacedName(b.Namespace)
	others, err := r.Bindings.FlowBindings(b.Namespace).List(everything)
	if err != nil {
		return fmt.Errorf("list the bindings of namespace %s: %w", b.Namespace, err)
	}
	if slices.ContainsFunc(others, func(o *aofv1.FlowBinding) bool {
		return o.Name != b.Name && o.DeletionTimestamp == nil && o.Spec.Context.NamespacedName(o.Namespace) == key
	}) {
		return nil
	}
	return r.removeQuotaAccess(ctx, key, b.Namespace)
}

// turns are the ConfigMaps that the runner of a namespace keeps for bindings whose
// runs take turns, sorted.
func (r *Reconciler) turns(namespace string) ([]string, error) {
	bindings, err := r.Bindings.FlowBindings(namespace).List(everything)
	if err != nil {
		return nil, fmt.Errorf("list the bindings of namespace %s: %w", namespace, err)
	}
	var out []string
	for _, b := range bindings {
		if resources.HasTurns(b) {
			out = append(out, names.Turns(b.Name))
		}
	}
	slices.Sort(out)
	return out, nil
}
