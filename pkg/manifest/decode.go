// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
)

// apiVersion is the only one there is.
const apiVersion = "aof.dev/v1"

// kinds makes an empty object of each kind that can stand in a file.
var kinds = map[string]func() Resource{
	"Context":     func() Resource { return &aofv1.Context{} },
	"Trigger":     func() Resource { return &aofv1.Trigger{} },
	"FlowBinding": func() Resource { return &aofv1.FlowBinding{} },
	"Agent":       func() Resource { return &aofv1.Agent{} },
	"AgentFleet":  func() Resource { return &aofv1.AgentFleet{} },
	"AgentFlow":   func() Resource { return &aofv1.AgentFlow{} },
	"FlowRun":     func() Resource { return &aofv1.FlowRun{} },
}

// Decode turns a document into the objects it holds: one, or the items of a
// list. It reports what is no AOF object as skipped and everything a kind does
// not know as an error; an object with an error is not among the objects.
func Decode(doc *Document) ([]*Object, []Problem) {
	d := &decoding{file: doc.File}
	d.node(doc.Root, "")
	return d.objects, d.problems
}

// decoding collects what one document gives.
type decoding struct {
	file     string
	objects  []*Object
	problems []Problem
}

func (d *decoding) report(level Level, node *yaml.Node, format string, args ...any) {
	kind, name := identify(node)
	if node.Kind != yaml.MappingNode {
		kind, name = "", ""
	}
	d.problems = append(d.problems, Problem{
		File: d.file, Line: max(node.Line, 1), Kind: kind, Name: name, Level: level,
		Message: oneLine(fmt.Sprintf(format, args...)), ObjectLine: max(node.Line, 1),
	})
}

// node takes one object or the items of a list. Item is the kind a typed list
// says its items are.
func (d *decoding) node(root *yaml.Node, item string) {
	if root.Kind != yaml.MappingNode {
		d.report(LevelSkipped, root, "not an object with fields")
		return
	}
	kind, version := textAt(root, "kind"), textAt(root, "apiVersion")
	if kind == "" && item != "" {
		kind = item
		if version == "" {
			version = apiVersion
		}
	}
	if items, ok := strings.CutSuffix(kind, "List"); ok && (items == "" || kinds[items] != nil) && (version == "v1" || version == apiVersion) {
		d.list(root, items)
		return
	}
	if !d.accept(root, kind, version) {
		return
	}
	if object := d.object(root, kind); object != nil {
		d.objects = append(d.objects, object)
	}
}

func textAt(root *yaml.Node, key string) string {
	if n := Child(root, key); n != nil && n.Kind == yaml.ScalarNode {
		return n.Value
	}
	return ""
}

func (d *decoding) list(root *yaml.Node, kind string) {
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		switch key.Value {
		case "apiVersion", "kind", "metadata":
		case "items":
			if value.Kind != yaml.SequenceNode {
				d.report(LevelError, root, "items wants a list, found %s", describe(value))
				continue
			}
			for _, item := range value.Content {
				d.node(item, kind)
			}
		default:
			d.report(LevelError, root, "unknown field %q in a list", clip(key.Value, 80))
		}
	}
}

// accept tells whether a document is one of our objects. One that is not ours
// at all is skipped; one that nearly is, is an error.
func (d *decoding) accept(root *yaml.Node, kind, version string) bool {
	switch group, _, _ := strings.Cut(version, "/"); {
	case version == apiVersion && kinds[kind] != nil:
		return true
	case upstreamForm(root, kind, version) != "":
		d.report(LevelError, root, "looks like upstream form (%s): run `aof import -f %s`", upstreamForm(root, kind, version), d.file)
	case version == apiVersion && kind == "":
		d.report(LevelError, root, "kind is missing")
	case version == apiVersion:
		d.report(LevelError, root, "unknown kind %q: want Context, Trigger, FlowBinding, Agent, AgentFleet or AgentFlow", clip(kind, 60))
	case group == "aof.dev":
		d.report(LevelError, root, "unknown apiVersion %q: want %s", clip(version, 60), apiVersion)
	case version == "" && kinds[kind] != nil:
		d.report(LevelError, root, "apiVersion is missing: want %s", apiVersion)
	case version == "" && kind == "":
		d.report(LevelSkipped, root, "no apiVersion and kind: not an AOF object")
	default:
		d.report(LevelSkipped, root, "kind %q of %q is not an AOF object", clip(kind, 60), clip(version, 60))
	}
	return false
}

