// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowbinding

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgotesting "k8s.io/client-go/testing"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/controller"
	rtesting "knative.dev/pkg/reconciler/testing"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/plan"
	. "aof.dev/operator/pkg/reconciler/testing"
)

var ready = apis.Condition{Type: apis.ConditionReady, Status: corev1.ConditionTrue}

func TestReconcileKind(t *testing.T) {
	t.Parallel()
	rtesting.TableTest(CommonRows(aBinding(t))).Test(t, Factory(newBench().construct))
}

func TestFirstReconciliation(t *testing.T) {
	t.Parallel()
	w := newBench()
	s := w.settle(t, aWorld(t)...)
	b := binding(t, s)
	name := b.Status.Plan
	assert.Equal(t, []string{
		"patch flowbindings team-a/alerts", // the finalizer
		"update flowbindings/status team-a/alerts",
		"create configmaps team-a/" + name,
		"create serviceaccounts team-a/aof-runner",
		"create roles team-a/aof-runner",
		"create rolebindings team-a/aof-runner",
		"create serviceaccounts/token team-a/aof-runner",
		"create secrets team-a/aof-runner-token",
		"create triggers ops/" + names.KnativeTrigger(team, "alerts"),
		"create services team-a/aof-runner",
	}, s.Writes, "and then nothing more")
	require.NoError(t, s.Err)
	assert.Empty(t, told(s), "nothing is bound before Knative has brought it about")

	compiled, err := plan.Decode([]byte(Get[*corev1.ConfigMap](t, s, team, name).Data[names.KeyPlan]))
	require.NoError(t, err)
	assert.Equal(t, "alerts", compiled.Binding)
	assert.Equal(t, "binding-1", string(compiled.BindingUID))
	assert.Equal(t, "help", compiled.Agents["sre"].Instructions)
	assert.Contains(t, knativeTrigger(t, s).Spec.Subscriber.URI.String(), name)

	assert.Equal(t, aofv1.FlowBindingPhasePending, b.Status.Phase)
	assert.Equal(t, int64(1), b.Status.ObservedGeneration)
	assert.Equal(t, aofv1.JSONObject{"name": "chat", "namespace": ops, "ready": true, "connected": true}, b.Status.ResourceStatus.Trigger)
	assert.Equal(t, aofv1.JSONObject{"name": "prod", "namespace": ops, "ready": true, "kubeconfigValid": true}, b.Status.ResourceStatus.Context)
	assert.Equal(t, aofv1.JSONObject{"name": "answer", "namespace": team, "ready": true, "agentAvailable": true}, b.Status.ResourceStatus.Flow)
	for _, ref := range []string{"Trigger ops/chat", "Context ops/prod", "AgentFlow team-a/answer", "Agent team-a/sre", "ConfigMap team-a/" + name, "ConfigMap team-a/" + names.Tally("flowbinding", "alerts")} {
		assert.Contains(t, w.tracked, ref)
	}
}

func TestBoundWhenKnativeHasBroughtItAbout(t *testing.T) {
	t.Parallel()
	w := newBench()
	s := w.settle(t, aWorld(t)...)
	come(t, s)
	s = w.again(t, s)
	assert.Equal(t, aofv1.FlowBindingPhaseBound, binding(t, s).Status.Phase)
	assert.True(t, binding(t, s).Status.Active)
	assert.Equal(t, []string{"update flowbindings/status team-a/alerts"}, s.Writes)
	assert.Equal(t, []string{"Normal Bound events of trigger ops/chat run flow answer"}, told(s))

	s = w.again(t, s)
	assert.Empty(t, s.Writes, "a steady state")
	assert.Empty(t, told(s))

	service(t, s).Object["status"].(map[string]any)["conditions"] = []any{map[string]any{"type": "Ready", "status": "False", "reason": "NoImage", "message": "no image"}}
	s = w.again(t, s)
	assert.Equal(t, aofv1.FlowBindingPhaseFailed, binding(t, s).Status.Phase)
	assert.Equal(t, []string{"Warning Failed the runner is not ready: no image"}, told(s))
}

