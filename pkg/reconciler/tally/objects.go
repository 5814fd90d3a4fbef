// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package tally

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/kmeta"

	typedaofv1 "aof.dev/operator/pkg/client/clientset/versioned/typed/aof/v1"
	aoflisters "aof.dev/operator/pkg/client/listers/aof/v1"
)

// CachedObjects finds objects in caches, and asks the API server before it says
// that there is none: what a run is not counted for is never counted.
type CachedObjects struct {
	Bindings aoflisters.FlowBindingLister
	Flows    aoflisters.AgentFlowLister
	Agents   aoflisters.AgentLister
	Client   typedaofv1.AofV1Interface
}

// Object gives the object.
func (o CachedObjects) Object(ctx context.Context, kind string, key types.NamespacedName) (kmeta.OwnerRefableAccessor, error) {
	switch kind {
	case KindBinding:
		return either(ctx, key.Name, o.Bindings.FlowBindings(key.Namespace).Get, o.Client.FlowBindings(key.Namespace).Get)
	case KindFlow:
		return either(ctx, key.Name, o.Flows.AgentFlows(key.Namespace).Get, o.Client.AgentFlows(key.Namespace).Get)
	case KindAgent:
		return either(ctx, key.Name, o.Agents.Agents(key.Namespace).Get, o.Client.Agents(key.Namespace).Get)
	default:
		return nil, fmt.Errorf("runs are not counted for the kind %q", kind)
	}
}

func either[T kmeta.OwnerRefableAccessor](
	ctx context.Context, name string,
	cached func(string) (T, error), live func(context.Context, string, metav1.GetOptions) (T, error),
) (kmeta.OwnerRefableAccessor, error) {
	obj, err := cached(name)
	if apierrors.IsNotFound(err) {
		obj, err = live(ctx, name, metav1.GetOptions{})
	}
	if err != nil {
		return nil, err
	}
	return obj, nil
}
