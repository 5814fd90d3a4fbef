// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"maps"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/settings"
)

// Knative Serving as the dynamic client and subscriptions name it. Its Go types
// are not used: their module brings the SDKs of several clouds along.
var (
	ServiceKind     = schema.GroupVersionKind{Group: "serving.knative.dev", Version: "v1", Kind: "Service"}
	ServiceResource = ServiceKind.GroupVersion().WithResource("services")
)

// Runner is what a namespace's runner is made from.
type Runner struct {
	Namespace string
	Image     string
	// Credentials is the version of the namespace's Secret aof-credentials, empty
	// when there is none.
	Credentials string
	Settings    *settings.Settings
}

// object is a JSON object as the dynamic client takes it: numbers are int64.
type object = map[string]any

// list is a JSON array.
type list = []any

// MakeService makes the Knative Service of a namespace's runner.
func MakeService(r Runner) *unstructured.Unstructured {
	seconds := int64(r.Settings.RunnerTimeout / time.Second)
	u := &unstructured.Unstructured{Object: object{
		"spec": object{"template": object{
			"metadata": object{
				"annotations": object{
					"autoscaling.knative.dev/min-scale":                          "0",
					"autoscaling.knative.dev/window":                             r.Settings.RunnerIdle.String(),
					"autoscaling.knative.dev/scale-to-zero-pod-retention-period": "0s",
					// With a pod there, the activator would only be one hop more: what the
					// pods have no room for the broker, or the sweep, sends again.
					"autoscaling.knative.dev/target-burst-capacity": "0",
					names.AnnotationCredentials:                     r.Credentials,
				},
			},
			"spec": object{
				"timeoutSeconds": seconds,
				// Unset, this one would end a request that answers only when the run
				// is over after 300 s.
				"responseStartTimeoutSeconds": seconds,
				"containerConcurrency":        r.Settings.RunnerConcurrency,
				"serviceAccountName":          names.Runner,
				// A volume costs 0.3 s of a cold start, also that of a token or an empty
				// one (ADR 0200, ADR 0206).
				"automountServiceAccountToken": false,
				"enableServiceLinks":           false,
				"containers":                   list{container(r)},
			},
		}},
	}}
	u.SetGroupVersionKind(ServiceKind)
	u.SetNamespace(r.Namespace)
	u.SetName(names.Runner)
	labels := managed()
	labels["networking.knative.dev/visibility"] = "cluster-local"
	u.SetLabels(labels)
	return u
}

func container(r Runner) object {
	env := list{
		object{"name": names.EnvNamespace, "value": r.Namespace},
		object{"name": names.EnvRunnerTimeout, "value": r.Settings.RunnerTimeout.String()},
	}
	for _, key := range []string{names.EnvAPIServer, names.EnvAPICA, names.EnvAPIToken} {
		env = append(env, object{"name": key, "valueFrom": object{"secretKeyRef": object{"name": names.RunnerToken, "key": key}}})
	}
	return object{
		"image": r.Image,
		"env":   env,
		// As they are named there: ${NAME} in a flow is NAME here. What env says
		// comes before what envFrom says.
		"envFrom":        list{object{"secretRef": object{"name": names.Credentials, "optional": true}}},
		"readinessProbe": object{"httpGet": object{"path": "/healthz", "port": int64(0)}},
		"resources": object{
			"requests": object{"cpu": "100m", "memory": "64Mi"},
			"limits":   object{"memory": "512Mi"},
		},
		"securityContext": object{
			"allowPrivilegeEscalation": false,
			"readOnlyRootFilesystem":   true,
			"runAsNonRoot":             true,
			"capabilities":             object{"drop": list{"ALL"}},
			"seccompProfile":           object{"type": "RuntimeDefault"},
		},
	}
}

// SameService compares all that we say of the Service. What admission and users
// add beside it is left alone.
func SameService(want, have *unstructured.Unstructured) bool {
	return covers(want.Object["spec"], have.Object["spec"]) && covers(anyMap(want.GetLabels()), anyMap(have.GetLabels()))
}

// UpdatedService is what exists with what we say of it. What Knative keeps in
// metadata stays: it may not be changed.
func UpdatedService(want, have *unstructured.Unstructured) *unstructured.Unstructured {
	out := have.DeepCopy()
	out.Object["spec"] = want.DeepCopy().Object["spec"]
	labels := out.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, want.GetLabels())
	out.SetLabels(labels)
	return out
}

// covers says whether have holds all of want: every key of an object, and lists
// item by item. More keys in have are defaults; more items in a list are not.
func covers(want, have any) bool {
	switch w := want.(type) {
	case map[string]any:
		h, ok := have.(map[string]any)
		if !ok {
			return len(w) == 0 && have == nil
		}
		for key, value := range w {
			if !covers(value, h[key]) {
				return false
			}
		}
		return true
	case []any:
		h, ok := have.([]any)
		if !ok || len(h) != len(w) {
			return false
		}
		for i := range w {
			if !covers(w[i], h[i]) {
				return false
			}
		}
		return true
	default:
		return want == have
	}
}

func anyMap(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for key, value := range m {
		out[key] = value
	}
	return out
}
