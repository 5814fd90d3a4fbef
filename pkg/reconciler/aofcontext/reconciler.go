// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package aofcontext

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	corelisters "k8s.io/client-go/listers/core/v1"
	"knative.dev/pkg/apis"
	"knative.dev/pkg/reconciler"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/reconciler/credentials"
	"aof.dev/operator/pkg/reconciler/edge"
)

// Tracker wakes an observer when what it looks at changes.
type Tracker interface {
	Track(observer types.NamespacedName, kind string, object types.NamespacedName)
}

// kindSecret is what the tracker calls credentials.
const kindSecret = "Secret"

// Reconciler reconciles Contexts. All fields must be set.
type Reconciler struct {
	Secrets corelisters.SecretLister
	Tracker Tracker
}

// ReconcileKind says how the Context stands.
func (r *Reconciler) ReconcileKind(ctx context.Context, c *aofv1.Context) reconciler.Event {
	before := c.Status.GetCondition(aofv1.ContextConditionReady)
	r.Tracker.Track(types.NamespacedName{Namespace: c.Namespace, Name: c.Name}, kindSecret,
		types.NamespacedName{Namespace: c.Namespace, Name: names.Credentials})
	keys, err := credentials.In(r.Secrets, c.Namespace)
	if err != nil {
		return err
	}
	applied, err := applied(&c.Spec)
	if err != nil {
		return err
	}
	c.Status.LastAppliedConfiguration = applied
	decide(ctx, c, keys)
	edge.Tell(ctx, c, before, c.Status.GetCondition(aofv1.ContextConditionReady))
	return nil
}

// decide marks the conditions. It has no I/O.
func decide(ctx context.Context, c *aofv1.Context, keys credentials.Keys) {
	decideKubeconfig(c, keys)
	decideAudit(c, keys)
	if err := c.Validate(ctx).Filter(apis.ErrorLevel); err != nil {
		_ = c.Status.MarkConfigurationInvalid(aofv1.ReasonConfigurationInvalid, err)
		return
	}
	if missing := keys.Missing(c.Spec.Env); len(missing) > 0 {
		_ = c.Status.MarkConfigurationInvalid(aofv1.ReasonCredentialsMissing, missingError("spec.env", missing))
		return
	}
	c.Status.MarkConfigurationValid()
}

// decideKubeconfig says what is known of the kubeconfig. Its path is one in the
// runner's pods, which the controller can't look into.
func decideKubeconfig(c *aofv1.Context, keys credentials.Keys) {
	missing := keys.Missing(c.Spec.Kubeconfig)
	switch {
	case c.Spec.Kubeconfig == "":
		c.Status.MarkNoKubeconfig()
	case len(missing) > 0:
		_ = c.Status.MarkKubeconfigFailed(aofv1.ReasonKubeconfigInaccessible, missingError("spec.kubeconfig", missing))
	default:
		c.Status.MarkKubeconfigUnknown(aofv1.ReasonKubeconfigNotChecked, "spec.kubeconfig is a path in the runner, which only the runner can open")
	}
}

// decideAudit says what is known of where audit records go.
func decideAudit(c *aofv1.Context, keys credentials.Keys) {
	a := c.Spec.Audit
	if a == nil || a.Enabled == nil || !*a.Enabled {
		c.Status.MarkNoAudit()
		return
	}
	missing := keys.Missing(map[string]any{"url": a.URL, "path": a.Path, "headers": a.Headers})
	switch {
	case len(missing) > 0:
		c.Status.MarkAuditUndeliverable(aofv1.ReasonCredentialsMissing, missingError("spec.audit", missing))
	case a.Sink == aofv1.AuditSinkFile:
		c.Status.MarkAuditUnknown(aofv1.ReasonFileInRunner,
			"spec.audit.path is a path in the runner's pods, whose file system is read-only but for /dev/shm, and what is in there goes with the pod")
	default:
		c.Status.MarkAuditDeliverable()
	}
}

func missingError(field string, missing []string) error {
	return fmt.Errorf("%s refers to %s, which Secret %s of the namespace does not have", field, strings.Join(missing, ", "), names.Credentials)
}

// secret stands for a value of the environment that is not a reference: it may be
// a secret that somebody wrote down.
const secret = "(not shown)"

// applied is the spec as it may be shown to whoever sees the status.
func applied(spec *aofv1.ContextSpec) (aofv1.JSONObject, error) {
	shown := spec.DeepCopy()
	for _, name := range slices.Sorted(maps.Keys(shown.Env)) {
		if value := shown.Env[name]; value != "" && !onlyReference(value) {
			shown.Env[name] = secret
		}
	}
	if a := shown.Audit; a != nil {
		for name, value := range a.Headers {
			if !onlyReference(value) {
				a.Headers[name] = secret
			}
		}
		if a.URL != "" && !onlyReference(a.URL) {
			a.URL = origin(a.URL) // what follows may be a token
		}
	}
	raw, err := json.Marshal(shown)
	if err != nil {
		return nil, fmt.Errorf("write down the spec: %w", err)
	}
	out := aofv1.JSONObject{}
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, errors.New("write down the spec: it is no object")
	}
	return out, nil
}

// origin is the beginning of a URL: its scheme and its host.
func origin(url string) string {
	scheme, rest, ok := strings.Cut(url, "://")
	if host, _, more := strings.Cut(rest, "/"); ok && more && !strings.ContainsAny(host, "$@?#") {
		return scheme + "://" + host + "/" + secret
	}
	return secret
}

// onlyReference says whether a value is ${NAME} and nothing else. What stands
// beside a reference, or is its default, may be a secret.
func onlyReference(value string) bool {
	inner, ok := strings.CutPrefix(value, "${")
	if !ok {
		return false
	}
	inner, ok = strings.CutSuffix(inner, "}")
	return ok && !strings.ContainsAny(inner, "${}:- ")
}
