// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowbinding

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgotesting "k8s.io/client-go/testing"
	clocktesting "k8s.io/utils/clock/testing"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	fakeeventingclient "knative.dev/eventing/pkg/client/injection/client/fake"
	fakekubeclient "knative.dev/pkg/client/injection/kube/client/fake"
	"knative.dev/pkg/controller"
	fakedynamicclient "knative.dev/pkg/injection/clients/dynamicclient/fake"
	"knative.dev/pkg/logging"
	rtesting "knative.dev/pkg/reconciler/testing"
	"sigs.k8s.io/yaml"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	fakeaofclient "aof.dev/operator/pkg/client/injection/client/fake"
	bindingreconciler "aof.dev/operator/pkg/client/injection/reconciler/aof/v1/flowbinding"
	"aof.dev/operator/pkg/names"
	. "aof.dev/operator/pkg/reconciler/testing"
	"aof.dev/operator/pkg/reconciler/token"
	"aof.dev/operator/pkg/reconciler/track"
	"aof.dev/operator/pkg/settings"
)

const (
	team  = "team-a"
	ops   = "ops"
	image = "registry.example/runner@sha256:0123"
	key   = team + "/alerts"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// bench is what a test turns before it lets the reconciler run.
type bench struct {
	clock    *clocktesting.FakePassiveClock
	settings settings.Settings
	tracked  []string
}

func newBench() *bench {
	return &bench{clock: clocktesting.NewFakePassiveClock(noon), settings: *settings.Default()}
}

// Track records who is tracked.
func (w *bench) Track(_ types.NamespacedName, kind string, object types.NamespacedName) {
	w.tracked = append(w.tracked, kind+" "+object.String())
}

// construct makes the reconciler as the controller does, over fakes.
func (w *bench) construct(ctx context.Context, l *Listers) controller.Reconciler {
	kube := fakekubeclient.Get(ctx)
	kube.PrependReactor("create", "serviceaccounts", w.grant)
	configMaps, subscriptions := l.IndexerFor(&corev1.ConfigMap{}), l.IndexerFor(&eventingv1.Trigger{})
	runs := l.IndexerFor(&aofv1.FlowRun{})
	for _, err := range []error{
		configMaps.AddIndexers(PlanIndexers()), subscriptions.AddIndexers(SubscriptionIndexers()), runs.AddIndexers(RunIndexers()),
	} {
		if err != nil {
			panic(err)
		}
	}
	r := &Reconciler{
		Kube: kube, Eventing: fakeeventingclient.Get(ctx), Dynamic: fakedynamicclient.Get(ctx),
		Tokens:  &token.Keeper{Kube: kube, CA: func() ([]byte, error) { return []byte("certificates"), nil }, Clock: w.clock},
		Tracker: w, Clock: w.clock, Image: image, Settings: func() *settings.Settings { return &w.settings },
		Bindings: l.FlowBindings(), Triggers: l.Triggers(), Contexts: l.Contexts(), Flows: l.AgentFlows(), Agents: l.Agents(), Fleets: l.AgentFleets(),
		ConfigMaps: l.ConfigMaps(), ServiceAccounts: l.ServiceAccounts(), Roles: l.Roles(), RoleBindings: l.RoleBindings(),
		TokenSecrets: l.Secrets(), Credentials: l.Secrets(), Services: l.Unstructured(),
		Plans: configMaps, Subscriptions: subscriptions, Runs: runs,
	}
	return bindingreconciler.NewReconciler(ctx, logging.FromContext(ctx), fakeaofclient.Get(ctx), l.FlowBindings(), controller.GetEventRecorder(ctx), r)
}

// grant answers a request for a token as an API server does.
func (w *bench) grant(action clientgotesting.Action) (bool, runtime.Object, error) {
	if action.GetSubresource() != "token" {
		return false, nil, nil
	}
	create, ok := action.(clientgotesting.CreateActionImpl)
	if !ok {
		return false, nil, nil
	}
	request := create.Object.DeepCopyObject().(*authenticationv1.TokenRequest)
	now := w.clock.Now()
	request.Status = authenticationv1.TokenRequestStatus{
		Token:               "token-of-" + now.Format(time.RFC3339),
		ExpirationTimestamp: metav1.NewTime(now.Add(time.Duration(*request.Spec.ExpirationSeconds) * time.Second)),
	}
	return true, request, nil
}

var _ Tracker = (*track.Tracker)(nil)

// settle reconciles the binding until nothing is left to write.
func (w *bench) settle(t *testing.T, objects ...runtime.Object) *Settled {
	t.Helper()
	return Settle(t, w.construct, rtesting.TableRow{Key: key, Objects: objects})
}

// again settles a world that settled before, after edits to it.
func (w *bench) again(t *testing.T, s *Settled) *Settled {
	t.Helper()
	return w.settle(t, s.Objects...)
}

// become reads an object that is written as YAML.
func become[T runtime.Object](t *testing.T, into T, text string) T {
	t.Helper()
	require.NoError(t, yaml.UnmarshalStrict([]byte(text), into))
	return into
}

func aBinding(t *testing.T) *aofv1.FlowBinding {
	t.Helper()
	return become(t, &aofv1.FlowBinding{}, `
metadata: {name: alerts, namespace: team-a, uid: binding-1, generation: 1}
spec: {trigger: {name: chat, namespace: ops}, context: {name: prod, namespace: ops}, flow: {name: answer}}
`)
}

func aFlow(t *testing.T) *aofv1.AgentFlow {
	t.Helper()
	f := become(t, &aofv1.AgentFlow{}, `
metadata: {name: answer, namespace: team-a}
spec:
  nodes: [{id: ask, type: Agent, config: {agent: sre, input: "${event.text}"}}]
  connections: [{from: start, to: ask}]
`)
	f.Status.MarkValid()
	f.Status.MarkReferencesReady()
	return f
}

// aWorld is all that the binding refers to, ready, and the binding.
func aWorld(t *testing.T) []runtime.Object {
	t.Helper()
	trigger := become(t, &aofv1.Trigger{}, `
metadata: {name: chat, namespace: ops}
spec: {type: HTTP, config: {path: /x}}
`)
	trigger.Status.MarkConfigurationValid()
	trigger.Status.MarkConnected()
	place := become(t, &aofv1.Context{}, `{metadata: {name: prod, namespace: ops}, spec: {namespace: payments}}`)
	place.Status.MarkConfigurationValid()
	place.Status.MarkNoKubeconfig()
	agent := become(t, &aofv1.Agent{}, `{metadata: {name: sre, namespace: team-a}, spec: {model: "mock:m", instructions: help}}`)
	return []runtime.Object{trigger, place, agent, aFlow(t), aBinding(t)}
}

// without leaves one object out.
func without[T runtime.Object](objects []runtime.Object) []runtime.Object {
	var out []runtime.Object
	for _, o := range objects {
		if _, is := o.(T); !is {
			out = append(out, o)
		}
	}
	return out
}

func binding(t *testing.T, s *Settled) *aofv1.FlowBinding {
	t.Helper()
	return Get[*aofv1.FlowBinding](t, s, team, "alerts")
}

func service(t *testing.T, s *Settled) *unstructured.Unstructured {
	t.Helper()
	return Get[*unstructured.Unstructured](t, s, team, names.Runner)
}

func knativeTrigger(t *testing.T, s *Settled) *eventingv1.Trigger {
	t.Helper()
	return Get[*eventingv1.Trigger](t, s, ops, names.KnativeTrigger(team, "alerts"))
}

// come has Knative bring about what was asked of it.
func come(t *testing.T, s *Settled) {
	t.Helper()
	require.NoError(t, unstructured.SetNestedSlice(service(t, s).Object, []any{map[string]any{"type": "Ready", "status": "True"}}, "status", "conditions"))
	knativeTrigger(t, s).Status.Conditions = append(knativeTrigger(t, s).Status.Conditions[:0], ready)
}

// plans are the names of the plans that are there.
func plans(s *Settled) []string {
	var out []string
	for _, o := range s.Objects {
		if c, ok := o.(*corev1.ConfigMap); ok && c.Labels[names.LabelKind] == names.KindPlan {
			out = append(out, c.Name)
		}
	}
	return out
}

// left is what the operator made and is still there.
func left(s *Settled) []string {
	var out []string
	for _, o := range s.Objects {
		switch o := o.(type) {
		case *corev1.ConfigMap, *corev1.Secret, *corev1.ServiceAccount, *rbacv1.Role, *rbacv1.RoleBinding, *eventingv1.Trigger, *unstructured.Unstructured:
			out = append(out, o.(metav1.Object).GetName())
		}
	}
	return out
}

func aRun(t *testing.T, plan string, phase aofv1.FlowRunPhase) *aofv1.FlowRun {
	t.Helper()
	run := become(t, &aofv1.FlowRun{}, `
metadata: {name: run-1, namespace: team-a}
spec: {flow: {name: answer}, binding: {name: alerts, namespace: team-a}}
`)
	run.Spec.Plan, run.Status.Phase = plan, phase
	return run
}
