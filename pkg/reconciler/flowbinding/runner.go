// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowbinding

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"knative.dev/pkg/apis"
	"knative.dev/pkg/apis/duck"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/reconciler/flowbinding/resources"
	"aof.dev/operator/pkg/reconciler/token"
)

// reconcileRunner sees to it that the namespace has a runner, and that the runner
// may do what it has to. All bindings of a namespace share it; when it is as it
// should be, nothing but the cache is asked.
func (r *Reconciler) reconcileRunner(ctx context.Context, b *aofv1.FlowBinding, _ *Input, d *Decision) error {
	if !d.Subscribe {
		return r.showRunner(b)
	}
	service, again, err := r.ensureRunner(ctx, b.Namespace)
	if reason, ok := d.settled(err); ok {
		_ = b.Status.MarkRunnerFailed(reason, err)
		d.Subscribe = false
		return nil
	}
	if err != nil {
		return err
	}
	d.lookAgain(again)
	b.Status.PropagateRunner(readiness(service))
	return nil
}

// showRunner says how the runner stands of a binding that does not need it now.
func (r *Reconciler) showRunner(b *aofv1.FlowBinding) error {
	service, found, err := r.service(b.Namespace)
	switch {
	case err != nil:
		return err
	case found:
		b.Status.PropagateRunner(readiness(service))
	default:
		b.Status.PropagateRunner(&apis.Condition{Status: corev1.ConditionUnknown, Reason: aofv1.ReasonNotBound, Message: "it is not needed"})
	}
	return nil
}

func (r *Reconciler) ensureRunner(ctx context.Context, namespace string) (*unstructured.Unstructured, time.Duration, error) {
	account, err := r.ensureAccount(ctx, namespace)
	if err != nil {
		return nil, 0, err
	}
	again, err := r.ensureToken(ctx, account)
	if err != nil {
		return nil, 0, err
	}
	service, err := r.ensureService(ctx, namespace)
	return service, again, err
}

// ensureAccount makes the runner's account and gives it its rights.
func (r *Reconciler) ensureAccount(ctx context.Context, namespace string) (*corev1.ServiceAccount, error) {
	have, found, err := cached(r.ServiceAccounts.ServiceAccounts(namespace).Get(names.Runner))
	if err != nil {
		return nil, err
	}
	account, err := ensure(ctx, child[*corev1.ServiceAccount]{
		kind: "service account", store: r.Kube.CoreV1().ServiceAccounts(namespace),
		want: resources.MakeServiceAccount(namespace), have: have, found: found, same: resources.SameServiceAccount,
		merged: func(want, have *corev1.ServiceAccount) *corev1.ServiceAccount {
			have = have.DeepCopy()
			have.AutomountServiceAccountToken = want.AutomountServiceAccountToken
			return have
		},
	})
	if err != nil {
		return nil, err
	}
	if err := r.ensureRole(ctx, namespace); err != nil {
		return nil, err
	}
	return account, r.ensureRoleBinding(ctx, namespace)
}

func (r *Reconciler) ensureRole(ctx context.Context, namespace string) error {
	have, found, err := cached(r.Roles.Roles(namespace).Get(names.Runner))
	if err != nil {
		return err
	}
	turns, err := r.turns(namespace)
	if err != nil {
		return err
	}
	_, err = ensure(ctx, child[*rbacv1.Role]{
		kind: "role", store: r.Kube.RbacV1().Roles(namespace),
		want: resources.MakeRole(namespace, turns), have: have, found: found, same: resources.SameRole,
		merged: func(want, have *rbacv1.Role) *rbacv1.Role {
			have = have.DeepCopy()
			have.Rules = want.Rules
			return have
		},
	})
	return err
}

func (r *Reconciler) ensureRoleBinding(ctx context.Context, namespace string) error {
	have, found, err := cached(r.RoleBindings.RoleBindings(namespace).Get(names.Runner))
	if err != nil {
		return err
	}
	bindings := r.Kube.RbacV1().RoleBindings(namespace)
	want := resources.MakeRoleBinding(namespace)
	if found && resources.IsManaged(have) && have.RoleRef != want.RoleRef { // which can't be changed
		if err := remove(ctx, bindings, "role binding", namespace, names.Runner, isOurs); err != nil {
			return err
		}
		found = false
	}
	_, err = ensure(ctx, child[*rbacv1.RoleBinding]{
		kind: "role binding", store: bindings, want: want, have: have, found: found, same: resources.SameRoleBinding,
		merged: func(want, have *rbacv1.RoleBinding) *rbacv1.RoleBinding {
			have = have.DeepCopy()
			have.Subjects = want.Subjects
			return have
		},
	})
	return err
}

