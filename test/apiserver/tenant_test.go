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
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/utils/clock"

	"aof.dev/operator/pkg/agent"
	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
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

func newTenant(tb testing.TB) *tenant {
	tb.Helper()
	s := apiserver.Shared(tb)
	namespace := s.Namespace(tb)
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
	tn.keepPlan(tb)
	kube := s.Kube(tb)
	// No more than a runner may: design §2.
	_, err := kube.RbacV1().Roles(namespace).Create(tb.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: names.Runner},
		Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get"}},
			{APIGroups: []string{"aof.dev"}, Resources: []string{"flowruns"}, Verbs: []string{"create", "get", "update"}},
		},
	}, metav1.CreateOptions{})
	require.NoError(tb, err)
	_, err = kube.RbacV1().RoleBindings(namespace).Create(tb.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: names.Runner},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: names.Runner},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: names.Runner}},
	}, metav1.CreateOptions{})
	require.NoError(tb, err)
	tn.untilAllowed(tb)
	return tn
}

// untilAllowed waits until the API server's authorizer has heard of the role.
func (tn *tenant) untilAllowed(tb testing.TB) {
	tb.Helper()
	may := func(verb, group, resource, sub string) bool {
		review, err := tn.server.Kube(tb).AuthorizationV1().SubjectAccessReviews().Create(tb.Context(), &authorizationv1.SubjectAccessReview{
			Spec: authorizationv1.SubjectAccessReviewSpec{
				User: tn.user,
				ResourceAttributes: &authorizationv1.ResourceAttributes{
					Namespace: tn.namespace, Verb: verb, Group: group, Version: "*", Resource: resource, Subresource: sub,
				},
			},
		}, metav1.CreateOptions{})
		return err == nil && review.Status.Allowed
	}
	require.Eventually(tb, func() bool {
		return may("get", "", "configmaps", "") && may("create", "aof.dev", "flowruns", "") && may("update", "aof.dev", "flowruns", "")
	}, time.Minute, 10*time.Millisecond, "the runner's rights")
}

// keepPlan stores the plan as it is now.
func (tn *tenant) keepPlan(tb testing.TB) {
	tb.Helper()
	raw, err := tn.plan.Encode()
	require.NoError(tb, err)
	tn.planName = plan.Name(tn.plan, raw)
	_, err = tn.server.Kube(tb).CoreV1().ConfigMaps(tn.namespace).Create(tb.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: tn.planName, Labels: map[string]string{names.LabelKind: names.KindPlan}},
		Data:       map[string]string{names.KeyPlan: string(raw)},
	}, metav1.CreateOptions{})
	require.NoError(tb, err)
}

// runner starts what cmd/runner starts.
func (tn *tenant) runner(tb testing.TB) *delivery.Handler {
	tb.Helper()
	api, err := kubeapi.New(tn.server.As(tn.user))
	require.NoError(tb, err)
	store, plans := ledgerkube.New(api.AOF().RESTClient()), delivery.NewPlans(api)
	runs := &runner.Runner{
		Store: store, Plans: plans, Clock: clock.RealClock{}, Holder: tb.Name() + string(uuid.NewUUID()), Lease: runner.DefaultLease,
		Nodes:  func(agents node.Agents) node.Executors { return node.New(node.Options{Agents: agents}) },
		Agents: &agent.Runner{Models: builtin.Opener(llm.Options{})},
	}
	h := delivery.New(tb.Context(), delivery.Options{
		Namespace: tn.namespace, Store: store, Plans: plans, Runs: runs, Clock: runs.Clock,
		Timeout: time.Minute,
	})
	tb.Cleanup(h.Stop)
	return h
}

func (tn *tenant) event(tb testing.TB, id string) cloudevents.Event {
	tb.Helper()
	e := cloudevents.New()
	e.SetID(id)
	e.SetSource("/tests")
	e.SetType("dev.example.alert")
	e.SetExtension("aoftrigger", "intake")
	require.NoError(tb, e.SetData("application/json", map[string]string{"text": "the disk is full"}))
	return e
}

func (tn *tenant) post(tb testing.TB, h http.Handler, e cloudevents.Event) *httptest.ResponseRecorder {
	tb.Helper()
	body, err := json.Marshal(e)
	require.NoError(tb, err)
	request := httptest.NewRequestWithContext(tb.Context(), http.MethodPost, names.BindingPath("web", tn.planName), bytes.NewReader(body))
	request.Header.Set("Content-Type", cloudevents.ApplicationCloudEventsJSON)
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, request)
	return answer
}

// deliver posts an event that is to be dealt with at once.
func (tn *tenant) deliver(tb testing.TB, h http.Handler, e cloudevents.Event) {
	tb.Helper()
	answer := tn.post(tb, h, e)
	require.Equal(tb, http.StatusOK, answer.Code, answer.Body.String())
	require.Empty(tb, answer.Body.String())
}

// cost lists what the runner asked of the API: verb and resource of each request.
func (tn *tenant) cost(tb testing.TB) []string {
	tb.Helper()
	var out []string
	for _, r := range tn.server.Requests(tb) {
		if r.Who() != tn.user {
			continue
		}
		what := r.Verb + " " + r.ObjectRef.Resource
		if r.ObjectRef.Subresource != "" {
			what += "/" + r.ObjectRef.Subresource
		}
		assert.Less(tb, r.ResponseStatus.Code, 400, what)
		out = append(out, what)
	}
	return out
}

func (tn *tenant) onlyRun(tb testing.TB) *aofv1.FlowRun {
	tb.Helper()
	list, err := tn.server.AOF(tb).AofV1().FlowRuns(tn.namespace).List(tb.Context(), metav1.ListOptions{})
	require.NoError(tb, err)
	require.Len(tb, list.Items, 1)
	return &list.Items[0]
}
