// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgotesting "k8s.io/client-go/testing"
	eventing "knative.dev/eventing/pkg/apis/eventing"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	sourcesv1 "knative.dev/eventing/pkg/apis/sources/v1"
	eventingclient "knative.dev/eventing/pkg/client/injection/client"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
	rtesting "knative.dev/pkg/reconciler/testing"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	aofclient "aof.dev/operator/pkg/client/injection/client"
	triggerreconciler "aof.dev/operator/pkg/client/injection/reconciler/aof/v1/trigger"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/match"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/plan"
	. "aof.dev/operator/pkg/reconciler/testing"
	"aof.dev/operator/pkg/reconciler/track"
	"aof.dev/operator/pkg/route"
	"aof.dev/operator/pkg/settings"
)

const (
	ns   = "prod"
	home = "aof-system"
	key  = ns + "/alerts"
)

func construct(ctx context.Context, l *Listers) controller.Reconciler {
	return constructed(ctx, l, func(*Reconciler) {})
}

// constructed is what construct makes, after prepare.
func constructed(ctx context.Context, l *Listers, prepare func(*Reconciler)) controller.Reconciler {
	bindings := l.IndexerFor(&aofv1.FlowBinding{})
	if err := bindings.AddIndexers(Indexers()); err != nil {
		panic(err)
	}
	runs := l.IndexerFor(&aofv1.FlowRun{})
	if err := runs.AddIndexers(RunIndexers()); err != nil {
		panic(err)
	}
	r := New(Dependencies{
		Kube: kubeclient.Get(ctx), Eventing: eventingclient.Get(ctx),
		Triggers: l.Triggers(), Bindings: bindings, Runs: runs, Brokers: l.Brokers(), PingSources: l.PingSources(), ConfigMaps: l.ConfigMaps(),
		Secrets: l.Secrets(), Roles: l.Roles(), RoleBindings: l.RoleBindings(), Services: l.Unstructured(),
		Tracker: track.New(func(types.NamespacedName) {}), Settings: settings.Default, System: home,
	})
	prepare(r)
	return triggerreconciler.NewReconciler(ctx, logging.FromContext(ctx), aofclient.Get(ctx), l.Triggers(), controller.GetEventRecorder(ctx), r)
}

func aTrigger(kind aofv1.TriggerType, config aofv1.JSONObject, options ...func(*aofv1.Trigger)) *aofv1.Trigger {
	t := &aofv1.Trigger{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "alerts", UID: "trigger-uid", Generation: 1, Finalizers: []string{"triggers.aof.dev"}},
		Spec:       aofv1.TriggerSpec{Type: kind, Config: config},
	}
	for _, option := range options {
		option(t)
	}
	return t
}

func deleted(t *aofv1.Trigger) {
	now := metav1.Now()
	t.DeletionTimestamp = &now
}

func aBroker(options ...func(*eventingv1.Broker)) *eventingv1.Broker {
	b := &eventingv1.Broker{ObjectMeta: metav1.ObjectMeta{
		Namespace: ns, Name: "default", Annotations: map[string]string{eventing.BrokerClassKey: eventing.MTChannelBrokerClassValue},
	}}
	b.Status.Annotations = map[string]string{eventing.BrokerChannelKindStatusAnnotationKey: "InMemoryChannel"}
	b.Status.Address = &duckv1.Addressable{URL: &apis.URL{Scheme: "http", Host: "broker.example", Path: "/prod/default"}}
	b.Status.Conditions = duckv1.Conditions{{Type: apis.ConditionReady, Status: corev1.ConditionTrue}}
	for _, option := range options {
		option(b)
	}
	return b
}

func ours(b *eventingv1.Broker) { b.Labels = map[string]string{names.LabelManaged: "true"} }

func anAdapter() *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{
		"url":        "http://aof-adapter.aof-system.example.com",
		"conditions": []any{map[string]any{"type": "Ready", "status": "True"}},
	}}}
	u.SetGroupVersionKind(KnativeService)
	u.SetNamespace(home)
	u.SetName(names.Adapter)
	return u
}

// bound makes a binding of the Trigger, with its plan.
func bound(namespace, name string) []runtime.Object {
	b := &aofv1.FlowBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID("uid-" + name)},
		Spec:       aofv1.FlowBindingSpec{Trigger: aofv1.ObjectReference{Namespace: ns, Name: "alerts"}},
		Status:     aofv1.FlowBindingStatus{Plan: name + "-plan"},
	}
	return []runtime.Object{b, aPlan(b)}
}

