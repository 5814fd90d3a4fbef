// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowbinding

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgotesting "k8s.io/client-go/testing"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	rtesting "knative.dev/pkg/reconciler/testing"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
	. "aof.dev/operator/pkg/reconciler/testing"
)

// deleted is the world after the user deleted the binding.
func deleted(t *testing.T, s *Settled) *Settled {
	t.Helper()
	now := metav1.NewTime(noon)
	binding(t, s).DeletionTimestamp = &now
	return s
}

// gone is the world in which the API server removed what has no finalizer left.
func gone(s *Settled) *Settled {
	var kept []runtime.Object
	for _, o := range s.Objects {
		if a := o.(metav1.Object); a.GetDeletionTimestamp() == nil || len(a.GetFinalizers()) > 0 {
			kept = append(kept, o)
		}
	}
	s.Objects = kept
	return s
}

func TestDeletionLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	for what, before := range map[string]func([]runtime.Object) []runtime.Object{
		"the binding first": func(o []runtime.Object) []runtime.Object { return o },
		"the trigger first": without[*aofv1.Trigger],
		"the context first": without[*aofv1.Context],
		"the flow first":    without[*aofv1.AgentFlow],
		"all of them first": func(o []runtime.Object) []runtime.Object {
			return without[*aofv1.Agent](without[*aofv1.AgentFlow](without[*aofv1.Context](without[*aofv1.Trigger](o))))
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newBench()
			s := w.settle(t, aWorld(t)...)
			s.Objects = before(s.Objects)
			s = w.again(t, s)
			s = gone(w.again(t, deleted(t, s)))
			require.NoError(t, s.Err)
			assert.Empty(t, left(s))
			_, there := Find[*aofv1.FlowBinding](s, team, "alerts")
			assert.False(t, there, "nothing holds it")
			assert.Empty(t, w.again(t, s).Writes)
		})
	}
}

func TestDeletionKeepsWhatOthersNeed(t *testing.T) {
	t.Parallel()
	w := newBench()
	s := w.settle(t, aWorld(t)...)
	name := binding(t, s).Status.Plan
	other := aBinding(t)
	other.Name, other.UID = "other", "binding-2"
	s.Objects = append(s.Objects, other, aRun(t, name, aofv1.FlowRunPhaseRunning))
	s = gone(w.again(t, deleted(t, s)))
	assert.ElementsMatch(t, []string{names.Runner, names.Runner, names.Runner, names.Runner, names.RunnerToken, name}, left(s),
		"the other binding needs the runner, the run its plan")

	Get[*aofv1.FlowRun](t, s, team, "run-1").Status.Phase = aofv1.FlowRunPhaseFailed
	s = w.again(t, s)
	assert.Empty(t, plans(s), "the run is over")
	assert.Equal(t, []string{"delete configmaps team-a/" + name}, s.Writes)
}

func TestDeletionFindsWhatTheCacheDoesNotHaveYet(t *testing.T) {
	t.Parallel()
	w := newBench()
	s := w.settle(t, aWorld(t)...)
	hidden := knativeTrigger(t, s)
	row := rtesting.TableRow{Key: key, Objects: deleted(t, s).Objects}
	stale := func(a clientgotesting.Action) (bool, runtime.Object, error) {
		if get, ok := a.(clientgotesting.GetAction); ok && a.GetVerb() == "get" && a.GetResource().Resource == "triggers" && get.GetName() == hidden.Name {
			return true, hidden.DeepCopy(), nil
		}
		return false, nil, nil
	}
	row.Objects, row.WithReactors = without[*eventingv1.Trigger](row.Objects), []clientgotesting.ReactionFunc{stale}
	c, recorders, _ := Factory(w.construct)(t, &row)
	require.NoError(t, c.Reconcile(row.Ctx, key))
	actions, err := recorders.ActionsByVerb()
	require.NoError(t, err)
	var names []string
	for _, a := range actions.Deletes {
		names = append(names, a.GetResource().Resource+" "+a.GetNamespace()+"/"+a.GetName())
	}
	assert.Contains(t, names, "triggers ops/"+hidden.Name)
}

func TestDeletionLeavesAloneWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	w := newBench()
	s := w.settle(t, aWorld(t)...)
	Get[*corev1.ServiceAccount](t, s, team, names.Runner).Labels = nil
	knativeTrigger(t, s).Labels = nil
	s = gone(w.again(t, deleted(t, s)))
	assert.ElementsMatch(t, []string{names.Runner, names.KnativeTrigger(team, "alerts")}, left(s))
}

func TestDeletionIsTriedAgain(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ verb, resource string }{
		{"get", "triggers"},
		{"delete", "triggers"},
		{"get", "services"},
		{"delete", "services"},
		{"delete", "secrets"},
		{"delete", "rolebindings"},
		{"delete", "roles"},
		{"delete", "serviceaccounts"},
		{"delete", "configmaps"},
		{"patch", "flowbindings"},
	} {
		t.Run(row.verb+" "+row.resource, func(t *testing.T) {
			t.Parallel()
			w := newBench()
			s := deleted(t, w.settle(t, aWorld(t)...))
			fail := func(a clientgotesting.Action) (bool, runtime.Object, error) {
				if a.GetVerb() != row.verb || a.GetResource().Resource != row.resource {
					return false, nil, nil
				}
				return true, nil, apierrors.NewInternalError(errors.New("induced"))
			}
			table := rtesting.TableRow{Key: key, Objects: s.Objects, WithReactors: []clientgotesting.ReactionFunc{fail}}
			c, recorders, _ := Factory(w.construct)(t, &table)
			require.Error(t, c.Reconcile(table.Ctx, key))
			if row.verb == "patch" {
				return
			}
			actions, err := recorders.ActionsByVerb()
			require.NoError(t, err)
			assert.Empty(t, actions.Patches, "the finalizer stays until all is gone")
		})
	}
}

func TestABindingThatMovesLeavesNothingWhereItWas(t *testing.T) {
	t.Parallel()
	w := newBench()
	s := w.settle(t, aWorld(t)...)
	elsewhere := Get[*aofv1.Trigger](t, s, ops, "chat").DeepCopy()
	elsewhere.Namespace = "elsewhere"
	s.Objects = append(s.Objects, elsewhere)
	binding(t, s).Spec.Trigger.Namespace = "elsewhere"
	s = w.again(t, s)
	_, old := Find[*eventingv1.Trigger](s, ops, names.KnativeTrigger(team, "alerts"))
	assert.False(t, old)
	Get[*eventingv1.Trigger](t, s, "elsewhere", names.KnativeTrigger(team, "alerts"))
}

func TestWhatWasStillBeingMadeWhenItsBindingWentIsRemoved(t *testing.T) {
	t.Parallel()
	w := newBench()
	s := w.settle(t, aWorld(t)...)
	s.Objects = without[*aofv1.FlowBinding](s.Objects)
	s = w.again(t, s)
	_, subscribed := Find[*eventingv1.Trigger](s, ops, names.KnativeTrigger(team, "alerts"))
	assert.False(t, subscribed)
	assert.Empty(t, plans(s))
}

func TestASubscriptionOfAnotherBindingStays(t *testing.T) {
	t.Parallel()
	w := newBench()
	s := w.settle(t, aWorld(t)...)
	knativeTrigger(t, s).Annotations[names.LabelBinding] = "another"
	s = gone(w.again(t, deleted(t, s)))
	assert.Equal(t, []string{names.KnativeTrigger(team, "alerts")}, left(s))
}
