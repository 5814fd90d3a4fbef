// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"aof.dev/operator/pkg/names"
	"aof.dev/operator/test/apiserver"
)

// admitted is the label of the namespaces that the webhook of these tests looks
// at: tests that run beside it want none.
const admitted = "aof.dev/admission-test"

// admission is the real webhook, with its own account's rights, asked by the API
// server.
type admission struct {
	*apiserver.Server

	program *program
	edit    string // a namespace in which ann and bob are editors
	shared  string // one in which ann may read flows
}

func startAdmission(t *testing.T) *admission {
	t.Helper()
	a := &admission{Server: installed(t)}
	port := freePort(t)
	a.configure(t, port)
	a.program = startProgram(t, a.Server, "webhook", names.Webhook, "WEBHOOK_NAME=aof-webhook", "WEBHOOK_PORT="+strconv.Itoa(port))
	t.Cleanup(a.remove)
	a.edit, a.shared = a.team(t), a.team(t)
	a.people(t)
	a.untilReady(t)
	return a
}

// configure applies the webhook's configurations as they are installed, but for
// where it is found and whom it looks at.
func (a *admission) configure(t *testing.T, port int) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(apiserver.Root(), "config", "core", "500-webhooks.yaml"))
	require.NoError(t, err)
	var docs []string
	for _, doc := range strings.Split(string(raw), "\n---\n") {
		var object map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(doc), &object))
		webhooks, _ := object["webhooks"].([]any)
		for _, one := range webhooks {
			webhook := one.(map[string]any)
			service := webhook["clientConfig"].(map[string]any)["service"].(map[string]any)
			service["port"] = port
			if webhook["namespaceSelector"] == nil {
				webhook["namespaceSelector"] = map[string]any{"matchLabels": map[string]any{admitted: "true"}}
			}
		}
		changed, err := yaml.Marshal(object)
		require.NoError(t, err)
		docs = append(docs, string(changed))
	}
	// The API server finds the process by a Service that is a name for this host.
	docs = append(docs, `{apiVersion: v1, kind: Service, metadata: {name: aof-webhook, namespace: aof-system}, spec: {type: ExternalName, externalName: 127.0.0.1}}`)
	_, err = a.Kubectl(t.Context(), []byte(strings.Join(docs, "\n---\n")), "apply", "--server-side", "--force-conflicts", "-f", "-")
	require.NoError(t, err)
}

func (a *admission) remove() {
	a.program.stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, _ = a.Kubectl(ctx, nil, "delete", "mutatingwebhookconfigurations,validatingwebhookconfigurations", "-l", "app.kubernetes.io/part-of=aof-operator")
}

// team makes a namespace that the webhook looks at.
func (a *admission) team(t *testing.T) string {
	t.Helper()
	namespace := a.Namespace(t)
	label := fmt.Appendf(nil, `{"metadata":{"labels":{%q:"true"}}}`, admitted)
	_, err := a.Kube(t).CoreV1().Namespaces().Patch(t.Context(), namespace, types.MergePatchType, label, metav1.PatchOptions{})
	require.NoError(t, err)
	return namespace
}

// people makes ann and bob editors of one namespace, and ann a reader of the
// flows and triggers of another.
func (a *admission) people(t *testing.T) {
	t.Helper()
	bind := func(namespace, name, kind, role, user string) {
		_, err := a.Kube(t).RbacV1().RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name}, RoleRef: rbacv1.RoleRef{APIGroup: rbac, Kind: kind, Name: role},
			Subjects: []rbacv1.Subject{{APIGroup: rbac, Kind: rbacv1.UserKind, Name: user}},
		}, metav1.CreateOptions{})
		require.NoError(t, err)
	}
	for _, user := range []string{"ann", "bob"} {
		bind(a.edit, user+"-views", "ClusterRole", "aof-view", user)
		bind(a.edit, user+"-edits", "ClusterRole", "aof-edit", user)
	}
	_, err := a.Kube(t).RbacV1().Roles(a.shared).Create(t.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "reader"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{aof}, Resources: []string{"agentflows", "triggers"}, Verbs: []string{"get"}}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	bind(a.shared, "ann-reads", "Role", "reader", "ann")
	granted(t, a.Kube(t), right{"ann", "create", aof, "flowbindings", a.edit, ""}, right{"bob", "create", aof, "flowbindings", a.edit, ""},
		right{"ann", "get", aof, "flowbindings", a.edit, "x"}, right{"bob", "get", aof, "flowbindings", a.edit, "x"},
		right{"ann", "get", aof, "agentflows", a.shared, "x"})
}

