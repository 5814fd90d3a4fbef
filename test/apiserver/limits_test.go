// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clocktesting "k8s.io/utils/clock/testing"

	"aof.dev/operator/pkg/agent"
	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/guard"
	"aof.dev/operator/pkg/kubeapi"
	ledgerkube "aof.dev/operator/pkg/ledger/kube"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/plan"
	"aof.dev/operator/pkg/quota"
	"aof.dev/operator/pkg/quota/quotatest"
	bindingresources "aof.dev/operator/pkg/reconciler/flowbinding/resources"
	"aof.dev/operator/pkg/runner"
	"aof.dev/operator/test/apiserver"
)

// document makes the ConfigMap of a document, as the controller does.
func document(t *testing.T, s *apiserver.Server, key quota.Key) {
	t.Helper()
	owner := metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, UID: "u"}
	object := bindingresources.MakeQuota(&aofv1.Context{ObjectMeta: owner})
	if key.Kind == quota.Binding {
		object = bindingresources.MakeTurns(&aofv1.FlowBinding{ObjectMeta: owner})
	}
	object.OwnerReferences = nil // the owner is not there, and the document is to stay
	_, err := s.Kube(t).CoreV1().ConfigMaps(key.Namespace).Create(t.Context(), object, metav1.CreateOptions{})
	require.NoError(t, err)
}

// The suite that SQLite passes, with five replicas that race.
func TestLimitsConformance(t *testing.T) {
	t.Parallel()
	s := apiserver.Shared(t)
	s.MakeNamespace(t, "ns")
	for _, key := range quotatest.Keys {
		document(t, s, key)
	}
	quotatest.Test(t, func(t *testing.T) quota.Store {
		t.Helper()
		api, err := kubeapi.New(s.Config)
		require.NoError(t, err)
		return &quota.ConfigMaps{API: api}
	})
}

// scripts executes every node at once.
type scripts struct{}

func (scripts) Execute(context.Context, node.Request) (node.Result, error) {
	return node.Result{Output: map[string]any{"output": "done"}}, nil
}

type fixedPlan struct{ plan *plan.Plan }

func (p fixedPlan) Plan(context.Context, string, string) (*plan.Plan, error) { return p.plan, nil }

// Forty events, four runners, ten runs a minute: ten begin in each window, and
// none is lost.
func TestFourRunnersKeepToOneLimit(t *testing.T) {
	t.Parallel()
	const runs, runners, limit = 40, 4, 10
	s := apiserver.Shared(t)
	namespace := s.Namespace(t)
	key := quota.Key{Kind: quota.Context, Namespace: s.Namespace(t), Name: "prod"}
	document(t, s, key)
	compiled := &plan.Plan{
		Namespace: namespace, Binding: "b", FlowNamespace: namespace,
		Flow:    flow.Flow{Name: "f", Nodes: []flow.Node{{ID: "a", Kind: flow.KindScript, Config: map[string]any{"command": "true"}}}},
		Context: plan.Context{Object: key.Name, Namespace: key.Namespace, Limits: plan.Limits{Limits: guard.Limits{RequestsPerMinute: limit}}},
	}
	clk := clocktesting.NewFakeClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	processes := make([]*runner.Runner, runners)
	for i := range processes {
		api, err := kubeapi.New(s.Config)
		require.NoError(t, err)
		processes[i] = &runner.Runner{
			Store: ledgerkube.New(api.AOF().RESTClient()), Plans: fixedPlan{compiled}, Clock: clk, Holder: fmt.Sprint("p", i), Agents: &agent.Runner{},
			Nodes:  func(node.Agents) node.Executors { return node.Executors{flow.KindScript: scripts{}} },
			Quotas: &quota.Keeper{Store: &quota.ConfigMaps{API: api}, Clock: clk},
		}
	}
	for i := range runs {
		e := fmt.Sprintf(`{"specversion":"1.0","id":"%d","source":"/s","type":"t"}`, i)
		require.NoError(t, processes[0].Store.Create(t.Context(), &aofv1.FlowRun{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("r%02d", i)},
			Spec:       aofv1.FlowRunSpec{Flow: aofv1.ObjectReference{Name: "f"}, Plan: "p", Event: runtime.RawExtension{Raw: []byte(e)}},
		}))
	}
	for window := 1; window <= runs/limit; window++ {
		carryAll(t, processes, namespace, runs, clk.Now())
		succeeded, waiting := 0, 0
		for i := range runs {
			run, err := processes[0].Store.Get(t.Context(), namespace, fmt.Sprintf("r%02d", i))
			require.NoError(t, err)
			switch run.Status.Phase {
			case aofv1.FlowRunPhaseSucceeded:
				succeeded++
			case aofv1.FlowRunPhaseWaiting:
				waiting++
			default:
				assert.Fail(t, "a run is lost", "%s is %s", run.Name, run.Status.Phase)
			}
		}
		assert.Equal(t, window*limit, succeeded)
		assert.Equal(t, runs-window*limit, waiting)
		clk.SetTime(clk.Now().Add(63 * time.Second))
	}
}

