// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package installation

import (
	"encoding/json"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
)

// streamContainer is what the installation calls the container of names.Stream.
const streamContainer = "stream"

// streamList names the Triggers that need a stream, as the process takes it. It
// may list nothing itself: it has no right to.
func streamList(triggers []any) string {
	keys := make([]string, 0, len(triggers))
	for _, obj := range triggers {
		if t, ok := obj.(*aofv1.Trigger); ok {
			keys = append(keys, types.NamespacedName{Namespace: t.Namespace, Name: t.Name}.String())
		}
	}
	slices.Sort(keys)
	return strings.Join(keys, ",")
}

// streamsOf is the list that a Deployment has.
func streamsOf(d *appsv1.Deployment) string {
	for _, c := range d.Spec.Template.Spec.Containers {
		if c.Name != streamContainer {
			continue
		}
		for _, e := range c.Env {
			if e.Name == names.EnvStreams {
				return e.Value
			}
		}
	}
	return ""
}

// streamPatch has the process work for the list, and leaves the rest as it was
// installed. One that is not to run keeps the list it has.
func streamPatch(replicas int32, list string) ([]byte, error) {
	spec := map[string]any{"replicas": replicas}
	if list != "" {
		spec["template"] = map[string]any{"spec": map[string]any{"containers": []any{
			map[string]any{"name": streamContainer, "env": []corev1.EnvVar{{Name: names.EnvStreams, Value: list}}},
		}}}
	}
	return json.Marshal(map[string]any{"spec": spec})
}
