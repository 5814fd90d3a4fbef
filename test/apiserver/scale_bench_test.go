// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"fmt"
	"slices"
	"strconv"
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
	// scalePatience is how long nothing may happen.
	scalePatience = time.Minute
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
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			for range b.N {
				figures[size] = c.grow(b, size)
			}
			figures[size].report(b)
		})
	}
	if least, ok := figures[100]; ok {
		for size, f := range figures {
			b.Logf("%d : 100, one more of a Trigger with few: %s", size, f.few.ratios(least.few))
			b.Logf("%d : 100, one more of a Trigger with %d: %s", size, size/scaleNamespaces, f.many.ratios(least.many))
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
	rss, pss float64
	// What one more took then: of a Trigger with few bindings, and of one with its
	// share of all.
	few, many onemore
}

// onemore is what one more binding took, as a median; of the processor as a mean.
type onemore struct {
	ready, routed, cpu time.Duration
	requests           float64
}

func (o onemore) ratios(least onemore) string {
	return fmt.Sprintf("%.2f of the controller's processor, %.2f until ready, %.2f until routed",
		o.cpu.Seconds()/least.cpu.Seconds(), o.ready.Seconds()/least.ready.Seconds(), o.routed.Seconds()/least.routed.Seconds())
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }

func (o onemore) report(b *testing.B, of string) {
	b.Helper()
	b.ReportMetric(milliseconds(o.ready), "ready-ms/"+of)
	b.ReportMetric(milliseconds(o.routed), "routed-ms/"+of)
	b.ReportMetric(milliseconds(o.cpu), "cpu-ms/"+of)
	b.ReportMetric(o.requests, "requests/"+of)
}

func (f scaleFigures) report(b *testing.B) {
	b.Helper()
	n := float64(f.batch)
	b.ReportMetric(0, "ns/op") // says nothing here
	b.ReportMetric(f.took.Seconds(), "s")
	b.ReportMetric(milliseconds(f.took)/n, "ms/binding")
	b.ReportMetric(milliseconds(f.cpu)/n, "cpu-ms/binding")
	b.ReportMetric(float64(f.requests)/n, "requests/binding")
	f.few.report(b, "few+1")
	f.many.report(b, "many+1")
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
	// count is how many bindings the namespaces share, others how many more there
	// are.
	count, others int
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
	objects := &strings.Builder{}
	fmt.Fprintf(objects, "{apiVersion: %s/v1, kind: Service, metadata: {name: %s, namespace: %s}, spec: {}}\n", serving, names.Adapter, system)
	for i := range scaleNamespaces {
		fmt.Fprintf(objects, `---
{apiVersion: v1, kind: Namespace, metadata: {name: %[1]s}}
---
{apiVersion: aof.dev/v1, kind: Context, metadata: {name: prod, namespace: %[1]s}, spec: {namespace: prod}}
---
{apiVersion: aof.dev/v1, kind: Trigger, metadata: {name: web, namespace: %[1]s}, spec: {type: HTTP, config: {path: /x}}}
---
{apiVersion: aof.dev/v1, kind: AgentFlow, metadata: {name: answer, namespace: %[1]s}, spec: {trigger: {type: HTTP, config: {}}, nodes: [{id: say, type: Transform, config: {script: "export A=1"}}], connections: [{from: start, to: say}]}}
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
		c.note(func() { c.routes[o.Namespace+"/"+o.Name] = o.Data[names.KeyRoutes] })
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
	for {
		c.mu.Lock()
		done, changed := holds(), c.changed
		c.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-time.After(scalePatience):
			out, err := c.server.Kubectl(b.Context(), nil, "-n", scaleNamespace(0), "get", "triggers.aof.dev,flowbindings", "-o", "wide")
			b.Fatalf("waiting until %s; %v\n%.2000s", what, err, out)
		}
	}
}

func (c *scale) add(b *testing.B, namespace, trigger, name string) (key string) {
	b.Helper()
	binding := &aofv1.FlowBinding{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: aofv1.FlowBindingSpec{
		Trigger: aofv1.ObjectReference{Name: trigger}, Context: aofv1.ObjectReference{Name: "prod"}, Flow: aofv1.ObjectReference{Name: "answer"},
	}}
	if _, err := c.aof.AofV1().FlowBindings(namespace).Create(b.Context(), binding, metav1.CreateOptions{}); err != nil {
		b.Error("create:", err)
	}
	return namespace + "/" + name
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
				c.add(b, scaleNamespace(i), "web", fmt.Sprintf("b-%d", i))
			}
		})
	}
	for i := c.count; i < size; i++ {
		work <- i
	}
	close(work)
	group.Wait()
	c.count = size
	c.until(b, "all are ready", func() bool { return len(c.ready) >= size+c.others })
	c.until(b, "all are routed", func() bool {
		for i := max(0, size-scaleNamespaces); i < size; i++ {
			if strings.Count(c.routes[scaleNamespace(i)+"/"+names.Routes("web")], `"ID":"`+scaleNamespace(i)+"/") != size/scaleNamespaces {
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

	trigger := fmt.Sprintf("few-%d", size)
	_, err := c.aof.AofV1().Triggers(scaleNamespace(0)).Create(b.Context(), &aofv1.Trigger{
		ObjectMeta: metav1.ObjectMeta{Name: trigger}, Spec: aofv1.TriggerSpec{Type: aofv1.TriggerHTTP, Config: aofv1.JSONObject{"path": "/x"}},
	}, metav1.CreateOptions{})
	require.NoError(b, err)
	c.audit.settle(b)
	f.few = c.sample(b, func(i int) (string, string, string) {
		return scaleNamespace(0), trigger, fmt.Sprintf("%s-%d", trigger, i)
	})
	c.others += scaleSamples
	f.many = c.sample(b, func(i int) (string, string, string) { return scaleNamespace(i), "web", fmt.Sprintf("b-%d", size+i) })
	c.count = size + scaleSamples
	return f
}

// sample adds bindings one after the other.
func (c *scale) sample(b *testing.B, which func(i int) (namespace, trigger, name string)) onemore {
	b.Helper()
	var o onemore
	var ready, routed []time.Duration
	cpu, requests := c.process.cpu(b), c.audit.count(b)
	for i := range scaleSamples {
		namespace, trigger, name := which(i)
		began := time.Now()
		key := c.add(b, namespace, trigger, name)
		c.until(b, key+" is ready", func() bool { return c.ready[key] })
		ready = append(ready, time.Since(began))
		c.until(b, key+" is routed", func() bool {
			return strings.Contains(c.routes[namespace+"/"+names.Routes(trigger)], `"ID":"`+key+`"`)
		})
		routed = append(routed, time.Since(began))
	}
	c.audit.settle(b)
	o.cpu = (c.process.cpu(b) - cpu) / scaleSamples
	o.requests = float64(c.audit.count(b)-requests) / scaleSamples
	o.ready, o.routed = median(ready), median(routed)
	return o
}

func median(of []time.Duration) time.Duration {
	slices.Sort(of)
	return of[len(of)/2]
}
