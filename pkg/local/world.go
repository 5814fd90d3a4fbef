// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package local

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/manifest"
	"aof.dev/operator/pkg/plan"
)

// World is one loading of the files: the objects by kind and name, and for each
// binding the plan it compiles to or why it does not. It never changes.
type World struct {
	triggers map[types.NamespacedName]*aofv1.Trigger
	contexts map[types.NamespacedName]*aofv1.Context
	flows    map[types.NamespacedName]*aofv1.AgentFlow
	agents   map[types.NamespacedName]*aofv1.Agent
	fleets   map[types.NamespacedName]*aofv1.AgentFleet
	bindings []*Bound
}

var _ plan.Finder = (*World)(nil)

// Bound is a binding with what it compiles to.
type Bound struct {
	Binding *aofv1.FlowBinding
	// Plan, its stored form and its name; nil when Err is set.
	Plan    *plan.Plan
	Encoded []byte
	Name    string
	// Err says why the binding can't start runs.
	Err error
}

// Key is the binding's namespace and name.
func (b *Bound) Key() types.NamespacedName {
	return types.NamespacedName{Namespace: b.Binding.Namespace, Name: b.Binding.Name}
}

// Load reads, checks and compiles the files. Objects without a namespace are in
// "default". Problems that are errors come back with an empty World: half of a
// composition is not served.
func Load(paths []string, opts manifest.Options) (*World, []manifest.Problem) {
	objects, problems := manifest.Load(paths, opts)
	problems = append(problems, manifest.Validate(objects)...)
	if len(manifest.Errors(problems)) > 0 {
		return nil, manifest.Sort(problems)
	}
	return newWorld(objects), manifest.Sort(problems)
}

func newWorld(objects []*manifest.Object) *World {
	w := &World{
		triggers: map[types.NamespacedName]*aofv1.Trigger{},
		contexts: map[types.NamespacedName]*aofv1.Context{},
		flows:    map[types.NamespacedName]*aofv1.AgentFlow{},
		agents:   map[types.NamespacedName]*aofv1.Agent{},
		fleets:   map[types.NamespacedName]*aofv1.AgentFleet{},
	}
	for _, o := range objects {
		w.add(o.Object)
	}
	slices.SortFunc(w.bindings, func(a, b *Bound) int { return cmp.Compare(a.Key().String(), b.Key().String()) })
	for _, b := range w.bindings {
		b.compile(w)
	}
	return w
}

func (w *World) add(object manifest.Resource) {
	if object.GetNamespace() == "" {
		object.SetNamespace(metav1.NamespaceDefault)
	}
	key := types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetName()}
	switch o := object.(type) {
	case *aofv1.Trigger:
		w.triggers[key] = o
	case *aofv1.Context:
		w.contexts[key] = o
	case *aofv1.AgentFlow:
		w.flows[key] = o
	case *aofv1.Agent:
		w.agents[key] = o
	case *aofv1.AgentFleet:
		w.fleets[key] = o
	case *aofv1.FlowBinding:
		w.bindings = append(w.bindings, &Bound{Binding: o})
	}
}

func (b *Bound) compile(w *World) {
	if b.Plan, b.Err = plan.Binding(b.Binding, w); b.Err != nil {
		return
	}
	if b.Encoded, b.Err = b.Plan.Encode(); b.Err != nil {
		return
	}
	b.Name = plan.Name(b.Plan, b.Encoded)
}

// Trigger finds a Trigger; nil when there is none. So do the methods below.
func (w *World) Trigger(key types.NamespacedName) *aofv1.Trigger { return w.triggers[key] }

// Context finds a Context.
func (w *World) Context(key types.NamespacedName) *aofv1.Context { return w.contexts[key] }

// Flow finds an AgentFlow.
func (w *World) Flow(key types.NamespacedName) *aofv1.AgentFlow { return w.flows[key] }

// Agent finds an Agent.
func (w *World) Agent(key types.NamespacedName) *aofv1.Agent { return w.agents[key] }

// Fleet finds an AgentFleet.
func (w *World) Fleet(key types.NamespacedName) *aofv1.AgentFleet { return w.fleets[key] }

// Bindings are all bindings, by namespace and name.
func (w *World) Bindings() []*Bound { return w.bindings }

// binding finds one by its key.
func (w *World) binding(key string) *Bound {
	for _, b := range w.bindings {
		if b.Key().String() == key {
			return b
		}
	}
	return nil
}

// FindFlow finds a flow by "name" or "namespace/name". A bare name must be the
// only one of its kind.
func (w *World) FindFlow(name string) (*aofv1.AgentFlow, error) {
	return findNamed(w.flows, "flow", name)
}

// FindContext finds a Context as FindFlow finds a flow.
func (w *World) FindContext(name string) (*aofv1.Context, error) {
	return findNamed(w.contexts, "context", name)
}

func findNamed[T any](all map[types.NamespacedName]T, kind, name string) (T, error) {
	ref := aofv1.ParseReference(name)
	var found []types.NamespacedName
	for key := range all {
		if key.Name == ref.Name && (ref.Namespace == "" || ref.Namespace == key.Namespace) {
			found = append(found, key)
		}
	}
	var zero T
	switch len(found) {
	case 0:
		return zero, fmt.Errorf("no %s %q in the files; there are: %s", kind, name, listed(all))
	case 1:
		return all[found[0]], nil
	default:
		return zero, fmt.Errorf("%s %q is ambiguous, write namespace/name: %s", kind, name, listed(all))
	}
}

func listed[T any](all map[types.NamespacedName]T) string {
	names := make([]string, 0, len(all))
	for key := range all {
		names = append(names, key.String())
	}
	slices.Sort(names)
	const most = 20
	if len(names) > most {
		names = append(names[:most], fmt.Sprintf("and %d more", len(names)-most))
	}
	if len(names) == 0 {
		return "none"
	}
	return fmt.Sprintf("%v", names)
}

// contextFor is the Context for a flow that is run by hand: the one named, else
// that of the only binding of the flow, else none.
func (w *World) contextFor(f *aofv1.AgentFlow, name string) (*aofv1.Context, error) {
	if name != "" {
		return w.FindContext(name)
	}
	var found []*aofv1.Context
	for _, b := range w.bindings {
		key := b.Binding.Spec.Flow.NamespacedName(b.Binding.Namespace)
		if key.Namespace != f.Namespace || key.Name != f.Name {
			continue
		}
		if c := w.contexts[b.Binding.Spec.Context.NamespacedName(b.Binding.Namespace)]; c != nil && !slices.Contains(found, c) {
			found = append(found, c)
		}
	}
	if len(found) > 1 {
		return nil, errors.New("the flow is bound in several contexts, say which with --context")
	}
	if len(found) == 1 {
		return found[0], nil
	}
	return nil, nil //nolint:nilnil // no Context is an answer: the flow's own holds
}
