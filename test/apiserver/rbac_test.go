// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"aof.dev/operator/pkg/names"
	bindingresources "aof.dev/operator/pkg/reconciler/flowbinding/resources"
	triggerresources "aof.dev/operator/pkg/reconciler/trigger/resources"
	"aof.dev/operator/test/apiserver"
)

const (
	system     = names.SystemNamespace
	aof        = "aof.dev"
	rbac       = "rbac.authorization.k8s.io"
	eventing   = "eventing.knative.dev"
	serving    = "serving.knative.dev"
	admissions = "admissionregistration.k8s.io"

	coordination = "coordination.k8s.io"
)

var (
	controller = apiserver.ServiceAccount(system, names.Controller)
	hook       = apiserver.ServiceAccount(system, names.Webhook)
	adapter    = apiserver.ServiceAccount(system, names.Adapter)
	runnerA    = apiserver.ServiceAccount("team-a", names.Runner)
)

// installation makes config/core stand on the shared server once.
var installation struct {
	sync.Mutex

	done bool
}

// rights are the files of config/core without what runs, and without the
// webhook's configurations, which are the affair of its own test.
var rights = []string{
	"100-namespace", "200-serviceaccounts", "201-clusterrole-controller", "201-clusterrole-webhook", "202-bindings",
	"203-limits", "204-stream-role", "206-dedupe", "210-aggregated-roles", "400-config-aof", "400-config-leader-election", "400-config-logging",
}

// installed is the shared server with the rights of config/core, and with two
// teams: team-a has a Trigger and a FlowBinding, team-b nothing of the operator.
func installed(t *testing.T) *apiserver.Server {
	t.Helper()
	s := apiserver.Shared(t)
	installation.Lock()
	defer installation.Unlock()
	if !installation.done {
		install(t, s)
		installation.done = true
	}
	return s
}

// right is something that may be done or not.
type right struct {
	who, verb, group, resource, namespace, name string
}

func (r right) String() string {
	return strings.TrimPrefix(r.who, "system:serviceaccount:") + " " + r.verb + " " + r.group + "/" + r.resource + " " + r.namespace + "/" + r.name
}

func (r right) review() *authorizationv1.SubjectAccessReview {
	resource, sub, _ := strings.Cut(r.resource, "/")
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: r.who, Groups: []string{"system:authenticated"},
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: r.verb, Group: r.group, Version: "*", Resource: resource, Subresource: sub, Namespace: r.namespace, Name: r.name,
		},
	}}
	if rest, ok := strings.CutPrefix(r.who, "system:serviceaccount:"); ok {
		namespace, _, _ := strings.Cut(rest, ":")
		review.Spec.Groups = append(review.Spec.Groups, "system:serviceaccounts", "system:serviceaccounts:"+namespace)
	}
	return review
}

func allowed(tb testing.TB, kube kubernetes.Interface, r right) bool {
	tb.Helper()
	review, err := kube.AuthorizationV1().SubjectAccessReviews().Create(tb.Context(), r.review(), metav1.CreateOptions{})
	require.NoError(tb, err, r.String())
	return review.Status.Allowed
}

// granted wants a right that was given just now: the API server's authorizer
// hears of roles and bindings a moment after they are written.
func granted(tb testing.TB, kube kubernetes.Interface, rights ...right) {
	tb.Helper()
	for _, r := range rights {
		require.NoError(tb, wait.PollUntilContextTimeout(tb.Context(), 10*time.Millisecond, 20*time.Second, true, func(context.Context) (bool, error) {
			return allowed(tb, kube, r), nil
		}), "denied: %s", r)
	}
}

// each makes a right for every verb and every resource.
func each(who, verbs, group, resources, namespace, name string) []right {
	var out []right
	for _, resource := range strings.Fields(resources) {
		for _, verb := range strings.Fields(verbs) {
			out = append(out, right{who, verb, group, resource, namespace, name})
		}
	}
	return out
}

