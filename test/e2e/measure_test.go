// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	coldSamples = 10
	warmSamples = 500
)

// phases are the marks of a cold start, in the order in which they come.
var phases = []string{"pod created", "pod scheduled", "process up", "pod ready", "answered"}

// TestMeasure prints the figures of docs/dev/cluster.md: E2E_MEASURE=1 make e2e ARGS='-run TestMeasure'.
func TestMeasure(t *testing.T) {
	if os.Getenv("E2E_MEASURE") == "" {
		t.Skip("set E2E_MEASURE=1 to measure")
	}
	e := newEnv(t)
	p := e.startProbe()
	e.startHello()

	marks := map[string][]time.Duration{}
	for range coldSamples {
		for phase, at := range e.coldStart(p) {
			marks[phase] = append(marks[phase], at)
		}
	}
	for _, phase := range phases {
		t.Logf("cold: %-14s p50 %6d ms  max %6d ms", phase, quantile(marks[phase], 0.5).Milliseconds(), quantile(marks[phase], 1).Milliseconds())
	}
	e.load(p, "warm ksvc", e.helloURL())
	e.applyReady(brokerManifest)
	e.until("the broker takes events", func(context.Context) (bool, error) {
		return p.send(e.brokerURL(), "first", "question") == nil, nil
	})
	p.awaitEvent("first-reply")
	e.load(p, "warm broker, ksvc and reply", e.brokerURL())
}

// coldStart waits for zero pods, calls hello and says when each phase came.
func (e *env) coldStart(p probe) map[string]time.Duration {
	e.t.Helper()
	e.untilHelloPods(0)
	ctx, cancel := context.WithCancel(e.t.Context())
	defer cancel()
	seen := e.watchStart(ctx)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost,
		p.request(e.kube.CoreV1().RESTClient().Post(), "send").Param("url", e.helloURL()).URL().String(), nil)
	require.NoError(e.t, err)
	answer, err := e.http.Do(request)
	require.NoError(e.t, err)
	defer answer.Body.Close()
	resp := answer.Header
	begin := time.UnixMilli(millis(e.t, resp.Get("Probe-Begin")))
	took, err := time.ParseDuration(resp.Get("Probe-Took"))
	require.NoError(e.t, err)
	at := map[string]time.Duration{
		"answered":   took,
		"process up": time.UnixMilli(millis(e.t, resp.Get("Process-Started"))).Sub(begin),
	}
	for phase, when := range <-seen {
		at[phase] = when.Sub(begin)
	}
	return at
}

// watchStart notes when a pod of hello is created, scheduled and ready; it is done when one is ready.
func (e *env) watchStart(ctx context.Context) <-chan map[string]time.Time {
	e.t.Helper()
	pods := e.kube.CoreV1().Pods(e.namespace)
	list, err := pods.List(ctx, metav1.ListOptions{})
	require.NoError(e.t, err)
	old := map[string]bool{}
	for _, pod := range list.Items {
		old[pod.Name] = true
	}
	w, err := pods.Watch(ctx, metav1.ListOptions{ResourceVersion: list.ResourceVersion, LabelSelector: "serving.knative.dev/service=hello"})
	require.NoError(e.t, err)
	done := make(chan map[string]time.Time, 1)
	go func() {
		defer w.Stop()
		at := map[string]time.Time{}
		note := func(phase string) {
			if at[phase].IsZero() {
				at[phase] = time.Now()
			}
		}
		for ev := range w.ResultChan() {
			pod, ok := ev.Object.(*corev1.Pod)
			if !ok || old[pod.Name] {
				continue
			}
			note("pod created")
			for _, c := range pod.Status.Conditions {
				if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionTrue {
					note("pod scheduled")
				}
				if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
					note("pod ready")
					done <- at
					return
				}
			}
		}
		done <- at
	}()
	return done
}

// load sends events one after the other and logs how long the answers took.
func (e *env) load(p probe, what, url string) {
	e.t.Helper()
	body, err := p.post("load", "load", "question").Param("url", url).Param("n", strconv.Itoa(warmSamples)).DoRaw(e.t.Context())
	require.NoError(e.t, err)
	var took []time.Duration
	require.NoError(e.t, json.Unmarshal(body, &took))
	e.t.Logf("%s: n=%d p50 %.1f ms  p99 %.1f ms", what, len(took), ms(quantile(took, 0.5)), ms(quantile(took, 0.99)))
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func quantile(all []time.Duration, q float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func millis(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	require.NoError(t, err, fmt.Sprintf("not a time: %q", text))
	return n
}
