// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// ours are the accounts whose writes the suite watches: those of the operator, and the runners' in every namespace.
func ours(user string) bool {
	return strings.HasPrefix(user, "system:serviceaccount:"+systemNamespace+":") ||
		strings.HasPrefix(user, "system:serviceaccount:") && strings.HasSuffix(user, ":aof-runner")
}

// write is one line of the API server's audit log.
type write struct {
	User      struct{ Username string }
	Verb      string
	ObjectRef struct{ Resource, Subresource, Namespace, Name, APIGroup string }
	At        time.Time `json:"requestReceivedTimestamp"`
}

func (w *write) String() string {
	user := w.User.Username[strings.LastIndex(w.User.Username, ":")+1:]
	o := w.ObjectRef
	return fmt.Sprintf("%s %s: %s %s/%s %s/%s", w.At.Format("15:04:05"), user, w.Verb, o.Resource, o.Subresource, o.Namespace, o.Name)
}

// writes are what we wrote since then, leases left out; known is false when the cluster keeps no such log.
func writes(t *testing.T, since time.Time) (list []string, known bool) {
	t.Helper()
	path := os.Getenv("E2E_AUDIT_LOG")
	if path == "" || os.Getenv("E2E_KUBECONFIG") != "" {
		return nil, false
	}
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var w write
		// The last line may be half written; it is whole the next time.
		if json.Unmarshal(lines.Bytes(), &w) == nil && ours(w.User.Username) && !w.At.Before(since) {
			list = append(list, w.String())
		}
	}
	return list, true
}

// ourPods are the pods that must not stand while nothing happens.
var ourPods = []string{"serving.knative.dev/service in (aof-runner, aof-adapter)", "app.kubernetes.io/name=aof-stream"}

// idleForFiveMinutes comes after all other tests. There are Triggers and bindings, runs that are over and a run that
// waits for a person; nothing happens. For five minutes no pod of runner, adapter or stream may appear, and nothing of
// ours may write to the API but its leases.
func idleForFiveMinutes(t *testing.T) {
	askForApproval(t)
	e := newOperatorEnv(t)
	p := e.startProbe()
	e.apply(strings.Join([]string{oneNode, demoContext, localBinding}, "\n---\n"))
	e.untilReady(flowBindings, "local")
	begin := time.Now()
	p.untilEvent("web", "one", "hello")
	e.untilRuns(1)
	endpoint := field(e.object(aofTriggers, "web"), "status", "webhookEndpoint")
	e.until("a webhook is taken", func(context.Context) (bool, error) {
		return p.hook(endpoint, "two", `{"text":"hello"}`, "quick", 202) == nil, nil
	})
	e.untilRuns(2)
	e.until("the binding shows both runs", func(context.Context) (bool, error) {
		return field(e.object(flowBindings, "local"), "status", "executionCount") == "2", nil
	})
	if seen, known := writes(t, begin); known {
		require.NotEmpty(t, seen, "what is written is seen")
	}
	e.within(8*time.Minute, "our pods and what other tests deleted are gone", func(ctx context.Context) (bool, error) {
		return len(e.standing(ctx)) == 0 && e.alone(ctx), nil
	})

	begin = time.Now()
	seen, err := e.watchPods(t.Context(), metav1.NamespaceAll)
	require.NoError(t, err)
	here := seen.all() // of other things; the probe's and Knative's
	timer := time.NewTimer(patience(5 * time.Minute))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
	assert.Equal(t, here, seen.all(), "no pod appeared")
	assert.Empty(t, e.standing(t.Context()))
	list, known := writes(t, begin)
	assert.Empty(t, list, "nothing but leases is written:\n%s", strings.Join(list, "\n"))
	t.Logf("idle for %s: no pod, no write (audited: %t)", time.Since(begin).Round(time.Second), known)
}

// standing are our pods in all namespaces.
func (e *env) standing(ctx context.Context) []string {
	var names []string
	for _, selector := range ourPods {
		pods, err := e.kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{LabelSelector: selector})
		if err != nil {
			return []string{err.Error()}
		}
		for _, pod := range pods.Items {
			names = append(names, pod.Namespace+"/"+pod.Name)
		}
	}
	return names
}

// alone tells whether nothing of ours is left in the namespaces that other tests deleted. Such a namespace itself may
// stay for as long as its last pod could have taken to end (docs/runner.md).
func (e *env) alone(ctx context.Context) bool {
	list, err := e.kube.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		return false
	}
	for _, ns := range list.Items {
		if ns.DeletionTimestamp != nil && strings.HasPrefix(ns.Name, "e2e-") && !e.in(ns.Name).empty(ctx) {
			return false
		}
	}
	return true
}

// empty tells whether the namespace has no object left that the operator would act on.
func (e *env) empty(ctx context.Context) bool {
	for _, resource := range []schema.GroupVersionResource{aofTriggers, flowBindings, flowRuns} {
		list, err := e.dynamic.Resource(resource).Namespace(e.namespace).List(ctx, metav1.ListOptions{Limit: 1})
		if err != nil || len(list.Items) > 0 {
			return false
		}
	}
	return true
}