// needed are the calls that the processes make. A call without a name in it
// (create, list, watch) has none here, unless a field selector says it.
var needed = slices.Concat(
	// What the reconcilers follow and write.
	each(controller, "get list watch", aof, "contexts triggers flowbindings agents agentfleets agentflows flowruns", "", ""),
	each(controller, "update", aof, "contexts/status triggers/status flowbindings/status agents/status agentfleets/status agentflows/status", "team-a", "x"),
	each(controller, "patch", aof, "triggers flowbindings", "team-a", "x"),
	each(controller, "update", aof, "triggers/finalizers", "team-a", "x"),
	each(controller, "patch delete", aof, "flowruns", "team-a", "x"),
	each(controller, "get list watch create update delete", "", "configmaps", "team-a", "aof-plan-x"),
	each(controller, "list watch", "", "secrets", "", names.Credentials),
	each(controller, "list watch", "", "secrets", "", names.RunnerToken),
	each(controller, "get update delete", "", "secrets", "team-a", names.RunnerToken),
	each(controller, "list watch update", "", "secrets", system, names.AdapterToken),
	each(controller, "create", "", "secrets", "team-a", ""),
	each(controller, "list watch create", "", "serviceaccounts", "", ""),
	each(controller, "get update delete", "", "serviceaccounts", "team-a", names.Runner),
	each(controller, "create", "", "serviceaccounts/token", "team-a", names.Runner),
	each(controller, "create", "", "serviceaccounts/token", system, names.Adapter),
	each(controller, "list watch create", rbac, "roles rolebindings", "", ""),
	each(controller, "get update delete", rbac, "roles rolebindings", "team-a", names.Runner),
	each(controller, "get update delete", rbac, "roles rolebindings", "team-a", names.Adapter),
	each(controller, "create patch", "", "events", "team-a", ""),
	each(controller, "list watch create delete", eventing, "brokers", "team-a", ""),
	each(controller, "get list watch create update delete", eventing, "triggers", "team-a", "x"),
	each(controller, "list watch create update delete", "sources.knative.dev", "pingsources", "team-a", "x"),
	each(controller, "list watch create", serving, "services", "", ""),
	each(controller, "get update delete", serving, "services", "team-a", names.Runner),
	each(controller, "get create update", "coordination.k8s.io", "leases", system, "x"),
	each(controller, "list watch patch", "apps", "deployments", system, names.Stream),
	// Business keys; that it is those alone, a policy says (dedupe_test.go).
	each(controller, "list delete", coordination, "leases", "team-a", "aof-dedupe-x"),
	each(controller, "get create update", coordination, "leases", "team-a", "aof-dedupe-x"), // to hand on
	// What it hands on.
	each(controller, "get create update", aof, "flowruns", "team-a", "x"),
	each(controller, "get", "", "secrets", "team-a", names.Credentials),

	each(hook, "create", "authorization.k8s.io", "subjectaccessreviews", "", ""),
	each(hook, "list watch", admissions, "mutatingwebhookconfigurations validatingwebhookconfigurations", "", ""),
	each(hook, "get update", admissions, "mutatingwebhookconfigurations", "", "defaulting.webhook.aof.dev"),
	each(hook, "get update", admissions, "mutatingwebhookconfigurations", "", "stamping.webhook.aof.dev"),
	each(hook, "get update", admissions, "validatingwebhookconfigurations", "", "validation.webhook.aof.dev"),
	each(hook, "get update", admissions, "validatingwebhookconfigurations", "", "runs.webhook.aof.dev"),
	each(hook, "get update", admissions, "validatingwebhookconfigurations", "", "config.webhook.aof.dev"),
	each(hook, "get", "", "namespaces", "", system),
	each(hook, "update", "", "namespaces/finalizers", "", system),
	each(hook, "get list watch update", "", "secrets", system, "aof-webhook-certs"),
	each(hook, "get list watch", "", "configmaps", system, ""),
	each(hook, "get create update", "coordination.k8s.io", "leases", system, "x"),

	each(runnerA, "get", "", "configmaps", "team-a", "aof-plan-x"),
	each(runnerA, "get create update", aof, "flowruns", "team-a", "x"),
	each(runnerA, "get create update", coordination, "leases", "team-a", "aof-dedupe-x"),

	each(adapter, "get", "", "configmaps", "team-a", names.Routes("hooks")),
	each(adapter, "get update", "", "configmaps", "team-a", names.Events("hooks")),
	each(adapter, "get", "", "secrets", "team-a", names.Credentials),
	// update: the answer to an approval's button is a decision in the run.
	each(adapter, "create get update", aof, "flowruns", "team-a", "x"),
	each(adapter, "get create update", coordination, "leases", "team-a", "aof-dedupe-x"),
	each(adapter, "get create update", coordination, "leases", system, names.Stream),
)

