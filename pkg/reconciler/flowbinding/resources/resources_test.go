// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/eventing/pkg/apis/feature"
	"sigs.k8s.io/yaml"

	"aof.dev/operator/pkg/agent"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/plan"
	"aof.dev/operator/pkg/settings"
)

var update = flag.Bool("update", false, "write the golden files anew")

var alerts = types.NamespacedName{Namespace: "team-a", Name: "alerts"}

func runner() Runner {
	return Runner{Namespace: "team-a", Image: "registry.example/runner@sha256:0123", Credentials: "41", Settings: settings.Default()}
}

func subscription() Subscription {
	return Subscription{
		Binding: alerts, Trigger: types.NamespacedName{Namespace: "ops", Name: "chat"},
		Plan: "alerts-0123", Settings: settings.Default(),
	}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	trigger, err := MakeSubscription(subscription())
	require.NoError(t, err)
	for name, object := range map[string]any{
		"service":         MakeService(runner()),
		"subscription":    trigger,
		"service-account": MakeServiceAccount("team-a"),
		"role":            MakeRole("team-a", nil),
		"role-binding":    MakeRoleBinding("team-a"),
		"plan":            MakePlan(alerts, &Plan{Name: "alerts-0123", Encoded: "{}"}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := yaml.Marshal(object)
			require.NoError(t, err)
			file := filepath.Join("testdata", name+".yaml")
			if *update {
				require.NoError(t, os.WriteFile(file, got, 0o600))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.Equal(t, string(want), string(got))
		})
	}
}

func TestTheSubscriptionIsOneThatKnativeTakes(t *testing.T) {
	t.Parallel()
	trigger, err := MakeSubscription(subscription())
	require.NoError(t, err)
	flags := feature.Flags{"delivery-timeout": feature.Enabled}
	assert.Nil(t, trigger.Validate(feature.ToContext(t.Context(), flags)))
	defaulted := trigger.DeepCopy()
	defaulted.SetDefaults(t.Context())
	assert.True(t, SameSubscription(trigger, defaulted), "its defaults change nothing")
}

func TestNamesInExpressions(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "a'b", "a%", "a_b", "A", "-a", "a|b", "a b", "a'\nOR TRUE"} {
		s := subscription()
		s.Binding.Name = name
		_, err := MakeSubscription(s)
		require.ErrorIs(t, err, ErrNotAName, "%q", name)
		s = subscription()
		s.Binding.Namespace = name
		_, err = MakeSubscription(s)
		require.ErrorIs(t, err, ErrNotAName, "%q", name)
	}
	s := subscription()
	s.Binding.Name = "prod.eu-1." + strings.Repeat("x", 200)
	trigger, err := MakeSubscription(s)
	require.NoError(t, err, "the longest name does")
	assert.LessOrEqual(t, len(trigger.Name), 63)
	assert.NotContains(t, trigger.Labels, names.LabelBinding)
	assert.Equal(t, s.Binding, BindingOf(trigger))
}

func TestSettingsShowInTheRunner(t *testing.T) {
	t.Parallel()
	r := runner()
	r.Settings.RunnerTimeout, r.Settings.RunnerIdle, r.Settings.RunnerConcurrency = 90*time.Second, 6*time.Second, 1
	u := MakeService(r)
	assert.False(t, SameService(u, MakeService(runner())))
	for want, path := range map[any][]string{
		int64(90): {"spec", "template", "spec", "responseStartTimeoutSeconds"},
		int64(1):  {"spec", "template", "spec", "containerConcurrency"},
		"6s":      {"spec", "template", "metadata", "annotations", "autoscaling.knative.dev/window"},
	} {
		got, found, err := unstructured.NestedFieldNoCopy(u.Object, path...)
		require.NoError(t, err)
		assert.True(t, found)
		assert.Equal(t, want, got)
	}
	other := runner()
	other.Credentials = "42"
	assert.False(t, SameService(MakeService(other), MakeService(runner())), "new credentials are a new revision")
}

