// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package tally

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	clocktesting "k8s.io/utils/clock/testing"
	"knative.dev/pkg/kmeta"
	logtesting "knative.dev/pkg/logging/testing"
	"knative.dev/pkg/reconciler"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	typedaofv1 "aof.dev/operator/pkg/client/clientset/versioned/typed/aof/v1"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/settings"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// api is an API server as far as a count looks at one: writes meet the newest
// version of an object or fail.
type api struct {
	mu      sync.Mutex
	version int
	runs    map[string]*aofv1.FlowRun
	maps    map[string]*corev1.ConfigMap
	writes  []string
}

func newAPI(runs ...*aofv1.FlowRun) *api {
	a := &api{runs: map[string]*aofv1.FlowRun{}, maps: map[string]*corev1.ConfigMap{}}
	for _, run := range runs {
		a.add(run)
	}
	return a
}

func (a *api) add(run *aofv1.FlowRun) {
	a.mu.Lock()
	defer a.mu.Unlock()
	run = run.DeepCopy()
	run.ResourceVersion = a.next()
	a.runs[run.Namespace+"/"+run.Name] = run
}

func (a *api) next() string {
	a.version++
	return strconv.Itoa(a.version)
}

func (a *api) log(format string, args ...any) {
	a.writes = append(a.writes, fmt.Sprintf(format, args...))
}

func (a *api) document(t *testing.T, kind, namespace, name string) *Document {
	t.Helper()
	stored := a.maps[namespace+"/"+names.Tally(kind, name)]
	require.NotNil(t, stored, "there is no tally of %s %s/%s", kind, namespace, name)
	d, err := Decode(stored.Data[names.KeyTally])
	require.NoError(t, err)
	return d
}

// errDead is what a process that has crashed meets: nothing gets through.
var errDead = errors.New("the process is dead")

// process is one controller process and its connection to the API server.
type process struct {
	*Reconciler
	api    *api
	events *record.FakeRecorder
	dead   bool
	wrote  int
	// around is called for every write, by number from 1, and commits it or not.
	around func(write int, commit func() error) error
}

// start begins a process whose cache has these runs.
func start(t *testing.T, a *api, cached []*aofv1.FlowRun, objects objects) *process {
	t.Helper()
	p := &process{api: a, events: record.NewFakeRecorder(1000)}
	indexer := cache.NewIndexer(cache.MetaNamespaceKeyFunc, Indexers())
	p.Reconciler = New(Dependencies{
		Runs: indexer, RunWriter: runClient{p: p}, Uncounted: p.uncounted, ConfigMaps: mapClient{p: p}, Objects: objects,
		Settings: settings.Default, Clock: clocktesting.NewFakePassiveClock(noon), Recorder: p.events,
	})
	p.see(t, cached)
	require.NoError(t, p.Promote(reconciler.UniversalBucket(), nil))
	return p
}

// see has the process's cache hold these runs.
func (p *process) see(t *testing.T, runs []*aofv1.FlowRun) {
	t.Helper()
	var list []any
	for _, run := range runs {
		trimmed, err := Trim(run.DeepCopy())
		require.NoError(t, err)
		list = append(list, trimmed)
	}
	require.NoError(t, p.Runs.Replace(list, ""))
}

func (p *process) reconcile(t *testing.T, key string) error {
	t.Helper()
	return p.Reconcile(logtesting.TestContextWithLogger(t), key)
}

// all is what a cache has that is not behind.
func (a *api) all() []*aofv1.FlowRun {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []*aofv1.FlowRun
	for _, run := range a.runs {
		out = append(out, run.DeepCopy())
	}
	return out
}

func (p *process) write(commit func() error) error {
	p.api.mu.Lock()
	p.wrote++
	n, around, dead := p.wrote, p.around, p.dead
	p.api.mu.Unlock()
	locked := func() error {
		p.api.mu.Lock()
		defer p.api.mu.Unlock()
		return commit()
	}
	switch {
	case dead:
		return errDead
	case around != nil:
		return around(n, locked)
	default:
		return locked()
	}
}