// refused are calls that nobody needs and that would do harm.
var refused = slices.Concat(
	each(controller, "list watch", "", "secrets", "", ""),
	each(controller, "get list watch update delete", "", "secrets", "team-a", "other"),
	each(controller, "get", "", "secrets", system, "aof-webhook-certs"),
	each(controller, "update patch delete", "", "secrets", "team-a", names.Credentials),
	each(controller, "create", "", "serviceaccounts/token", "team-a", "default"),
	each(controller, "create", "", "serviceaccounts/token", system, names.Webhook),
	each(controller, "update delete", "", "serviceaccounts", "team-a", "default"),
	each(controller, "update delete escalate bind", rbac, "roles", "team-a", "other"),
	each(controller, "update escalate bind", rbac, "rolebindings", "team-a", "other"), // which it deletes, config/core/203-limits.yaml says
	each(controller, "create update escalate bind", rbac, "clusterroles clusterrolebindings", "", "x"),
	each(controller, "escalate bind", rbac, "roles", "team-a", names.Runner),
	each(controller, "create update delete", aof, "contexts triggers flowbindings agents agentfleets agentflows", "team-a", "x"),
	each(controller, "get list create delete", "", "pods", "team-a", "x"),
	each(controller, "create", "", "pods/exec", "team-a", "x"),
	each(controller, "create update patch delete", "apps", "deployments", "team-a", "x"),
	each(controller, "patch delete", "apps", "deployments", system, names.Controller),
	each(controller, "update delete", serving, "services", "team-a", "other"),
	each(controller, "update", eventing, "brokers", "team-a", "default"),
	each(controller, "get update", admissions, "validatingwebhookconfigurations", "", "validation.webhook.aof.dev"),
	each(controller, "impersonate", "", "users groups serviceaccounts", "", "x"),
	each(controller, "watch patch", coordination, "leases", "team-a", "x"),

	each(hook, "get list watch", "", "secrets", system, ""),
	each(hook, "get update", "", "secrets", system, names.AdapterToken),
	each(hook, "get list watch", "", "configmaps secrets", "team-a", ""),
	each(hook, "get list update", aof, "flowbindings flowruns", "team-a", "x"),
	each(hook, "update delete", admissions, "validatingwebhookconfigurations mutatingwebhookconfigurations", "", "other"),
	each(hook, "delete", "", "namespaces", "", system),

	each(runnerA, "get", "", "configmaps", "team-b", "aof-plan-x"),
	each(runnerA, "get create update", aof, "flowruns", "team-b", "x"),
	each(runnerA, "list watch", "", "configmaps", "team-a", ""),
	each(runnerA, "create update delete", "", "configmaps", "team-a", "x"),
	each(runnerA, "get list", "", "secrets", "team-a", names.Credentials),
	each(runnerA, "get", "", "secrets", "team-a", names.RunnerToken),
	each(runnerA, "get", "", "secrets configmaps", system, names.AdapterToken),
	each(runnerA, "delete list watch patch", aof, "flowruns", "team-a", "x"),
	each(runnerA, "get list", aof, "flowbindings agents agentflows contexts triggers", "team-a", "x"),
	each(runnerA, "create", "", "serviceaccounts/token", "team-a", names.Runner),
	each(runnerA, "list watch patch delete", coordination, "leases", "team-a", "x"),
	each(runnerA, "get create update", coordination, "leases", "team-b", "x"),

	each(adapter, "get", "", "configmaps", "team-a", "other"),
	each(adapter, "update", "", "configmaps", "team-a", names.Routes("hooks")),
	each(adapter, "get", "", "secrets", "team-a", "other"),
	each(adapter, "list watch", "", "secrets configmaps", "team-a", ""),
	each(adapter, "delete list", aof, "flowruns", "team-a", "x"),
	each(adapter, "create get", aof, "flowruns", "team-b", "x"),
	each(adapter, "get", "", "secrets", "team-b", names.Credentials),
	each(adapter, "get", "", "secrets", system, names.AdapterToken),
	each(adapter, "get update", coordination, "leases", system, "aof-controller.x"),
	each(adapter, "list watch patch delete", coordination, "leases", "team-a", "x"),
	each(adapter, "get create update", coordination, "leases", "team-b", "x"),
	each(adapter, "get patch", "apps", "deployments", system, names.Stream),
)

