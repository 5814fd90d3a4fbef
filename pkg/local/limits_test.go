// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package local_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
)

// composed is the quickstart with limits of its Context and a binding with more.
func composed(t *testing.T, limits, overrun, flow string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "all.yaml")
	text := fmt.Sprintf(`
apiVersion: aof.dev/v1
kind: Context
metadata: {name: demo}
spec: {limits: {%s}}
---
apiVersion: aof.dev/v1
kind: Trigger
metadata: {name: web}
spec: {type: HTTP, config: {path: /x}}
---
apiVersion: aof.dev/v1
kind: AgentFlow
metadata: {name: work}
spec: {trigger: {type: HTTP}, nodes: [%s], connections: [{from: start, to: %s}]}
---
apiVersion: aof.dev/v1
kind: FlowBinding
metadata: {name: b}
spec: {trigger: web, context: demo, flow: work%s}
`, limits, flow, flow[len("{id: "):len("{id: ")+1], overrun)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return []string{file}
}

const quick = `{id: a, type: Transform, config: {script: "export X=1"}}`

// Two processes over one ledger keep to one limit between them.
func TestALimitHoldsAcrossProcesses(t *testing.T) {
	t.Parallel()
	data, files := t.TempDir(), composed(t, "max_requests_per_minute: 2", "", quick)
	one, other := serve(t, settings(files, nil), data), serve(t, settings(files, nil), data)
	for i := range 6 {
		w := []*world{one, other}[i%2]
		code, body := w.do(http.MethodPost, "/events/default", cloudEvents, structured(t, fmt.Sprint("e", i), "go"))
		require.Less(t, code, 300, body)
	}
	phases := map[aofv1.FlowRunPhase]int{}
	for _, run := range one.waitRuns(6) {
		phases[run.Status.Phase]++
		if run.Status.Phase == aofv1.FlowRunPhaseWaiting {
			assert.Equal(t, "Limit", run.Status.Waiting[0].Kind)
			assert.True(t, run.Status.Waiting[0].Until.After(time.Now()))
		}
	}
	assert.Equal(t, map[aofv1.FlowRunPhase]int{aofv1.FlowRunPhaseSucceeded: 2, aofv1.FlowRunPhaseWaiting: 4}, phases)
}

// One run is at work at a time, and the others are woken one after the other.
func TestRunsTakeTurns(t *testing.T) {
	t.Parallel()
	for name, files := range map[string][]string{
		"places": composed(t, "max_concurrent: 1", "", quick),
		"turns":  composed(t, "", ", overrun: {policy: serialize}", quick),
		"both":   composed(t, "max_concurrent: 2", ", overrun: {policy: serialize}", quick),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := serve(t, settings(files, nil), t.TempDir())
			for i := range 8 {
				code, body := w.do(http.MethodPost, "/events/default", cloudEvents, structured(t, fmt.Sprint("e", i), "go"))
				require.Less(t, code, 300, body)
			}
			require.Eventually(t, func() bool {
				n := 0
				for _, run := range w.runs() {
					if run.Status.Phase == aofv1.FlowRunPhaseSucceeded {
						n++
					}
				}
				return n == 8
			}, patience, 10*time.Millisecond)
		})
	}
}

func TestANewerRunTakesThePlaceOfAnOlder(t *testing.T) {
	t.Parallel()
	files := composed(t, "", ", overrun: {policy: replace}", `{id: w, type: Wait, config: {duration: 1h}}`)
	w := serve(t, settings(files, nil), t.TempDir())
	for i := range 2 {
		w.do(http.MethodPost, "/events/default", cloudEvents, structured(t, fmt.Sprint("e", i), "go"))
		w.waitRuns(i + 1)
	}
	require.Eventually(t, func() bool {
		cancelled, begun := 0, 0
		for _, run := range w.runs() {
			switch {
			case run.Status.Phase == aofv1.FlowRunPhaseCancelled && strings.HasPrefix(run.Spec.Cancel.Reason, "replaced by run "):
				cancelled++
			case len(run.Status.Nodes) == 1:
				begun++
			}
		}
		return cancelled == 1 && begun == 1
	}, patience, 10*time.Millisecond)
}
