// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
)

func runnerMeta(namespace string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: names.Runner, Labels: managed()}
}

// MakeServiceAccount makes the account a namespace's runner works as. No pod gets
// its token mounted: the one it uses is in a Secret (ADR 0200).
func MakeServiceAccount(namespace string) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{ObjectMeta: runnerMeta(namespace), AutomountServiceAccountToken: ptr.To(false)}
}

// MakeRole says what a runner may do, in its own namespace only: read the plan an
// event names, keep runs, and keep the business keys of bindings that look for
// duplicates (of Leases, the names that config/core/206-dedupe.yaml allows). Turns
// are the ConfigMaps that it writes, for bindings whose runs take turns.
func MakeRole(namespace string, turns []string) *rbacv1.Role {
	group := aofv1.SchemeGroupVersion.Group
	role := &rbacv1.Role{ObjectMeta: runnerMeta(namespace), Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get"}},
		{APIGroups: []string{group}, Resources: []string{"flowruns"}, Verbs: []string{"get", "create", "update"}},
		{APIGroups: []string{coordinationv1.GroupName}, Resources: []string{"leases"}, Verbs: []string{"get", "create", "update"}},
	}}
	if len(turns) > 0 { // without names the rule would be for all there are
		role.Rules = append(role.Rules, rbacv1.PolicyRule{
			APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: turns, Verbs: []string{"update"},
		})
	}
	return role
}

// MakeRoleBinding gives the account its role.
func MakeRoleBinding(namespace string) *rbacv1.RoleBinding {
	return &rbacv1.RoleBinding{
		ObjectMeta: runnerMeta(namespace),
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: names.Runner}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: names.Runner},
	}
}

// SameServiceAccount compares all that we say of an account. What others add to
// it, such as secrets to pull images with, is theirs.
func SameServiceAccount(want, have *corev1.ServiceAccount) bool {
	return equality.Semantic.DeepEqual(want.AutomountServiceAccountToken, have.AutomountServiceAccountToken)
}

// SameRole compares all rules: one more is one too many.
func SameRole(want, have *rbacv1.Role) bool {
	return equality.Semantic.DeepEqual(want.Rules, have.Rules)
}

// SameRoleBinding compares subjects and role.
func SameRoleBinding(want, have *rbacv1.RoleBinding) bool {
	return equality.Semantic.DeepEqual(want.Subjects, have.Subjects) && want.RoleRef == have.RoleRef
}
