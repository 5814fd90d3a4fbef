// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// BenchmarkRun delivers events whose runs have one node that costs nothing, and
// says what a run takes: of the API, and of the database.
func BenchmarkRun(b *testing.B) {
	tn := newTenant(b)
	h := tn.runner(b)
	tn.deliver(b, h, tn.event(b, "warm"))
	before := len(tn.cost(b))
	n := 0
	for b.Loop() {
		tn.deliver(b, h, tn.event(b, strconv.Itoa(n)))
		n++
	}
	b.StopTimer()
	b.ReportMetric(float64(len(tn.cost(b))-before)/float64(n), "requests/run")
	list, err := tn.server.AOF(b).AofV1().FlowRuns(tn.namespace).List(b.Context(), metav1.ListOptions{Limit: 1})
	require.NoError(b, err)
	raw, err := json.Marshal(&list.Items[0]) // the database keeps the same JSON
	require.NoError(b, err)
	b.ReportMetric(float64(len(raw)), "bytes/run")
}