// untilReady waits until the API server asks the webhook, and gets answers.
func (a *admission) untilReady(t *testing.T) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, 60*time.Second, true, func(ctx context.Context) (bool, error) {
		for _, probe := range []string{
			`{apiVersion: aof.dev/v1, kind: FlowBinding, metadata: {name: probe}, spec: {trigger: {name: t}, context: {name: c}, flow: {name: f}, match: {patterns: ["("]}}}`,
			`{apiVersion: aof.dev/v1, kind: FlowRun, metadata: {name: probe}, spec: {event: {}, flow: {name: f}, cancel: {}}}`,
		} {
			if _, last = a.create(ctx, t, "", probe); last == nil || !strings.Contains(last.Error(), "validation failed") {
				return false, nil
			}
		}
		last = a.setting(ctx, t, "runner-idle", "1s")
		return last != nil && strings.Contains(last.Error(), "validation failed"), nil
	})
	require.NoError(t, err, "the webhook is not asked: %v", last)
}

// objects is the client of a kind, as a user; the administrator without a name.
func (a *admission) objects(t *testing.T, user, resource string) dynamic.ResourceInterface {
	t.Helper()
	config := a.Config
	if user != "" {
		config = a.As(user)
	}
	client, err := dynamic.NewForConfig(config)
	require.NoError(t, err)
	return client.Resource(schema.GroupVersionResource{Group: aof, Version: "v1", Resource: resource}).Namespace(a.edit)
}

func (a *admission) create(ctx context.Context, t *testing.T, user, manifest string) (*unstructured.Unstructured, error) {
	t.Helper()
	object := &unstructured.Unstructured{}
	require.NoError(t, yaml.Unmarshal([]byte(strings.ReplaceAll(manifest, "SHARED", a.shared)), &object.Object))
	return a.objects(t, user, strings.ToLower(object.GetKind())+"s").Create(ctx, object, metav1.CreateOptions{})
}

func (a *admission) patch(t *testing.T, user, resource, name, patch string) (*unstructured.Unstructured, error) {
	t.Helper()
	return a.objects(t, user, resource).Patch(t.Context(), name, types.MergePatchType, []byte(strings.ReplaceAll(patch, "SHARED", a.shared)), metav1.PatchOptions{})
}

func (a *admission) setting(ctx context.Context, t *testing.T, key, value string) error {
	t.Helper()
	patch := fmt.Appendf(nil, `{"data":{%q:%q}}`, key, value)
	_, err := a.Kube(t).CoreV1().ConfigMaps(system).Patch(ctx, names.Config, types.MergePatchType, patch, metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}})
	return err
}

// What the webhook decides is tested in its package; here it is that it is asked,
// about the right things, and that its rights are enough.
func TestAdmission(t *testing.T) {
	t.Parallel()
	a := startAdmission(t)
	for _, part := range []struct {
		name string
		test func(*testing.T, *admission)
	}{
		{"objects are refused with the field", refusesObjects},
		{"objects become canonical", makesCanonical},
		{"references need the right to read", asksForReferences},
		{"decisions carry who made them", stampsDecisions},
		{"people decide from the command line", decidesFromTheCommandLine},
		{"runs stay what they are", keepsRuns},
		{"our processes are not asked", sparesProcesses},
		{"settings are refused with the key", refusesSettings},
		{"the configurations go with the namespace", belongsToNamespace},
		{"without it nothing but AOF waits", blocksNothing}, // this stops the webhook
		{"rights were enough and were used", usedItsRights}, // a watch is in the log when it is over
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, a) }) //nolint:paralleltest // one after the other
	}
}

func refusesObjects(t *testing.T, a *admission) { //nolint:thelper // a part of TestAdmission
	for manifest, want := range map[string][]string{
		`{apiVersion: aof.dev/v1, kind: FlowBinding, metadata: {name: no-flow}, spec: {trigger: {name: t}, context: {name: c}}}`:                                                  {"spec.flow"},
		`{apiVersion: aof.dev/v1, kind: Trigger, metadata: {name: no-regex}, spec: {type: HTTP, config: {patterns: ["("]}}}`:                                                      {"spec.config.patterns[0]"},
		`{apiVersion: aof.dev/v1, kind: AgentFlow, metadata: {name: no-node}, spec: {trigger: {type: HTTP}, nodes: [{id: a, type: End}], connections: [{from: trigger, to: b}]}}`: {"spec.connections"},
		`{apiVersion: aof.dev/v1, kind: Agent, metadata: {name: no-model}, spec: {instructions: x}}`:                                                                              {"spec.model"},
	} {
		_, err := a.create(t.Context(), t, "ann", manifest)
		require.Error(t, err, manifest)
		for _, part := range want {
			assert.ErrorContains(t, err, part, manifest)
		}
	}
}

