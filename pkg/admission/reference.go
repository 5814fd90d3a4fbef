// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/flow"
)

// reference is one place where an object names another.
type reference struct {
	field    string
	resource string // in group aof.dev
	key      types.NamespacedName
}

// target is what a reference points to, whichever field it stands in.
func (r reference) target() string { return r.resource + "/" + r.key.String() }

// foreign are the references of an object to objects in other namespaces, in the
// order of its fields.
func foreign(object any) []reference {
	switch o := object.(type) {
	case *aofv1.FlowBinding:
		return elsewhere(o.Namespace, bindingReferences(o))
	case *aofv1.AgentFlow:
		return elsewhere(o.Namespace, flowReferences(o))
	case *aofv1.AgentFleet:
		return elsewhere(o.Namespace, fleetReferences(o))
	case *aofv1.FlowRun:
		return elsewhere(o.Namespace, runReferences(o))
	}
	return nil
}

func bindingReferences(b *aofv1.FlowBinding) []reference {
	return []reference{
		to(b.Namespace, "spec.trigger", "triggers", &b.Spec.Trigger),
		to(b.Namespace, "spec.context", "contexts", &b.Spec.Context),
		to(b.Namespace, "spec.flow", "agentflows", &b.Spec.Flow),
	}
}

// flowReferences reads the agents and fleets of nodes as pkg/plan does: a name,
// or namespace/name.
func flowReferences(f *aofv1.AgentFlow) []reference {
	var out []reference
	for i := range f.Spec.Nodes {
		node := &f.Spec.Nodes[i]
		for _, key := range []struct{ name, resource string }{{"agent", "agents"}, {"fleet", "agentfleets"}} {
			name, _ := node.Config[key.name].(string)
			if kind, _ := flow.ParseKind(node.Type); key.name == "agent" && kind != flow.KindAgent {
				continue // what other nodes call an agent is none of ours
			}
			if namespace, rest, ok := strings.Cut(name, "/"); ok {
				out = append(out, reference{
					field: fmt.Sprintf("spec.nodes[%d].config.%s", i, key.name), resource: key.resource,
					key: types.NamespacedName{Namespace: namespace, Name: rest},
				})
			}
		}
	}
	if c := f.Spec.Context; c != nil {
		out = append(out, to(f.Namespace, "spec.context.ref", "contexts", c.Ref))
	}
	return out
}

func fleetReferences(f *aofv1.AgentFleet) []reference {
	out := make([]reference, 0, len(f.Spec.Agents))
	for i := range f.Spec.Agents {
		out = append(out, to(f.Namespace, fmt.Sprintf("spec.agents[%d].ref", i), "agents", f.Spec.Agents[i].Ref))
	}
	return out
}

func runReferences(r *aofv1.FlowRun) []reference {
	return []reference{
		to(r.Namespace, "spec.flow", "agentflows", &r.Spec.Flow),
		to(r.Namespace, "spec.binding", "flowbindings", r.Spec.Binding),
		to(r.Namespace, "spec.trigger", "triggers", r.Spec.Trigger),
		to(r.Namespace, "spec.context", "contexts", r.Spec.Context),
	}
}

// to is the reference as seen from an object in namespace; one to nothing when
// it is absent.
func to(namespace, field, resource string, ref *aofv1.ObjectReference) reference {
	if ref == nil || ref.Name == "" {
		return reference{key: types.NamespacedName{Namespace: namespace}}
	}
	return reference{field: field, resource: resource, key: ref.NamespacedName(namespace)}
}

func elsewhere(namespace string, all []reference) []reference {
	var out []reference
	for _, r := range all {
		if r.key.Namespace != namespace {
			out = append(out, r)
		}
	}
	return out
}

// typed reads an object in the type that its kind has here; nil for kinds that
// refer to nothing.
func typed(u *unstructured.Unstructured) (any, error) {
	var object any
	switch u.GetKind() {
	case "FlowBinding":
		object = &aofv1.FlowBinding{}
	case "AgentFlow":
		object = &aofv1.AgentFlow{}
	case "AgentFleet":
		object = &aofv1.AgentFleet{}
	case "FlowRun":
		object = &aofv1.FlowRun{}
	default:
		return nil, nil //nolint:nilnil // no type is an answer: nothing is to be checked
	}
	return object, decode(u, object)
}
