// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// top is the root of the repository.
const top = "../.."

// systemNamespace is where config/core installs the operator.
const systemNamespace = "aof-system"

var (
	flowRuns     = schema.GroupVersionResource{Group: "aof.dev", Version: "v1", Resource: "flowruns"}
	flowBindings = schema.GroupVersionResource{Group: "aof.dev", Version: "v1", Resource: "flowbindings"}
	aofTriggers  = schema.GroupVersionResource{Group: "aof.dev", Version: "v1", Resource: "triggers"}
	agentFlows   = schema.GroupVersionResource{Group: "aof.dev", Version: "v1", Resource: "agentflows"}
	ksvcs        = schema.GroupVersionResource{Group: "serving.knative.dev", Version: "v1", Resource: "services"}
)

// install installs the operator as a user does, once for the suite. Installing
// over what is there is the upgrade, and must do as well.
var install = sync.OnceValue(func() error {
	// ko apply, in its two steps.
	var stderr bytes.Buffer
	ko := exec.Command("ko", "resolve", "--sbom=none", "--insecure-registry", "-f", "config/core")
	ko.Dir, ko.Stderr = top, &stderr
	resolved, err := ko.Output()
	if err != nil {
		return fmt.Errorf("ko resolve -f config/core: %w\n%s", err, stderr.String())
	}
	manifest, err := withSlack(string(resolved))
	if err != nil {
		return fmt.Errorf("config/core: %w", err)
	}
	apply := exec.Command("kubectl", "apply", "-f", "-")
	apply.Stdin = strings.NewReader(manifest)
	if out, err := apply.CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl apply: %w\n%s", err, out)
	}
	for _, wait := range [][]string{
		{"rollout", "status", "deployment/aof-controller", "deployment/aof-webhook"},
		{"wait", "--for=condition=Ready", "services.serving.knative.dev/aof-adapter"},
	} {
		out, err := exec.Command("kubectl", append([]string{"-n", systemNamespace, "--timeout=90s"}, wait...)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("kubectl %s: %w\n%s", strings.Join(wait, " "), err, out)
		}
	}
	return nil
})

// newOperatorEnv is newEnv on a cluster with the operator.
func newOperatorEnv(t *testing.T) *env {
	t.Helper()
	e := newLastingEnv(t)
	t.Cleanup(e.remove)
	return e
}

// newLastingEnv is newOperatorEnv in a namespace that outlives the test.
func newLastingEnv(t *testing.T) *env {
	t.Helper()
	e := newNamespace(t)
	err := install()
	if err != nil {
		e.in(systemNamespace).dump()
	}
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			e.in(systemNamespace).dumpLogs(context.Background())
		}
	})
	return e
}

// in is the same test looking at another namespace.
func (e *env) in(namespace string) *env { return &env{e.cluster, e.t, namespace} }

// addNamespace makes another namespace for the test, named after its own.
func (e *env) addNamespace(suffix string) *env {
	e.t.Helper()
	other := e.in(e.namespace + "-" + suffix)
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: other.namespace}}
	_, err := e.kube.CoreV1().Namespaces().Create(e.t.Context(), ns, metav1.CreateOptions{})
	require.NoError(e.t, err)
	e.t.Cleanup(other.remove)
	return other
}

// example is an example's manifest, moved into the test's namespace.
func (e *env) example(name, namespace string) string {
	e.t.Helper()
	files, err := filepath.Glob(filepath.Join(top, "examples", name, "*.yaml"))
	require.NoError(e.t, err)
	var docs []string
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(e.t, err)
		if strings.Contains(string(raw), "apiVersion: aof.dev/v1") {
			docs = append(docs, string(raw))
		}
	}
	require.NotEmpty(e.t, docs)
	return strings.ReplaceAll(strings.Join(docs, "\n---\n"), "namespace: "+namespace+"\n", "namespace: "+e.namespace+"\n")
}

// kubectl runs kubectl in the test's namespace and returns what it prints.
func (e *env) kubectl(args ...string) string {
	e.t.Helper()
	out, err := exec.CommandContext(e.t.Context(), "kubectl", append([]string{"-n", e.namespace}, args...)...).CombinedOutput()
	require.NoError(e.t, err, "kubectl %s: %s", strings.Join(args, " "), out)
	return string(out)
}

// object reads an object; nil when there is none.
func (e *env) object(r schema.GroupVersionResource, name string) *unstructured.Unstructured {
	o, err := e.dynamic.Resource(r).Namespace(e.namespace).Get(e.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		return nil
	}
	return o
}