func aPlan(b *aofv1.FlowBinding) *corev1.ConfigMap {
	p := plan.Plan{
		Namespace: b.Namespace, Binding: b.Name, BindingUID: b.UID, Flow: flow.Flow{Name: "triage"}, FlowNamespace: b.Namespace,
		Trigger: &plan.Trigger{Namespace: ns, Name: "alerts"}, Rule: &match.Rule{ID: b.Namespace + "/" + b.Name},
	}
	encoded, err := p.Encode()
	if err != nil {
		panic(err)
	}
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: b.Namespace, Name: b.Status.Plan, UID: types.UID("uid-" + b.Status.Plan)},
		Data:       map[string]string{names.KeyPlan: string(encoded)},
	}
}

func credentialsSecret(keys ...string) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: names.Credentials}, Data: map[string][]byte{}}
	for _, key := range keys {
		s.Data[key] = nil
	}
	return s
}

func world(more ...any) []runtime.Object {
	out := []runtime.Object{aBroker(), anAdapter()}
	for _, objects := range more {
		switch o := objects.(type) {
		case runtime.Object:
			out = append(out, o)
		case []runtime.Object:
			out = append(out, o...)
		}
	}
	return out
}

func settle(t *testing.T, objects ...runtime.Object) *Settled {
	t.Helper()
	s := Settle(t, construct, rtesting.TableRow{Name: t.Name(), Key: key, Objects: objects})
	require.NoError(t, s.Err)
	return s
}

func tableOf(t *testing.T, s *Settled) *route.Table {
	t.Helper()
	table, err := route.Decode([]byte(Get[*corev1.ConfigMap](t, s, ns, names.Routes("alerts")).Data[names.KeyRoutes]))
	require.NoError(t, err)
	return table
}

func TestReconcileLeavesAlone(t *testing.T) {
	t.Parallel()
	rtesting.TableTest(CommonRows(aTrigger(aofv1.TriggerHTTP, aofv1.JSONObject{}))).Test(t, Factory(construct))
}

func TestAWebhookBecomesAnEventSource(t *testing.T) {
	t.Parallel()
	s := settle(t, world(aTrigger(aofv1.TriggerHTTP, aofv1.JSONObject{"secret": "${HOOK}"}), credentialsSecret("HOOK"), bound(ns, "triage"), bound("team", "page"))...)

	got := Get[*aofv1.Trigger](t, s, ns, "alerts")
	assert.True(t, got.IsReady(), "%v", got.Status.Conditions)
	assert.Equal(t, aofv1.TriggerPhaseActive, got.Status.Phase)
	assert.Equal(t, "http://aof-adapter.aof-system.example.com/prod/alerts", got.Status.WebhookEndpoint)
	durable := got.Status.GetCondition(aofv1.TriggerConditionBrokerDurable)
	assert.True(t, durable.IsFalse())
	assert.Equal(t, aofv1.ReasonInMemoryChannel, durable.Reason)
	assert.Equal(t, apis.ConditionSeverityInfo, durable.Severity)

	table := tableOf(t, s)
	assert.Equal(t, "http://broker.example/prod/default", table.Broker)
	assert.Equal(t, map[string]any{"secret": "${HOOK}"}, table.Config, "a reference stays one")
	require.Len(t, table.Bindings, 2)
	assert.Equal(t, "prod/triage", table.Bindings[0].Rule.ID)
	assert.Equal(t, "team", table.Bindings[1].Claim.Namespace)
	assert.Equal(t, types.UID("uid-page"), table.Bindings[1].Claim.UID)

	assert.Len(t, Get[*rbacv1.Role](t, s, ns, names.Adapter).Rules, 5)
	assert.Equal(t, []rbacv1.PolicyRule{
		{APIGroups: []string{"aof.dev"}, Resources: []string{"flowruns"}, Verbs: []string{"create", "get", "update"}},
		{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: []string{"create", "get", "update"}},
	}, Get[*rbacv1.Role](t, s, "team", names.Adapter).Rules, "beside a binding runs are claimed, and nothing else")
	assert.Equal(t, home, Get[*rbacv1.RoleBinding](t, s, "team", names.Adapter).Subjects[0].Namespace)
	assert.Equal(t, []string{"Normal Ready it is ready"}, s.Events)
}