func (p *process) read(do func() error) error {
	p.api.mu.Lock()
	defer p.api.mu.Unlock()
	if p.dead {
		return errDead
	}
	return do()
}

func (p *process) uncounted(_ context.Context, key types.NamespacedName) (found sets.Set[types.UID], err error) {
	found = sets.New[types.UID]()
	return found, p.read(func() error {
		for _, run := range p.api.runs {
			if keyOf(run) == key && !folded(run) {
				found.Insert(run.UID)
			}
		}
		return nil
	})
}

// objects are what runs are counted for.
type objects map[target]kmeta.OwnerRefableAccessor

func (o objects) Object(_ context.Context, kind string, key types.NamespacedName) (kmeta.OwnerRefableAccessor, error) {
	if obj := o[target{Kind: kind, NamespacedName: key}]; obj != nil {
		return obj, nil
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: kind}, key.Name)
}

type runClient struct {
	typedaofv1.FlowRunInterface
	p         *process
	namespace string
}

func (c runClient) FlowRuns(namespace string) typedaofv1.FlowRunInterface {
	return runClient{p: c.p, namespace: namespace}
}

func (c runClient) Get(_ context.Context, name string, _ metav1.GetOptions) (got *aofv1.FlowRun, err error) {
	return got, c.p.read(func() error {
		run := c.p.api.runs[c.namespace+"/"+name]
		if run == nil {
			return notFound(name)
		}
		got = run.DeepCopy()
		return nil
	})
}

