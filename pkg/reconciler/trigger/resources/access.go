// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	coordinationv1 "k8s.io/api/coordination/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
)

// MakeRole makes what the adapter may do in a namespace. For the Triggers that
// stand there: read their route tables and the credentials of the namespace, and
// count their events. Where there are bindings: claim runs, see whether one is
// claimed, and keep the business keys of bindings that look for duplicates (of
// Leases, the names that config/core/206-dedupe.yaml allows). Both lists of rules
// are as long as they need to be.
func MakeRole(namespace string, triggers []string, claims bool) *rbacv1.Role {
	role := &rbacv1.Role{ObjectMeta: shared(namespace)}
	if len(triggers) > 0 {
		var routes, events []string
		for _, trigger := range triggers {
			routes = append(routes, names.Routes(trigger), names.Questions(trigger))
			events = append(events, names.Events(trigger))
		}
		role.Rules = append(role.Rules,
			rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: routes, Verbs: []string{"get"}},
			rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: events, Verbs: []string{"get", "update"}},
			rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{names.Credentials}, Verbs: []string{"get"}},
		)
	}
	if claims {
		role.Rules = append(role.Rules, rbacv1.PolicyRule{
			APIGroups: []string{aofv1.SchemeGroupVersion.Group}, Resources: []string{"flowruns"}, Verbs: []string{"create", "get", "update"},
		}, rbacv1.PolicyRule{
			APIGroups: []string{coordinationv1.GroupName}, Resources: []string{"leases"}, Verbs: []string{"create", "get", "update"},
		})
	}
	return role
}

// MakeRoleBinding gives the adapter, in the operator's namespace, the rights of
// MakeRole.
func MakeRoleBinding(namespace, system string) *rbacv1.RoleBinding {
	return &rbacv1.RoleBinding{
		ObjectMeta: shared(namespace),
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: names.Adapter},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: system, Name: names.Adapter}},
	}
}

// shared describes an object that all Triggers of the namespace, and all with
// bindings in it, need together; no owner reference crosses a namespace.
func shared(namespace string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: names.Adapter, Labels: map[string]string{names.LabelManaged: "true"}}
}
