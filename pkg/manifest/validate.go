// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"context"
	"fmt"
	"strings"

	"knative.dev/pkg/apis"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
)

// Validate sets the defaults of every object, validates it and looks whether
// what it refers to is among the objects. It gives all problems sorted: what an
// object's own validation finds is an error or a warning as that says; a
// reference that leads nowhere is a warning, because the object may live in the
// cluster already.
func Validate(objects []*Object) []Problem {
	var problems []Problem
	ctx := context.Background() //nolint:forbidigo // validation compares values: nothing in it can be cancelled
	for _, o := range objects {
		o.Object.SetDefaults(ctx)
		problems = append(problems, o.findings(o.Object.Validate(ctx))...)
	}
	return Sort(append(problems, references(objects)...))
}

// findings turns what a validation says into problems, one for each path.
func (o *Object) findings(found *apis.FieldError) []Problem {
	var problems []Problem
	for _, fe := range found.WrappedErrors() {
		level := LevelError
		if fe.Level == apis.WarningLevel {
			level = LevelWarning
		}
		message := fe.Message
		if fe.Details != "" {
			message += ": " + fe.Details
		}
		paths := fe.Paths
		if len(paths) == 0 {
			paths = []string{""}
		}
		for _, path := range paths {
			p := o.problem(path, 0, message)
			p.Level = level
			problems = append(problems, p)
		}
	}
	return problems
}

// index holds the objects by kind, namespace and name.
type index map[[3]string]bool

// references warns of everything a binding, flow or fleet names that is not
// among the objects.
func references(objects []*Object) []Problem {
	present := index{}
	for _, o := range objects {
		present[[3]string{o.Kind, o.Namespace, o.Name}] = true
	}
	var problems []Problem
	for _, o := range objects {
		missing := func(field, kind, name string) {
			p := o.problem(field, 0, fmt.Sprintf("%s %q is not among these files", kind, clip(name, 120)))
			p.Level = LevelWarning
			problems = append(problems, p)
		}
		switch r := o.Object.(type) {
		case *aofv1.FlowBinding:
			present.binding(o, r, missing)
		case *aofv1.AgentFlow:
			present.flow(o, r, missing)
		case *aofv1.AgentFleet:
			present.fleet(o, r, missing)
		}
	}
	return problems
}

type missing func(field, kind, name string)

func (x index) has(o *Object, kind string, ref aofv1.ObjectReference) bool {
	namespace := o.Namespace
	if ref.Namespace != "" {
		namespace = ref.Namespace
	}
	if x[[3]string{kind, namespace, ref.Name}] {
		return true
	}
	// A file without a namespace is for whichever one it is applied to.
	return x[[3]string{kind, "", ref.Name}]
}

func (x index) binding(o *Object, b *aofv1.FlowBinding, missing missing) {
	for _, part := range []struct {
		field, kind string
		ref         aofv1.ObjectReference
	}{
		{"spec.trigger", "Trigger", b.Spec.Trigger},
		{"spec.context", "Context", b.Spec.Context},
		{"spec.flow", "AgentFlow", b.Spec.Flow},
	} {
		if part.ref.Name != "" && !x.has(o, part.kind, part.ref) {
			missing(part.field, part.kind, part.ref.String())
		}
	}
}

func (x index) flow(o *Object, f *aofv1.AgentFlow, missing missing) {
	for i, node := range f.Spec.Nodes {
		at := fmt.Sprintf("spec.nodes[%d].config", i)
		x.config(o, at, node.Config, missing)
	}
	if c := f.Spec.Context; c != nil && c.Ref != nil && c.Ref.Name != "" && !x.has(o, "Context", *c.Ref) {
		missing("spec.context.ref", "Context", c.Ref.String())
	}
}

// config looks at what an Agent or Fleet node names; text with a reference in
// it is only known at run time.
func (x index) config(o *Object, at string, config aofv1.JSONObject, missing missing) {
	for key, kind := range map[string]string{"agent": "Agent", "fleet": "AgentFleet"} {
		name, ok := config[key].(string)
		if !ok || name == "" || strings.Contains(name, "${") {
			continue
		}
		ref := aofv1.ParseReference(name)
		if x.has(o, kind, ref) {
			continue
		}
		// Upstream also looks for X-agent when X is asked for.
		if suffixed := (aofv1.ObjectReference{Name: ref.Name + "-agent", Namespace: ref.Namespace}); kind == "Agent" && x.has(o, kind, suffixed) {
			continue
		}
		missing(at+"."+key, kind, name)
	}
}

func (x index) fleet(o *Object, f *aofv1.AgentFleet, missing missing) {
	for i, member := range f.Spec.Agents {
		if member.Ref != nil && member.Ref.Name != "" && !x.has(o, "Agent", *member.Ref) {
			missing(fmt.Sprintf("spec.agents[%d].ref", i), "Agent", member.Ref.String())
		}
	}
}