func TestASubscriptionThatWaitsHasNotFailed(t *testing.T) {
	t.Parallel()
	no := func(of apis.ConditionType) apis.Condition {
		return apis.Condition{Type: of, Status: corev1.ConditionFalse, Reason: "R", Message: "address not set"}
	}
	for condition, phase := range map[apis.ConditionType]aofv1.FlowBindingPhase{
		eventingv1.TriggerConditionSubscriberResolved:     aofv1.FlowBindingPhasePending,
		eventingv1.TriggerConditionDeadLetterSinkResolved: aofv1.FlowBindingPhasePending,
		eventingv1.TriggerConditionBroker:                 aofv1.FlowBindingPhasePending,
		eventingv1.TriggerConditionDependency:             aofv1.FlowBindingPhaseFailed,
	} {
		t.Run(string(condition), func(t *testing.T) {
			t.Parallel()
			w := newBench()
			s := w.settle(t, aWorld(t)...)
			come(t, s)
			knativeTrigger(t, s).Status.Conditions = duckv1.Conditions{no(apis.ConditionReady), no(condition)}
			s = w.again(t, s)
			assert.Equal(t, phase, binding(t, s).Status.Phase)
			assert.Contains(t, binding(t, s).Status.GetCondition(aofv1.FlowBindingConditionSubscribed).Message, "address not set")
			assert.Equal(t, phase == aofv1.FlowBindingPhaseFailed, len(told(s)) > 0, "people are told of failures only: %v", told(s))
		})
	}
}

func TestMissingReferences(t *testing.T) {
	t.Parallel()
	for what, row := range map[string]struct {
		world     func([]runtime.Object) []runtime.Object
		condition apis.ConditionType
		message   string
	}{
		"trigger": {without[*aofv1.Trigger], aofv1.FlowBindingConditionTriggerReady, "spec.trigger: Trigger ops/chat does not exist"},
		"context": {without[*aofv1.Context], aofv1.FlowBindingConditionContextReady, "spec.context: Context ops/prod does not exist"},
		"flow":    {without[*aofv1.AgentFlow], aofv1.FlowBindingConditionFlowReady, "spec.flow: AgentFlow team-a/answer does not exist"},
		"agent":   {without[*aofv1.Agent], aofv1.FlowBindingConditionBound, "node ask: Agent team-a/sre does not exist"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newBench()
			s := w.settle(t, row.world(aWorld(t))...)
			require.NoError(t, s.Err, "it waits: no other try is needed")
			b := binding(t, s)
			assert.Contains(t, b.Status.GetCondition(row.condition).Message, row.message)
			assert.Equal(t, aofv1.ReasonReferenceNotFound, b.Status.GetCondition(aofv1.FlowBindingConditionBound).Reason)
			assert.Equal(t, aofv1.FlowBindingPhaseFailed, b.Status.Phase)
			assert.Empty(t, b.Status.Plan)
			assert.Empty(t, left(s), "nothing is made for what can't run")
			require.Len(t, told(s), 1)
			assert.Contains(t, told(s)[0], "Warning Failed")
			assert.Empty(t, told(w.again(t, s)), "told once")
		})
	}
}

func TestWhatIsTakenAwayStopsTheBinding(t *testing.T) {
	t.Parallel()
	w := newBench()
	s := w.settle(t, aWorld(t)...)
	name := binding(t, s).Status.Plan
	flow := Get[*aofv1.AgentFlow](t, s, team, "answer")
	s.Objects = without[*aofv1.AgentFlow](s.Objects)
	s = w.again(t, s)
	_, subscribed := Find[*eventingv1.Trigger](s, ops, names.KnativeTrigger(team, "alerts"))
	assert.False(t, subscribed, "a flow that was deleted shall not run")
	assert.Empty(t, binding(t, s).Status.Plan)
	assert.Equal(t, []string{name}, plans(s), "events on their way still find their plan")

	s.Objects = append(s.Objects, flow)
	s = w.again(t, s)
	assert.Equal(t, name, binding(t, s).Status.Plan)
	assert.NotContains(t, Get[*corev1.ConfigMap](t, s, team, name).Annotations, "aof.dev/superseded-at")
	knativeTrigger(t, s)
}

func TestInvalidFlow(t *testing.T) {
	t.Parallel()
	w := newBench()
	world := aWorld(t)
	Get[*aofv1.AgentFlow](t, &Settled{Objects: world}, team, "answer").Spec.Connections[0].To = "nowhere"
	s := w.settle(t, world...)
	require.NoError(t, s.Err)
	bound := binding(t, s).Status.GetCondition(aofv1.FlowBindingConditionBound)
	assert.Equal(t, aofv1.ReasonCannotCompile, bound.Reason)
	assert.Contains(t, bound.Message, "nowhere")
	assert.Empty(t, left(s))
}

func TestWhatWasWrittenWithoutAdmissionGetsItsDefaults(t *testing.T) {
	t.Parallel()
	raw := become(t, &aofv1.AgentFlow{}, `
metadata: {name: answer, namespace: team-a}
spec:
  nodes: [{name: ask, type: Transform, config: {script: "export A=1"}}]
  connections: [{from: start, to: ask}]
`)
	s := newBench().settle(t, append(without[*aofv1.AgentFlow](aWorld(t)), raw)...)
	bound := binding(t, s).Status.GetCondition(aofv1.FlowBindingConditionBound)
	assert.True(t, bound.IsTrue(), "a node's name is its id: %s", bound.GetMessage())
}

