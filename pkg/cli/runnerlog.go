// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/cli/remote"
	"aof.dev/operator/pkg/names"
)

var pods = remote.Resource{Version: "v1", Plural: "pods"}

const (
	// labelService is how Knative marks the pods of a Service.
	labelService = "serving.knative.dev/service"
	// queueProxy is Knative's own container in them.
	queueProxy = "queue-proxy"
)

// runnerLog prints the lines of the runner's log that name the run. Pods come and
// go with the work, so there may be none; what can't be had is said and no error.
func (o *logging) runnerLog(ctx context.Context, c *remote.Client, run *aofv1.FlowRun) error {
	if c.IsDev() || o.output != "" {
		return nil
	}
	say := func(format string, args ...any) {
		fmt.Fprintf(o.env.Err, "(the runner's log: "+format+")\n", args...)
	}
	list, err := c.List(ctx, pods, remote.Selection{Namespace: run.Namespace, Labels: labelService + "=" + names.Runner})
	switch {
	case remote.IsForbidden(err):
		say("you lack the right to list pods in namespace %s", run.Namespace)
		return nil
	case err != nil:
		return startable(err)
	case len(list.Items) == 0:
		say("no runner pod is there now, they go when there is no work")
		return nil
	}
	found := 0
	for i := range list.Items {
		pod := &list.Items[i]
		err := c.PodLog(ctx, run.Namespace, pod.GetName(), runnerContainer(pod), run.CreationTimestamp.Time, func(line string) {
			if !strings.Contains(line, run.Name) {
				return
			}
			if found++; found == 1 {
				fmt.Fprintln(o.env.Out)
			}
			fmt.Fprintf(o.env.Out, "%s: %s\n", pod.GetName(), oneLine(line, maxJournalText))
		})
		switch {
		case remote.IsForbidden(err):
			say("you lack the right to get pods/log in namespace %s", run.Namespace)
			return nil
		case apierrors.IsNotFound(err), apierrors.IsBadRequest(err): // gone meanwhile, or not started yet
		case err != nil:
			return startable(err)
		}
	}
	if found == 0 {
		say("the pods that are there now say nothing of this run")
	}
	return nil
}

// runnerContainer is the container of a runner pod that is not Knative's.
func runnerContainer(pod *unstructured.Unstructured) string {
	containers, _, _ := unstructured.NestedSlice(pod.Object, "spec", "containers")
	for _, c := range containers {
		if c, ok := c.(map[string]any); ok {
			if name, _ := c["name"].(string); name != "" && name != queueProxy {
				return name
			}
		}
	}
	return "user-container"
}