func TestTheProcessesMayDoWhatTheyDo(t *testing.T) {
	t.Parallel()
	kube := installed(t).Kube(t)
	for _, r := range needed {
		assert.True(t, allowed(t, kube, r), "denied, but needed: %s", r)
	}
}

func TestTheProcessesMayDoNoHarm(t *testing.T) {
	t.Parallel()
	kube := installed(t).Kube(t)
	for _, r := range refused {
		assert.False(t, allowed(t, kube, r), "allowed, but not needed: %s", r)
	}
}

// Every verb of every rule has a call that needs it.
func TestNoRuleIsUnused(t *testing.T) {
	t.Parallel()
	kube := installed(t).Kube(t)
	for who, roles := range map[string][]types.NamespacedName{
		controller: {{Namespace: system, Name: names.Controller}},
		hook:       {{Namespace: system, Name: names.Webhook}},
		runnerA:    {{Namespace: "team-a", Name: names.Runner}},
		adapter:    {{Namespace: "team-a", Name: names.Adapter}, {Namespace: system, Name: names.Stream}},
	} {
		var rules []rbacv1.PolicyRule
		name := who[strings.LastIndex(who, ":")+1:]
		for _, key := range roles {
			role, err := kube.RbacV1().Roles(key.Namespace).Get(t.Context(), key.Name, metav1.GetOptions{})
			require.NoError(t, err)
			rules = append(rules, role.Rules...)
		}
		if who == controller || who == hook {
			role, err := kube.RbacV1().ClusterRoles().Get(t.Context(), name, metav1.GetOptions{})
			require.NoError(t, err)
			rules = append(rules, role.Rules...)
		}
		for _, rule := range rules {
			for _, verb := range rule.Verbs {
				for _, resource := range rule.Resources {
					assert.True(t, slices.ContainsFunc(needed, func(r right) bool {
						return r.who == who && r.verb == verb && r.resource == resource && slices.Contains(rule.APIGroups, r.group) &&
							(len(rule.ResourceNames) == 0 || slices.Contains(rule.ResourceNames, r.name))
					}), "%s: nothing needs to %s %s %v", name, verb, resource, rule.ResourceNames)
				}
			}
		}
	}
}

// install also makes, as the controller would and with its rights, what the
// team's runner and the adapter need.
func install(tb testing.TB, s *apiserver.Server) {
	tb.Helper()
	for _, file := range rights {
		path := filepath.Join(apiserver.Root(), "config", "core", file+".yaml")
		_, err := s.Kubectl(tb.Context(), nil, "apply", "--server-side", "--validate=strict", "-f", path)
		require.NoError(tb, err)
	}
	s.MakeNamespace(tb, "team-a")
	s.MakeNamespace(tb, "team-b")
	asController, err := kubernetes.NewForConfig(s.As(controller, "system:serviceaccounts"))
	require.NoError(tb, err)
	// The API server takes a moment to hold to the limits.
	unlabelled := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "not-ours"}}
	require.NoError(tb, wait.PollUntilContextTimeout(tb.Context(), 50*time.Millisecond, 20*time.Second, true, func(ctx context.Context) (bool, error) {
		_, err := asController.CoreV1().ConfigMaps("team-a").Create(ctx, unlabelled, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err != nil && strings.Contains(err.Error(), "writes only objects with the label"), nil
	}))
	for _, role := range []*rbacv1.Role{bindingresources.MakeRole("team-a", nil), triggerresources.MakeRole("team-a", []string{"hooks"}, true)} {
		_, err := asController.RbacV1().Roles("team-a").Create(tb.Context(), role, metav1.CreateOptions{})
		require.NoError(tb, err, "the controller holds what it grants")
	}
	for _, binding := range []*rbacv1.RoleBinding{bindingresources.MakeRoleBinding("team-a"), triggerresources.MakeRoleBinding("team-a", system)} {
		_, err := asController.RbacV1().RoleBindings("team-a").Create(tb.Context(), binding, metav1.CreateOptions{})
		require.NoError(tb, err, "the controller holds what it grants")
	}
	granted(tb, s.Kube(tb), right{apiserver.ServiceAccount("team-a", names.Runner), "create", aof, "flowruns", "team-a", "x"},
		right{adapter, "create", aof, "flowruns", "team-a", "x"})
}

