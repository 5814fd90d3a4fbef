// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/apis"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/claim"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/plan"
	"aof.dev/operator/pkg/reconciler/credentials"
	"aof.dev/operator/pkg/reconciler/trigger/resources"
	"aof.dev/operator/pkg/route"
)

// What the tracker calls the kinds that a Trigger looks at.
const (
	kindBroker      = "Broker"
	kindConfigMap   = "ConfigMap"
	kindSecret      = "Secret"
	kindRole        = "Role"
	kindRoleBinding = "RoleBinding"
)

// gather reads, from caches only, what a decision is made from. Everything that
// others make is tracked before it is read.
func (r *Reconciler) gather(ctx context.Context, t *aofv1.Trigger) (*Input, error) {
	key := keyOf(t)
	in := &Input{Trigger: t, BrokerName: r.Settings().BrokerName}
	if err := t.Validate(ctx).Filter(apis.ErrorLevel); err != nil {
		in.Invalid = err
	}
	r.Tracker.Track(key, kindBroker, types.NamespacedName{Namespace: t.Namespace, Name: in.BrokerName})
	r.Tracker.Track(key, kindSecret, types.NamespacedName{Namespace: t.Namespace, Name: names.Credentials})
	var err error
	if in.Broker, err = found(r.Brokers.Brokers(t.Namespace).Get(in.BrokerName)); err != nil {
		return nil, fmt.Errorf("get Broker %s: %w", in.BrokerName, err)
	}
	if in.Ping, err = found(r.PingSources.PingSources(t.Namespace).Get(resources.Schedule(t.Name))); err != nil {
		return nil, fmt.Errorf("get PingSource: %w", err)
	}
	if in.Credentials, err = credentials.In(r.Secrets, t.Namespace); err != nil {
		return nil, err
	}
	if in.Adapter, err = r.adapter(); err != nil {
		return nil, err
	}
	if in.Routes, err = r.routes(t); err != nil {
		return nil, err
	}
	return in, r.bindings(t, in)
}

// found makes of an object that is not there a nil.
func found[T any](object *T, err error) (*T, error) {
	if apierrors.IsNotFound(err) {
		return nil, nil //nolint:nilnil // that there is none is an answer
	}
	return object, err
}

// adapter finds where the adapter is.
func (r *Reconciler) adapter() (Adapter, error) {
	base := r.Settings().WebhookBaseURL
	object, err := r.Services.ByNamespace(r.System).Get(names.Adapter)
	if apierrors.IsNotFound(err) {
		return Adapter{URL: base}, nil
	}
	if err != nil {
		return Adapter{}, fmt.Errorf("get Knative Service %s: %w", names.Adapter, err)
	}
	a, err := readService(object)
	if base != "" {
		a.URL = base
	}
	return a, err
}

// readService reads what we need of a Knative Service. Its types are not
// imported: they bring a cloud provider's libraries along.
func readService(object runtime.Object) (Adapter, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return Adapter{}, fmt.Errorf("read Knative Service %s: %w", names.Adapter, err)
	}
	return adapterOf(content)
}

func adapterOf(content map[string]any) (Adapter, error) {
	var service struct {
		Status struct {
			URL        string           `json:"url"`
			Conditions []apis.Condition `json:"conditions"`
		} `json:"status"`
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, &service); err != nil {
		return Adapter{}, fmt.Errorf("read Knative Service %s: %w", names.Adapter, err)
	}
	a := Adapter{URL: service.Status.URL, Ready: &apis.Condition{Type: apis.ConditionReady}}
	for i := range service.Status.Conditions {
		if service.Status.Conditions[i].Type == apis.ConditionReady {
			a.Ready = &service.Status.Conditions[i]
		}
	}
	return a, nil
}

// routes reads the route table as it stands. One that can't be read is as none:
// it is written anew.
func (r *Reconciler) routes(t *aofv1.Trigger) (*route.Table, error) {
	object, err := found(r.ConfigMaps.ConfigMaps(t.Namespace).Get(names.Routes(t.Name)))
	if err != nil {
		return nil, fmt.Errorf("get ConfigMap %s: %w", names.Routes(t.Name), err)
	}
	if object == nil {
		return nil, nil //nolint:nilnil // that there is none is an answer
	}
	return r.tables.read(keyOf(t), object.Data[names.KeyRoutes]), nil
}

// bindings reads the plans of the Trigger's bindings.
func (r *Reconciler) bindings(t *aofv1.Trigger, in *Input) error {
	all, err := r.Bindings.ByIndex(IndexTrigger, keyOf(t).String())
	if err != nil {
		return fmt.Errorf("find the bindings: %w", err)
	}
	for _, object := range all {
		b, ok := object.(*aofv1.FlowBinding)
		if !ok || !routable(b) {
			continue
		}
		key := types.NamespacedName{Namespace: b.Namespace, Name: b.Status.Plan}
		r.Tracker.Track(keyOf(t), kindConfigMap, key)
		entry, err := r.entry(key)
		if err != nil {
			return err
		}
		switch {
		case entry == nil:
			in.Unread = append(in.Unread, types.NamespacedName{Namespace: b.Namespace, Name: b.Name}.String())
		case entry.Claim.Trigger != nil && entry.Claim.Trigger.NamespacedName(b.Namespace) == keyOf(t) && entry.Claim.UID == b.UID:
			in.Bindings = append(in.Bindings, *entry)
		}
	}
	slices.SortFunc(in.Bindings, func(a, b route.Binding) int { return strings.Compare(a.Rule.ID, b.Rule.ID) })
	return nil
}

// routable says whether events may start runs of a binding.
func routable(b *aofv1.FlowBinding) bool {
	return b.DeletionTimestamp == nil && b.IsEnabled() && b.Status.Plan != ""
}

// entry makes the table's entry from a plan; nil when the plan is not there yet.
// Plans never change, so what was read once is kept.
func (r *Reconciler) entry(key types.NamespacedName) (*route.Binding, error) {
	object, err := found(r.ConfigMaps.ConfigMaps(key.Namespace).Get(key.Name))
	if err != nil {
		return nil, fmt.Errorf("get plan %s: %w", key, err)
	}
	if object == nil {
		return nil, nil //nolint:nilnil // that there is none is an answer
	}
	if kept, ok := r.entries.Get(object.UID + types.UID("/"+object.ResourceVersion)); ok {
		entry, _ := kept.(*route.Binding)
		return entry, nil
	}
	p, err := plan.Decode([]byte(object.Data[names.KeyPlan]))
	if err != nil || p.Rule == nil {
		return nil, nil //nolint:nilerr,nilnil // somebody changed it; whoever made it makes it anew
	}
	entry := &route.Binding{Rule: *p.Rule, Claim: claim.Of(p, key.Name)}
	if object.UID != "" {
		r.entries.Add(object.UID+types.UID("/"+object.ResourceVersion), entry)
	}
	return entry, nil
}

func keyOf(t *aofv1.Trigger) types.NamespacedName {
	return types.NamespacedName{Namespace: t.Namespace, Name: t.Name}
}
