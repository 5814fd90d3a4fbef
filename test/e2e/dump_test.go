// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

// logTail is how much of each container's log a failed test shows.
const logTail = int64(60)

// shown are the kinds a person would look at first.
var shown = []schema.GroupVersionResource{
	{Group: "serving.knative.dev", Version: "v1", Resource: "services"},
	{Group: "serving.knative.dev", Version: "v1", Resource: "revisions"},
	{Group: "networking.internal.knative.dev", Version: "v1alpha1", Resource: "ingresses"},
	{Group: "eventing.knative.dev", Version: "v1", Resource: "brokers"},
	{Group: "eventing.knative.dev", Version: "v1", Resource: "triggers"},
	{Version: "v1", Resource: "pods"},
}

// dump logs the objects, events and container logs of the namespace.
func (e *env) dump() {
	ctx := context.Background()
	for _, r := range shown {
		list, err := e.dynamic.Resource(r).Namespace(e.namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			e.t.Logf("listing %s: %v", r.Resource, err)
			continue
		}
		for _, o := range list.Items {
			o.SetManagedFields(nil)
			b, _ := yaml.Marshal(o.Object)
			e.t.Logf("=== %s %s\n%s", o.GetKind(), o.GetName(), b)
		}
	}
	events, err := e.kube.CoreV1().Events(e.namespace).List(ctx, metav1.ListOptions{})
	if err == nil {
		var b strings.Builder
		for _, ev := range events.Items {
			b.WriteString(ev.LastTimestamp.Format("15:04:05 ") + ev.InvolvedObject.Kind + "/" + ev.InvolvedObject.Name + " " + ev.Reason + ": " + ev.Message + "\n")
		}
		e.t.Logf("=== events\n%s", b.String())
	}
	e.dumpLogs(ctx)
}

func (e *env) dumpLogs(ctx context.Context) {
	pods, err := e.kube.CoreV1().Pods(e.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		e.t.Logf("listing pods: %v", err)
		return
	}
	tail := logTail
	for _, pod := range pods.Items {
		for _, c := range pod.Spec.Containers {
			opts := &corev1.PodLogOptions{Container: c.Name, TailLines: &tail}
			b, err := e.kube.CoreV1().Pods(e.namespace).GetLogs(pod.Name, opts).DoRaw(ctx)
			e.t.Logf("=== log of %s/%s (%v)\n%s", pod.Name, c.Name, err, b)
		}
	}
}
