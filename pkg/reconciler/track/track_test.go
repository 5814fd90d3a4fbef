// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package track

import (
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
)

func named(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: "ns", Name: name}
}

func object(name string) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name}}
}

func TestTracker(t *testing.T) {
	t.Parallel()
	var woken []string
	tracker := New(func(key types.NamespacedName) { woken = append(woken, key.Name) })
	wakes := func(act func()) []string {
		woken = nil
		act()
		return woken
	}
	tracker.Track(named("a"), "Agent", named("with.dots"))
	tracker.Track(named("a"), "Agent", named("with.dots"))
	tracker.Track(named("b"), "Agent", named("with.dots"))
	tracker.Track(named("b"), "Secret", named("s"))

	changed := tracker.OnChanged("Agent")
	assert.ElementsMatch(t, []string{"a", "b"}, wakes(func() { changed(object("with.dots")) }), "each observer once")
	assert.ElementsMatch(t, []string{"a", "b"}, wakes(func() { changed(cache.DeletedFinalStateUnknown{Obj: object("with.dots")}) }), "also of what is gone")
	assert.Empty(t, wakes(func() { changed(object("s")) }), "kinds are told apart")
	assert.Empty(t, wakes(func() { changed("no object") }))

	tracker.OnObserverDeleted(object("b"))
	tracker.OnObserverDeleted("no object")
	assert.Equal(t, []string{"a"}, wakes(func() { changed(object("with.dots")) }))
	assert.Empty(t, wakes(func() { tracker.Changed("Secret", named("s")) }))
	tracker.OnObserverDeleted(object("a"))
	assert.Empty(t, tracker.observers, "nothing is left behind")
	assert.Empty(t, tracker.observed)
}