// field is the text of a field, empty when it is missing.
func field(o *unstructured.Unstructured, path ...string) string {
	if o == nil {
		return ""
	}
	v, found, err := unstructured.NestedFieldNoCopy(o.Object, path...)
	if err != nil || !found || v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// untilReady waits for objects given as kind/name pairs of aof.dev.
func (e *env) untilReady(r schema.GroupVersionResource, names ...string) {
	e.t.Helper()
	for _, name := range names {
		e.until(r.Resource+" "+name+" is ready", func(context.Context) (bool, error) {
			o := e.object(r, name)
			return o != nil && ready(o), nil
		})
	}
}

// runs are the FlowRuns of the namespace.
func (e *env) runs() []unstructured.Unstructured {
	list, err := e.dynamic.Resource(flowRuns).Namespace(e.namespace).List(e.t.Context(), metav1.ListOptions{})
	if err != nil {
		return nil
	}
	return list.Items
}

// untilRuns waits until that many runs of the namespace are over, and returns them.
func (e *env) untilRuns(n int) []unstructured.Unstructured {
	e.t.Helper()
	var over []unstructured.Unstructured
	e.until(fmt.Sprintf("%d runs are over", n), func(context.Context) (bool, error) {
		over = over[:0]
		for _, run := range e.runs() {
			switch field(&run, "status", "phase") {
			case "Succeeded", "Failed", "Cancelled":
				over = append(over, run)
			}
		}
		if len(over) > n {
			return false, fmt.Errorf("%d runs are over, want %d", len(over), n)
		}
		return len(over) == n, nil
	})
	return over
}

// eventFor has the probe post a CloudEvent with a text to the namespace's broker, for a trigger: as curl does.
func (p probe) eventFor(broker, trigger, id, text string) error {
	data, err := json.Marshal(map[string]string{"text": text})
	if err != nil {
		return err
	}
	return p.post("send", id, "com.example.asked").SetHeader("Ce-Aoftrigger", trigger).Body(data).
		Param("url", broker).Do(p.e.t.Context()).Error()
}

// untilEvent sends the event until a run of the namespace stands for it: a Knative Trigger is ready a moment before
// the in-memory channel's dispatcher has heard of it.
func (p probe) untilEvent(trigger, id, text string) {
	p.e.t.Helper()
	before := len(p.e.runs())
	p.e.until("an event becomes a run", func(context.Context) (bool, error) {
		if len(p.e.runs()) > before {
			return true, nil
		}
		_ = p.eventFor(p.e.brokerURL(), trigger, id, text)
		return false, nil
	})
}

// hook has the probe post a webhook with a proof of the secret, and wants a status for it.
func (p probe) hook(url, id, body, token string, want int) error {
	return p.post("send", id, "").SetHeader("X-Aof-Token", token).SetHeader("Idempotency-Key", id).Body([]byte(body)).
		Param("url", url).Param("via", gateway()).Param("want", strconv.Itoa(want)).Do(p.e.t.Context()).Error()
}

// gateway is the ingress for names that exist outside only; platforms find it by DNS, pods of the test cluster do not.
func gateway() string {
	if host := os.Getenv("E2E_GATEWAY"); host != "" || os.Getenv("E2E_KUBECONFIG") != "" {
		return host
	}
	return "kingress.kingress-system.svc.cluster.local"
}

// effects are the side effects the probe was asked for, by key.
func (p probe) effects() map[string]int {
	p.e.t.Helper()
	counts := map[string]int{}
	require.NoError(p.e.t, json.Unmarshal([]byte(p.get("effects")), &counts))
	return counts
}

// pods counts pods that are not on their way out and that a selector picks.
func (e *env) pods(selector string) int {
	pods, err := e.kube.CoreV1().Pods(e.namespace).List(e.t.Context(), metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return -1
	}
	n := 0
	for _, pod := range pods.Items {
		if pod.DeletionTimestamp == nil {
			n++
		}
	}
	return n
}

const runnerPods = "serving.knative.dev/service=aof-runner"

// untilPods waits until that many pods run.
func (e *env) untilPods(selector string, want int) {
	e.t.Helper()
	e.until(fmt.Sprintf("%d pods of %s", want, selector), func(context.Context) (bool, error) { return e.pods(selector) == want, nil })
}

// managed are the kinds of what the operator makes for users' objects.
const managed = "configmaps,secrets,serviceaccounts,roles,rolebindings,brokers.eventing.knative.dev," +
	"triggers.eventing.knative.dev,pingsources,services.serving.knative.dev"

// untilNothingLeft waits until nothing is left of what the operator made.
func (e *env) untilNothingLeft() {
	e.t.Helper()
	left := ""
	e.until("nothing is left in "+e.namespace, func(context.Context) (bool, error) {
		left = strings.TrimSpace(e.kubectl("get", managed, "-l", "aof.dev/managed=true", "-o", "name", "--ignore-not-found"))
		return left == "", nil
	})
}