// carryAll has every run that is due carried on by all runners at once, as a
// broker does that delivers more than once.
func carryAll(t *testing.T, processes []*runner.Runner, namespace string, runs int, now time.Time) {
	t.Helper()
	var all sync.WaitGroup
	for p, process := range processes {
		all.Go(func() {
			for i := range runs {
				name := fmt.Sprintf("r%02d", (i+p*runs/len(processes))%runs)
				run, err := process.Store.Get(t.Context(), namespace, name)
				if !assert.NoError(t, err) {
					return
				}
				if w := run.Status.Waiting; len(w) > 0 && w[0].Until.After(now) {
					continue
				}
				if _, err := process.Carry(t.Context(), run); err != nil {
					assert.True(t, errors.Is(err, runner.ErrBusy) || errors.Is(err, runner.ErrLost), "%s: %v", name, err)
				}
			}
		})
	}
	all.Wait()
}

// A runner may keep the quotas and turns it needs, and write no other ConfigMap.
func TestARunnerKeepsItsLimitsAndNoOthers(t *testing.T) {
	t.Parallel()
	s := installed(t)
	asController, err := kubernetes.NewForConfig(s.As(controller, "system:serviceaccounts"))
	require.NoError(t, err)
	ops := s.Namespace(t)
	for _, name := range []string{"prod", "other"} {
		document(t, s, quota.Key{Kind: quota.Context, Namespace: ops, Name: name})
	}
	prod := &aofv1.Context{ObjectMeta: metav1.ObjectMeta{Namespace: ops, Name: "prod", UID: "u"}}
	role, binding := bindingresources.MakeQuotaRole(prod), bindingresources.MakeQuotaRoleBinding(prod, "team-a")
	role.OwnerReferences, binding.OwnerReferences = nil, nil // the owner is not there
	_, err = asController.RbacV1().Roles(ops).Create(t.Context(), role, metav1.CreateOptions{})
	require.NoError(t, err, "the controller holds what it grants")
	_, err = asController.RbacV1().RoleBindings(ops).Create(t.Context(), binding, metav1.CreateOptions{})
	require.NoError(t, err, "the controller holds what it grants")
	granted(t, s.Kube(t), right{runnerA, "update", "", "configmaps", ops, names.Quota("prod")})

	api, err := kubeapi.New(s.As(runnerA))
	require.NoError(t, err)
	keeper := &quota.Keeper{Store: &quota.ConfigMaps{API: api}, Clock: clocktesting.NewFakePassiveClock(time.Now())}
	use := func(name string) error {
		return keeper.Quota(t.Context(), quota.Key{Kind: quota.Context, Namespace: ops, Name: name}, func(q *guard.Quota, _ time.Time) bool {
			q.Seen++
			return true
		})
	}
	require.NoError(t, use("prod"))
	err = use("other")
	require.Error(t, err)
	assert.True(t, apierrors.IsForbidden(err), "%v", err)
	require.NoError(t, asController.RbacV1().RoleBindings(ops).Delete(t.Context(), binding.Name, metav1.DeleteOptions{}))
}