// object decodes one object of a kind there is.
func (d *decoding) object(root *yaml.Node, kind string) *Object {
	resource := kinds[kind]()
	_, name := identify(root)
	o := &Object{Object: resource, Kind: kind, Name: name, File: d.file, Line: max(root.Line, 1), node: root}
	before, hinted := len(d.problems), false
	check := &strict{found: func(dev deviation) {
		message := dev.message
		if dev.unknown && !hinted && upstreamField(kind, dev.path) {
			hinted = true // once for each object is enough
			message += fmt.Sprintf("; looks like upstream form: run `aof import -f %s`", d.file)
		}
		d.problems = append(d.problems, o.problem(dev.path, dev.line, message))
	}}
	check.check(root, reflect.TypeOf(resource), "")
	if len(d.problems) == before {
		d.problems = append(d.problems, o.fill()...)
	}
	d.problems = append(d.problems, o.checkName()...)
	if len(d.problems) > before {
		return nil
	}
	return o
}

func (o *Object) problem(field string, line int, message string) Problem {
	if line == 0 {
		line = o.LineOf(field)
	}
	return Problem{
		File: o.File, Line: line, Kind: o.Kind, Name: o.Name, Field: clip(field, 300),
		Message: oneLine(message), ObjectLine: o.Line,
	}
}

// fill decodes the tree into the typed object.
func (o *Object) fill() []Problem {
	data, err := json.Marshal(Value(o.node))
	if err == nil {
		err = json.Unmarshal(data, o.Object)
	}
	if err != nil {
		return []Problem{o.problem("", o.Line, "cannot be read: "+err.Error())}
	}
	o.Object.GetObjectKind().SetGroupVersionKind(aofv1.SchemeGroupVersion.WithKind(o.Kind))
	o.Namespace, o.Name = o.Object.GetNamespace(), o.Object.GetName()
	return nil
}

func (o *Object) checkName() []Problem {
	meta := Child(o.node, "metadata")
	name, namespace := Child(meta, "name"), Child(meta, "namespace")
	var problems []Problem
	if name == nil || name.Value == "" {
		problems = append(problems, o.problem("metadata.name", 0, "missing: every object needs a name"))
	} else if wrong := validation.IsDNS1123Subdomain(name.Value); len(wrong) > 0 {
		problems = append(problems, o.problem("metadata.name", 0, wrong[0]))
	}
	if namespace != nil && namespace.Value != "" {
		if wrong := validation.IsDNS1123Label(namespace.Value); len(wrong) > 0 {
			problems = append(problems, o.problem("metadata.namespace", 0, wrong[0]))
		}
	}
	return problems
}

// dropDuplicates reports every object whose kind, namespace and name another
// one has already, and keeps the first.
func dropDuplicates(objects []*Object) ([]*Object, []Problem) {
	first := map[[3]string]*Object{}
	var kept []*Object
	var problems []Problem
	for _, o := range objects {
		key := [3]string{o.Kind, o.Namespace, o.Name}
		if other, twice := first[key]; twice {
			problems = append(problems, o.problem("metadata.name", 0, fmt.Sprintf("already defined at %s:%d", other.File, other.Line)))
			continue
		}
		first[key] = o
		kept = append(kept, o)
	}
	return kept, problems
}

// Pruned is a key that Prune took out.
type Pruned struct {
	// Problem says where it stood and why it was taken out.
	Problem Problem
	// Node is the value that stood there.
	Node *yaml.Node
}

// Prune takes every key out of a document that its kind does not know, corrects
// keys written in the other spelling, and reports what it took out. Documents
// of no known kind are left alone. The importer ends with it.
func Prune(doc *Document) []Pruned {
	kind := textAt(doc.Root, "kind")
	if kinds[kind] == nil {
		return nil
	}
	_, name := identify(doc.Root)
	o := &Object{Kind: kind, Name: name, File: doc.File, Line: doc.Line, node: doc.Root}
	var pruned []Pruned
	check := &strict{mend: true, found: func(dev deviation) {
		if dev.unknown {
			pruned = append(pruned, Pruned{o.problem(dev.path, dev.line, dev.message), dev.node})
		}
	}}
	check.check(doc.Root, reflect.TypeOf(kinds[kind]()), "")
	return pruned
}
