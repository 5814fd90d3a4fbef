// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/types"

	"aof.dev/operator/pkg/route"
)

func TestTablesAreReadOnce(t *testing.T) {
	t.Parallel()
	const one, two = `{"namespace":"n","trigger":"a"}`, `{"namespace":"n","trigger":"a","broker":"http://b"}`
	a, b := types.NamespacedName{Namespace: "n", Name: "a"}, types.NamespacedName{Namespace: "n", Name: "b"}
	known := &tables{}

	first := known.read(a, one)
	assert.Equal(t, "a", first.Trigger)
	assert.Same(t, first, known.read(a, one))
	assert.NotSame(t, first, known.read(b, one), "another Trigger's is its own affair")
	assert.Nil(t, known.read(a, "{"), "what can't be read is none")
	assert.Same(t, first, known.read(a, one))
	assert.Equal(t, "http://b", known.read(a, two).Broker, "somebody changed it")

	written := &route.Table{Namespace: "n", Trigger: "a"}
	known.wrote(a, one, written, time.Time{})
	assert.Same(t, written, known.read(a, one))
	known.forget(a)
	assert.NotSame(t, written, known.read(a, one))
}

func TestLargeTablesAreWrittenLessOften(t *testing.T) {
	t.Parallel()
	a := types.NamespacedName{Namespace: "n", Name: "a"}
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	of := func(broker string, bindings int) *route.Table {
		return &route.Table{Namespace: "n", Trigger: "a", Broker: broker, Bindings: make([]route.Binding, bindings)}
	}
	known := &tables{}
	assert.Zero(t, known.rest(a, of("b", 99), of("b", 100), noon), "we have not written it")
	assert.Zero(t, known.rest(a, nil, of("b", 100), noon), "there is none")

	known.wrote(a, "{}", of("b", 100), noon)
	known.wrote(a, "{}", of("b", 100), noon.Add(time.Minute)) // it was as it should be
	assert.Equal(t, time.Second, known.rest(a, of("b", 99), of("b", 100), noon))
	assert.Equal(t, 400*time.Millisecond, known.rest(a, of("b", 99), of("b", 100), noon.Add(600*time.Millisecond)))
	assert.Zero(t, known.rest(a, of("b", 99), of("b", 100), noon.Add(time.Second)), "it has waited")
	assert.Equal(t, longestPause, known.rest(a, of("b", 5000), of("b", 5001), noon))
	assert.Zero(t, known.rest(a, of("", 99), of("b", 100), noon), "events have nowhere to go")
	known.read(a, `{"namespace":"n","trigger":"a"}`)
	assert.Equal(t, time.Second, known.rest(a, of("b", 99), of("b", 100), noon), "reading is not writing")
}