func makesCanonical(t *testing.T, a *admission) { //nolint:thelper // a part of TestAdmission
	got, err := a.create(t.Context(), t, "ann", `{apiVersion: aof.dev/v1, kind: FlowBinding, metadata: {name: canonical}, spec: {trigger: {ref: t}, context: {name: c}, flow: {ref: ./flows/f.yaml}}}`)
	require.NoError(t, err)
	flow, _, _ := unstructured.NestedMap(got.Object, "spec", "flow")
	assert.Equal(t, map[string]any{"name": "f"}, flow)
	assert.Equal(t, "ann", got.GetAnnotations()["aof.dev/creator"])
}

func asksForReferences(t *testing.T, a *admission) { //nolint:thelper // a part of TestAdmission
	const binding = `{apiVersion: aof.dev/v1, kind: FlowBinding, metadata: {name: NAME}, spec: {trigger: {name: t, namespace: SHARED}, context: {name: c}, flow: {name: f, namespace: SHARED}}}`
	_, err := a.create(t.Context(), t, "bob", strings.Replace(binding, "NAME", "by-bob", 1))
	require.ErrorContains(t, err, `user "bob" may not get agentflows.aof.dev "f" in namespace "`+a.shared+`": spec.flow`)
	require.ErrorContains(t, err, `spec.trigger`)
	_, err = a.create(t.Context(), t, "ann", strings.Replace(binding, "NAME", "by-ann", 1))
	require.NoError(t, err)

	_, err = a.patch(t, "bob", "flowbindings", "by-ann", `{"spec":{"enabled":false}}`)
	require.NoError(t, err, "bob does not change what it refers to")
	_, err = a.patch(t, "bob", "flowbindings", "by-ann", `{"spec":{"flow":{"name":"other"}}}`)
	require.ErrorContains(t, err, `user "bob" may not get agentflows.aof.dev "other"`)
	_, err = a.patch(t, "ann", "flowbindings", "by-ann", `{"spec":{"context":{"namespace":"SHARED"}}}`)
	require.ErrorContains(t, err, `user "ann" may not get contexts.aof.dev "c"`, "what she may read there is flows and triggers")

	_, err = a.create(t.Context(), t, "bob", `{apiVersion: aof.dev/v1, kind: AgentFlow, metadata: {name: borrows}, spec: {trigger: {type: HTTP}, nodes: [{id: a, type: Agent, config: {agent: SHARED/secret, input: hello}}], connections: [{from: trigger, to: a}]}}`)
	require.ErrorContains(t, err, "spec.nodes[0].config.agent")
}

const someRun = `{apiVersion: aof.dev/v1, kind: FlowRun, metadata: {name: NAME}, spec: {flow: {name: f}, plan: p, event: {specversion: "1.0", id: "1", source: /s, type: t, data: {n: 1.50}}REST}}`

func run(name, rest string) string {
	return strings.NewReplacer("NAME", name, "REST", rest).Replace(someRun)
}

func stampsDecisions(t *testing.T, a *admission) { //nolint:thelper // a part of TestAdmission
	_, err := a.create(t.Context(), t, "ann", run("decided", ""))
	require.NoError(t, err)
	got, err := a.patch(t, "bob", "flowruns", "decided", `{"spec":{"decisions":[{"node":"ask","digest":"d","approved":true,"user":"ann","aliases":["ann@example.com"]}]}}`)
	require.NoError(t, err)
	decisions, _, _ := unstructured.NestedSlice(got.Object, "spec", "decisions")
	require.Len(t, decisions, 1)
	first := decisions[0].(map[string]any)
	assert.Equal(t, "bob", first["user"])
	assert.NotContains(t, first, "aliases")
	assert.NotEmpty(t, first["at"])

	_, err = a.patch(t, "ann", "flowruns", "decided", `{"spec":{"decisions":[]}}`)
	require.ErrorContains(t, err, "a decision can't be changed or taken back: spec.decisions")
	got, err = a.patch(t, "ann", "flowruns", "decided", `{"spec":{"cancel":{"reason":"wrong cluster","user":"bob"}}}`)
	require.NoError(t, err)
	user, _, _ := unstructured.NestedString(got.Object, "spec", "cancel", "user")
	assert.Equal(t, "ann", user)
}

