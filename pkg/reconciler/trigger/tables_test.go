// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"testing"

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
	known.wrote(a, one, written)
	assert.Same(t, written, known.read(a, one))
	known.forget(a)
	assert.NotSame(t, written, known.read(a, one))
}
