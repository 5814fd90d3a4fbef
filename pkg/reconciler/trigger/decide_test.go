// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	eventing "knative.dev/eventing/pkg/apis/eventing"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/pkg/apis"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/local"
	"aof.dev/operator/pkg/match"
	"aof.dev/operator/pkg/reconciler/credentials"
	"aof.dev/operator/pkg/route"
)

func anInput(kind aofv1.TriggerType, config aofv1.JSONObject, change ...func(*Input)) *Input {
	in := &Input{
		Trigger: aTrigger(kind, config), BrokerName: "default", Broker: aBroker(), Credentials: credentials.KeysOf("HOOK"),
		Adapter: Adapter{URL: "http://adapter.example/", Ready: &apis.Condition{Type: apis.ConditionReady, Status: corev1.ConditionTrue}},
	}
	for _, c := range change {
		c(in)
	}
	return in
}

func TestDecideConditions(t *testing.T) {
	t.Parallel()
	signed := aofv1.JSONObject{"signing_secret": "${HOOK}"}
	disabled := func(in *Input) { in.Trigger.Spec.Enabled = new(bool) }
	for name, c := range map[string]struct {
		in *Input
		// The reason of ConfigurationValid and Connected; "" is true.
		valid, connected string
	}{
		"everything is there":                 {in: anInput(aofv1.TriggerHTTP, aofv1.JSONObject{"secret": "${HOOK}"})},
		"a credential is missing":             {in: anInput(aofv1.TriggerHTTP, aofv1.JSONObject{"secret": "${NO}"}), valid: "CredentialsMissing", connected: "CredentialsMissing"},
		"a default stands in":                 {in: anInput(aofv1.TriggerHTTP, aofv1.JSONObject{"secret": "${NO:-x}"})},
		"a secretKeyRef is a reference":       {in: anInput(aofv1.TriggerSlack, aofv1.JSONObject{"signing_secret": secretKeyRef("aof-credentials", "NO")}), valid: "CredentialsMissing", connected: "CredentialsMissing"},
		"another Secret is not read":          {in: anInput(aofv1.TriggerSlack, aofv1.JSONObject{"signing_secret": secretKeyRef("mine", "HOOK")}), valid: "CredentialsMissing", connected: "CredentialsMissing"},
		"Slack without any secret":            {in: anInput(aofv1.TriggerSlack, aofv1.JSONObject{}), valid: "CredentialsMissing", connected: "CredentialsMissing"},
		"Slack over the Events API":           {in: anInput(aofv1.TriggerSlack, signed)},
		"Slack over a connection":             {in: anInput(aofv1.TriggerSlack, aofv1.JSONObject{"app_token": "${HOOK}"})},
		"nobody listens to the platform":      {in: anInput(aofv1.TriggerPagerDuty, aofv1.JSONObject{}), valid: "UnsupportedType", connected: "UnsupportedType"},
		"the spec is wrong":                   {in: anInput(aofv1.TriggerHTTP, aofv1.JSONObject{}, func(in *Input) { in.Invalid = errors.New("no") }), valid: "ConfigurationInvalid", connected: "ConfigurationInvalid"},
		"the user switched it off":            {in: anInput(aofv1.TriggerHTTP, aofv1.JSONObject{}, disabled), connected: "Disabled"},
		"there is no Broker yet":              {in: anInput(aofv1.TriggerHTTP, aofv1.JSONObject{}, func(in *Input) { in.Broker = nil }), connected: "BrokerNotReady"},
		"the Broker goes":                     {in: anInput(aofv1.TriggerHTTP, aofv1.JSONObject{}, func(in *Input) { in.Broker.DeletionTimestamp = &aTime }), connected: "BrokerNotReady"},
		"the Broker failed":                   {in: anInput(aofv1.TriggerHTTP, aofv1.JSONObject{}, func(in *Input) { in.Broker.Status.Conditions[0].Status = corev1.ConditionFalse }), connected: "BrokerNotReady"},
		"there is no adapter":                 {in: anInput(aofv1.TriggerHTTP, aofv1.JSONObject{}, func(in *Input) { in.Adapter = Adapter{} }), connected: "AdapterNotReady"},
		"the adapter has no URL yet":          {in: anInput(aofv1.TriggerHTTP, aofv1.JSONObject{}, func(in *Input) { in.Adapter.URL = "" }), connected: "AdapterNotReady"},
		"the adapter's state is unknown":      {in: anInput(aofv1.TriggerHTTP, aofv1.JSONObject{}, func(in *Input) { in.Adapter.Ready = &apis.Condition{} }), connected: "AdapterNotReady"},
		"events by hand need the Broker only": {in: anInput(aofv1.TriggerManual, aofv1.JSONObject{}, func(in *Input) { in.Adapter = Adapter{} })},
		"a schedule waits for its PingSource": {in: anInput(aofv1.TriggerSchedule, aofv1.JSONObject{"cron": "* * * * *"}), connected: "ScheduleNotReady"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := Decide(c.in)
			assert.Equal(t, c.valid, reasonOf(d.configuration), d.configuration.message)
			assert.Equal(t, c.connected, reasonOf(d.connected), d.connected.message)
		})
	}
}