func keepsRuns(t *testing.T, a *admission) { //nolint:thelper // a part of TestAdmission
	_, err := a.create(t.Context(), t, "ann", run("early", `, decisions: [{node: ask, approved: true}]`))
	require.ErrorContains(t, err, "spec.decisions")
	_, err = a.create(t.Context(), t, "ann", run("done", `}, status: {phase: Succeeded`))
	require.ErrorContains(t, err, "only AOF's own processes write the status of runs: status")
	_, err = a.create(t.Context(), t, "bob", strings.Replace(run("foreign", ""), "{name: f}", "{name: f, namespace: SHARED}", 1))
	require.ErrorContains(t, err, `may not get agentflows.aof.dev "f"`)

	_, err = a.create(t.Context(), t, "ann", run("kept", ""))
	require.NoError(t, err)
	_, err = a.patch(t, "ann", "flowruns", "kept", `{"spec":{"plan":"q"}}`)
	require.ErrorContains(t, err, "a run can't be changed: spec")
	_, err = a.patch(t, "ann", "flowruns", "kept", `{"status":{"phase":"Succeeded"}}`)
	require.ErrorContains(t, err, "only AOF's own processes write the status of runs: status")
	_, err = a.patch(t, "ann", "flowruns", "kept", `{"metadata":{"annotations":{"note":"mine"}}}`)
	require.NoError(t, err)
}

func sparesProcesses(t *testing.T, a *admission) { //nolint:thelper // a part of TestAdmission
	runner := apiserver.ServiceAccount(a.edit, names.Runner)
	for _, user := range []string{runner, adapter} {
		_, err := a.Kube(t).RbacV1().RoleBindings(a.edit).Create(t.Context(), &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{GenerateName: "process-"}, RoleRef: rbacv1.RoleRef{APIGroup: rbac, Kind: "ClusterRole", Name: "aof-edit"},
			Subjects: []rbacv1.Subject{{APIGroup: rbac, Kind: rbacv1.UserKind, Name: user}},
		}, metav1.CreateOptions{})
		require.NoError(t, err)
	}
	granted(t, a.Kube(t), right{runner, "create", aof, "flowruns", a.edit, ""}, right{adapter, "patch", aof, "flowruns", a.edit, "x"})
	_, err := a.create(t.Context(), t, runner, run("by-runner", `}, status: {phase: Running, lease: {holder: r1}`))
	require.NoError(t, err)
	got, err := a.patch(t, adapter, "flowruns", "by-runner", `{"spec":{"decisions":[{"node":"ask","approved":true,"user":"slack:U1"}]}}`)
	require.NoError(t, err)
	decisions, _, _ := unstructured.NestedSlice(got.Object, "spec", "decisions")
	assert.Equal(t, "slack:U1", decisions[0].(map[string]any)["user"])

	stranger := apiserver.ServiceAccount("team-b", names.Runner)
	_, err = a.Kube(t).RbacV1().RoleBindings(a.edit).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "stranger"}, RoleRef: rbacv1.RoleRef{APIGroup: rbac, Kind: "ClusterRole", Name: "aof-edit"},
		Subjects: []rbacv1.Subject{{APIGroup: rbac, Kind: rbacv1.UserKind, Name: stranger}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	granted(t, a.Kube(t), right{stranger, "create", aof, "flowruns", a.edit, ""})
	_, err = a.create(t.Context(), t, stranger, run("by-stranger", `}, status: {phase: Running`))
	require.ErrorContains(t, err, "status of runs", "a runner works in its own namespace")
	_, err = a.create(t.Context(), t, runner, `{apiVersion: aof.dev/v1, kind: FlowBinding, metadata: {name: by-runner}, spec: {trigger: {name: t}, context: {name: c}, flow: {name: f, namespace: SHARED}}}`)
	require.ErrorContains(t, err, "may not get agentflows.aof.dev", "a runner is spared with runs only")
}

