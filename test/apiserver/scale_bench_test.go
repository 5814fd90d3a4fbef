// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	aofclient "aof.dev/operator/pkg/client/clientset/versioned"
	aofinformers "aof.dev/operator/pkg/client/informers/externalversions"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/test/apiserver"
)

// The bindings of the benchmark are spread over namespaces that have one Trigger,
// Context and AgentFlow each.
const (
	scaleNamespaces = 20
	scaleSamples    = 20
	// patience is how long the largest size may take.
	scalePatience = 30 * time.Minute
)

// BenchmarkScale lets one controller, on its own rights, work on more and more
// bindings: what all of them took together, and what one more takes then. Run it
// with -benchtime 1x; the sizes build on each other.
func BenchmarkScale(b *testing.B) {
	apiserver.Shared(b) // or skip; but a controller works on all that is there
	s, err := apiserver.Start(b.Context())
	require.NoError(b, err)
	b.Cleanup(s.Stop)
	c := newScale(b, s)
	figures := map[int]scaleFigures{}
	for _, size := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			for range b.N {
				figures[size] = c.grow(b, size)
			}
			figures[size].report(b)
		})
	}
	if least, ok := figures[100]; ok {
		for size, f := range figures {
			b.Logf("%d : 100, per added binding: %.2f of the controller's processor, %.2f until ready, %.2f until routed", size,
				f.addedCPU.Seconds()/least.addedCPU.Seconds(), f.ready.Seconds()/least.ready.Seconds(), f.routed.Seconds()/least.routed.Seconds())
		}
	}
}

// scaleFigures are what was measured at one size.
type scaleFigures struct {
	// batch is how many bindings were added at once, in which time, and with how
	// much of the controller's processor and how many requests.
	batch    int
	took     time.Duration
	cpu      time.Duration
	requests int
	// What one more took then, as a median; of the processor as a mean.
	ready, routed, addedCPU time.Duration
	addedRequests           float64
	rss, pss                float64
}

func (f scaleFigures) report(b *testing.B) {
	b.Helper()
	milliseconds := func(d time.Duration) float64 { return d.Seconds() * 1000 }
	n := float64(f.batch)
	b.ReportMetric(0, "ns/op") // says nothing here
	b.ReportMetric(f.took.Seconds(), "s")
	b.ReportMetric(milliseconds(f.took)/n, "ms/binding")
	b.ReportMetric(milliseconds(f.cpu)/n, "cpu-ms/binding")
	b.ReportMetric(float64(f.requests)/n, "requests/binding")
	b.ReportMetric(milliseconds(f.ready), "ready-ms/added")
	b.ReportMetric(milliseconds(f.routed), "routed-ms/added")
	b.ReportMetric(milliseconds(f.addedCPU), "cpu-ms/added")
	b.ReportMetric(f.addedRequests, "requests/added")
	b.ReportMetric(f.rss, "RSS-MiB")
	b.ReportMetric(f.pss, "PSS-MiB")
}

// scale is a controller with its bindings.
type scale struct {
	server  *apiserver.Server
	aof     aofclient.Interface
	audit   *auditTail
	process *program

	mu sync.Mutex
	// changed is closed and made anew when one of the others changes.
	changed chan struct{}
	ready   map[string]bool
	routes  map[string]string
	count   int
}

func newScale(b *testing.B, s *apiserver.Server) *scale {
	b.Helper()
	_, err := s.Kubectl(b.Context(), []byte(knativeKinds()), "apply", "--server-side", "-f", "-")
	require.NoError(b, err)
	install(b, s)
	c := &scale{
		server: s, aof: s.AOF(b), audit: newAuditTail(b, s),
		changed: make(chan struct{}), ready: map[string]bool{}, routes: map[string]string{},
	}
	fakeKnative(b, s)
	c.follow(b)
	c.process = startProgram(b, s, "controller", names.Controller, "AOF_PROBES=off", "AOF_RUNNER_IMAGE=example.com/runner")
	var objects strings.Builder
	for i := range scaleNamespaces {
		fmt.Fprintf(&objects, `---
{apiVersion: v1, kind: Namespace, metadata: {name: %[1]s}}
---
{apiVersion: aof.dev/v1, kind: Context, metadata: {name: prod, namespace: %[1]s}, spec: {namespace: prod}}
---
{apiVersion: aof.dev/v1, kind: Trigger, metadata: {name: web, namespace: %[1]s}, spec: {type: HTTP, config: {path: /x}}}
---
{apiVersion: aof.dev/v1, kind: AgentFlow, metadata: {name: answer, namespace: %[1]s}, spec: {nodes: [{id: say, type: Transform, config: {script: "export A=1"}}], connections: [{from: start, to: say}]}}
`, scaleNamespace(i))
	}
	_, err = s.Kubectl(b.Context(), []byte(objects.String()), "apply", "--server-side", "-f", "-")
	require.NoError(b, err)
	c.fill(b, scaleNamespaces) // what namespaces cost is none of the bindings'
	return c
}

func scaleNamespace(binding int) string { return fmt.Sprintf("scale-%d", binding%scaleNamespaces) }

