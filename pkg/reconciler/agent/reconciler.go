// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/types"
	corelisters "k8s.io/client-go/listers/core/v1"
	"knative.dev/pkg/apis"
	"knative.dev/pkg/reconciler"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/reconciler/counted"
	"aof.dev/operator/pkg/reconciler/credentials"
	"aof.dev/operator/pkg/reconciler/edge"
)

// What the tracker calls the kinds that an Agent looks at.
const (
	kindSecret    = "Secret"
	kindConfigMap = "ConfigMap"
)

// tallyKind is the kind under which runs of Agents are counted.
const tallyKind = "agent"

// Tracker wakes an observer when what it looks at changes.
type Tracker interface {
	Track(observer types.NamespacedName, kind string, object types.NamespacedName)
}

// Reconciler reconciles Agents. All fields must be set.
type Reconciler struct {
	Secrets    corelisters.SecretLister
	ConfigMaps corelisters.ConfigMapLister
	Tracker    Tracker
}

// ReconcileKind says how the Agent stands and how often it ran.
func (r *Reconciler) ReconcileKind(ctx context.Context, a *aofv1.Agent) reconciler.Event {
	before := a.Status.GetCondition(aofv1.AgentConditionReady)
	key := types.NamespacedName{Namespace: a.Namespace, Name: a.Name}
	r.Tracker.Track(key, kindSecret, types.NamespacedName{Namespace: a.Namespace, Name: names.Credentials})
	r.Tracker.Track(key, kindConfigMap, types.NamespacedName{Namespace: a.Namespace, Name: names.Tally(tallyKind, a.Name)})
	keys, err := credentials.In(r.Secrets, a.Namespace)
	if err != nil {
		return err
	}
	decide(ctx, a, keys)
	edge.Tell(ctx, a, before, a.Status.GetCondition(aofv1.AgentConditionReady))
	tally, err := counted.Runs(r.ConfigMaps, a.Namespace, tallyKind, a.Name)
	if err != nil {
		return err
	}
	tally.Agent(&a.Status)
	return nil
}

// decide marks the conditions. It has no I/O.
func decide(ctx context.Context, a *aofv1.Agent, keys credentials.Keys) {
	var missing *credentials.MissingError
	switch err := keys.ForModel(a.Spec.Model, a.Spec.Provider); {
	case err == nil:
		a.Status.MarkCredentialsAvailable()
	case errors.As(err, &missing) && missing.NoSecret:
		a.Status.MarkCredentialsAvailableUnknown(aofv1.ReasonCredentialsMissing, err.Error())
	case errors.As(err, &missing):
		_ = a.Status.MarkCredentialsAvailableFailed(aofv1.ReasonCredentialsMissing, err)
	default:
		_ = a.Status.MarkCredentialsAvailableFailed(aofv1.ReasonConfigurationInvalid, err)
	}
	if err := a.Validate(ctx).Filter(apis.ErrorLevel); err != nil {
		_ = a.Status.MarkValidFailed(aofv1.ReasonConfigurationInvalid, err)
	} else {
		a.Status.MarkValid()
	}
}