var aTime = metav1.Now()

func reasonOf(v verdict) string {
	if v.status == corev1.ConditionTrue {
		return ""
	}
	return v.reason
}

func secretKeyRef(name, key string) any {
	return map[string]any{"secretKeyRef": map[string]any{"name": name, "key": key}}
}

func TestDecideDurability(t *testing.T) {
	t.Parallel()
	class := func(class, channel string) func(*eventingv1.Broker) {
		return func(b *eventingv1.Broker) {
			b.Annotations[eventing.BrokerClassKey] = class
			b.Status.Annotations = map[string]string{eventing.BrokerChannelKindStatusAnnotationKey: channel}
		}
	}
	for name, c := range map[string]struct {
		broker *eventingv1.Broker
		want   corev1.ConditionStatus
	}{
		"in memory":           {aBroker(class("MTChannelBasedBroker", "InMemoryChannel")), corev1.ConditionFalse},
		"channels of Kafka":   {aBroker(class("MTChannelBasedBroker", "KafkaChannel")), corev1.ConditionTrue},
		"no channel yet":      {aBroker(class("MTChannelBasedBroker", "")), corev1.ConditionUnknown},
		"a Broker of its own": {aBroker(class("Kafka", "")), corev1.ConditionTrue},
		"none yet":            {nil, corev1.ConditionUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := Decide(anInput(aofv1.TriggerHTTP, aofv1.JSONObject{}, func(in *Input) { in.Broker = c.broker }))
			assert.Equal(t, c.want, d.durable.status)
		})
	}
}

func TestDecideEndpoint(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "http://adapter.example/prod/alerts", Decide(anInput(aofv1.TriggerHTTP, aofv1.JSONObject{})).Endpoint)
	assert.Empty(t, Decide(anInput(aofv1.TriggerManual, aofv1.JSONObject{})).Endpoint)
	assert.Empty(t, Decide(anInput(aofv1.TriggerHTTP, aofv1.JSONObject{}, func(in *Input) { in.Adapter.URL = "" })).Endpoint)
}

func TestDecideTable(t *testing.T) {
	t.Parallel()
	entry := func(id string) route.Binding { return route.Binding{Rule: match.Rule{ID: id}} }
	in := anInput(aofv1.TriggerSlack, aofv1.JSONObject{"signing_secret": secretKeyRef("aof-credentials", "HOOK")}, func(in *Input) {
		in.Bindings = []route.Binding{entry("prod/b")}
		in.Unread = []string{"prod/a", "prod/new"}
		in.Routes = &route.Table{Bindings: []route.Binding{entry("prod/a"), entry("prod/gone")}}
	})
	table := Decide(in).Table
	assert.Equal(t, []route.Binding{entry("prod/a"), entry("prod/b")}, table.Bindings,
		"a binding keeps its entry while its new plan is on its way; one that is gone does not")
	assert.Equal(t, map[string]any{"signing_secret": "${HOOK}"}, table.Config)
	assert.Len(t, in.Bindings, 1, "the input is left alone")
}

// Whoever adds a platform to the adapter has to say here how its events come.
func TestTheAdapterServesWhatWeSayItServes(t *testing.T) {
	t.Parallel()
	var served []string
	for _, kind := range []aofv1.TriggerType{
		aofv1.TriggerSlack, aofv1.TriggerTelegram, aofv1.TriggerDiscord, aofv1.TriggerHTTP, aofv1.TriggerSchedule, aofv1.TriggerPagerDuty,
		aofv1.TriggerJira, aofv1.TriggerWhatsApp, aofv1.TriggerGitHub, aofv1.TriggerGitLab, aofv1.TriggerBitbucket, aofv1.TriggerTeams,
		aofv1.TriggerOpsgenie, aofv1.TriggerManual,
	} {
		if intakeOf(&aofv1.TriggerSpec{Type: kind}) == webhook {
			served = append(served, string(kind))
		}
	}
	slices.Sort(served)
	assert.Equal(t, local.Platforms().Types(), served)
}
