// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"aof.dev/operator/pkg/names"
	"aof.dev/operator/test/apiserver"
)

// knative are the kinds of Knative that the controller works with, without their
// schemas: what is tested is who may write them.
var knative = map[string][]string{
	eventing:                {"Broker", "Trigger"},
	"sources.knative.dev":   {"PingSource"},
	"serving.knative.dev":   {"Service"},
	"messaging.knative.dev": {"InMemoryChannel"},
}

// idle are rights that the controller need not use in the test's life of objects.
var idle = map[string]string{
	"create aof.dev/flowruns":                       "granted",
	"delete coordination.k8s.io/leases":             "the test has no business key",
	"update aof.dev/triggers/finalizers":            "only some clusters ask for it",
	"update /serviceaccounts":                       "what others changed is put right",
	"update rbac.authorization.k8s.io/rolebindings": "what others changed is put right",
	"get aof.dev/contexts":                          "a status is written again after a conflict",
	"get aof.dev/triggers":                          "a status is written again after a conflict",
	"get aof.dev/flowbindings":                      "a status is written again after a conflict",
	"get aof.dev/agents":                            "a status is written again after a conflict",
	"get aof.dev/agentfleets":                       "a status is written again after a conflict",
	"get aof.dev/agentflows":                        "a status is written again after a conflict",
	"patch /events":                                 "the same again",
	"update aof.dev/agentfleets/status":             "the test has no fleet",
}

// A life of objects, from the first to the last, with the real controller and no
// rights but those of config/core.
func TestTheControllerOnItsOwnRights(t *testing.T) {
	t.Parallel()
	apiserver.Shared(t) // or skip; but a controller works on all that is there
	s, err := apiserver.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(s.Stop)
	l := &life{Server: s, t: t}
	l.apply(knativeKinds())
	install(t, s)
	l.applyFile("config/core/205-documents.yaml")
	l.applyFile("config/core/602-stream.yaml")
	controllerProcess := startProgram(t, s, "controller", names.Controller, "AOF_PROBES=off", "AOF_RUNNER_IMAGE=example.com/runner")

	l.begin()
	l.change()
	l.run()
	l.end()
	controllerProcess.stop()

	var unused []string
	_ = wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, 5*time.Second, true, func(context.Context) (bool, error) {
		unused = l.unused() // watches come to the log when they are over
		return len(unused) == 0, nil
	})
	assert.Empty(t, unused, "rights that nobody used")
}

// life is what people and Knative do to objects.
type life struct {
	*apiserver.Server

	t *testing.T
}

func knativeKinds() string {
	var out strings.Builder
	for group, kinds := range knative {
		for _, kind := range kinds {
			plural := strings.ToLower(kind) + "s"
			fmt.Fprintf(&out, `---
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: %[1]s.%[2]s}, spec: {group: %[2]s, scope: Namespaced,
  names: {kind: %[3]s, plural: %[1]s}, versions: [{name: v1, served: true, storage: true, subresources: {status: {}},
  schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}}
`, plural, group, kind)
		}
	}
	return out.String()
}

func (l *life) kubectl(stdin string, args ...string) string {
	l.t.Helper()
	out, err := l.Kubectl(l.t.Context(), []byte(stdin), args...)
	require.NoError(l.t, err)
	return out
}

func (l *life) apply(manifest string) {
	l.t.Helper()
	l.kubectl(manifest, "apply", "--server-side", "--force-conflicts", "-f", "-")
}

func (l *life) applyFile(path string) {
	l.t.Helper()
	l.kubectl("", "apply", "--server-side", "-f", filepath.Join(apiserver.Root(), path))
}

// until waits until every one of the objects, given as kubectl takes them, is
// there, or is gone.
func (l *life) until(there bool, objects ...string) {
	l.t.Helper()
	for _, object := range objects {
		err := wait.PollUntilContextTimeout(l.t.Context(), 100*time.Millisecond, 60*time.Second, true, func(ctx context.Context) (bool, error) {
			out, err := l.Kubectl(ctx, nil, append([]string{"-n", "quickstart", "get", "--ignore-not-found", "-o", "name"}, strings.Fields(object)...)...)
			return err == nil && (out != "") == there, nil
		})
		require.NoError(l.t, err, "waiting for %s: there=%v", object, there)
	}
}