func TestTheControllerGrantsNoMoreThanItHas(t *testing.T) {
	t.Parallel()
	s := installed(t)
	asController, err := kubernetes.NewForConfig(s.As(controller, "system:serviceaccounts"))
	require.NoError(t, err)
	wide := bindingresources.MakeRole("team-b", nil)
	wide.Rules = append(wide.Rules, rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"}})
	_, err = asController.RbacV1().Roles("team-b").Create(t.Context(), wide, metav1.CreateOptions{})
	require.ErrorContains(t, err, "attempting to grant RBAC permissions not currently held")

	admin := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: names.Adapter, Namespace: "team-b", Labels: map[string]string{names.LabelManaged: "true"}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbac, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbac, Name: "mallory"}},
	}
	_, err = asController.RbacV1().RoleBindings("team-b").Create(t.Context(), admin, metav1.CreateOptions{})
	require.ErrorContains(t, err, "attempting to grant RBAC permissions not currently held")
}

func TestTheControllerWritesOnlyWhatIsItsOwn(t *testing.T) {
	t.Parallel()
	s := installed(t)
	kube := s.Kube(t)
	namespace := s.Namespace(t)
	asController, err := kubernetes.NewForConfig(s.As(controller, "system:serviceaccounts"))
	require.NoError(t, err)
	managed := map[string]string{names.LabelManaged: "true"}

	theirs := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "theirs"}, Data: map[string]string{"a": "b"}}
	theirs, err = kube.CoreV1().ConfigMaps(namespace).Create(t.Context(), theirs, metav1.CreateOptions{})
	require.NoError(t, err)
	theirs.Labels = managed // saying so does not make it ours
	_, err = asController.CoreV1().ConfigMaps(namespace).Update(t.Context(), theirs, metav1.UpdateOptions{})
	require.ErrorContains(t, err, "writes only objects with the label")
	require.ErrorContains(t, asController.CoreV1().ConfigMaps(namespace).Delete(t.Context(), "theirs", metav1.DeleteOptions{}), "writes only objects with the label")

	ours, err := asController.CoreV1().ConfigMaps(namespace).Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "ours", Labels: managed}}, metav1.CreateOptions{})
	require.NoError(t, err)
	ours.Data = map[string]string{"a": "b"}
	_, err = asController.CoreV1().ConfigMaps(namespace).Update(t.Context(), ours, metav1.UpdateOptions{})
	require.NoError(t, err)
	require.NoError(t, asController.CoreV1().ConfigMaps(namespace).Delete(t.Context(), "ours", metav1.DeleteOptions{}))

	secret := func(name string, kind corev1.SecretType, annotations map[string]string) error {
		_, err := asController.CoreV1().Secrets(namespace).Create(t.Context(), &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: managed, Annotations: annotations}, Type: kind,
		}, metav1.CreateOptions{})
		return err
	}
	require.NoError(t, secret(names.RunnerToken, corev1.SecretTypeOpaque, nil))
	require.ErrorContains(t, secret("other", corev1.SecretTypeOpaque, nil), "makes no Secret but the tokens")
	stolen := map[string]string{corev1.ServiceAccountNameKey: "default"}
	require.ErrorContains(t, secret(names.AdapterToken, corev1.SecretTypeServiceAccountToken, stolen), "makes no Secret but the tokens")
}
