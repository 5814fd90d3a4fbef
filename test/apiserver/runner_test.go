// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	"aof.dev/operator/pkg/agent"
	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/claim"
	"aof.dev/operator/pkg/delivery"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/kubeapi"
	ledgerkube "aof.dev/operator/pkg/ledger/kube"
	"aof.dev/operator/pkg/llm"
	"aof.dev/operator/pkg/llm/builtin"
	"aof.dev/operator/pkg/match"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/plan"
	"aof.dev/operator/pkg/runner"
	"aof.dev/operator/test/apiserver"
)

// tenant is a namespace with one binding, whose flow has one node, and a runner
// that has just been started.
type tenant struct {
	server    *apiserver.Server
	namespace string
	user      string
	plan      *plan.Plan
	planName  string
}

func newTenant(t *testing.T) *tenant {
	t.Helper()
	s := apiserver.Shared(t)
	namespace := s.Namespace(t)
	tn := &tenant{server: s, namespace: namespace, user: apiserver.ServiceAccount(namespace, names.Runner)}
	tn.plan = &plan.Plan{
		Namespace: namespace, Binding: "web", BindingUID: "u1", FlowNamespace: namespace,
		Trigger: &plan.Trigger{Namespace: namespace, Name: "intake", Type: "HTTP"},
		Rule:    &match.Rule{ID: namespace + "/web", Filters: []match.Filter{{Name: "binding web", Patterns: []string{"disk"}}}},
		Agents:  map[string]agent.Spec{"triage": {Name: "triage", Model: "mock:echo"}},
		Flow: flow.Flow{
			Name:  "triage",
			Nodes: []flow.Node{{ID: "think", Kind: flow.KindAgent, Config: map[string]any{"agent": "triage", "input": "${event.text}"}}},
			Edges: []flow.Edge{{From: "trigger", To: "think"}},
		},
	}
	raw, err := tn.plan.Encode()
	require.NoError(t, err)
	tn.planName = plan.Name(tn.plan, raw)
	kube := s.Kube(t)
	_, err = kube.CoreV1().ConfigMaps(namespace).Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: tn.planName, Labels: map[string]string{names.LabelKind: names.KindPlan}},
		Data:       map[string]string{names.KeyPlan: string(raw)},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	// No more than a runner may: design §2.
	_, err = kube.RbacV1().Roles(namespace).Create(t.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: names.Runner},
		Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get"}},
			{APIGroups: []string{"aof.dev"}, Resources: []string{"flowruns"}, Verbs: []string{"create", "get"}},
			{APIGroups: []string{"aof.dev"}, Resources: []string{"flowruns/status"}, Verbs: []string{"update"}},
		},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = kube.RbacV1().RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: names.Runner},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: names.Runner},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: names.Runner}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	return tn
}

// runner starts what cmd/runner starts.
func (tn *tenant) runner(t *testing.T) *delivery.Handler {
	t.Helper()
	api, err := kubeapi.New(tn.server.As(tn.user))
	require.NoError(t, err)
	store, plans := ledgerkube.New(api.AOF().RESTClient()), delivery.NewPlans(api)
	runs := &runner.Runner{
		Store: store, Plans: plans, Clock: clock.RealClock{}, Holder: t.Name(), Lease: runner.DefaultLease,
		Nodes:  func(agents node.Agents) node.Executors { return node.New(node.Options{Agents: agents}) },
		Agents: &agent.Runner{Models: builtin.Opener(llm.Options{})},
	}
	h := delivery.New(t.Context(), delivery.Options{
		Namespace: tn.namespace, Store: store, Plans: plans, Runs: runs, Clock: runs.Clock,
		Holder: runs.Holder, Lease: runs.Lease, Timeout: time.Minute,
	})
	t.Cleanup(h.Stop)
	return h
}

func (tn *tenant) event(t *testing.T, id string) cloudevents.Event {
	t.Helper()
	e := cloudevents.New()
	e.SetID(id)
	e.SetSource("/tests")
	e.SetType("dev.example.alert")
	e.SetExtension("aoftrigger", "intake")
	require.NoError(t, e.SetData("application/json", map[string]string{"text": "the disk is full"}))
	return e
}

func (tn *tenant) deliver(t *testing.T, h http.Handler, e cloudevents.Event) {
	t.Helper()
	body, err := json.Marshal(e)
	require.NoError(t, err)
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, names.BindingPath("web", tn.planName), bytes.NewReader(body))
	request.Header.Set("Content-Type", cloudevents.ApplicationCloudEventsJSON)
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, request)
	require.Equal(t, http.StatusOK, answer.Code, answer.Body.String())
	require.Empty(t, answer.Body.String())
}

// cost lists what the runner asked of the API: verb and resource of each request.
func (tn *tenant) cost(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, r := range tn.server.Requests(t) {
		if r.Who() != tn.user {
			continue
		}
		what := r.Verb + " " + r.ObjectRef.Resource
		if r.ObjectRef.Subresource != "" {
			what += "/" + r.ObjectRef.Subresource
		}
		assert.Less(t, r.ResponseStatus.Code, 400, what)
		out = append(out, what)
	}
	return out
}

func (tn *tenant) onlyRun(t *testing.T) *aofv1.FlowRun {
	t.Helper()
	list, err := tn.server.AOF(t).AofV1().FlowRuns(tn.namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
	return &list.Items[0]
}

func TestARunOfOneNodeCostsTwoWrites(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	tn.deliver(t, tn.runner(t), tn.event(t, "1"))
	run := tn.onlyRun(t)
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase)
	require.Len(t, run.Status.Nodes, 1)
	assert.Contains(t, string(run.Status.Nodes[0].Output.Raw), "echo: the disk is full")
	assert.Equal(t, []string{"get configmaps", "create flowruns", "update flowruns/status"}, tn.cost(t))
}

func TestARunThatTheAdapterClaimedCostsTwoMore(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	e := tn.event(t, "1")
	e.SetExtension("aofmatch", "|"+tn.namespace+"/web|")
	claimed, err := claim.Of(tn.plan, tn.planName).Run(e, "disk")
	require.NoError(t, err)
	_, err = tn.server.AOF(t).AofV1().FlowRuns(tn.namespace).Create(t.Context(), claimed, metav1.CreateOptions{})
	require.NoError(t, err)

	tn.deliver(t, tn.runner(t), e)
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, tn.onlyRun(t).Status.Phase)
	assert.Equal(t, []string{"get configmaps", "get flowruns", "update flowruns/status", "update flowruns/status"}, tn.cost(t))
}

func TestAWarmRunnerReadsNoPlan(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	h := tn.runner(t)
	tn.deliver(t, h, tn.event(t, "1"))
	before := len(tn.cost(t))
	tn.deliver(t, h, tn.event(t, "2"))
	assert.Equal(t, []string{"create flowruns", "update flowruns/status"}, tn.cost(t)[before:])
}
