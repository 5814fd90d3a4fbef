// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	eventing "knative.dev/eventing/pkg/apis/eventing"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/route"
)

func aTrigger(name string, config aofv1.JSONObject) *aofv1.Trigger {
	return &aofv1.Trigger{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, UID: "uid"},
		Spec:       aofv1.TriggerSpec{Type: aofv1.TriggerSchedule, Config: config},
	}
}

func TestBroker(t *testing.T) {
	t.Parallel()
	b := MakeBroker("ns", "default", "Kafka")
	assert.Equal(t, "Kafka", b.Annotations[eventing.BrokerClassKey])
	assert.Equal(t, "true", b.Labels[names.LabelManaged])
	assert.Empty(t, b.OwnerReferences, "several Triggers share it")
}

func TestDocumentsBelongToTheTrigger(t *testing.T) {
	t.Parallel()
	trigger := aTrigger("alerts", nil)
	routes, err := MakeRoutes(trigger, &route.Table{Namespace: "ns", Trigger: "alerts", Type: "HTTP"})
	require.NoError(t, err)
	for _, c := range []struct {
		meta metav1.ObjectMeta
		name string
		kind string
	}{
		{routes.ObjectMeta, names.Routes("alerts"), names.KindRoutes},
		{MakeEvents(trigger).ObjectMeta, names.Events("alerts"), names.KindEvents},
	} {
		assert.Equal(t, c.name, c.meta.Name)
		assert.Equal(t, map[string]string{names.LabelManaged: "true", names.LabelKind: c.kind, names.LabelTrigger: "alerts"}, c.meta.Labels)
		assert.True(t, metav1.IsControlledBy(&c.meta, trigger))
	}
	back, err := route.Decode([]byte(routes.Data[names.KeyRoutes]))
	require.NoError(t, err)
	assert.Equal(t, "HTTP", back.Type)
}

func TestALongNameIsNoLabel(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 64) + ".example"
	events := MakeEvents(aTrigger(long, nil))
	assert.NotContains(t, events.Labels, names.LabelTrigger)
	for _, value := range events.Labels {
		assert.Empty(t, validation.IsValidLabelValue(value))
	}
	for _, name := range []string{events.Name, Schedule(long)} {
		assert.Empty(t, validation.IsDNS1123Subdomain(name))
	}
}

func TestATableThatFitsNowhereIsRefused(t *testing.T) {
	t.Parallel()
	table := &route.Table{Namespace: "ns", Trigger: "alerts", Config: map[string]any{"text": strings.Repeat("x", MaxTable)}}
	_, err := MakeRoutes(aTrigger("alerts", nil), table)
	assert.ErrorContains(t, err, "use several triggers")
}

func TestRightsAreNoWiderThanTheyMustBe(t *testing.T) {
	t.Parallel()
	claims := rbacv1.PolicyRule{APIGroups: []string{"aof.dev"}, Resources: []string{"flowruns"}, Verbs: []string{"create", "get", "update"}}
	keys := rbacv1.PolicyRule{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: []string{"create", "get", "update"}}
	both := MakeRole("ns", []string{"a", "b"}, true)
	assert.Equal(t, []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: []string{names.Routes("a"), names.Questions("a"), names.Routes("b"), names.Questions("b")}, Verbs: []string{"get"}},
		{APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: []string{names.Events("a"), names.Events("b")}, Verbs: []string{"get", "update"}},
		{APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{names.Credentials}, Verbs: []string{"get"}},
		claims, keys,
	}, both.Rules)
	assert.Equal(t, []rbacv1.PolicyRule{claims, keys}, MakeRole("ns", nil, true).Rules)
	assert.Len(t, MakeRole("ns", []string{"a"}, false).Rules, 3)

	binding := MakeRoleBinding("ns", "aof-system")
	assert.Equal(t, both.Name, binding.RoleRef.Name)
	assert.Equal(t, []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "aof-system", Name: names.Adapter}}, binding.Subjects)
}

func TestPingSource(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config aofv1.JSONObject
		data   string
	}{
		"nothing to say":                 {aofv1.JSONObject{"cron": "* * * * *"}, ""},
		"a text":                         {aofv1.JSONObject{"cron": "* * * * *", "text": `say "hi"`}, `{"text":"say \"hi\""}`},
		"data goes before a text":        {aofv1.JSONObject{"cron": "* * * * *", "text": "no", "data": map[string]any{"check": "disk"}}, `{"check":"disk"}`},
		"data that is no object is none": {aofv1.JSONObject{"cron": "* * * * *", "data": "x"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := MakePingSource(aTrigger("alerts", c.config), "default")
			assert.Equal(t, c.data, p.Spec.Data)
			assert.Equal(t, c.data == "", p.Spec.ContentType == "")
			assert.True(t, c.data == "" || json.Valid([]byte(p.Spec.Data)))
			assert.Equal(t, "Broker", p.Spec.Sink.Ref.Kind)
			assert.Equal(t, "ns", p.Spec.Sink.Ref.Namespace)
			assert.Equal(t, "alerts", p.Spec.CloudEventOverrides.Extensions["aoftrigger"])
		})
	}
}
