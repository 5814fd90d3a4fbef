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

	// Subtests, so that one can be asked for alone.
	t.Run("cold", func(t *testing.T) { measureCold(t, bareProbe, oursProbe) })
	t.Run("warm", func(t *testing.T) { measureWarm(t, bareProbe, oursProbe) })
	t.Run("throughput", func(t *testing.T) { measureThroughput(t, bareProbe, oursProbe) })

	run := ours.runs()[0]
	run.SetManagedFields(nil)
	raw, err := json.Marshal(run.Object)
	require.NoError(t, err)
	t.Logf("a finished run is %d bytes of JSON without managed fields", len(raw))
}

func measureCold(t *testing.T, bare, ours probe) {
	t.Helper()
	var took [2][]time.Duration
	for i := range coldSamples {
		bare.e.untilHelloPods(0)
		took[0] = append(took[0], bare.took(fmt.Sprintf("cold-%d", i), 1, 1)...)
		ours.e.untilPods(runnerPods, 0)
		took[1] = append(took[1], ours.took(fmt.Sprintf("cold-%d", i), 1, 1)...)
	}
	report(t, "cold, broker to finished", took[0], took[1])
}

func measureWarm(t *testing.T, bare, ours probe) {
	t.Helper()
	bare.took("wake", 1, 1)
	ours.took("wake", 1, 1)
	var took [2][]time.Duration
	for i := range 3 { // in turns, so that what else the machine does hits both
		took[0] = append(took[0], bare.took(fmt.Sprintf("warm-%d", i), operatorWarmSamples/3, 1)...)
		took[1] = append(took[1], ours.took(fmt.Sprintf("warm-%d", i), operatorWarmSamples/3, 1)...)
	}
	report(t, "warm, broker to finished", took[0], took[1])
}

func measureThroughput(t *testing.T, bare, ours probe) {
	t.Helper()
	rate := func(p probe) float64 {
		p.took("wake-again", 1, 1)
		begin := time.Now()
		p.took("rate", throughputSamples, throughputAtOnce)
		return throughputSamples / time.Since(begin).Seconds()
	}
	a, b := rate(bare), rate(ours)
	t.Logf("throughput at %d: bare %.0f/s  ours %.0f/s  ratio %.2f", throughputAtOnce, a, b, b/a)
}

// took sends n events to the broker of the probe's namespace, c at once, and says how long each took.
func (p probe) took(prefix string, n, c int) []time.Duration {
	p.e.t.Helper()
	body, err := p.post("load", prefix, "question").SetHeader("Ce-Aoftrigger", "web").Body([]byte(`{"text":"hello"}`)).
		Param("url", p.e.brokerURL()).Param("n", strconv.Itoa(n)).Param("c", strconv.Itoa(c)).DoRaw(p.e.t.Context())
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
