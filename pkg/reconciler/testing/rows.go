// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package testing

import (
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgotesting "k8s.io/client-go/testing"
	"knative.dev/pkg/kmeta"
	rtesting "knative.dev/pkg/reconciler/testing"
)

// Object is one of any kind.
type Object interface {
	kmeta.Accessor
	runtime.Object
}

// CommonRows are the first rows of every kind's table: what must be left alone.
// Object is one of the kind, which an empty world would make the reconciler act
// on; it may be changed. The rows about a first reconciliation and a steady state
// are what Settle is for.
func CommonRows(object Object) []rtesting.TableRow {
	deleted := object.DeepCopyObject().(Object)
	now := metav1.Now()
	deleted.SetDeletionTimestamp(&now)
	deleted.SetFinalizers([]string{"somebody.else/finalizer"})
	return []rtesting.TableRow{
		{Name: "a key that is none is dropped", Key: "too/many/parts"},
		{Name: "an object that is gone needs nothing", Key: "gone/gone"},
		{
			Name:    "an object that is being deleted without our finalizer is left alone",
			Key:     object.GetNamespace() + "/" + object.GetName(),
			Objects: []runtime.Object{deleted},
		},
	}
}

// Fail makes calls with that verb on that resource fail ("create", "configmaps").
func Fail(verb, resource string) clientgotesting.ReactionFunc {
	return rtesting.InduceFailure(verb, resource)
}

// Conflict makes updates of that resource, or of a subresource of it
// ("flowbindings/status"), meet a newer version.
func Conflict(resource string) clientgotesting.ReactionFunc {
	return func(a clientgotesting.Action) (bool, runtime.Object, error) {
		name := a.GetResource().Resource
		if sub := a.GetSubresource(); sub != "" {
			name += "/" + sub
		}
		if a.GetVerb() != "update" || name != resource {
			return false, nil, nil
		}
		return true, nil, apierrors.NewConflict(schema.GroupResource{Group: a.GetResource().Group, Resource: resource}, "", errors.New("the object has been modified"))
	}
}