func TestSuspended(t *testing.T) {
	t.Parallel()
	w := newBench()
	s := w.settle(t, aWorld(t)...)
	come(t, s)
	s = w.again(t, s)
	b := binding(t, s)
	name, off := b.Status.Plan, false
	b.Spec.Enabled = &off
	s = w.again(t, s)
	b = binding(t, s)
	assert.Equal(t, aofv1.FlowBindingPhaseSuspended, b.Status.Phase)
	assert.False(t, b.Status.Active)
	assert.Equal(t, name, b.Status.Plan, "the plan stays")
	assert.Equal(t, []string{name}, plans(s))
	assert.Equal(t, []string{"update flowbindings/status team-a/alerts", "delete triggers ops/" + names.KnativeTrigger(team, "alerts")}, s.Writes)
	assert.Equal(t, []string{"Normal Suspended no event starts a run until spec.enabled is true"}, told(s))

	b.Spec.Enabled = nil
	s = w.again(t, s)
	knativeTrigger(t, s)
}

func TestEditedFlow(t *testing.T) {
	t.Parallel()
	w := newBench()
	s := w.settle(t, aWorld(t)...)
	before := binding(t, s).Status.Plan
	waiting := aRun(t, before, aofv1.FlowRunPhaseWaiting)
	s.Objects = append(s.Objects, waiting)
	Get[*aofv1.Agent](t, s, team, "sre").Spec.Instructions = "help more"
	s = w.again(t, s)
	after := binding(t, s).Status.Plan
	require.NotEqual(t, before, after)
	assert.ElementsMatch(t, []string{before, after}, plans(s))
	assert.Contains(t, knativeTrigger(t, s).Spec.Subscriber.URI.String(), after)

	w.clock.SetTime(noon.Add(24 * time.Hour))
	s = w.again(t, s)
	assert.ElementsMatch(t, []string{before, after}, plans(s), "the run that waits is still on it")

	Get[*aofv1.FlowRun](t, s, team, "run-1").Status.Phase = aofv1.FlowRunPhaseFailed
	s = w.again(t, s)
	assert.ElementsMatch(t, []string{before, after}, plans(s), "the run that failed can be retried on it")

	Get[*aofv1.FlowRun](t, s, team, "run-1").Status.Phase = aofv1.FlowRunPhaseSucceeded
	s = w.again(t, s)
	assert.Equal(t, []string{after}, plans(s))
	assert.Contains(t, s.Writes, "delete configmaps team-a/"+before)
}

func TestOldPlansStayWhileEventsMayBeOnTheirWay(t *testing.T) {
	t.Parallel()
	w := newBench()
	s := w.settle(t, aWorld(t)...)
	Get[*aofv1.Agent](t, s, team, "sre").Spec.Instructions = "help more"
	s = w.again(t, s)
	assert.Len(t, plans(s), 2)
	w.clock.SetTime(noon.Add(14 * time.Minute))
	assert.Empty(t, w.again(t, s).Writes)
	w.clock.SetTime(noon.Add(15 * time.Minute))
	assert.Len(t, plans(w.again(t, s)), 1)
}

