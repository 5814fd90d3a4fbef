// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package agentfleet

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	corelisters "k8s.io/client-go/listers/core/v1"
	"knative.dev/pkg/apis"
	"knative.dev/pkg/reconciler"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	aoflisters "aof.dev/operator/pkg/client/listers/aof/v1"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/reconciler/credentials"
	"aof.dev/operator/pkg/reconciler/edge"
)

// What the tracker calls the kinds that an AgentFleet looks at.
const (
	kindSecret = "Secret"
	kindAgent  = "Agent"
)

// Tracker wakes an observer when what it looks at changes.
type Tracker interface {
	Track(observer types.NamespacedName, kind string, object types.NamespacedName)
}

// Reconciler reconciles AgentFleets. All fields must be set.
type Reconciler struct {
	Agents  aoflisters.AgentLister
	Secrets corelisters.SecretLister
	Tracker Tracker
}

// ReconcileKind says how the fleet and each of its members stand.
func (r *Reconciler) ReconcileKind(ctx context.Context, f *aofv1.AgentFleet) reconciler.Event {
	before := f.Status.GetCondition(aofv1.AgentFleetConditionReady)
	members, err := r.gather(f)
	if err != nil {
		return err
	}
	decide(ctx, f, members)
	edge.Tell(ctx, f, before, f.Status.GetCondition(aofv1.AgentFleetConditionReady))
	return nil
}

// standing is how a member stands.
type standing struct {
	status          corev1.ConditionStatus
	reason, message string
}

// gather looks at every member, in the order of the spec.
func (r *Reconciler) gather(f *aofv1.AgentFleet) ([]standing, error) {
	r.Tracker.Track(keyOf(f), kindSecret, types.NamespacedName{Namespace: f.Namespace, Name: names.Credentials})
	keys, err := credentials.In(r.Secrets, f.Namespace)
	if err != nil {
		return nil, err
	}
	out := make([]standing, 0, len(f.Spec.Agents))
	for i := range f.Spec.Agents {
		member := &f.Spec.Agents[i]
		if member.Ref == nil {
			out = append(out, inline(member, keys))
			continue
		}
		a, err := r.agent(f, member.Ref)
		if err != nil {
			return nil, err
		}
		out = append(out, referred(member, a))
	}
	return out, nil
}

// agent finds the Agent of a member as a plan does: by its name, or by its name
// with -agent behind it; nil when there is neither.
func (r *Reconciler) agent(f *aofv1.AgentFleet, ref *aofv1.ObjectReference) (*aofv1.Agent, error) {
	key := ref.NamespacedName(f.Namespace)
	for _, name := range []string{key.Name, key.Name + "-agent"} {
		r.Tracker.Track(keyOf(f), kindAgent, types.NamespacedName{Namespace: key.Namespace, Name: name})
		a, err := r.Agents.Agents(key.Namespace).Get(name)
		if err == nil {
			return a, nil
		}
		if !apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("get Agent %s/%s: %w", key.Namespace, name, err)
		}
	}
	return nil, nil //nolint:nilnil // that there is none is an answer
}

func keyOf(f *aofv1.AgentFleet) types.NamespacedName {
	return types.NamespacedName{Namespace: f.Namespace, Name: f.Name}
}

// inline says how a member stands that the fleet describes itself.
func inline(member *aofv1.FleetMember, keys credentials.Keys) standing {
	spec, err := member.AgentSpec()
	if err != nil {
		return standing{corev1.ConditionFalse, aofv1.ReasonConfigurationInvalid, fmt.Sprintf("member %s: %s", member.Name, err)}
	}
	var missing *credentials.MissingError
	switch err := keys.ForModel(spec.Model, spec.Provider); {
	case err == nil:
		return standing{status: corev1.ConditionTrue}
	case errors.As(err, &missing) && missing.NoSecret:
		return standing{corev1.ConditionUnknown, aofv1.ReasonCredentialsMissing, fmt.Sprintf("member %s: %s", member.Name, err)}
	case errors.As(err, &missing):
		return standing{corev1.ConditionFalse, aofv1.ReasonCredentialsMissing, fmt.Sprintf("member %s: %s", member.Name, err)}
	default:
		return standing{corev1.ConditionFalse, aofv1.ReasonConfigurationInvalid, fmt.Sprintf("member %s: %s", member.Name, err)}
	}
}

// referred says how a member stands that is an Agent of its own.
func referred(member *aofv1.FleetMember, a *aofv1.Agent) standing {
	if a == nil {
		return standing{corev1.ConditionFalse, aofv1.ReasonReferenceNotFound, fmt.Sprintf("member %s: Agent %s does not exist", member.Name, member.Ref)}
	}
	switch c := a.Status.GetCondition(aofv1.AgentConditionReady); {
	case a.IsReady():
		return standing{status: corev1.ConditionTrue}
	case c.IsFalse() && a.Generation == a.Status.ObservedGeneration:
		return standing{corev1.ConditionFalse, aofv1.ReasonReferenceNotReady, fmt.Sprintf("member %s: Agent %s is not ready: %s", member.Name, member.Ref, c.Message)}
	default:
		return standing{corev1.ConditionUnknown, aofv1.ReasonReferenceNotReady, fmt.Sprintf("member %s: Agent %s is not ready yet: %s", member.Name, member.Ref, c.GetMessage())}
	}
}

// decide marks the conditions and lists the members. It has no I/O.
func decide(ctx context.Context, f *aofv1.AgentFleet, members []standing) {
	var shown []aofv1.FleetMemberStatus
	worst := standing{status: corev1.ConditionTrue}
	for i := range f.Spec.Agents {
		member, s := &f.Spec.Agents[i], members[i]
		replicas := int64(1)
		if member.Replicas != nil {
			replicas = *member.Replicas
		}
		shown = append(shown, aofv1.FleetMemberStatus{Name: member.Name, Ready: s.status == corev1.ConditionTrue, Replicas: replicas})
		if worst.status == corev1.ConditionTrue || (worst.status == corev1.ConditionUnknown && s.status == corev1.ConditionFalse) {
			worst = s
		}
	}
	f.Status.SetMembers(shown)
	switch worst.status {
	case corev1.ConditionTrue:
		f.Status.MarkAgentsReady()
	case corev1.ConditionFalse:
		_ = f.Status.MarkAgentsReadyFailed(worst.reason, errors.New(worst.message))
	default:
		f.Status.MarkAgentsReadyUnknown(worst.reason, worst.message)
	}
	if err := f.Validate(ctx).Filter(apis.ErrorLevel); err != nil {
		_ = f.Status.MarkValidFailed(aofv1.ReasonConfigurationInvalid, err)
	} else {
		f.Status.MarkValid()
	}
}
