// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowbinding

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
	. "aof.dev/operator/pkg/reconciler/testing"
)

// aLimitedWorld is one whose Context has a limit and whose binding's runs take
// turns.
func aLimitedWorld(t *testing.T) (objects []runtime.Object, context *aofv1.Context) {
	t.Helper()
	objects = aWorld(t)
	for _, o := range objects {
		switch o := o.(type) {
		case *aofv1.Context:
			o.Spec.Limits = &aofv1.ContextLimits{MaxRequestsPerMinute: ptr.To[int64](10)}
			context = o
		case *aofv1.FlowBinding:
			o.Spec.Overrun = &aofv1.BindingOverrun{Policy: aofv1.OverrunSkip}
		}
	}
	return objects, context
}

func TestTheRunnerMayKeepWhatLimitsNeed(t *testing.T) {
	t.Parallel()
	w := newBench()
	objects, c := aLimitedWorld(t)
	s := w.settle(t, objects...)
	require.NoError(t, s.Err)
	document := Get[*corev1.ConfigMap](t, s, c.Namespace, names.Quota(c.Name))
	assert.Equal(t, c.Name, document.OwnerReferences[0].Name, "it goes with the Context")
	assert.Empty(t, document.Data)
	Get[*corev1.ConfigMap](t, s, team, names.Turns("alerts"))
	role := Get[*rbacv1.Role](t, s, c.Namespace, names.Quota(c.Name))
	assert.Equal(t, []rbacv1.PolicyRule{{
		APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: []string{names.Quota(c.Name)}, Verbs: []string{"get", "update"},
	}}, role.Rules)
	binding := Get[*rbacv1.RoleBinding](t, s, c.Namespace, names.QuotaOf(c.Name, team))
	assert.Equal(t, rbacv1.Subject{Kind: "ServiceAccount", Namespace: team, Name: names.Runner}, binding.Subjects[0])
	runner := Get[*rbacv1.Role](t, s, team, names.Runner)
	last := runner.Rules[len(runner.Rules)-1]
	assert.Equal(t, []string{names.Turns("alerts")}, last.ResourceNames)
	assert.Equal(t, []string{"update"}, last.Verbs)
	assert.Empty(t, w.again(t, s).Writes)

	// What runners wrote stays.
	document.Data = map[string]string{names.KeyQuota: `{"seen":1}`}
	assert.Empty(t, w.again(t, s).Writes)

	// Without limits the right goes; the count stays with the Context.
	Get[*aofv1.Context](t, s, c.Namespace, c.Name).Spec.Limits = nil
	s = w.again(t, s)
	_, there := Find[*rbacv1.RoleBinding](s, c.Namespace, names.QuotaOf(c.Name, team))
	assert.False(t, there)
}

func TestTheRightToKeepAQuotaGoesWithTheLastBinding(t *testing.T) {
	t.Parallel()
	w := newBench()
	objects, c := aLimitedWorld(t)
	s := w.settle(t, objects...)
	other := binding(t, s).DeepCopy()
	other.Name, other.UID = "other", "other"
	s.Objects = append(s.Objects, other)
	s = w.again(t, deleted(t, s))
	require.NoError(t, s.Err)
	_, there := Find[*rbacv1.RoleBinding](s, c.Namespace, names.QuotaOf(c.Name, team))
	assert.True(t, there, "another binding needs it")

	s = w.settle(t, objects...)
	s = w.again(t, deleted(t, s))
	_, there = Find[*rbacv1.RoleBinding](s, c.Namespace, names.QuotaOf(c.Name, team))
	assert.False(t, there)
}