func TestSameService(t *testing.T) {
	t.Parallel()
	want := MakeService(runner())
	for what, row := range map[string]struct {
		change func(u *unstructured.Unstructured)
		same   bool
	}{
		"nothing":          {func(*unstructured.Unstructured) {}, true},
		"a default":        {func(u *unstructured.Unstructured) { set(u, "x", "spec", "template", "spec", "dnsPolicy") }, true},
		"a status":         {func(u *unstructured.Unstructured) { set(u, "x", "status", "url") }, true},
		"no template":      {func(u *unstructured.Unstructured) { unstructured.RemoveNestedField(u.Object, "spec", "template") }, false},
		"no containers":    {func(u *unstructured.Unstructured) { set(u, []any{}, "spec", "template", "spec", "containers") }, false},
		"a text for a map": {func(u *unstructured.Unstructured) { set(u, "x", "spec", "template", "metadata") }, false},
		"no labels":        {func(u *unstructured.Unstructured) { u.SetLabels(nil) }, false},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			have := want.DeepCopy()
			row.change(have)
			assert.Equal(t, row.same, SameService(want, have))
			mended := UpdatedService(want, have)
			assert.True(t, SameService(want, mended))
			if url, ok, _ := unstructured.NestedString(have.Object, "status", "url"); ok {
				kept, _, _ := unstructured.NestedString(mended.Object, "status", "url")
				assert.Equal(t, url, kept)
			}
		})
	}
}

func set(u *unstructured.Unstructured, value any, path ...string) {
	if err := unstructured.SetNestedField(u.Object, value, path...); err != nil {
		panic(err)
	}
}

func TestServiceIsWhatADynamicClientTakes(t *testing.T) {
	t.Parallel()
	u := MakeService(runner())
	raw, err := u.MarshalJSON()
	require.NoError(t, err)
	read := &unstructured.Unstructured{}
	require.NoError(t, read.UnmarshalJSON(raw))
	assert.Equal(t, u.Object, read.Object, "what comes back is what went there, number by number")
	assert.NotPanics(t, func() { runtime.DeepCopyJSON(u.Object) })
}

func TestPlans(t *testing.T) {
	t.Parallel()
	p, err := EncodePlan(&plan.Plan{Namespace: "team-a", Binding: "alerts"})
	require.NoError(t, err)
	c := MakePlan(alerts, p)
	assert.True(t, SamePlan(c, c.DeepCopy()))
	assert.True(t, IsPlan(c))
	for what, change := range map[string]func(*corev1.ConfigMap){
		"content":        func(c *corev1.ConfigMap) { c.Data[names.KeyPlan] = "x" },
		"more content":   func(c *corev1.ConfigMap) { c.BinaryData = map[string][]byte{"x": nil} },
		"it is mutable":  func(c *corev1.ConfigMap) { c.Immutable = nil },
		"another's":      func(c *corev1.ConfigMap) { c.Annotations[names.LabelBinding] = "other" },
		"it is no plan":  func(c *corev1.ConfigMap) { c.Labels[names.LabelKind] = names.KindRoutes },
		"it is not ours": func(c *corev1.ConfigMap) { delete(c.Labels, names.LabelManaged) },
	} {
		have := c.DeepCopy()
		change(have)
		assert.False(t, SamePlan(c, have), what)
	}
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	assert.True(t, SupersededAt(c).IsZero())
	assert.Equal(t, at, SupersededAt(Superseded(c, at)))
	assert.True(t, SupersededAt(Superseded(Superseded(c, at), time.Time{})).IsZero())
	assert.True(t, SamePlan(c, Superseded(c, at)), "a mark is no change of the plan")
	assert.Equal(t, at, SupersededAt(Superseded(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{}}, at)))

	_, err = EncodePlan(&plan.Plan{Agents: map[string]agent.Spec{"a": {Instructions: strings.Repeat("x", maxPlanBytes)}}})
	assert.ErrorIs(t, err, ErrPlanTooLarge)
}

func TestWhatKnativeStoresIsTheSame(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("testdata", "service-stored.yaml"))
	require.NoError(t, err)
	raw, err = yaml.YAMLToJSON(raw)
	require.NoError(t, err)
	stored := &unstructured.Unstructured{}
	require.NoError(t, stored.UnmarshalJSON(raw))
	assert.True(t, SameService(MakeService(runner()), stored))
}
