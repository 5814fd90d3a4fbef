// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	aofclient "aof.dev/operator/pkg/client/clientset/versioned"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/test/apiserver"
)

// crowd is a namespace that fills with bindings, at most perTrigger to a Trigger.
const (
	crowd      = "crowd"
	perTrigger = 100
	samples    = 20
)

// What one more binding costs among many: how long until it has its plan, and how
// often the API is called for it. The sizes are in AOF_SCALE (100,1000,10000);
// without it the test does not run.
func TestABindingCostsAsMuchAmongMany(t *testing.T) { //nolint:paralleltest // it measures
	if os.Getenv("AOF_SCALE") == "" {
		t.Skip("AOF_SCALE=100,1000,10000 to measure")
	}
	apiserver.Shared(t) // or skip; but a controller works on all that is there
	s, err := apiserver.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(s.Stop)
	l := &life{Server: s, t: t}
	l.apply(knativeKinds())
	install(t, s)
	process := startProgram(t, s, "controller", names.Controller, "AOF_PROBES=off", "AOF_RUNNER_IMAGE=example.com/runner")
	l.MakeNamespace(t, crowd)
	l.apply(`{apiVersion: aof.dev/v1, kind: Context, metadata: {name: prod, namespace: crowd}, spec: {namespace: prod}}
---
{apiVersion: aof.dev/v1, kind: AgentFlow, metadata: {name: answer, namespace: crowd}, spec: {trigger: {type: Manual, config: {}}, nodes: [{id: say, type: Transform, config: {script: "export A=1"}}], connections: [{from: start, to: say}]}}`)

	c := &crowded{aof: s.AOF(t), t: t}
	for _, text := range strings.Split(os.Getenv("AOF_SCALE"), ",") {
		size, err := strconv.Atoi(text)
		require.NoError(t, err)
		began := time.Now()
		c.fill(size)
		filled := time.Since(began)
		before := len(s.Requests(t))
		took := c.sample(size)
		calls := c.callsFor(s.Requests(t)[before:])
		t.Logf("%d bindings: filled in %v; one more has its plan after p50 %v, p95 %v, and %.1f calls (%.1f writes); controller has %s",
			size, filled.Round(time.Second), took[len(took)/2].Round(time.Millisecond), took[len(took)*95/100].Round(time.Millisecond),
			float64(calls.all)/samples, float64(calls.writes)/samples, memory(process.cmd.Process.Pid))
	}
}

type crowded struct {
	aof   aofclient.Interface
	t     *testing.T
	count int
}

// fill adds bindings until there are so many, and waits until all have plans.
func (c *crowded) fill(size int) {
	c.t.Helper()
	work := make(chan int)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for i := range work {
				c.add(fmt.Sprintf("t-%d", i/perTrigger), fmt.Sprintf("b-%d", i))
			}
		})
	}
	for i := c.count; i < size; i++ {
		if i%perTrigger == 0 {
			c.trigger(fmt.Sprintf("t-%d", i/perTrigger))
		}
		work <- i
	}
	close(work)
	group.Wait()
	for i := c.count; i < size; i++ {
		c.untilPlanned(fmt.Sprintf("b-%d", i))
	}
	c.count = max(c.count, size)
}

// sample adds bindings one after the other, and gives the time that each took,
// sorted.
func (c *crowded) sample(size int) []time.Duration {
	c.t.Helper()
	trigger := fmt.Sprintf("sample-%d", size)
	c.trigger(trigger)
	var took []time.Duration
	for i := range samples {
		name := fmt.Sprintf("%s-%d", trigger, i)
		began := time.Now()
		c.add(trigger, name)
		c.untilPlanned(name)
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took
}

func (c *crowded) trigger(name string) {
	c.t.Helper()
	trigger := &aofv1.Trigger{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: aofv1.TriggerSpec{Type: aofv1.TriggerHTTP, Config: aofv1.JSONObject{"path": "/x"}}}
	_, err := c.aof.AofV1().Triggers(crowd).Create(c.t.Context(), trigger, metav1.CreateOptions{})
	require.NoError(c.t, err)
}

func (c *crowded) add(trigger, name string) {
	binding := &aofv1.FlowBinding{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: aofv1.FlowBindingSpec{
		Trigger: aofv1.ObjectReference{Name: trigger}, Context: aofv1.ObjectReference{Name: "prod"}, Flow: aofv1.ObjectReference{Name: "answer"},
	}}
	if _, err := c.aof.AofV1().FlowBindings(crowd).Create(c.t.Context(), binding, metav1.CreateOptions{}); err != nil {
		c.t.Error("create:", err)
	}
}

func (c *crowded) untilPlanned(name string) {
	c.t.Helper()
	err := wait.PollUntilContextTimeout(c.t.Context(), 5*time.Millisecond, 30*time.Minute, true, func(ctx context.Context) (bool, error) {
		b, err := c.aof.AofV1().FlowBindings(crowd).Get(ctx, name, metav1.GetOptions{})
		return err == nil && b.Status.Plan != "", err
	})
	require.NoError(c.t, err)
}

type calls struct{ all, writes int }

// callsFor counts what the controller asked for about bindings and what is theirs.
func (c *crowded) callsFor(requests []apiserver.Request) calls {
	var out calls
	for _, r := range requests {
		if r.User.Username != controller || r.ObjectRef.Namespace != crowd || r.ObjectRef.Resource == "events" {
			continue
		}
		switch r.Verb {
		case "create", "update", "patch", "delete":
			out.writes++
			out.all++
		case "get", "list":
			out.all++
		}
	}
	return out
}

// memory is what a process holds, as Linux says.
func memory(pid int) string {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return "unknown memory"
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			return strings.TrimSpace(rest)
		}
	}
	return "unknown memory"
}
