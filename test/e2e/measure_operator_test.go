// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	throughputSamples   = 400
	throughputAtOnce    = 8
	operatorWarmSamples = 300
)

// syncBroker answers when the slowest subscriber is done, so that a POST to it takes as long as a run.
const syncBroker = `apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: default}`

// helloTrigger leads the bare path's events to hello.
const helloTrigger = `apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: question}
spec:
  broker: default
  filter: {attributes: {type: question}}
  subscriber: {ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: hello}}`

// TestMeasureOperator prints the ratios of docs/benchmarks.md: what a run costs beside a bare Knative service on the
// same cluster, through a broker of the same kind: E2E_MEASURE=1 make e2e ARGS='-run TestMeasureOperator'.
func TestMeasureOperator(t *testing.T) {
	if os.Getenv("E2E_MEASURE") == "" {
		t.Skip("set E2E_MEASURE=1 to measure")
	}
	bare, ours := newOperatorEnv(t), newOperatorEnv(t)
	bareProbe, oursProbe := bare.startProbe(), ours.startProbe()

	bare.applyReady(syncBroker)
	bare.startHello()
	bare.applyReady(helloTrigger)
	ours.applyReady(syncBroker)
	ours.apply(strings.Join([]string{oneNode, demoContext, localBinding}, "\n---\n"))
	ours.untilReady(flowBindings, "local")
	oursProbe.untilEvent("web", "first", "hello")
	ours.untilRuns(1)
	bare.until("the broker takes events", func(context.Context) (bool, error) {
		return bareProbe.send(bare.brokerURL(), "first", "question") == nil, nil
	})

	var cold [2][]time.Duration
	for i := range coldSamples {
		bare.untilHelloPods(0)
		cold[0] = append(cold[0], bareProbe.took(bare.brokerURL(), fmt.Sprintf("cold-%d", i), 1, 1)...)
		ours.untilPods(runnerPods, 0)
		cold[1] = append(cold[1], oursProbe.took(ours.brokerURL(), fmt.Sprintf("cold-%d", i), 1, 1)...)
	}
	report(t, "cold, broker to finished", cold[0], cold[1])

	var warm [2][]time.Duration
	for i := range 3 { // in turns, so that what else the machine does hits both
		warm[0] = append(warm[0], bareProbe.took(bare.brokerURL(), fmt.Sprintf("warm-%d", i), operatorWarmSamples/3, 1)...)
		warm[1] = append(warm[1], oursProbe.took(ours.brokerURL(), fmt.Sprintf("warm-%d", i), operatorWarmSamples/3, 1)...)
	}
	report(t, "warm, broker to finished", warm[0], warm[1])

	rate := func(p probe, broker string) float64 {
		begin := time.Now()
		p.took(broker, "rate-"+strconv.FormatInt(begin.UnixNano(), 36), throughputSamples, throughputAtOnce)
		return throughputSamples / time.Since(begin).Seconds()
	}
	bareRate, oursRate := rate(bareProbe, bare.brokerURL()), rate(oursProbe, ours.brokerURL())
	t.Logf("throughput at %d: bare %.0f/s  ours %.0f/s  ratio %.2f", throughputAtOnce, bareRate, oursRate, oursRate/bareRate)

	run := ours.runs()[0]
	run.SetManagedFields(nil)
	raw, err := json.Marshal(run.Object)
	require.NoError(t, err)
	t.Logf("a finished run is %d bytes of JSON without managed fields", len(raw))
}

// took sends n events, c at once, and says how long each took.
func (p probe) took(broker, prefix string, n, c int) []time.Duration {
	p.e.t.Helper()
	body, err := p.post("load", prefix, "question").SetHeader("Ce-Aoftrigger", "web").Body([]byte(`{"text":"hello"}`)).
		Param("url", broker).Param("n", strconv.Itoa(n)).Param("c", strconv.Itoa(c)).DoRaw(p.e.t.Context())
	require.NoError(p.e.t, err)
	var took []time.Duration
	require.NoError(p.e.t, json.Unmarshal(body, &took))
	return took
}

// report logs two samples and their ratio.
func report(t *testing.T, what string, bare, ours []time.Duration) {
	t.Helper()
	for _, q := range []float64{0.5, 0.99} {
		a, b := quantile(bare, q), quantile(ours, q)
		t.Logf("%s: p%.0f bare %.1f ms  ours %.1f ms  ratio %.2f (n=%d)", what, q*100, ms(a), ms(b), float64(b)/float64(a), len(ours))
	}
}
