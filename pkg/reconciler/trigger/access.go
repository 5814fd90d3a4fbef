// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"context"
	"fmt"
	"maps"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/reconciler/trigger/resources"
	"aof.dev/operator/pkg/route"
)

// applyAccess lets the adapter work where the Trigger stands and where it has
// bindings.
func (r *Reconciler) applyAccess(ctx context.Context, in *Input, d *Decision) error {
	needed := namespacesOf(d.Table)
	if !needed[in.Trigger.Namespace] {
		needed[in.Trigger.Namespace] = false // no binding of ours says anything of claims there
	}
	for _, namespace := range slices.Sorted(maps.Keys(needed)) {
		key := types.NamespacedName{Namespace: namespace, Name: names.Adapter}
		r.Tracker.Track(keyOf(in.Trigger), kindRole, key)
		r.Tracker.Track(keyOf(in.Trigger), kindRoleBinding, key)
		if err := r.settleAccess(ctx, namespace, needed[namespace]); err != nil {
			return err
		}
	}
	return nil
}

// withdrawAccess takes back what the adapter could do where the Trigger had
// bindings, as the table before says, and has none any more.
func (r *Reconciler) withdrawAccess(ctx context.Context, in *Input, d *Decision) error {
	if d.again > 0 {
		return nil // the table before stays for a while
	}
	before, needed := namespacesOf(in.Routes), namespacesOf(d.Table)
	needed[in.Trigger.Namespace] = true
	maps.DeleteFunc(before, func(namespace string, _ bool) bool { return needed[namespace] })
	return r.sweepAccess(ctx, before)
}

// sweepAccess settles the adapter's rights in the namespaces given, and in every
// namespace where it has any once after the start and after a failure: what was
// to be taken back then stands in no table any more.
func (r *Reconciler) sweepAccess(ctx context.Context, touched map[string]bool) error {
	all := !r.swept.Swap(true)
	if all {
		bindings, err := r.RoleBindings.List(labels.Everything())
		if err != nil {
			return fmt.Errorf("list RoleBindings: %w", err)
		}
		for _, binding := range bindings {
			if binding.Name == names.Adapter {
				touched[binding.Namespace] = true
			}
		}
	}
	for _, namespace := range slices.Sorted(maps.Keys(touched)) {
		if err := r.settleAccess(ctx, namespace, false); err != nil {
			r.swept.Store(false)
			return err
		}
	}
	return nil
}

func namespacesOf(table *route.Table) map[string]bool {
	out := map[string]bool{}
	if table != nil {
		for i := range table.Bindings {
			out[table.Bindings[i].Claim.Namespace] = true
		}
	}
	return out
}

// settleAccess makes the adapter's rights in a namespace what all Triggers and
// bindings of it need together, which may be nothing. When it is known that runs
// are claimed there the bindings, of which there may be many, are not looked at.
func (r *Reconciler) settleAccess(ctx context.Context, namespace string, claims bool) error {
	all, err := r.Triggers.Triggers(namespace).List(labels.Everything())
	if err != nil {
		return fmt.Errorf("list Triggers: %w", err)
	}
	var triggers []string
	for _, t := range all {
		if t.DeletionTimestamp == nil {
			triggers = append(triggers, t.Name)
		}
	}
	slices.Sort(triggers)
	if !claims {
		if claims, err = r.claimed(namespace); err != nil {
			return err
		}
	}
	if len(triggers) == 0 && !claims {
		return r.revoke(ctx, namespace)
	}
	return r.grant(ctx, resources.MakeRole(namespace, triggers, claims), resources.MakeRoleBinding(namespace, r.System))
}

// claimed says whether runs may be claimed in a namespace: it has a binding of a
// Trigger that is there to stay.
func (r *Reconciler) claimed(namespace string) (bool, error) {
	bindings, err := r.Bindings.ByIndex(cache.NamespaceIndex, namespace)
	if err != nil {
		return false, fmt.Errorf("find the bindings of a namespace: %w", err)
	}
	return slices.ContainsFunc(bindings, func(object any) bool {
		b, ok := object.(*aofv1.FlowBinding)
		if !ok || b.DeletionTimestamp != nil {
			return false
		}
		key := triggerOf(b)
		t, err := r.Triggers.Triggers(key.Namespace).Get(key.Name)
		return err == nil && t.DeletionTimestamp == nil
	}), nil
}

func (r *Reconciler) grant(ctx context.Context, role *rbacv1.Role, binding *rbacv1.RoleBinding) error {
	haveRole, err := found(r.Roles.Roles(role.Namespace).Get(role.Name))
	if err != nil {
		return fmt.Errorf("get Role %s: %w", role.Name, err)
	}
	if err := ensure(ctx, "Role", haveRole, role, r.Kube.RbacV1().Roles(role.Namespace), func(into, want *rbacv1.Role) {
		into.Rules = want.Rules
	}); err != nil {
		return err
	}
	haveBinding, err := found(r.RoleBindings.RoleBindings(binding.Namespace).Get(binding.Name))
	if err != nil {
		return fmt.Errorf("get RoleBinding %s: %w", binding.Name, err)
	}
	return ensure(ctx, "RoleBinding", haveBinding, binding, r.Kube.RbacV1().RoleBindings(binding.Namespace), func(into, want *rbacv1.RoleBinding) {
		into.Subjects = want.Subjects // the role it refers to can't be changed
	})
}

// revoke removes the adapter's rights in a namespace. The RoleBinding goes last:
// it is by this that both are found.
func (r *Reconciler) revoke(ctx context.Context, namespace string) error {
	role, err := found(r.Roles.Roles(namespace).Get(names.Adapter))
	if err != nil {
		return fmt.Errorf("get Role %s: %w", names.Adapter, err)
	}
	if role != nil {
		if err := r.Kube.RbacV1().Roles(namespace).Delete(ctx, names.Adapter, metav1.DeleteOptions{}); ignoreGone(err) != nil {
			return fmt.Errorf("delete Role %s/%s: %w", namespace, names.Adapter, err)
		}
	}
	binding, err := found(r.RoleBindings.RoleBindings(namespace).Get(names.Adapter))
	if err != nil || binding == nil {
		return err
	}
	if err := r.Kube.RbacV1().RoleBindings(namespace).Delete(ctx, names.Adapter, metav1.DeleteOptions{}); ignoreGone(err) != nil {
		return fmt.Errorf("delete RoleBinding %s/%s: %w", namespace, names.Adapter, err)
	}
	return nil
}