func TestASteadyTriggerIsNotWritten(t *testing.T) {
	t.Parallel()
	first := settle(t, world(aTrigger(aofv1.TriggerHTTP, aofv1.JSONObject{}), bound("team", "page"))...)
	second := settle(t, first.Objects...)
	assert.Empty(t, second.Writes)
	assert.Empty(t, second.Events)
}

func TestABrokerIsMadeWhereThereIsNone(t *testing.T) {
	t.Parallel()
	s := settle(t, aTrigger(aofv1.TriggerHTTP, aofv1.JSONObject{}), anAdapter())
	broker := Get[*eventingv1.Broker](t, s, ns, "default")
	assert.Equal(t, "true", broker.Labels[names.LabelManaged])
	assert.Equal(t, "true", broker.Annotations["messaging.knative.dev/async-handler"])
	assert.Equal(t, "MTChannelBasedBroker", broker.Annotations[eventing.BrokerClassKey])
	got := Get[*aofv1.Trigger](t, s, ns, "alerts")
	assert.Equal(t, aofv1.ReasonBrokerNotReady, got.Status.GetCondition(aofv1.TriggerConditionConnected).Reason)
	assert.Equal(t, aofv1.TriggerPhasePending, got.Status.Phase)
	assert.Empty(t, s.Events, "that it isn't ready yet is no news")
}

func TestASchedule(t *testing.T) {
	t.Parallel()
	daily := aofv1.JSONObject{"cron": "0 9 * * *", "timezone": "Europe/Berlin", "text": "daily check"}
	s := settle(t, world(aTrigger(aofv1.TriggerSchedule, daily))...)
	ping := Get[*sourcesv1.PingSource](t, s, ns, "aof-schedule-alerts")
	assert.Equal(t, "0 9 * * *", ping.Spec.Schedule)
	assert.Equal(t, "Europe/Berlin", ping.Spec.Timezone)
	assert.JSONEq(t, `{"text":"daily check"}`, ping.Spec.Data)
	assert.Equal(t, map[string]string{"aoftrigger": "alerts"}, ping.Spec.CloudEventOverrides.Extensions)
	assert.Nil(t, ping.Validate(t.Context()).Filter(apis.ErrorLevel))
	assert.Empty(t, Get[*aofv1.Trigger](t, s, ns, "alerts").Status.WebhookEndpoint)

	ping.Status.Conditions = duckv1.Conditions{{Type: apis.ConditionReady, Status: corev1.ConditionTrue}}
	s = settle(t, s.Objects...)
	got := Get[*aofv1.Trigger](t, s, ns, "alerts")
	assert.True(t, got.IsReady())

	got.Spec.Enabled = new(bool)
	got.Generation = 2
	s = settle(t, s.Objects...)
	_, still := Find[*sourcesv1.PingSource](s, ns, "aof-schedule-alerts")
	assert.False(t, still, "a disabled schedule does not tick")
	got = Get[*aofv1.Trigger](t, s, ns, "alerts")
	assert.Equal(t, aofv1.TriggerPhaseDisconnected, got.Status.Phase)
	assert.NotEmpty(t, tableOf(t, s).Disabled)
}

func TestABindingThatGoesTakesItsRightsAlong(t *testing.T) {
	t.Parallel()
	s := settle(t, world(aTrigger(aofv1.TriggerHTTP, aofv1.JSONObject{}), bound("team", "page"), bound(ns, "triage"))...)
	s = settle(t, without(s.Objects, func(o runtime.Object) bool { b, ok := o.(*aofv1.FlowBinding); return ok && b.Namespace == "team" })...)
	assert.Len(t, tableOf(t, s).Bindings, 1)
	_, role := Find[*rbacv1.Role](s, "team", names.Adapter)
	_, binding := Find[*rbacv1.RoleBinding](s, "team", names.Adapter)
	assert.False(t, role || binding)
	Get[*rbacv1.Role](t, s, ns, names.Adapter)
}

func TestRightsThatWereLeftOverAreTakenBack(t *testing.T) {
	t.Parallel()
	s := settle(t, world(aTrigger(aofv1.TriggerHTTP, aofv1.JSONObject{}), bound("team", "page"))...)
	// As after a crash between the table's write and the rights'.
	objects := without(s.Objects, func(o runtime.Object) bool { _, ok := o.(*aofv1.FlowBinding); return ok })
	for i, o := range objects {
		if c, ok := o.(*corev1.ConfigMap); ok && c.Name == names.Routes("alerts") {
			objects = append(objects[:i:i], objects[i+1:]...)
			break
		}
	}
	s = settle(t, objects...)
	_, role := Find[*rbacv1.Role](s, "team", names.Adapter)
	assert.False(t, role)
}

