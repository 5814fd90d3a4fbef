// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

func objectKey(kind, namespace, name string) string { return kind + "/" + namespace + "/" + name }

// generate begins an object that the input does not have but implies. Its name
// gets a number when it is taken.
func (o *object) generate(kind, name string, line int) *object {
	free := name
	for n := 2; o.in.generated[objectKey(kind, o.namespace, free)] != nil; n++ {
		free = fmt.Sprintf("%s-%d", objectName(clipName(name)), n)
	}
	g := &object{
		in: o.in, file: o.file, line: line, wrote: o.wrote, title: o.title,
		kind: kind, name: free, namespace: o.namespace,
		spec: mapping(line), paths: o.paths, parents: []*object{o},
	}
	meta := mapping(line, pair{"name", text(free, line)})
	if o.namespace != "" {
		set(meta, "namespace", text(o.namespace, line))
	}
	g.root = mapping(line,
		pair{"apiVersion", text(apiVersion, line)},
		pair{"kind", text(kind, line)},
		pair{"metadata", meta},
		pair{"spec", g.spec},
	)
	o.in.generated[objectKey(kind, o.namespace, free)] = g
	o.in.objects = append(o.in.objects, g)
	return g
}

// clipName leaves room for a number behind a name.
func clipName(name string) string { return name[:min(len(name), maxName-4)] }

// defaultContext gives a reference to the Context for bindings that name none:
// here a binding must have one. It is made once per namespace.
func (in *intake) defaultContext(o *object, line int) *yaml.Node {
	const name = "default"
	ref := mapping(line, pair{"name", text(name, line)})
	for _, other := range in.objects {
		if other.kind == "Context" && other.name == name && other.namespace == o.namespace {
			if !slices.Contains(other.parents, o) && len(other.parents) > 0 {
				other.parents = append(other.parents, o)
			}
			return ref
		}
	}
	o.generate("Context", name, line)
	o.changed(nil, "a Context named default is written with it: a binding has to name one, and upstream's does not")
	return ref
}

// ask gives a reference to a flow that puts the event's text to an agent or a
// fleet and replies with the answer. What the command adds to that (parameters,
// an answer at once, an approval) goes into a flow of its own.
func (o *object) ask(at *yaml.Node, kind string, who *yaml.Node, line int, name string) *yaml.Node {
	target := map[string]string{"agent": "Agent", "fleet": "AgentFleet"}[kind]
	asked := o.referenceName(who, target)
	if asked == "" {
		return nil
	}
	params, response := take(at, "params", "parameters"), take(at, "response")
	approval := take(at, "requires_approval")
	plain := isEmpty(params) && isEmpty(response) && !truth(approval)
	if plain {
		name = objectName("ask-" + asked)
		if kind == "fleet" {
			name = objectName("ask-fleet-" + asked)
		}
		if g := o.in.generated[objectKey("AgentFlow", o.namespace, name)]; g != nil {
			g.parents = append(g.parents, o)
			return mapping(line, pair{"name", text(g.name, line)})
		}
	}
	g := o.generate("AgentFlow", name, line)
	config := mapping(line, pair{kind, text(asked, line)}, pair{"input", text("${event.text}", line)})
	if isMapping(params) {
		set(config, "context", params)
	} else if !isEmpty(params) {
		o.dropped(params, "parameters are keys and values")
	}
	b := flowBuilder{line: line, last: "trigger"}
	if isScalar(response) {
		asText(response)
		b.aside("acknowledge", "Response", mapping(line, pair{"message", response}))
	} else {
		o.dropped(response, "the response is text")
	}
	if truth(approval) {
		b.then("approve", "Approval", mapping(line, pair{"message", text("Run "+asked+" for: ${event.text}", line)}), "")
		b.then("ask", target[len("Agent"):], config, "approved == true")
	} else {
		b.then("ask", target[len("Agent"):], config, "")
	}
	b.then("reply", "Response", mapping(line, pair{"message", text("${ask.output}", line)}), "")
	g.spec.Content = mapping(line,
		pair{"trigger", manualTrigger(line)},
		pair{"nodes", list(line, b.nodes...)},
		pair{"connections", list(line, b.edges...)},
	).Content
	return mapping(line, pair{"name", text(g.name, line)})
}

func manualTrigger(line int) *yaml.Node {
	return mapping(line, pair{"type", text("Manual", line)}, pair{"config", mapping(line)})
}

// flowBuilder strings nodes together.
type flowBuilder struct {
	line         int
	last         string
	nodes, edges []*yaml.Node
}

// then adds a node after the last one.
func (b *flowBuilder) then(id, kind string, config *yaml.Node, when string) {
	b.add(id, kind, config, when)
	b.last = id
}

// aside adds a node the others do not wait for.
func (b *flowBuilder) aside(id, kind string, config *yaml.Node) { b.add(id, kind, config, "") }

func (b *flowBuilder) add(id, kind string, config *yaml.Node, when string) {
	if kind == "" {
		kind = "Agent"
	}
	b.nodes = append(b.nodes, mapping(b.line,
		pair{"id", text(id, b.line)}, pair{"type", text(kind, b.line)}, pair{"config", config}))
	edge := mapping(b.line, pair{"from", text(b.last, b.line)}, pair{"to", text(id, b.line)})
	if when != "" {
		set(edge, "when", text(when, b.line))
	}
	b.edges = append(b.edges, edge)
}
