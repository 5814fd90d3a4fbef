// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expiry_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/reconciler"

	"aof.dev/operator/pkg/fold"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/reconciler/expiry"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func key(name string, age, window time.Duration, duplicates string) *coordinationv1.Lease {
	first := ptr.To(metav1.NewMicroTime(noon.Add(-age)))
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "team", Name: name, UID: "u", ResourceVersion: "7",
			Labels:      map[string]string{names.LabelManaged: "true", names.LabelKind: names.KindDedupe, names.LabelBinding: "web"},
			Annotations: map[string]string{"aof.dev/duplicates": duplicates, "aof.dev/trigger": "ops/hook"},
		},
		Spec: coordinationv1.LeaseSpec{HolderIdentity: ptr.To("r"), AcquireTime: first, RenewTime: first, LeaseDurationSeconds: ptr.To(int32(window / time.Second))},
	}
}

func reconcile(t *testing.T, kube *fake.Clientset) error {
	t.Helper()
	r := expiry.New(kube.CoordinationV1(), kube.CoreV1(), clocktesting.NewFakePassiveClock(noon))
	require.NoError(t, r.Promote(reconciler.UniversalBucket(), nil))
	return r.Reconcile(t.Context(), expiry.Key.String())
}

func left(t *testing.T, kube *fake.Clientset) []string {
	t.Helper()
	list, err := kube.CoordinationV1().Leases("").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	var out []string
	for _, l := range list.Items {
		out = append(out, l.Name)
	}
	return out
}

func TestKeysGoWhenTheirWindowsAreOver(t *testing.T) {
	t.Parallel()
	others := key("leader", time.Hour, time.Second, "")
	others.Labels = nil
	events := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ops", Name: names.Events("hook")},
		Data:       map[string]string{names.KeyEvents: `{"received":5,"processed":5,"bindings":{"team/web":{"compared":5,"matched":5}}}`},
	}
	kube := fake.NewClientset(others, events,
		key("over", time.Hour, 10*time.Minute, "3"), key("over-too", time.Hour, time.Minute, ""),
		key("goes-on", time.Hour, 2*time.Hour, "9"), key("just-over", 10*time.Minute, 10*time.Minute, ""), key("in-its-grace", 90*time.Second, time.Second, ""))
	require.ErrorContains(t, reconcile(t, kube), "requeue", "it looks again")
	assert.ElementsMatch(t, []string{"leader", "goes-on", "just-over", "in-its-grace"}, left(t, kube))

	stored, err := kube.CoreV1().ConfigMaps("ops").Get(t.Context(), names.Events("hook"), metav1.GetOptions{})
	require.NoError(t, err)
	var all fold.Arrivals
	require.NoError(t, json.Unmarshal([]byte(stored.Data[names.KeyEvents]), &all))
	assert.Equal(t, fold.Events{Received: 8, Processed: 5, Duplicates: 3}, all.Events)
	assert.Equal(t, map[string]fold.Compared{"team/web": {Compared: 8, Matched: 5, Duplicates: 3}}, all.Bindings)
}

func TestAKeyThatIsWrittenMeanwhileStays(t *testing.T) {
	t.Parallel()
	kube := fake.NewClientset(key("over", time.Hour, time.Minute, "3"))
	kube.PrependReactor("delete", "leases", func(a clienttesting.Action) (bool, runtime.Object, error) {
		d, _ := a.(clienttesting.DeleteActionImpl)
		assert.Equal(t, &metav1.Preconditions{UID: ptr.To(key("", 0, 0, "").UID), ResourceVersion: ptr.To("7")}, d.DeleteOptions.Preconditions)
		return true, nil, apierrors.NewConflict(coordinationv1.Resource("leases"), "over", nil)
	})
	require.ErrorContains(t, reconcile(t, kube), "requeue")
	for _, a := range kube.Actions() {
		assert.NotEqual(t, "configmaps", a.GetResource().Resource, "nothing is counted that is not gone")
	}
}

func TestWhoDoesNotLeadDoesNothing(t *testing.T) {
	t.Parallel()
	kube := fake.NewClientset(key("over", time.Hour, time.Minute, ""))
	r := expiry.New(kube.CoordinationV1(), kube.CoreV1(), clocktesting.NewFakePassiveClock(noon))
	assert.True(t, controller.IsSkipKey(r.Reconcile(t.Context(), expiry.Key.String())))
	require.NoError(t, r.Reconcile(t.Context(), "ns/other"))
	assert.Empty(t, kube.Actions())
}