func TestTheLastTriggerCleansUp(t *testing.T) {
	t.Parallel()
	s := settle(t, anAdapter(), aBroker(ours), aTrigger(aofv1.TriggerHTTP, aofv1.JSONObject{}), bound("team", "page")[0], bound("team", "page")[1])
	deleted(Get[*aofv1.Trigger](t, s, ns, "alerts"))
	s = settle(t, s.Objects...)
	assert.Empty(t, Get[*aofv1.Trigger](t, s, ns, "alerts").Finalizers)
	for _, namespace := range []string{ns, "team"} {
		_, role := Find[*rbacv1.Role](s, namespace, names.Adapter)
		_, binding := Find[*rbacv1.RoleBinding](s, namespace, names.Adapter)
		assert.False(t, role || binding, namespace)
	}
	_, broker := Find[*eventingv1.Broker](s, ns, "default")
	assert.False(t, broker)
}

func TestOneOfSeveralTriggersLeavesTheRestAlone(t *testing.T) {
	t.Parallel()
	other := aTrigger(aofv1.TriggerHTTP, aofv1.JSONObject{}, func(t *aofv1.Trigger) { t.Name, t.UID = "other", "other" })
	s := settle(t, anAdapter(), aBroker(ours), aTrigger(aofv1.TriggerHTTP, aofv1.JSONObject{}), other)
	assert.Equal(t, []string{names.Routes("alerts"), names.Questions("alerts"), names.Routes("other"), names.Questions("other")}, Get[*rbacv1.Role](t, s, ns, names.Adapter).Rules[0].ResourceNames)
	deleted(Get[*aofv1.Trigger](t, s, ns, "alerts"))
	s = settle(t, s.Objects...)
	assert.Equal(t, []string{names.Routes("other"), names.Questions("other")}, Get[*rbacv1.Role](t, s, ns, names.Adapter).Rules[0].ResourceNames)
	Get[*eventingv1.Broker](t, s, ns, "default")
}

func TestTriggersThatGoTogetherLeaveNoBroker(t *testing.T) {
	t.Parallel()
	other := aTrigger(aofv1.TriggerHTTP, aofv1.JSONObject{}, deleted, func(t *aofv1.Trigger) { t.Name, t.UID = "other", "other" })
	s := settle(t, anAdapter(), aBroker(ours), aTrigger(aofv1.TriggerHTTP, aofv1.JSONObject{}, deleted), other)
	_, broker := Find[*eventingv1.Broker](s, ns, "default")
	assert.False(t, broker)
}

func TestThePlanOfABindingThatWasIsNotRouted(t *testing.T) {
	t.Parallel()
	objects := bound("team", "page")
	b, _ := objects[0].(*aofv1.FlowBinding)
	b.UID = "made anew"
	assert.Empty(t, tableOf(t, settle(t, world(aTrigger(aofv1.TriggerHTTP, aofv1.JSONObject{}), objects)...)).Bindings)
}

func TestAPingSourceOfSomebodyElseStays(t *testing.T) {
	t.Parallel()
	theirs := &sourcesv1.PingSource{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "aof-schedule-alerts"}}
	s := settle(t, world(aTrigger(aofv1.TriggerHTTP, aofv1.JSONObject{}), theirs)...)
	Get[*sourcesv1.PingSource](t, s, ns, "aof-schedule-alerts")
}

func TestAnAdapterThatCantBeToldIsNotConnected(t *testing.T) {
	t.Parallel()
	var s aofv1.TriggerStatus
	s.InitializeConditions()
	Decide(anInput(aofv1.TriggerHTTP, aofv1.JSONObject{})).report(&s, assert.AnError)
	assert.Equal(t, aofv1.ReasonRouteFailed, s.GetCondition(aofv1.TriggerConditionConnected).Reason)
	assert.True(t, s.GetCondition(aofv1.TriggerConditionRouteReady).IsFalse())
	assert.Equal(t, aofv1.TriggerPhasePending, s.Phase, "it is tried again")
}

