// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The controller that aggregates roles does not run here. It gives view what is
// labelled for view; edit has view's besides, and admin edit's.
var aggregated = map[string][]string{
	"viewer": {"aof-view"},
	"editor": {"aof-view", "aof-edit"},
	"owner":  {"aof-view", "aof-edit", "aof-admin"},
}

func TestPeopleMayDoWhatTheirRoleSays(t *testing.T) {
	t.Parallel()
	s := installed(t)
	kube := s.Kube(t)
	namespace := s.Namespace(t)
	for who, roles := range aggregated {
		for _, role := range roles {
			_, err := kube.RbacV1().RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{
				ObjectMeta: metav1.ObjectMeta{Name: who + "-" + role},
				RoleRef:    rbacv1.RoleRef{APIGroup: rbac, Kind: "ClusterRole", Name: role},
				Subjects:   []rbacv1.Subject{{APIGroup: rbac, Kind: rbacv1.UserKind, Name: who}},
			}, metav1.CreateOptions{})
			require.NoError(t, err)
		}
	}
	const all = "contexts triggers flowbindings agents agentfleets agentflows flowruns"
	may := slices.Concat(
		each("viewer", "get list watch", aof, all, namespace, "x"),
		each("editor", "get list watch", aof, all, namespace, "x"),
		each("editor", "create update patch delete deletecollection", aof, "triggers flowbindings agents agentfleets agentflows", namespace, "x"),
		each("editor", "create update patch delete", aof, "flowruns", namespace, "x"),
		each("owner", "create update patch delete", aof, all, namespace, "x"),
	)
	mayNot := slices.Concat(
		each("viewer", "create update patch delete", aof, all, namespace, "x"),
		each("viewer", "get list", aof, all, "team-a", "x"),
		each("editor", "create update patch delete", aof, "contexts", namespace, "x"),
		each("editor", "update patch", aof, "flowbindings/status triggers/status", namespace, "x"),
		each("owner", "update patch", aof, "contexts/status", namespace, "x"),
		each("editor", "get create", "", "secrets", namespace, "aof-credentials"), // what AOF adds gives none
	)
	granted(t, kube, may...)
	for _, r := range mayNot {
		assert.False(t, allowed(t, kube, r), "allowed: %s", r)
	}
}

func TestRolesAddToThoseEveryClusterHas(t *testing.T) {
	t.Parallel()
	kube := installed(t).Kube(t)
	for name, label := range map[string]string{
		"aof-view":            "rbac.authorization.k8s.io/aggregate-to-view",
		"aof-edit":            "rbac.authorization.k8s.io/aggregate-to-edit",
		"aof-admin":           "rbac.authorization.k8s.io/aggregate-to-admin",
		"aof-source-observer": "duck.knative.dev/source",
	} {
		role, err := kube.RbacV1().ClusterRoles().Get(t.Context(), name, metav1.GetOptions{})
		require.NoError(t, err)
		assert.Equal(t, "true", role.Labels[label], name)
	}
}
