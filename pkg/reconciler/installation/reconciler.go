// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package installation

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	appslisters "k8s.io/client-go/listers/apps/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/reconciler"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/reconciler/token"
)

// IndexStream is the index of Triggers that need an open connection, under the
// key Streaming.
const (
	IndexStream = "needs-stream"
	Streaming   = "yes"
)

// Indexers of Triggers that a Reconciler needs; needs says whether a Trigger needs
// an open connection.
func Indexers(needs func(*aofv1.Trigger) bool) cache.Indexers {
	return cache.Indexers{IndexStream: func(obj any) ([]string, error) {
		if t, ok := obj.(*aofv1.Trigger); ok && needs(t) {
			return []string{Streaming}, nil
		}
		return nil, nil
	}}
}

// Tokens keeps API tokens in Secrets.
type Tokens interface {
	Ensure(ctx context.Context, r token.Request) (time.Duration, error)
}

// Dependencies are what a Reconciler works with; all of them must be set.
type Dependencies struct {
	Kube   kubernetes.Interface
	Tokens Tokens
	// Triggers is the cache of Triggers, with Indexers.
	Triggers cache.Indexer
	// These see the operator's namespace.
	Accounts    corelisters.ServiceAccountLister
	Secrets     corelisters.SecretLister
	Deployments appslisters.DeploymentLister
	// System is the operator's namespace.
	System string
}

// Reconciler looks after the installation.
type Reconciler struct {
	reconciler.LeaderAwareFuncs
	Dependencies
}

// New makes a Reconciler. Becoming a leader, it looks at the installation.
func New(d Dependencies) *Reconciler {
	r := &Reconciler{Dependencies: d}
	r.PromoteFunc = func(bucket reconciler.Bucket, enqueue func(reconciler.Bucket, types.NamespacedName)) error {
		enqueue(bucket, r.Key())
		return nil
	}
	return r
}

// Key is the only key there is.
func (r *Reconciler) Key() types.NamespacedName {
	return types.NamespacedName{Namespace: r.System, Name: names.Adapter}
}

// Reconcile sees to the token and the streams.
func (r *Reconciler) Reconcile(ctx context.Context, key string) error {
	if key != r.Key().String() {
		return nil
	}
	if !r.IsLeaderFor(r.Key()) {
		return controller.NewSkipKey(key)
	}
	rest, err := r.ensureToken(ctx)
	if err := errors.Join(err, r.scaleStreams(ctx)); err != nil {
		return err
	}
	if rest > 0 {
		return controller.NewRequeueAfter(rest)
	}
	return nil
}

// ensureToken keeps the adapter's token good, and says for how long it is.
// Without a ServiceAccount there is nobody to make one for: its coming wakes us.
func (r *Reconciler) ensureToken(ctx context.Context) (time.Duration, error) {
	account, err := r.Accounts.ServiceAccounts(r.System).Get(names.Adapter)
	if apierrors.IsNotFound(err) {
		logging.FromContext(ctx).Warnf("There is no ServiceAccount %s; is the operator installed completely?", r.Key())
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("get ServiceAccount %s: %w", names.Adapter, err)
	}
	secret, err := r.Secrets.Secrets(r.System).Get(names.AdapterToken)
	if apierrors.IsNotFound(err) {
		secret = nil
	} else if err != nil {
		return 0, fmt.Errorf("get Secret %s: %w", names.AdapterToken, err)
	}
	return r.Tokens.Ensure(ctx, token.Request{Account: account, Secret: names.AdapterToken, Existing: secret})
}

// scaleStreams runs the Deployment of streams while a Trigger needs one.
func (r *Reconciler) scaleStreams(ctx context.Context) error {
	deployment, err := r.Deployments.Deployments(r.System).Get(names.Stream)
	if apierrors.IsNotFound(err) {
		return nil // it is not installed; Triggers say what that means
	}
	if err != nil {
		return fmt.Errorf("get Deployment %s: %w", names.Stream, err)
	}
	needing, err := r.Triggers.ByIndex(IndexStream, Streaming)
	if err != nil {
		return fmt.Errorf("find Triggers that need a stream: %w", err)
	}
	wanted := streamList(needing)
	var replicas int32
	if wanted != "" {
		replicas = 1
	}
	same := deployment.Spec.Replicas != nil && *deployment.Spec.Replicas == replicas
	if same && (replicas == 0 || streamsOf(deployment) == wanted) {
		return nil
	}
	patch, err := streamPatch(replicas, wanted)
	if err != nil {
		return err
	}
	if _, err := r.Kube.AppsV1().Deployments(r.System).Patch(ctx, names.Stream, types.StrategicMergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return fmt.Errorf("scale Deployment %s: %w", names.Stream, err)
	}
	return nil
}
