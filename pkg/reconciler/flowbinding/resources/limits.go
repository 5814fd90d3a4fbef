// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/kmeta"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
)

// HasQuota says whether what the runs of a Context use has to be kept.
func HasQuota(c *aofv1.Context) bool {
	l := c.Spec.Limits
	return l != nil && (l.MaxRequestsPerMinute != nil || l.MaxTokensPerDay != nil || l.MaxConcurrent != nil)
}

// HasTurns says whether the runs of a binding take turns.
func HasTurns(b *aofv1.FlowBinding) bool {
	o := b.Spec.Overrun
	return o != nil && o.Policy != "" && o.Policy != aofv1.OverrunParallel
}

// sharedMeta is for what goes with its owner.
func sharedMeta(namespace, name, kind string, owner kmeta.OwnerRefableAccessor) metav1.ObjectMeta {
	meta := metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: managed(), OwnerReferences: []metav1.OwnerReference{{
		APIVersion: aofv1.SchemeGroupVersion.String(), Kind: owner.GetGroupVersionKind().Kind, Name: owner.GetName(), UID: owner.GetUID(),
	}}}
	if kind != "" {
		meta.Labels[names.LabelKind] = kind
	}
	return meta
}

// MakeQuota makes the ConfigMap in which runners keep what the runs of a Context
// have used. What is in it is theirs.
func MakeQuota(c *aofv1.Context) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: sharedMeta(c.Namespace, names.Quota(c.Name), names.KindQuota, c)}
}

// MakeTurns makes the ConfigMap in which the runner keeps whose turn it is among
// the runs of a binding.
func MakeTurns(b *aofv1.FlowBinding) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: sharedMeta(b.Namespace, names.Turns(b.Name), names.KindTurns, b)}
}

// MakeQuotaRole lets runners keep the quota of a Context: that one ConfigMap and
// nothing else of its namespace.
func MakeQuotaRole(c *aofv1.Context) *rbacv1.Role {
	name := names.Quota(c.Name)
	return &rbacv1.Role{ObjectMeta: sharedMeta(c.Namespace, name, "", c), Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: []string{name}, Verbs: []string{"get", "update"}},
	}}
}

// MakeQuotaRoleBinding gives that right to the runner of a namespace.
func MakeQuotaRoleBinding(c *aofv1.Context, namespace string) *rbacv1.RoleBinding {
	return &rbacv1.RoleBinding{
		ObjectMeta: sharedMeta(c.Namespace, names.QuotaOf(c.Name, namespace), "", c),
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: names.Runner}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: names.Quota(c.Name)},
	}
}
