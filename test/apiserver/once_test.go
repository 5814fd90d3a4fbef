// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/flow"
)

// A broker delivers at least once, to any pod. Whatever it does, the effect of a
// node happens once.
func TestManyDeliveriesAreOneEffect(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	var effects atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { effects.Add(1) }))
	t.Cleanup(server.Close)
	tn.plan.Flow.Nodes = []flow.Node{{ID: "think", Kind: flow.KindHTTP, Config: map[string]any{"method": "POST", "url": server.URL}}}
	tn.keepPlan(t)

	const pods, events, deliveries = 3, 4, 3
	var wg sync.WaitGroup
	for range pods {
		pod := tn.runner(t)
		for e := range events {
			for range deliveries {
				wg.Go(func() {
					answer := tn.post(t, pod, tn.event(t, string(rune('a'+e))))
					assert.Contains(t, []int{http.StatusOK, http.StatusTooManyRequests}, answer.Code, answer.Body.String())
				})
			}
		}
	}
	wg.Wait()
	assert.EqualValues(t, events, effects.Load())
	list, err := tn.server.AOF(t).AofV1().FlowRuns(tn.namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	require.Len(t, list.Items, events)
	for i := range list.Items {
		assert.Equal(t, aofv1.FlowRunPhaseSucceeded, list.Items[i].Status.Phase)
	}
}
