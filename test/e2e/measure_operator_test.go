// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	throughputSamples   = 600
	throughputAtOnce    = 8
	operatorWarmSamples = 300
	operatorColdSamples = 20
	// turns is how often each side has its turn.
	turns = 3
)

// side is one of what is compared, with the probe of its namespace.
type side struct {
	name string
	probe
}

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

// keepRights lets hello write events down.
const keepRights = `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: keep}
rules: [{apiGroups: [""], resources: [configmaps], verbs: [create]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: keep}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: keep}
subjects: [{kind: ServiceAccount, name: default}]`

// TestMeasureOperator prints the ratios of docs/benchmarks.md: what a run costs beside a bare Knative service on the
// same cluster, through a broker of the same kind, and beside one that does nothing but write each event down:
// E2E_MEASURE=1 make e2e ARGS='-v -timeout 40m -run TestMeasureOperator'.
func TestMeasureOperator(t *testing.T) {
	if os.Getenv("E2E_MEASURE") == "" {
		t.Skip("set E2E_MEASURE=1 to measure")
	}
	bare, keeping, ours := newOperatorEnv(t), newOperatorEnv(t), newOperatorEnv(t)
	sides := []side{{"bare", bare.startProbe()}, {"one write", keeping.startProbe()}, {"ours", ours.startProbe()}}

	ours.applyReady(syncBroker)
	ours.apply(strings.Join([]string{oneNode, demoContext, localBinding}, "\n---\n"))
	ours.untilReady(flowBindings, "local")
	bare.startHello()
	keeping.apply(keepRights)
	keeping.startHello("{name: KEEP_IN, value: " + keeping.namespace + "}")
	for _, s := range sides[:2] {
		s.e.applyReady(syncBroker)
		s.e.applyReady(helloTrigger)
	}
	sides[2].untilEvent("web", "first", "hello")
	ours.untilRuns(1)
	for _, s := range sides[:2] {
		s.e.until("the broker takes events", func(context.Context) (bool, error) {
			return s.send(s.e.brokerURL(), "first", "question") == nil, nil
		})
	}

	// Subtests, so that one can be asked for alone.
	t.Run("cold", func(t *testing.T) { measureCold(t, sides[0].probe, sides[2].probe) })
	t.Run("warm", func(t *testing.T) { measureWarm(t, sides) })
	t.Run("throughput", func(t *testing.T) { measureThroughput(t, sides) })

	run := ours.runs()[0]
	run.SetManagedFields(nil)
	raw, err := json.Marshal(run.Object)
	require.NoError(t, err)
	t.Logf("a finished run is %d bytes of JSON without managed fields", len(raw))
}

// measureCold wakes each side in turns. When a request comes decides a good part of how long it takes, since kubelet looks
// at its containers once a second, and what scales to zero does so in step with it. So requests come at any time after a
// second has begun, the same time for both.
func measureCold(t *testing.T, bare, ours probe) {
	t.Helper()
	var took [2][]time.Duration
	for i := range operatorColdSamples {
		after := rand.N(time.Second)
		bare.e.untilHelloPods(0)
		took[0] = append(took[0], bare.tookAt(after, fmt.Sprintf("cold-%d", i)))
		ours.e.untilPods(runnerPods, 0)
		took[1] = append(took[1], ours.tookAt(after, fmt.Sprintf("cold-%d", i)))
	}
	report(t, "cold", "ours", took[0], took[1])
	t.Logf("cold: bare %v  ours %v", took[0], took[1])
}

// tookAt sends one event some time after the next second begins, and says how long it took.
func (p probe) tookAt(after time.Duration, id string) time.Duration {
	p.e.t.Helper()
	now := time.Now()
	timer := time.NewTimer(now.Truncate(time.Second).Add(time.Second + after).Sub(now))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.e.t.Context().Done():
	}
	return p.took(id, 1, 1)[0]
}

// measureWarm sends events one after the other, to each side in turns, so that what else the machine does hits all.
func measureWarm(t *testing.T, sides []side) {
	t.Helper()
	took := make([][]time.Duration, len(sides))
	for turn := range turns {
		for i, s := range sides {
			s.took("wake", 1, 1)
			took[i] = append(took[i], s.took(fmt.Sprintf("warm-%d", turn), operatorWarmSamples/turns, 1)...)
		}
	}
	for i, s := range sides[1:] {
		report(t, "warm", s.name, took[0], took[i+1])
	}
}

func measureThroughput(t *testing.T, sides []side) {
	t.Helper()
	spent := make([]time.Duration, len(sides))
	for turn := range turns {
		for i, s := range sides {
			s.took("wake-again", 1, 1)
			begin := time.Now()
			s.took(fmt.Sprintf("rate-%d", turn), throughputSamples/turns, throughputAtOnce)
			spent[i] += time.Since(begin)
		}
	}
	for i, s := range sides {
		t.Logf("throughput at %d, %s: %.0f/s  ratio %.2f", throughputAtOnce, s.name,
			throughputSamples/spent[i].Seconds(), spent[0].Seconds()/spent[i].Seconds())
	}
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

// report logs how long bare took and another side, from broker to finished, and the ratio.
func report(t *testing.T, what, other string, bare, took []time.Duration) {
	t.Helper()
	for _, q := range []float64{0.5, 0.99} {
		a, b := quantile(bare, q), quantile(took, q)
		t.Logf("%s, broker to finished: p%.0f bare %.1f ms  %s %.1f ms  ratio %.2f (n=%d)",
			what, q*100, ms(a), other, ms(b), float64(b)/float64(a), len(took))
	}
}
