// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/cache"
	"knative.dev/pkg/configmap"
	logtesting "knative.dev/pkg/logging/testing"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/settings"
)

func TestWhichChangesOfABindingAreNews(t *testing.T) {
	t.Parallel()
	before, _ := bound("team", "page")[0].(*aofv1.FlowBinding)
	for name, c := range map[string]struct {
		change func(*aofv1.FlowBinding)
		want   []string
	}{
		"it counted a run":           {func(b *aofv1.FlowBinding) { b.Status.ExecutionCount++ }, nil},
		"it got another plan":        {func(b *aofv1.FlowBinding) { b.Status.Plan = "other" }, []string{"prod/alerts"}},
		"it lost its plan":           {func(b *aofv1.FlowBinding) { b.Status.Plan = "" }, []string{"prod/alerts"}},
		"it was suspended":           {func(b *aofv1.FlowBinding) { b.Spec.Enabled = new(bool) }, []string{"prod/alerts"}},
		"it is being deleted":        {func(b *aofv1.FlowBinding) { now := metav1.Now(); b.DeletionTimestamp = &now }, []string{"prod/alerts"}},
		"it turned to another event": {func(b *aofv1.FlowBinding) { b.Spec.Trigger.Name = "other" }, []string{"prod/alerts", "prod/other"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var woken []string
			after := before.DeepCopy()
			c.change(after)
			bindingHandler(func(b *aofv1.FlowBinding) { woken = append(woken, triggerOf(b).String()) }).OnUpdate(before, after)
			assert.Equal(t, c.want, woken)
		})
	}
}

func TestABindingThatComesOrGoesIsNews(t *testing.T) {
	t.Parallel()
	b, _ := bound("team", "page")[0].(*aofv1.FlowBinding)
	woken := 0
	handler := bindingHandler(func(*aofv1.FlowBinding) { woken++ })
	handler.OnAdd(b, true)
	handler.OnDelete(b)
	handler.OnDelete(cache.DeletedFinalStateUnknown{Obj: b})
	handler.OnDelete("no binding")
	assert.Equal(t, 3, woken)
}

func TestWhichChangesOfTheAdapterAreNews(t *testing.T) {
	t.Parallel()
	changed := 0
	handler := adapterHandler(func() { changed++ })
	before := anAdapter()
	again := before.DeepCopy()
	assert.NoError(t, unstructured.SetNestedField(again.Object, "rev-2", "status", "latestReadyRevisionName"))
	handler.OnUpdate(before, again)
	assert.Zero(t, changed, "a new revision at the same address")
	assert.NoError(t, unstructured.SetNestedField(again.Object, "https://other.example", "status", "url"))
	handler.OnUpdate(before, again)
	assert.Equal(t, 1, changed)
	handler.OnAdd(before, false)
	handler.OnDelete(before)
	assert.Equal(t, 3, changed)
}

func TestSettingsAreFollowed(t *testing.T) {
	t.Parallel()
	current := &atomic.Pointer[settings.Settings]{}
	current.Store(settings.Default())
	changed := 0
	watcher := &configmap.ManualWatcher{Namespace: "aof-system"}
	follow(watcher, logtesting.TestLogger(t), current, func() { changed++ })
	send := func(data map[string]string) {
		watcher.OnChange(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "aof-system", Name: names.Config}, Data: data})
	}
	send(nil)
	assert.Zero(t, changed, "as it was")
	send(map[string]string{"broker-name": "events"})
	assert.Equal(t, "events", current.Load().BrokerName)
	assert.Equal(t, 1, changed)
	send(map[string]string{"broker-name": ""})
	assert.Equal(t, "events", current.Load().BrokerName, "settings that can't be read change nothing")
	assert.Equal(t, 1, changed)
}