func TestANamespaceThatGoesIsNoFailure(t *testing.T) {
	t.Parallel()
	terminating := apierrors.NewForbidden(eventingv1.Resource("brokers"), "default", assert.AnError)
	terminating.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	row := rtesting.TableRow{
		Key: key, Objects: []runtime.Object{aTrigger(aofv1.TriggerHTTP, aofv1.JSONObject{}), anAdapter()},
		WithReactors: []clientgotesting.ReactionFunc{func(a clientgotesting.Action) (bool, runtime.Object, error) {
			return a.GetVerb() == "create", nil, terminating
		}},
	}
	r, _, events := Factory(construct)(t, &row)
	require.NoError(t, r.Reconcile(row.Ctx, key))
	assert.Empty(t, events.Events())
}

func TestWhoNeedsAStream(t *testing.T) {
	t.Parallel()
	socket := aofv1.JSONObject{"bot_token": "${B}", "app_token": "${A}"}
	assert.True(t, NeedsStream(aTrigger(aofv1.TriggerSlack, socket)))
	assert.False(t, NeedsStream(aTrigger(aofv1.TriggerSlack, socket, deleted)))
	assert.False(t, NeedsStream(aTrigger(aofv1.TriggerSlack, socket, func(t *aofv1.Trigger) { t.Spec.Enabled = new(bool) })))
	assert.False(t, NeedsStream(aTrigger(aofv1.TriggerSlack, aofv1.JSONObject{"signing_secret": "${S}", "app_token": "${A}"})))
	assert.False(t, NeedsStream(aTrigger(aofv1.TriggerHTTP, socket)))
}

func TestABrokerOfSomebodyElseStays(t *testing.T) {
	t.Parallel()
	s := settle(t, world(aTrigger(aofv1.TriggerHTTP, aofv1.JSONObject{}, deleted))...)
	Get[*eventingv1.Broker](t, s, ns, "default")
}

func TestCountedEventsAreShown(t *testing.T) {
	t.Parallel()
	counts := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: names.Events("alerts"), Labels: map[string]string{"somebody": "else"}},
		Data:       map[string]string{names.KeyEvents: `{"received":7,"processed":5,"dropped":2,"errors":1,"bindings":{}}`},
	}
	s := settle(t, world(aTrigger(aofv1.TriggerHTTP, aofv1.JSONObject{}), counts)...)
	got := Get[*aofv1.Trigger](t, s, ns, "alerts").Status
	assert.Equal(t, int64(7), got.EventCount)
	assert.Equal(t, int64(1), got.ErrorCount)
	assert.Equal(t, int64(5), got.Metrics.EventsProcessed)
	kept := Get[*corev1.ConfigMap](t, s, ns, names.Events("alerts"))
	assert.Equal(t, counts.Data, kept.Data, "the adapter's counts are the adapter's")
	assert.Equal(t, "else", kept.Labels["somebody"])
	assert.Equal(t, "true", kept.Labels[names.LabelManaged])
	assert.True(t, metav1.IsControlledBy(kept, Get[*aofv1.Trigger](t, s, ns, "alerts")))
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ verb, resource string }{
		{"create", "brokers"}, {"create", "roles"}, {"create", "rolebindings"}, {"create", "configmaps"}, {"update", "triggers"},
	} {
		t.Run(fmt.Sprintf("%s %s fails", c.verb, c.resource), func(t *testing.T) {
			t.Parallel()
			s := Settle(t, construct, rtesting.TableRow{
				Key: key, Objects: []runtime.Object{aTrigger(aofv1.TriggerHTTP, aofv1.JSONObject{}), anAdapter()},
				WithReactors: []clientgotesting.ReactionFunc{once(Fail(c.verb, c.resource))},
			})
			require.NoError(t, s.Err, "what failed once is made the next time")
			assert.NotNil(t, tableOf(t, s))
			assert.True(t, Get[*aofv1.Trigger](t, s, ns, "alerts").Status.GetCondition(aofv1.TriggerConditionRouteReady).IsTrue())
		})
	}
}

// once lets a reaction happen one time.
func once(reaction clientgotesting.ReactionFunc) clientgotesting.ReactionFunc {
	done := false
	return func(a clientgotesting.Action) (bool, runtime.Object, error) {
		if done {
			return false, nil, nil
		}
		handled, object, err := reaction(a)
		done = handled
		return handled, object, err
	}
}

func without(objects []runtime.Object, which func(runtime.Object) bool) []runtime.Object {
	var out []runtime.Object
	for _, o := range objects {
		if !which(o) {
			out = append(out, o)
		}
	}
	return out
}
