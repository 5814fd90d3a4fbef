// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package counted

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"

	"aof.dev/operator/pkg/names"
)

func lister(t *testing.T, name, key, document string) corelisters.ConfigMapLister {
	t.Helper()
	indexer := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{})
	require.NoError(t, indexer.Add(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name}, Data: map[string]string{key: document}}))
	return corelisters.NewConfigMapLister(indexer)
}

func TestRuns(t *testing.T) {
	t.Parallel()
	name := names.Tally("agent", "triage")
	tally, err := Runs(lister(t, name, names.KeyTally, `{"tally":{"executions":3},"pending":["uid"]}`), "ns", "agent", "triage")
	require.NoError(t, err)
	assert.Equal(t, int64(3), tally.Executions)

	tally, err = Runs(lister(t, name, names.KeyTally, ""), "ns", "agent", "triage")
	require.NoError(t, err)
	assert.Zero(t, *tally)
	tally, err = Runs(lister(t, name, names.KeyTally, "x"), "ns", "agent", "another")
	require.NoError(t, err, "what nobody counted is empty")
	assert.Zero(t, *tally)
	_, err = Runs(lister(t, name, names.KeyTally, "x"), "ns", "agent", "triage")
	assert.ErrorContains(t, err, name)
}

func TestEvents(t *testing.T) {
	t.Parallel()
	events, err := Events(lister(t, names.Events("hook"), names.KeyEvents, `{"received":2,"bindings":{"ns/b":{"compared":2,"matched":1}}}`), "ns", "hook")
	require.NoError(t, err)
	assert.Equal(t, int64(2), events.Received)
}
