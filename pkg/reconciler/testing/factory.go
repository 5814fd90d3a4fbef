// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package testing

import (
	"context"
	"reflect"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgotesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/record"
	fakeeventingclient "knative.dev/eventing/pkg/client/injection/client/fake"
	"knative.dev/pkg/client/injection/ducks/duck/v1/addressable"
	fakekubeclient "knative.dev/pkg/client/injection/kube/client/fake"
	"knative.dev/pkg/controller"
	fakedynamicclient "knative.dev/pkg/injection/clients/dynamicclient/fake"
	"knative.dev/pkg/kmeta"
	logtesting "knative.dev/pkg/logging/testing"
	"knative.dev/pkg/reconciler"
	rtesting "knative.dev/pkg/reconciler/testing"

	fakeaofclient "aof.dev/operator/pkg/client/injection/client/fake"
)

// maxEvents is how many Kubernetes events one reconciliation may write in a test.
const maxEvents = 20

// Constructor makes the reconciler of a row: take listers from l, and the fake
// clients from ctx (fakeaofclient.Get, fakekubeclient.Get,
// fakeeventingclient.Get, fakedynamicclient.Get).
type Constructor func(ctx context.Context, l *Listers) controller.Reconciler

// tracked is a fake client whose contents can be read.
type tracked interface {
	rtesting.ActionRecorder
	Tracker() clientgotesting.ObjectTracker
	PrependReactor(verb, resource string, reaction clientgotesting.ReactionFunc)
}

// Factory makes the fake clients of a row, and the reconciler over them.
func Factory(construct Constructor) rtesting.Factory {
	return func(t *testing.T, row *rtesting.TableRow) (controller.Reconciler, rtesting.ActionRecorderList, rtesting.EventList) {
		t.Helper()
		w := newWorld(t, row, construct)
		return w.reconciler, w.recorders(), rtesting.EventList{Recorder: w.events}
	}
}

// world is one row's fakes.
type world struct {
	reconciler controller.Reconciler
	clients    []tracked
	events     *record.FakeRecorder
}

func newWorld(t *testing.T, row *rtesting.TableRow, construct Constructor) *world {
	t.Helper()
	listers := NewListers(row.Objects)
	if row.Ctx == nil {
		row.Ctx = logtesting.TestContextWithLogger(t)
	}
	ctx := row.Ctx
	ctx, kube := fakekubeclient.With(ctx, copies(listers.KubeObjects())...)
	ctx, aof := fakeaofclient.With(ctx, copies(listers.AOFObjects())...)
	ctx, eventing := fakeeventingclient.With(ctx, copies(listers.EventingObjects())...)
	ctx, dynamic := fakedynamicclient.With(ctx, NewScheme(), copies(listers.UnstructuredObjects())...)
	aof.PrependReactor("update", "*", onlyStatus(aof.Tracker()))
	ctx = addressable.WithDuck(ctx)
	w := &world{clients: []tracked{aof, kube, eventing, dynamic}, events: record.NewFakeRecorder(maxEvents)}
	ctx = controller.WithEventRecorder(ctx, w.events)
	w.reconciler = construct(ctx, listers)
	if leader, ok := w.reconciler.(reconciler.LeaderAware); ok {
		if err := leader.Promote(reconciler.UniversalBucket(), func(reconciler.Bucket, types.NamespacedName) {}); err != nil {
			t.Fatal("Promote:", err)
		}
	}
	for _, reactor := range row.WithReactors {
		for _, client := range w.clients {
			client.PrependReactor("*", "*", reactor)
		}
	}
	return w
}

func (w *world) recorders() rtesting.ActionRecorderList {
	var out rtesting.ActionRecorderList
	for _, client := range w.clients {
		out = append(out, client)
	}
	return out
}

// onlyStatus has an update of a status leave all else as it is, as an API server
// does; a fake would bring the rest back to what the writer had read.
func onlyStatus(tracker clientgotesting.ObjectTracker) clientgotesting.ReactionFunc {
	return func(action clientgotesting.Action) (bool, runtime.Object, error) {
		update, ok := action.(clientgotesting.UpdateActionImpl)
		if !ok || update.Subresource != "status" {
			return false, nil, nil
		}
		current, err := tracker.Get(update.Resource, update.Namespace, update.Object.(kmeta.Accessor).GetName())
		if err != nil {
			return true, nil, err
		}
		next := current.DeepCopyObject()
		reflect.ValueOf(next).Elem().FieldByName("Status").Set(reflect.ValueOf(update.Object.DeepCopyObject()).Elem().FieldByName("Status"))
		return true, next, tracker.Update(update.Resource, next, update.Namespace)
	}
}

// copies keeps fake clients from sharing objects with the listers.
func copies(objects []runtime.Object) []runtime.Object {
	out := make([]runtime.Object, 0, len(objects))
	for _, obj := range objects {
		out = append(out, obj.DeepCopyObject())
	}
	return out
}
