// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"aof.dev/operator/pkg/ledger"
	ledgerkube "aof.dev/operator/pkg/ledger/kube"
	"aof.dev/operator/pkg/ledger/ledgertest"
	"aof.dev/operator/test/apiserver"
)

// The suite lists the runs of all namespaces, so its tests take turns, and no
// other test of the package runs beside them.
func TestLedgerConformance(t *testing.T) { //nolint:paralleltest // see above
	s := apiserver.Shared(t)
	namespaces := []string{"ns", "other", "a", "b", "x", "y"}
	for _, name := range namespaces {
		s.MakeNamespace(t, name)
	}
	client := s.AOF(t).AofV1()
	var turn sync.Mutex
	open := func(t *testing.T) ledger.Store {
		t.Helper()
		turn.Lock()
		t.Cleanup(func() {
			defer turn.Unlock()
			for _, name := range namespaces {
				err := client.FlowRuns(name).DeleteCollection(context.Background(), metav1.DeleteOptions{}, metav1.ListOptions{})
				assert.NoError(t, err)
			}
		})
		list, err := client.FlowRuns("").List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		require.Empty(t, list.Items)
		return ledgerkube.New(client.RESTClient())
	}
	ledgertest.Conformance(t, open)
	ledgertest.FaultyConformance(t, open)
}
