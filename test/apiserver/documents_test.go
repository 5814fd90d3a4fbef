// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"aof.dev/operator/pkg/names"
	"aof.dev/operator/test/apiserver"
)

// What the adapter and the runners do as they are told is told by the operator
// only, though it stands where tenants may write.
func TestDocumentsAreTheOperators(t *testing.T) {
	t.Parallel()
	s := installed(t)
	kube := s.Kube(t)
	namespace := s.Namespace(t)
	// Other tests of the package make documents themselves.
	const guarded = "aof.dev/documents-test"
	_, err := kube.CoreV1().Namespaces().Patch(t.Context(), namespace, types.MergePatchType, fmt.Appendf(nil, `{"metadata":{"labels":{%q:"true"}}}`, guarded), metav1.PatchOptions{})
	require.NoError(t, err)
	policy, err := os.ReadFile(filepath.Join(apiserver.Root(), "config", "core", "205-documents.yaml"))
	require.NoError(t, err)
	policy = append(policy, fmt.Sprintf("  matchResources: {namespaceSelector: {matchLabels: {%s: \"true\"}}}\n", guarded)...)
	_, err = s.Kubectl(t.Context(), policy, "apply", "--server-side", "-f", "-")
	require.NoError(t, err)
	for _, user := range []string{"ann", adapter} {
		_, err := kube.RbacV1().RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{GenerateName: "edits-"}, RoleRef: rbacv1.RoleRef{APIGroup: rbac, Kind: "ClusterRole", Name: "cluster-admin"},
			Subjects: []rbacv1.Subject{{APIGroup: rbac, Kind: rbacv1.UserKind, Name: user}},
		}, metav1.CreateOptions{})
		require.NoError(t, err)
	}
	as := func(user string) kubernetes.Interface {
		client, err := kubernetes.NewForConfig(s.As(user))
		require.NoError(t, err)
		return client
	}
	document := func(name, kind string) *corev1.ConfigMap {
		c := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		if kind != "" {
			c.Labels = map[string]string{names.LabelManaged: "true", names.LabelKind: kind}
		}
		return c
	}
	create := func(ctx context.Context, user string, c *corev1.ConfigMap) error {
		_, err := as(user).CoreV1().ConfigMaps(namespace).Create(ctx, c, metav1.CreateOptions{})
		return err
	}
	const refusal = "are written by the operator only"
	// The API server takes a moment to hold to the policy.
	require.NoError(t, wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, 20*time.Second, true, func(ctx context.Context) (bool, error) {
		c := document("probe", names.KindPlan)
		_, err := as("ann").CoreV1().ConfigMaps(namespace).Create(ctx, c, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err != nil && strings.Contains(err.Error(), refusal), nil
	}))

	require.ErrorContains(t, create(t.Context(), "ann", document("web-0123", names.KindPlan)), refusal)
	require.ErrorContains(t, create(t.Context(), "ann", document(names.Routes("web"), "")), refusal, "by its name alone it would be read")
	require.ErrorContains(t, create(t.Context(), adapter, document(names.Routes("web"), names.KindRoutes)), refusal)
	require.NoError(t, create(t.Context(), "ann", document("mine", "")))
	require.NoError(t, create(t.Context(), controller, document(names.Routes("web"), names.KindRoutes)))
	require.NoError(t, create(t.Context(), controller, document(names.Events("web"), names.KindEvents)))

	update := func(user, name string, change func(*corev1.ConfigMap)) error {
		c, err := kube.CoreV1().ConfigMaps(namespace).Get(t.Context(), name, metav1.GetOptions{})
		require.NoError(t, err)
		change(c)
		_, err = as(user).CoreV1().ConfigMaps(namespace).Update(t.Context(), c, metav1.UpdateOptions{})
		return err
	}
	write := func(c *corev1.ConfigMap) { c.Data = map[string]string{"x": c.ResourceVersion} }
	require.ErrorContains(t, update("ann", names.Routes("web"), write), refusal)
	require.ErrorContains(t, update("ann", names.Events("web"), func(c *corev1.ConfigMap) { c.Labels = nil }), refusal)
	require.ErrorContains(t, update("ann", "mine", func(c *corev1.ConfigMap) { c.Labels = map[string]string{names.LabelKind: names.KindPlan} }), refusal)
	require.ErrorContains(t, update(adapter, names.Routes("web"), write), refusal)
	require.NoError(t, update(adapter, names.Events("web"), write))
	require.NoError(t, update(controller, names.Routes("web"), write))
	require.NoError(t, update("ann", "mine", write))
	assert.NoError(t, as("ann").CoreV1().ConfigMaps(namespace).Delete(t.Context(), names.Routes("web"), metav1.DeleteOptions{}), "it is made again")
}
