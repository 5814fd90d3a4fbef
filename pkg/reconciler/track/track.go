// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package track remembers which objects look at which others, so that a change of
// the one wakes the other. Knative's tracker refuses names with a dot in them,
// which our kinds may have, and forgets after a while; this one does neither. The
// reconcilers of this directory import it.
package track

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"knative.dev/pkg/kmeta"
)

// Ref names an object that may change, or come to be.
type Ref struct {
	// Kind tells objects of one name apart; what one Tracker calls a kind is its
	// own affair.
	Kind string
	types.NamespacedName
}

// Tracker knows who looks at what. It may be used by many goroutines at once.
type Tracker struct {
	enqueue func(types.NamespacedName)

	mu        sync.Mutex
	observers map[Ref]map[types.NamespacedName]struct{}
	observed  map[types.NamespacedName]map[Ref]struct{}
}

// New makes a Tracker that wakes observers with enqueue.
func New(enqueue func(types.NamespacedName)) *Tracker {
	return &Tracker{
		enqueue:   enqueue,
		observers: map[Ref]map[types.NamespacedName]struct{}{},
		observed:  map[types.NamespacedName]map[Ref]struct{}{},
	}
}

// Track has the observer woken when the object changes, appears or goes.
func (t *Tracker) Track(observer types.NamespacedName, kind string, object types.NamespacedName) {
	ref := Ref{Kind: kind, NamespacedName: object}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.observers[ref] == nil {
		t.observers[ref] = map[types.NamespacedName]struct{}{}
	}
	t.observers[ref][observer] = struct{}{}
	if t.observed[observer] == nil {
		t.observed[observer] = map[Ref]struct{}{}
	}
	t.observed[observer][ref] = struct{}{}
}

// Changed wakes the observers of an object.
func (t *Tracker) Changed(kind string, object types.NamespacedName) {
	t.mu.Lock()
	var wake []types.NamespacedName
	for observer := range t.observers[Ref{Kind: kind, NamespacedName: object}] {
		wake = append(wake, observer)
	}
	t.mu.Unlock()
	for _, observer := range wake {
		t.enqueue(observer)
	}
}

// OnChanged is Changed as the handler of an informer of that kind.
func (t *Tracker) OnChanged(kind string) func(obj any) {
	return func(obj any) {
		if key, ok := keyOf(obj); ok {
			t.Changed(kind, key)
		}
	}
}

// OnObserverDeleted is the handler of an informer of the observers: what is gone
// looks at nothing.
func (t *Tracker) OnObserverDeleted(obj any) {
	observer, ok := keyOf(obj)
	if !ok {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for ref := range t.observed[observer] {
		delete(t.observers[ref], observer)
		if len(t.observers[ref]) == 0 {
			delete(t.observers, ref)
		}
	}
	delete(t.observed, observer)
}

func keyOf(obj any) (types.NamespacedName, bool) {
	if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = gone.Obj
	}
	object, ok := obj.(kmeta.Accessor)
	if !ok {
		return types.NamespacedName{}, false
	}
	return types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetName()}, true
}