func TestDriftIsRepaired(t *testing.T) {
	t.Parallel()
	for what, row := range map[string]struct {
		drift func(t *testing.T, s *Settled)
		write string
	}{
		"a right more": {func(t *testing.T, s *Settled) {
			t.Helper()
			role := Get[*rbacv1.Role](t, s, team, names.Runner)
			role.Rules = append(role.Rules, rbacv1.PolicyRule{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}})
		}, "update roles"},
		"another subject": {func(t *testing.T, s *Settled) {
			t.Helper()
			Get[*rbacv1.RoleBinding](t, s, team, names.Runner).Subjects[0].Name = "default"
		}, "update rolebindings"},
		"another role": {func(t *testing.T, s *Settled) {
			t.Helper()
			Get[*rbacv1.RoleBinding](t, s, team, names.Runner).RoleRef.Name = "admin"
		}, "create rolebindings"},
		"a mounted token": {func(t *testing.T, s *Settled) {
			t.Helper()
			Get[*corev1.ServiceAccount](t, s, team, names.Runner).AutomountServiceAccountToken = nil
		}, "update serviceaccounts"},
		"another image": {func(t *testing.T, s *Settled) {
			t.Helper()
			containers, _, _ := unstructured.NestedSlice(service(t, s).Object, "spec", "template", "spec", "containers")
			containers[0].(map[string]any)["image"] = "evil"
			require.NoError(t, unstructured.SetNestedSlice(service(t, s).Object, containers, "spec", "template", "spec", "containers"))
		}, "update services"},
		"a runner that the world can reach": {func(t *testing.T, s *Settled) {
			t.Helper()
			service(t, s).SetLabels(map[string]string{names.LabelManaged: "true"})
		}, "update services"},
		"no filter": {func(t *testing.T, s *Settled) {
			t.Helper()
			knativeTrigger(t, s).Spec.Filters = nil
		}, "update triggers"},
		"no dead letters": {func(t *testing.T, s *Settled) {
			t.Helper()
			knativeTrigger(t, s).Spec.Delivery.DeadLetterSink = nil
		}, "update triggers"},
		"another broker": {func(t *testing.T, s *Settled) {
			t.Helper()
			knativeTrigger(t, s).Spec.Broker = "other"
		}, "create triggers"},
		"an edited plan": {func(t *testing.T, s *Settled) {
			t.Helper()
			Get[*corev1.ConfigMap](t, s, team, binding(t, s).Status.Plan).Data[names.KeyPlan] = "{}"
		}, "create configmaps"},
		"no token": {func(t *testing.T, s *Settled) {
			t.Helper()
			Get[*corev1.Secret](t, s, team, names.RunnerToken).Data = nil
		}, "update secrets"},
		"nothing at all": {func(t *testing.T, s *Settled) {
			t.Helper()
			s.Objects = aWorld(t)
		}, "create services"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newBench()
			s := w.settle(t, aWorld(t)...)
			want := left(s)
			plan := binding(t, s).Status.Plan
			row.drift(t, s)
			s = w.again(t, s)
			assert.Contains(t, strings.Join(s.Writes, "\n"), row.write)
			assert.ElementsMatch(t, want, left(s))
			assert.Equal(t, plan, binding(t, s).Status.Plan)
			require.NoError(t, s.Err)
		})
	}
}

func TestDefaultsOfTheClusterAreNoDrift(t *testing.T) {
	t.Parallel()
	w := newBench()
	s := w.settle(t, aWorld(t)...)
	u := service(t, s)
	require.NoError(t, unstructured.SetNestedField(u.Object, int64(100), "spec", "traffic", "percent"))
	require.NoError(t, unstructured.SetNestedField(u.Object, "x", "spec", "template", "spec", "schedulerName"))
	u.SetAnnotations(map[string]string{"serving.knative.dev/creator": "aof"})
	trigger := knativeTrigger(t, s)
	trigger.Annotations["eventing.knative.dev/creator"] = "aof"
	Get[*corev1.ServiceAccount](t, s, team, names.Runner).ImagePullSecrets = []corev1.LocalObjectReference{{Name: "pull"}}
	assert.Empty(t, w.again(t, s).Writes)
}

func TestWhatIsNotOursIsLeftAlone(t *testing.T) {
	t.Parallel()
	foreign := metav1.ObjectMeta{Namespace: team, Name: names.Runner}
	for what, object := range map[string]runtime.Object{
		"service account": &corev1.ServiceAccount{ObjectMeta: foreign},
		"role":            &rbacv1.Role{ObjectMeta: foreign},
		"role binding":    &rbacv1.RoleBinding{ObjectMeta: foreign},
		"secret":          &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: team, Name: names.RunnerToken}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newBench()
			// The informers see only what has our label; a Secret is seen by its name.
			s := w.settle(t, append(aWorld(t), object)...)
			require.NoError(t, s.Err)
			runner := binding(t, s).Status.GetCondition(aofv1.FlowBindingConditionRunnerReady)
			assert.Equal(t, aofv1.ReasonNotOwned, runner.Reason)
			_, subscribed := Find[*eventingv1.Trigger](s, ops, names.KnativeTrigger(team, "alerts"))
			assert.False(t, subscribed, "there is nothing to send events to")
		})
	}
}