// follow keeps what bindings and route tables say.
func (c *scale) follow(b *testing.B) {
	b.Helper()
	bindings := aofinformers.NewSharedInformerFactory(c.aof, 0)
	_, err := bindings.Aof().V1().FlowBindings().Informer().AddEventHandler(onEach(func(o *aofv1.FlowBinding) {
		if o.Status.Phase == aofv1.FlowBindingPhaseBound && o.Status.GetCondition(aofv1.FlowBindingConditionReady).IsTrue() {
			c.note(func() { c.ready[o.Namespace+"/"+o.Name] = true })
		}
	}))
	require.NoError(b, err)
	tables := informers.NewSharedInformerFactoryWithOptions(c.server.Kube(b), 0, informers.WithTweakListOptions(func(o *metav1.ListOptions) {
		o.LabelSelector = names.LabelKind + "=" + names.KindRoutes
	}))
	_, err = tables.Core().V1().ConfigMaps().Informer().AddEventHandler(onEach(func(o *corev1.ConfigMap) {
		c.note(func() { c.routes[o.Namespace] = o.Data[names.KeyRoutes] })
	}))
	require.NoError(b, err)
	bindings.Start(b.Context().Done())
	tables.Start(b.Context().Done())
}

// onEach hands over every object as it is added or updated.
func onEach[T any](take func(T)) cache.ResourceEventHandler {
	one := func(object any) {
		if o, ok := object.(T); ok {
			take(o)
		}
	}
	return cache.ResourceEventHandlerFuncs{AddFunc: one, UpdateFunc: func(_, now any) { one(now) }}
}

func (c *scale) note(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
	close(c.changed)
	c.changed = make(chan struct{})
}

// until waits until something holds of what c follows.
func (c *scale) until(b *testing.B, what string, holds func() bool) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), scalePatience)
	defer cancel()
	for {
		c.mu.Lock()
		done, changed := holds(), c.changed
		c.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			b.Fatalf("waiting until %s: %v; %d are ready", what, ctx.Err(), len(c.ready))
		}
	}
}

func (c *scale) add(b *testing.B, i int) (key string) {
	b.Helper()
	binding := &aofv1.FlowBinding{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("b-%d", i)}, Spec: aofv1.FlowBindingSpec{
		Trigger: aofv1.ObjectReference{Name: "web"}, Context: aofv1.ObjectReference{Name: "prod"}, Flow: aofv1.ObjectReference{Name: "answer"},
	}}
	_, err := c.aof.AofV1().FlowBindings(scaleNamespace(i)).Create(b.Context(), binding, metav1.CreateOptions{})
	if err != nil {
		b.Error("create:", err)
	}
	return scaleNamespace(i) + "/" + binding.Name
}

// isRouted says whether a route table has the binding.
func (c *scale) isRouted(i int) bool {
	return strings.Contains(c.routes[scaleNamespace(i)], fmt.Sprintf(`"id":"%s/b-%d"`, scaleNamespace(i), i))
}

// fill adds bindings until there are so many, and waits until all of them work
// and the controller has nothing to do.
func (c *scale) fill(b *testing.B, size int) {
	b.Helper()
	work := make(chan int)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for i := range work {
				c.add(b, i)
			}
		})
	}
	for i := c.count; i < size; i++ {
		work <- i
	}
	close(work)
	group.Wait()
	c.count = size
	c.until(b, "all are ready", func() bool { return len(c.ready) >= size })
	c.until(b, "all are routed", func() bool {
		for i := max(0, size-scaleNamespaces); i < size; i++ {
			if strings.Count(c.routes[scaleNamespace(i)], `"id":"`+scaleNamespace(i)+"/") != size/scaleNamespaces {
				return false
			}
		}
		return true
	})
}

// grow makes it so many bindings and measures.
func (c *scale) grow(b *testing.B, size int) scaleFigures {
	b.Helper()
	c.audit.settle(b)
	f := scaleFigures{batch: size - c.count}
	began, cpu, requests := time.Now(), c.process.cpu(b), c.audit.count(b)
	c.fill(b, size)
	f.took = time.Since(began)
	c.audit.settle(b)
	f.cpu, f.requests = c.process.cpu(b)-cpu, c.audit.count(b)-requests
	f.rss, f.pss = c.process.memory(b)

	var ready, routed []time.Duration
	cpu, requests = c.process.cpu(b), c.audit.count(b)
	for i := size; i < size+scaleSamples; i++ {
		began := time.Now()
		key := c.add(b, i)
		c.until(b, key+" is ready", func() bool { return c.ready[key] })
		ready = append(ready, time.Since(began))
		c.until(b, key+" is routed", func() bool { return c.isRouted(i) })
		routed = append(routed, time.Since(began))
	}
	c.count = size + scaleSamples
	c.audit.settle(b)
	f.addedCPU = (c.process.cpu(b) - cpu) / scaleSamples
	f.addedRequests = float64(c.audit.count(b)-requests) / scaleSamples
	f.ready, f.routed = median(ready), median(routed)
	return f
}

func median(of []time.Duration) time.Duration {
	slices.Sort(of)
	return of[len(of)/2]
}