// ready says of an object what Knative would say.
func (l *life) ready(object, more string) {
	l.t.Helper()
	l.until(true, object)
	generation := l.kubectl("", append([]string{"-n", "quickstart", "get", "-o", "jsonpath={.metadata.generation}"}, strings.Fields(object)...)...)
	patch := fmt.Sprintf(`{"status":{"observedGeneration":%s,"conditions":[{"type":"Ready","status":"True"}]%s}}`, generation, more)
	l.kubectl("", append([]string{"-n", "quickstart", "patch", "--subresource=status", "--type=merge", "-p", patch}, strings.Fields(object)...)...)
}

var triggerObject = "triggers.eventing.knative.dev " + names.KnativeTrigger("quickstart", "web-triage")

func (l *life) begin() {
	l.MakeNamespace(l.t, "quickstart")
	l.apply(`{apiVersion: v1, kind: Secret, metadata: {name: aof-credentials, namespace: quickstart}, stringData: {A: b}}`)
	l.applyFile("examples/quickstart/quickstart.yaml")
	l.apply(`{apiVersion: aof.dev/v1, kind: Trigger, metadata: {name: clock, namespace: quickstart}, spec: {type: Schedule, config: {cron: "0 * * * *"}}}
---
{apiVersion: aof.dev/v1, kind: Trigger, metadata: {name: socket, namespace: quickstart}, spec: {type: Slack, config: {app_token: "${APP}", bot_token: "${BOT}"}}}`)
	l.ready("brokers default", `,"address":{"url":"http://127.0.0.1:1/"}`)
	l.ready("services.serving.knative.dev aof-runner", "")
	l.ready(triggerObject, "")
	l.until(true, "serviceaccounts aof-runner", "roles aof-runner", "rolebindings aof-runner", "roles aof-adapter", "rolebindings aof-adapter",
		"secrets aof-runner-token", "configmaps "+names.Routes("web"), "configmaps "+names.Events("web"), "configmaps -l aof.dev/kind=plan",
		"pingsources", "-n aof-system secrets aof-adapter-token")
	l.eventually("the stream is raised", "1", "-n", system, "get", "deployment", names.Stream, "-o", "jsonpath={.spec.replicas}")
}

// eventually waits until kubectl answers so.
func (l *life) eventually(what, want string, args ...string) {
	l.t.Helper()
	var out string
	err := wait.PollUntilContextTimeout(l.t.Context(), 100*time.Millisecond, 60*time.Second, true, func(ctx context.Context) (bool, error) {
		out, _ = l.Kubectl(ctx, nil, args...)
		return out == want, nil
	})
	require.NoError(l.t, err, "%s: %q", what, out)
}

func (l *life) change() {
	l.kubectl("", "-n", system, "patch", "configmap", names.Config, "--type=merge", "-p", `{"data":{"runner-concurrency":"3","successful-runs-history":"0"}}`)
	l.eventually("the runner follows the settings", "3", "-n", "quickstart", "get", "services.serving.knative.dev", "aof-runner", "-o", "jsonpath={.spec.template.spec.containerConcurrency}")
	l.kubectl("", "-n", "quickstart", "patch", "triggers.aof.dev", "clock", "--type=merge", "-p", `{"spec":{"config":{"cron":"5 * * * *"}}}`)
	l.eventually("the clock follows its Trigger", "5 * * * *", "-n", "quickstart", "get", "pingsources", "-o", "jsonpath={.items[0].spec.schedule}")

	plan := l.kubectl("", "-n", "quickstart", "get", "flowbindings", "web-triage", "-o", "jsonpath={.status.plan}")
	l.kubectl("", "-n", "quickstart", "patch", "agents", "triage", "--type=merge", "-p", `{"spec":{"instructions":"Be brief."}}`)
	l.eventually("the plan before is superseded, but stays for events on their way", "true", "-n", "quickstart", "get", "configmaps", plan, "-o",
		`go-template={{ne (index .metadata.annotations "aof.dev/superseded-at") ""}}`)
	l.kubectl("", "-n", "quickstart", "delete", "serviceaccounts", "aof-runner")
	l.until(true, "serviceaccounts aof-runner")

	l.kubectl("", "-n", "quickstart", "patch", "contexts", "demo", "--type=merge", "-p", `{"spec":{"limits":{"max_requests_per_minute":10}}}`)
	l.kubectl("", "-n", "quickstart", "patch", "flowbindings", "web-triage", "--type=merge", "-p", `{"spec":{"overrun":{"policy":"serialize"}}}`)
	l.until(true, "configmaps "+names.Quota("demo"), "roles "+names.Quota("demo"), "rolebindings "+names.QuotaOf("demo", "quickstart"), "configmaps "+names.Turns("web-triage"))
	l.eventually("the runner may keep the turns", names.Turns("web-triage"), "-n", "quickstart", "get", "roles", "aof-runner", "-o",
		`jsonpath={.rules[?(@.verbs[0]=="update")].resourceNames[0]}`)
}

