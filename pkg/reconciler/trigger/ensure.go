// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// object is a pointer to one of the kinds that a Trigger has made.
type object[T any] interface {
	*T
	metav1.Object
	runtime.Object
	DeepCopy() *T
}

// writer creates and updates objects of one kind in one namespace.
type writer[T any] interface {
	Create(ctx context.Context, object *T, opts metav1.CreateOptions) (*T, error)
	Update(ctx context.Context, object *T, opts metav1.UpdateOptions) (*T, error)
}

// ensure makes an object be as it should be, and writes nothing when it is. What
// others put on it stays, as far as take (which brings over the rest) lets it.
func ensure[T any, P object[T]](ctx context.Context, kind string, have, want P, w writer[T], take func(into, want *T)) error {
	if have == nil {
		if _, err := w.Create(ctx, want, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("create %s %s/%s: %w", kind, want.GetNamespace(), want.GetName(), err)
		}
		return nil
	}
	into := P(have.DeepCopy())
	labels := maps.Clone(into.GetLabels())
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, want.GetLabels())
	into.SetLabels(labels)
	into.SetOwnerReferences(owners(into.GetOwnerReferences(), want.GetOwnerReferences()))
	take(into, want)
	if equality.Semantic.DeepEqual((*T)(have), (*T)(into)) {
		return nil
	}
	if _, err := w.Update(ctx, into, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("update %s %s/%s: %w", kind, want.GetNamespace(), want.GetName(), err)
	}
	return nil
}

// owners are those that are there and those that should be.
func owners(have, want []metav1.OwnerReference) []metav1.OwnerReference {
	for _, owner := range want {
		have = slices.DeleteFunc(slices.Clone(have), func(o metav1.OwnerReference) bool {
			return o.UID == owner.UID || (o.Kind == owner.Kind && o.Name == owner.Name && o.APIVersion == owner.APIVersion)
		})
		have = append(have, owner)
	}
	return have
}
