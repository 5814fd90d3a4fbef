// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package testing

import (
	"fmt"
	"reflect"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgotesting "k8s.io/client-go/testing"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/kmeta"
	rtesting "knative.dev/pkg/reconciler/testing"
)

// Settled is the world after Settle.
type Settled struct {
	// Objects is all there is.
	Objects []runtime.Object
	// Writes are all writes that were made, as "verb resource namespace/name", in
	// order; a status is resource "flowbindings/status".
	Writes []string
	// Events are all Kubernetes events that were written.
	Events []string
	// Err is what the last reconciliation returned, nil for a requeue.
	Err error
}

// Get finds the object of example's type by its namespace and name, and fails
// the test when there is none.
func Get[T runtime.Object](t *testing.T, s *Settled, namespace, name string) T {
	t.Helper()
	got, ok := Find[T](s, namespace, name)
	if !ok {
		t.Fatalf("there is no %T %s/%s; writes: %v", got, namespace, name, s.Writes)
	}
	return got
}

// Find finds the object of the type by its namespace and name.
func Find[T runtime.Object](s *Settled, namespace, name string) (T, bool) {
	for _, obj := range s.Objects {
		if typed, ok := obj.(T); ok {
			if a := obj.(kmeta.Accessor); a.GetNamespace() == namespace && a.GetName() == name {
				return typed, true
			}
		}
	}
	var none T
	return none, false
}

// Settle reconciles the key, shows the listers what was written, and goes on
// until a reconciliation writes nothing: the steady state. It fails the test when
// that takes more than ten rounds. Reconciliations that return an error do not
// end it; the last one's error is in the result.
func Settle(t *testing.T, construct Constructor, row rtesting.TableRow) *Settled {
	t.Helper()
	out := &Settled{Objects: copies(row.Objects)}
	for range 10 {
		row.Objects = out.Objects
		w := newWorld(t, &row, construct)
		out.Err = w.reconciler.Reconcile(row.Ctx, row.Key)
		if requeue, _ := controller.IsRequeueKey(out.Err); requeue {
			out.Err = nil
		}
		out.Events = append(out.Events, rtesting.EventList{Recorder: w.events}.Events()...)
		if !out.take(t, w) {
			return out
		}
	}
	t.Fatalf("it does not settle; writes: %v", out.Writes)
	return nil
}

// take brings what was written back into the objects, and says whether anything
// was.
func (s *Settled) take(t *testing.T, w *world) bool {
	t.Helper()
	wrote := false
	for _, client := range w.clients {
		for _, action := range client.Actions() {
			name, isWrite := written(action)
			if !isWrite {
				continue
			}
			wrote = true
			resource := action.GetResource().Resource
			if sub := action.GetSubresource(); sub != "" {
				resource += "/" + sub
			}
			s.Writes = append(s.Writes, fmt.Sprintf("%s %s %s/%s", action.GetVerb(), resource, action.GetNamespace(), name))
			if sub := action.GetSubresource(); sub != "" && sub != "status" {
				continue // such as a token: it is no object of its own
			}
			now, err := client.Tracker().Get(action.GetResource(), action.GetNamespace(), name)
			if err != nil && !apierrors.IsNotFound(err) {
				t.Fatal("read back:", err)
			}
			if err != nil {
				now = nil
			}
			s.replace(action, name, now)
		}
	}
	return wrote
}

func written(action clientgotesting.Action) (string, bool) {
	switch a := action.(type) {
	case clientgotesting.CreateActionImpl:
		if a.Subresource != "" {
			return a.Name, true
		}
		return a.Object.(kmeta.Accessor).GetName(), true
	case clientgotesting.UpdateActionImpl:
		return a.Object.(kmeta.Accessor).GetName(), true
	case clientgotesting.PatchActionImpl:
		return a.Name, true
	case clientgotesting.DeleteActionImpl:
		return a.Name, true
	}
	return "", false
}

// replace puts the object that an action left in the place of the one before.
func (s *Settled) replace(action clientgotesting.Action, name string, now runtime.Object) {
	scheme := allScheme()
	var kept []runtime.Object
	for _, obj := range s.Objects {
		a := obj.(kmeta.Accessor)
		same := a.GetNamespace() == action.GetNamespace() && a.GetName() == name && sameKind(scheme, obj, now, action)
		if !same {
			kept = append(kept, obj)
		}
	}
	if now != nil {
		kept = append(kept, now)
	}
	s.Objects = kept
}

// sameKind says whether obj is of the kind the action was about: that of now, or
// for what was deleted, of the action's resource.
func sameKind(scheme *runtime.Scheme, obj, now runtime.Object, action clientgotesting.Action) bool {
	if now != nil {
		return reflect.TypeOf(obj) == reflect.TypeOf(now)
	}
	if u, ok := obj.(*unstructured.Unstructured); ok {
		return u.GroupVersionKind().Group == action.GetResource().Group
	}
	kinds, _, err := scheme.ObjectKinds(obj)
	if err != nil || len(kinds) == 0 || kinds[0].Group != action.GetResource().Group {
		return false
	}
	return guess(kinds[0].Kind) == action.GetResource().Resource
}

// guess is the resource of a kind.
func guess(kind string) string {
	plural, _ := meta.UnsafeGuessKindToResource(schema.GroupVersionKind{Kind: kind})
	return plural.Resource
}