func (c runClient) Patch(_ context.Context, name string, kind types.PatchType, data []byte, _ metav1.PatchOptions, _ ...string) (*aofv1.FlowRun, error) {
	var patch struct {
		Metadata struct {
			UID    types.UID         `json:"uid"`
			Labels map[string]string `json:"labels"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(data, &patch); err != nil || kind != types.MergePatchType {
		return nil, fmt.Errorf("unexpected patch %s: %w", data, err)
	}
	return nil, c.p.write(func() error {
		run := c.p.api.runs[c.namespace+"/"+name]
		if run == nil {
			return notFound(name)
		}
		if run.UID != patch.Metadata.UID {
			return conflict(name)
		}
		for k, v := range patch.Metadata.Labels {
			metav1.SetMetaDataLabel(&run.ObjectMeta, k, v)
		}
		run.ResourceVersion = c.p.api.next()
		c.p.api.log("label %s", name)
		return nil
	})
}

func (c runClient) Delete(_ context.Context, name string, options metav1.DeleteOptions) error {
	return c.p.write(func() error {
		run := c.p.api.runs[c.namespace+"/"+name]
		if run == nil {
			return notFound(name)
		}
		if *options.Preconditions.UID != run.UID {
			return conflict(name)
		}
		delete(c.p.api.runs, c.namespace+"/"+name)
		c.p.api.log("delete %s", name)
		return nil
	})
}

type mapClient struct {
	typedcorev1.ConfigMapInterface
	p         *process
	namespace string
}

func (c mapClient) ConfigMaps(namespace string) typedcorev1.ConfigMapInterface {
	return mapClient{p: c.p, namespace: namespace}
}

func (c mapClient) Get(_ context.Context, name string, _ metav1.GetOptions) (got *corev1.ConfigMap, err error) {
	return got, c.p.read(func() error {
		stored := c.p.api.maps[c.namespace+"/"+name]
		if stored == nil {
			return notFound(name)
		}
		got = stored.DeepCopy()
		return nil
	})
}

func (c mapClient) Create(_ context.Context, m *corev1.ConfigMap, _ metav1.CreateOptions) (*corev1.ConfigMap, error) {
	return nil, c.p.write(func() error {
		if c.p.api.maps[c.namespace+"/"+m.Name] != nil {
			return apierrors.NewAlreadyExists(schema.GroupResource{Resource: "configmaps"}, m.Name)
		}
		c.put(m)
		c.p.api.log("create %s", m.Name)
		return nil
	})
}

func (c mapClient) Update(_ context.Context, m *corev1.ConfigMap, _ metav1.UpdateOptions) (*corev1.ConfigMap, error) {
	return nil, c.p.write(func() error {
		stored := c.p.api.maps[c.namespace+"/"+m.Name]
		if stored == nil {
			return notFound(m.Name)
		}
		if m.ResourceVersion != stored.ResourceVersion {
			return conflict(m.Name)
		}
		c.put(m)
		c.p.api.log("update %s", m.Name)
		return nil
	})
}

func (c mapClient) put(m *corev1.ConfigMap) {
	m = m.DeepCopy()
	m.ResourceVersion = c.p.api.next()
	c.p.api.maps[c.namespace+"/"+m.Name] = m
}

func notFound(name string) error {
	return apierrors.NewNotFound(schema.GroupResource{Resource: "things"}, name)
}

func conflict(name string) error {
	return apierrors.NewConflict(schema.GroupResource{Resource: "things"}, name, errors.New("it was changed"))
}

// finished is a run of binding b and flow f that is over and asked the agents.
func finished(name string, phase aofv1.FlowRunPhase, ended time.Time, agents ...string) *aofv1.FlowRun {
	began, over := metav1.NewMicroTime(ended.Add(-time.Second)), metav1.NewMicroTime(ended)
	run := &aofv1.FlowRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, UID: types.UID("uid-" + name), CreationTimestamp: metav1.NewTime(ended.Add(-time.Second))},
		Spec: aofv1.FlowRunSpec{
			Flow: aofv1.ObjectReference{Namespace: "flows", Name: "f"}, Binding: &aofv1.ObjectReference{Name: "b"},
			Event: runtime.RawExtension{Raw: []byte(`{"specversion":"1.0","id":"event-` + name + `","source":"/s","type":"t","data":{"text":"long"}}`)},
		},
		Status: aofv1.FlowRunStatus{Phase: phase, StartTime: &began, CompletionTime: &over},
	}
	if phase == aofv1.FlowRunPhaseFailed {
		run.Status.Error = &aofv1.RunError{Node: "n", Reason: "Failed", Message: "it broke"}
	}
	for _, agent := range agents {
		run.Status.Nodes = append(run.Status.Nodes, aofv1.NodeStatus{
			ID: "ask-" + agent, Type: "Agent", Phase: aofv1.NodePhaseSucceeded, StartTime: &began, EndTime: &over,
			Output: &runtime.RawExtension{Raw: []byte(`{"agent":"` + agent + `","text":"an answer"}`)},
		})
	}
	return run
}

// everything is what those runs are counted for.
func everything() objects {
	meta := func(namespace, name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID("uid-of-" + name), CreationTimestamp: metav1.NewTime(noon.Add(-24 * time.Hour))}
	}
	return objects{
		{Kind: KindBinding, NamespacedName: types.NamespacedName{Namespace: "ns", Name: "b"}}:   &aofv1.FlowBinding{ObjectMeta: meta("ns", "b")},
		{Kind: KindFlow, NamespacedName: types.NamespacedName{Namespace: "flows", Name: "f"}}:   &aofv1.AgentFlow{ObjectMeta: meta("flows", "f")},
		{Kind: KindAgent, NamespacedName: types.NamespacedName{Namespace: "flows", Name: "a1"}}: &aofv1.Agent{ObjectMeta: meta("flows", "a1")},
		{Kind: KindAgent, NamespacedName: types.NamespacedName{Namespace: "flows", Name: "a2"}}: &aofv1.Agent{ObjectMeta: meta("flows", "a2")},
	}
}