func (r *Reconciler) ensureToken(ctx context.Context, account *corev1.ServiceAccount) (time.Duration, error) {
	existing, _, err := cached(r.TokenSecrets.Secrets(account.Namespace).Get(names.RunnerToken))
	if err != nil {
		return 0, err
	}
	again, err := r.Tokens.Ensure(ctx, token.Request{Account: account, Secret: names.RunnerToken, Existing: existing})
	switch {
	case errors.Is(err, token.ErrNotOurs):
		return 0, fmt.Errorf("%w: %w", errNotOwned, err)
	case apierrors.IsAlreadyExists(err):
		return 0, nil // made for another binding just now; its coming wakes us
	}
	return again, err
}

func (r *Reconciler) ensureService(ctx context.Context, namespace string) (*unstructured.Unstructured, error) {
	credentials, found, err := cached(r.Credentials.Secrets(namespace).Get(names.Credentials))
	if err != nil {
		return nil, err
	}
	runner := resources.Runner{Namespace: namespace, Image: r.Image, Settings: r.Settings()}
	if found {
		runner.Credentials = credentials.ResourceVersion
	}
	have, found, err := r.service(namespace)
	if err != nil {
		return nil, err
	}
	return ensure(ctx, child[*unstructured.Unstructured]{
		kind: "Knative Service", store: services{r.Dynamic.Resource(resources.ServiceResource).Namespace(namespace)},
		want: resources.MakeService(runner), have: have, found: found,
		same: resources.SameService, merged: resources.UpdatedService,
	})
}

// service is the runner's Knative Service as the cache has it.
func (r *Reconciler) service(namespace string) (*unstructured.Unstructured, bool, error) {
	object, found, err := cached(r.Services.ByNamespace(namespace).Get(names.Runner))
	if err != nil || !found {
		return nil, false, err
	}
	service, ok := object.(*unstructured.Unstructured)
	return service, ok, nil
}

// readiness is the condition Ready of a Knative Service, if it is about the
// Service as it is now.
func readiness(service *unstructured.Unstructured) *apis.Condition {
	resource := &duckv1.KResource{}
	if err := duck.FromUnstructured(service, resource); err != nil {
		return &apis.Condition{Status: corev1.ConditionUnknown, Reason: "Unreadable", Message: err.Error()}
	}
	if resource.Generation != resource.Status.ObservedGeneration {
		return &apis.Condition{Status: corev1.ConditionUnknown, Reason: "Deploying", Message: "its newest form is being deployed"}
	}
	return resource.Status.GetCondition(apis.ConditionReady)
}

// removeRunner takes away what the bindings of a namespace shared.
func (r *Reconciler) removeRunner(ctx context.Context, namespace string) error {
	kube, rbac := r.Kube.CoreV1(), r.Kube.RbacV1()
	return errors.Join(
		remove(ctx, services{r.Dynamic.Resource(resources.ServiceResource).Namespace(namespace)}, "Knative Service", namespace, names.Runner, isOurs),
		remove(ctx, kube.Secrets(namespace), "secret", namespace, names.RunnerToken, isOurs),
		remove(ctx, rbac.RoleBindings(namespace), "role binding", namespace, names.Runner, isOurs),
		remove(ctx, rbac.Roles(namespace), "role", namespace, names.Runner, isOurs),
		remove(ctx, kube.ServiceAccounts(namespace), "service account", namespace, names.Runner, isOurs),
	)
}

func isOurs[T metav1.Object](o T) bool { return resources.IsManaged(o) }

// cached takes "not found" for an answer.
func cached[T any](object T, err error) (T, bool, error) {
	if apierrors.IsNotFound(err) {
		var none T
		return none, false, nil
	}
	if err != nil {
		return object, false, fmt.Errorf("read the cache: %w", err)
	}
	return object, true, nil
}

// services is the dynamic client with the shape of a generated one.
type services struct{ client dynamic.ResourceInterface }

var _ store[*unstructured.Unstructured] = services{}

// Get implements store.
func (s services) Get(ctx context.Context, name string, opts metav1.GetOptions) (*unstructured.Unstructured, error) {
	return s.client.Get(ctx, name, opts)
}

// Create implements store.
func (s services) Create(ctx context.Context, o *unstructured.Unstructured, opts metav1.CreateOptions) (*unstructured.Unstructured, error) {
	return s.client.Create(ctx, o, opts)
}

// Update implements store.
func (s services) Update(ctx context.Context, o *unstructured.Unstructured, opts metav1.UpdateOptions) (*unstructured.Unstructured, error) {
	return s.client.Update(ctx, o, opts)
}

// Delete implements store.
func (s services) Delete(ctx context.Context, name string, opts metav1.DeleteOptions) error {
	return s.client.Delete(ctx, name, opts)
}