func TestWhatIsNotOursAndNotInTheCacheIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newBench()
	hidden := func(a clientgotesting.Action) (bool, runtime.Object, error) {
		if a.GetResource().Resource != "roles" {
			return false, nil, nil
		}
		if a.GetVerb() == "create" {
			return true, nil, apierrors.NewAlreadyExists(a.GetResource().GroupResource(), names.Runner)
		}
		return true, &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: team, Name: names.Runner}}, nil
	}
	row := rtesting.TableRow{Key: key, Objects: aWorld(t), WithReactors: []clientgotesting.ReactionFunc{hidden}}
	c, recorders, _ := Factory(w.construct)(t, &row)
	_, requeued := requeue(c.Reconcile(row.Ctx, key))
	assert.True(t, requeued)
	actions, err := recorders.ActionsByVerb()
	require.NoError(t, err)
	last := actions.Updates[len(actions.Updates)-1].GetObject().(*aofv1.FlowBinding)
	assert.Equal(t, aofv1.ReasonNotOwned, last.Status.GetCondition(aofv1.FlowBindingConditionRunnerReady).Reason)
}

func TestReadinessOfAnOlderFormIsNone(t *testing.T) {
	t.Parallel()
	w := newBench()
	s := w.settle(t, aWorld(t)...)
	come(t, s)
	service(t, s).SetGeneration(2)
	knativeTrigger(t, s).Generation = 2
	s = w.again(t, s)
	b := binding(t, s)
	assert.Equal(t, "Deploying", b.Status.GetCondition(aofv1.FlowBindingConditionRunnerReady).Reason)
	assert.Equal(t, "Subscribing", b.Status.GetCondition(aofv1.FlowBindingConditionSubscribed).Reason)
	assert.Equal(t, aofv1.FlowBindingPhasePending, b.Status.Phase)
}

func TestEveryFailedCallIsTriedAgain(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ verb, resource string }{
		{"create", "configmaps"},
		{"create", "serviceaccounts"},
		{"create", "roles"},
		{"create", "rolebindings"},
		{"create", "secrets"},
		{"create", "services"},
		{"create", "triggers"},
		{"patch", "flowbindings"},
		{"update", "flowbindings"},
	} {
		t.Run(row.verb+" "+row.resource, func(t *testing.T) {
			t.Parallel()
			w := newBench()
			failed := 0
			once := func(a clientgotesting.Action) (bool, runtime.Object, error) {
				if a.GetVerb() != row.verb || a.GetResource().Resource != row.resource || failed > 0 {
					return false, nil, nil
				}
				failed++
				return true, nil, apierrors.NewInternalError(errors.New("induced"))
			}
			table := rtesting.TableRow{Name: "fails", Key: key, Objects: aWorld(t), WantErr: true, WithReactors: []clientgotesting.ReactionFunc{once}}
			c, _, _ := Factory(w.construct)(t, &table)
			require.Error(t, c.Reconcile(table.Ctx, key), "the queue tries again")
			assert.Equal(t, 1, failed)
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		resource  string
		condition apis.ConditionType
	}{
		{"configmaps", aofv1.FlowBindingConditionBound},
		{"services", aofv1.FlowBindingConditionRunnerReady},
		{"triggers", aofv1.FlowBindingConditionSubscribed},
	} {
		t.Run(row.resource, func(t *testing.T) {
			t.Parallel()
			w := newBench()
			refuse := func(a clientgotesting.Action) (bool, runtime.Object, error) {
				if a.GetVerb() != "create" || a.GetResource().Resource != row.resource {
					return false, nil, nil
				}
				return true, nil, apierrors.NewBadRequest("admission webhook denied the request")
			}
			table := rtesting.TableRow{Key: key, Objects: aWorld(t), WithReactors: []clientgotesting.ReactionFunc{refuse}}
			c, recorders, events := Factory(w.construct)(t, &table)
			err := c.Reconcile(table.Ctx, key)
			after, requeued := requeue(err)
			assert.True(t, requeued, "%v", err)
			assert.Equal(t, 5*time.Minute, after)
			assert.Len(t, events.Events(), 2, "the finalizer's and one about the failure: %v", events)
			actions, err := recorders.ActionsByVerb()
			require.NoError(t, err)
			last := actions.Updates[len(actions.Updates)-1].GetObject().(*aofv1.FlowBinding)
			assert.Equal(t, aofv1.ReasonRefused, last.Status.GetCondition(row.condition).Reason)
			assert.Contains(t, last.Status.GetCondition(row.condition).Message, "webhook denied")
			if row.resource == "configmaps" {
				assert.Empty(t, last.Status.Plan, "no run is to be pinned to a plan that is not there")
				assert.Len(t, actions.Creates, 1, "nothing else is made")
			}
		})
	}
}

func requeue(err error) (time.Duration, bool) {
	ok, after := controller.IsRequeueKey(err)
	return after, ok
}

// told are the Kubernetes events but those of the generated wrapper about our
// finalizer.
func told(s *Settled) []string {
	return slices.DeleteFunc(slices.Clone(s.Events), func(e string) bool { return strings.Contains(e, "FinalizerUpdate") })
}