func (l *life) run() {
	const manifest = `{apiVersion: aof.dev/v1, kind: FlowRun, metadata: {name: %s, namespace: quickstart}, spec: {flow: {name: triage}, binding: {name: web-triage}, trigger: {name: web}, plan: p, event: {specversion: "1.0", id: %s, source: /s, type: t}%s}}`
	l.apply(fmt.Sprintf(manifest, "done", "done", ""))
	l.kubectl("", "-n", "quickstart", "patch", "flowruns", "done", "--type=merge", "-p",
		`{"status":{"phase":"Succeeded","startTime":"2026-01-02T03:04:05.000000Z","completionTime":"2026-01-02T03:04:06.000000Z","conditions":[{"type":"Succeeded","status":"True"}]}}`)
	l.until(true, "configmaps "+names.Tally("flowbinding", "web-triage"))
	l.until(false, "flowruns done") // counted, and none is kept
	l.apply(fmt.Sprintf(manifest, "stopped", "stopped", `, cancel: {user: ann}`))
	l.eventually("a run nobody holds is ended", "Cancelled", "-n", "quickstart", "get", "flowruns", "stopped", "-o", "jsonpath={.status.phase}")
	l.apply(fmt.Sprintf(manifest, "again", "again", ""))
	l.kubectl("", "-n", "quickstart", "patch", "flowruns", "again", "--type=merge", "-p",
		`{"status":{"phase":"Succeeded","startTime":"2026-01-02T03:04:05.000000Z","completionTime":"2026-01-02T03:04:06.000000Z","conditions":[{"type":"Succeeded","status":"True"}]}}`)
	l.until(false, "flowruns again")
}

func (l *life) end() {
	l.kubectl("", "-n", "quickstart", "patch", "triggers.aof.dev", "clock", "--type=merge", "-p", `{"spec":{"enabled":false}}`)
	l.until(false, "pingsources")
	l.kubectl("", "-n", "quickstart", "delete", "flowbindings,triggers.aof.dev", "--all")
	l.until(false, "services.serving.knative.dev aof-runner", "secrets aof-runner-token", "serviceaccounts aof-runner", "roles aof-runner", "rolebindings aof-runner",
		"roles aof-adapter", "rolebindings aof-adapter", "brokers default", triggerObject, "rolebindings "+names.QuotaOf("demo", "quickstart"))
	l.eventually("the stream is lowered", "0", "-n", system, "get", "deployment", names.Stream, "-o", "jsonpath={.spec.replicas}")
}

// unused compares the log with the rules, and fails for what was denied.
func (l *life) unused() []string {
	l.t.Helper()
	used := map[string]bool{}
	for _, r := range l.Requests(l.t) {
		if r.User.Username != controller {
			continue
		}
		assert.NotEqual(l.t, "forbid", r.Annotations["authorization.k8s.io/decision"], "denied: %s %s", r.Verb, r.RequestURI)
		resource := r.ObjectRef.Resource
		if r.ObjectRef.Subresource != "" {
			resource += "/" + r.ObjectRef.Subresource
		}
		used[r.Verb+" "+r.ObjectRef.APIGroup+"/"+resource] = true
	}
	var out []string
	for _, rule := range l.rules() {
		for _, resource := range rule.Resources {
			for _, verb := range rule.Verbs {
				right := verb + " " + rule.APIGroups[0] + "/" + resource
				// A watch brings what is there; an older API server needs a list for it.
				if !used[right] && idle[right] == "" && (verb != "list" || !used["watch"+strings.TrimPrefix(right, "list")]) {
					out = append(out, right)
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (l *life) rules() []rbacv1.PolicyRule {
	l.t.Helper()
	kube := l.Kube(l.t).RbacV1()
	wide, err := kube.ClusterRoles().Get(l.t.Context(), names.Controller, metav1.GetOptions{})
	require.NoError(l.t, err)
	own, err := kube.Roles(system).Get(l.t.Context(), names.Controller, metav1.GetOptions{})
	require.NoError(l.t, err)
	return slices.Concat(wide.Rules, own.Rules)
}