func refusesSettings(t *testing.T, a *admission) { //nolint:thelper // a part of TestAdmission
	require.ErrorContains(t, a.setting(t.Context(), t, "runner-idle", "1s"), "runner-idle: must be 6s to 1h")
	require.ErrorContains(t, a.setting(t.Context(), t, "runner_idle", "1m"), "runner_idle: unknown key")
	require.ErrorContains(t, a.setting(t.Context(), t, "_example", "runner-idle: 1m"), "modifies a key")
	require.NoError(t, a.setting(t.Context(), t, "runner-idle", "1m"))
	_, err := a.Kube(t).CoreV1().ConfigMaps(system).Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "other-"}, Data: map[string]string{"x": "y"}}, metav1.CreateOptions{})
	require.NoError(t, err, "others' ConfigMaps are theirs")
}

func belongsToNamespace(t *testing.T, a *admission) { //nolint:thelper // a part of TestAdmission
	list, err := a.Kube(t).AdmissionregistrationV1().ValidatingWebhookConfigurations().List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/part-of=aof-operator"})
	require.NoError(t, err)
	require.Len(t, list.Items, 3)
	for i := range list.Items {
		require.Len(t, list.Items[i].OwnerReferences, 1, list.Items[i].Name)
		owner := list.Items[i].OwnerReferences[0]
		assert.Equal(t, "Namespace/"+system, owner.Kind+"/"+owner.Name)
		assert.NotEmpty(t, list.Items[i].Webhooks[0].Rules)
		assert.NotEmpty(t, list.Items[i].Webhooks[0].MatchConditions, "what the installation says stays")
	}
}

// The audit log tells what the process asked for. Lists are missing: with this API
// server a watch brings what is there; with an older one they are needed.
func usedItsRights(t *testing.T, a *admission) { //nolint:thelper // a part of TestAdmission
	missing := func() []string {
		used := map[string]bool{}
		for _, request := range a.Requests(t) {
			if request.Who() == hook {
				assert.NotEqual(t, "forbid", request.Annotations["authorization.k8s.io/decision"], "%s %s", request.Verb, request.RequestURI)
				used[request.Verb+" "+request.ObjectRef.Resource] = true
			}
		}
		var out []string
		for _, right := range []string{
			"create subjectaccessreviews", "watch mutatingwebhookconfigurations", "watch validatingwebhookconfigurations",
			"update mutatingwebhookconfigurations", "update validatingwebhookconfigurations", "get namespaces",
			"watch secrets", "update secrets", "get configmaps", "watch configmaps", "get leases", "create leases",
		} {
			if !used[right] {
				out = append(out, right)
			}
		}
		return out
	}
	_ = wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, 10*time.Second, true, func(context.Context) (bool, error) {
		return len(missing()) == 0, nil
	})
	assert.Empty(t, missing(), "nobody asked for these")
}

func blocksNothing(t *testing.T, a *admission) { //nolint:thelper // a part of TestAdmission
	_, err := a.create(t.Context(), t, "ann", `{apiVersion: aof.dev/v1, kind: Trigger, metadata: {name: goes, finalizers: [example.com/hold]}, spec: {type: HTTP, config: {}}}`)
	require.NoError(t, err)
	a.program.stop()

	_, err = a.create(t.Context(), t, "ann", `{apiVersion: aof.dev/v1, kind: Trigger, metadata: {name: waits}, spec: {type: HTTP, config: {}}}`)
	require.ErrorContains(t, err, "failed calling webhook", "what nobody checked is not taken")
	require.NoError(t, a.objects(t, "ann", "triggers").Delete(t.Context(), "goes", metav1.DeleteOptions{}), "but objects can be deleted")
	_, err = a.patch(t, "ann", "triggers", "goes", `{"metadata":{"finalizers":null}}`)
	require.NoError(t, err, "and can go")
	_, err = a.create(t.Context(), t, apiserver.ServiceAccount(a.edit, names.Runner), run("without-webhook", ""))
	require.NoError(t, err, "runs go on")
	_, err = a.patch(t, controller, "flowbindings", "canonical", `{"metadata":{"finalizers":["flowbindings.aof.dev"]}}`)
	require.NoError(t, err, "the controller works on")
	_, err = a.Kube(t).CoreV1().ConfigMaps(a.edit).Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "x"}}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = a.Kube(t).CoreV1().ConfigMaps(system).Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "other-"}}, metav1.CreateOptions{})
	require.NoError(t, err)
}
