// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"aof.dev/operator/pkg/flow"
)

// flow turns a flow of any age into trigger, nodes and connections.
func (o *object) flow() {
	spec := o.spec
	for _, other := range []string{"steps", "states", "flowControl"} {
		if at := find(spec, other); at != nil && find(spec, "nodes") == nil {
			o.refuse(at, "this flow is written as %s, upstream's draft of another model: write it as nodes and connections", other)
			return
		}
	}
	if find(spec, "nodes") == nil {
		o.refuse(nil, "spec.nodes is missing: a flow without nodes does nothing")
		return
	}
	ids := o.nodes(spec)
	o.flowTrigger(spec)
	o.edges(spec, ids)
	o.choice(spec)
	o.flowApproval(spec)
	if context := find(spec, "context"); isMapping(context) {
		o.alias(context, "cluster", "cluster_name", "clusterName")
		o.textValues(o.section(context, "env"))
		if ref := find(context, "ref"); isScalar(ref) {
			set(context, "ref", o.moved(text(o.referenceName(ref, "Context"), ref.Line), ref))
		}
	} else if isScalar(context) {
		at := o.moved(mapping(context.Line, pair{"ref", text(o.referenceName(context, "Context"), context.Line)}), context)
		set(spec, "context", at)
	}
	o.drop(spec, "environment_policies", "who approves depends on the Context: make one Context for each environment")
	o.order(spec, "description", "trigger", "context", "variables", "nodes", "connections", "config")
}

// nodes settles ids, types and conditions; it gives the ids there are.
func (o *object) nodes(spec *yaml.Node) []string {
	at := find(spec, "nodes")
	if isMapping(at) {
		// A mapping from id to node is the same list.
		nodes := o.moved(list(at.Line), at)
		keys(at, func(key, value *yaml.Node) {
			if isMapping(value) && find(value, "id", "name") == nil {
				setFirst(value, "id", o.moved(text(key.Value, key.Line), key))
			}
			nodes.Content = append(nodes.Content, value)
		})
		set(spec, "nodes", nodes)
		at = nodes
	}
	var ids []string
	for _, node := range items(at) {
		if !isMapping(node) {
			continue // the comparison with our types says what is wrong
		}
		o.nodeID(node)
		ids = append(ids, str(find(node, "id")))
		if kind := find(node, "type"); isScalar(kind) {
			if known, ok := flow.ParseKind(kind.Value); ok {
				kind.Value = string(known)
			}
		}
		o.alias(node, "when", "condition")
		o.alias(node, "depends_on", "dependsOn")
		if on := find(node, "depends_on"); isScalar(on) {
			set(node, "depends_on", o.moved(list(on.Line, on), on))
		}
		o.nodeConfig(node)
	}
	return ids
}

func (o *object) nodeID(node *yaml.Node) {
	name := find(node, "name")
	if id := find(node, "id"); id == nil && isScalar(name) {
		take(node, "name")
		asText(name)
		setFirst(node, "id", name)
	} else if isScalar(id) {
		asText(id)
	}
}

// nodeConfig settles what a node refers to; everything else in a config belongs
// to its type and is carried as it stands.
func (o *object) nodeConfig(node *yaml.Node) {
	config := find(node, "config")
	if config == nil || isNull(config) {
		// The short form has agent and input beside the type.
		config = mapping(node.Line)
		for _, key := range []string{"agent", "fleet", "input", "message", "command", "script"} {
			if value := take(node, key); value != nil {
				set(config, key, value)
			}
		}
		if len(config.Content) > 0 {
			set(node, "config", config)
		}
	}
	if !isMapping(config) {
		return
	}
	o.nodeTarget(config, "agent", "Agent")
	o.nodeTarget(config, "fleet", "AgentFleet")
	if inline := find(config, "inline"); isMapping(inline) {
		o.agentInline(inline)
	}
	if find(config, "timeout_seconds") == nil && str(find(node, "type")) == string(flow.KindApproval) {
		o.minutes(config)
	}
}

// agentInline settles the agent written into a node. Its tools and memory stay
// in the form they have: a config is open.
func (o *object) agentInline(inline *yaml.Node) {
	o.alias(inline, "instructions", "system_prompt", "system")
	o.model(inline)
}

// nodeTarget makes a name of a reference. An agent written into the reference is
// an inline one.
func (o *object) nodeTarget(config *yaml.Node, key, kind string) {
	at := find(config, key)
	switch {
	case isMapping(at) && kind == "Agent" && find(at, "model", "instructions", "system_prompt") != nil && find(config, "inline") == nil:
		rename(config, key, "inline")
	case isMapping(at), isScalar(at) && (looksLikePath(at.Value) || objectName(at.Value) != at.Value) && !strings.Contains(at.Value, "${"):
		if name := o.referenceName(at, kind); name != "" {
			set(config, key, o.moved(text(name, at.Line), at))
		} else {
			take(config, key)
		}
	}
}

// flowTrigger gives the flow the trigger every flow has here, and settles the
// forms in which flows carried theirs.
func (o *object) flowTrigger(spec *yaml.Node) {
	at := find(spec, "trigger")
	if isScalar(at) {
		set(spec, "trigger", o.moved(mapping(at.Line, pair{"type", at}), at))
		at = find(spec, "trigger")
	}
	if isEmpty(at) || !isMapping(at) {
		if isSequence(at) && len(at.Content) > 0 {
			o.dropped(at, "a flow has one trigger of its own; Triggers and FlowBindings connect it to more")
		}
		set(spec, "trigger", manualTrigger(o.line))
		return
	}
	o.platform(at)
	o.byPlatform(at)
	o.single(at, "patterns", "pattern")
	if kind := find(at, "type"); isScalar(kind) {
		if known := platformOf(kind.Value); known != "" {
			kind.Value = known
		}
	}
}

// byPlatform resolves triggers written as {slack: {…}, telegram: {…}}. One
// platform becomes the flow's own; of several only the patterns can be kept.
func (o *object) byPlatform(trigger *yaml.Node) {
	if find(trigger, "type") != nil {
		return
	}
	var found []*yaml.Node // keys and values
	keys(trigger, func(key, value *yaml.Node) {
		if platformOf(key.Value) != "" && isMapping(value) {
			found = append(found, key, value)
		}
	})
	if len(found) == 0 {
		return
	}
	var patterns []*yaml.Node
	for i := 0; i < len(found); i += 2 {
		key, value := found[i], found[i+1]
		take(trigger, key.Value)
		o.single(value, "patterns", "pattern")
		if at := take(value, "patterns"); isSequence(at) {
			patterns = append(patterns, at.Content...)
		} else {
			o.dropped(at, "patterns are a list")
		}
		if len(found) == 2 {
			set(trigger, "type", o.moved(text(platformOf(key.Value), key.Line), key))
			set(trigger, "config", value)
			continue
		}
		o.dropped(value, "a flow has one trigger of its own: write a Trigger and a FlowBinding for %s", key.Value)
	}
	if find(trigger, "type") == nil {
		set(trigger, "type", text("Manual", trigger.Line))
		set(trigger, "config", mapping(trigger.Line))
	}
	for _, p := range patterns {
		at := find(trigger, "patterns")
		if at == nil {
			at = list(p.Line)
			set(trigger, "patterns", at)
		}
		if !slices.ContainsFunc(at.Content, func(other *yaml.Node) bool { return other.Value == p.Value }) {
			at.Content = append(at.Content, p)
		}
	}
}

// edges settles the start's name, conditions, and lists of targets.
func (o *object) edges(spec *yaml.Node, ids []string) {
	for _, other := range []string{"edges", "connection"} {
		o.alias(spec, "connections", other)
	}
	at := find(spec, "connections")
	if at == nil || isNull(at) {
		o.chain(spec, ids)
		return
	}
	var edges []*yaml.Node
	for _, edge := range items(at) {
		if !isMapping(edge) {
			edges = append(edges, edge)
			continue
		}
		o.alias(edge, "when", "condition")
		if from := find(edge, "from"); isScalar(from) && strings.EqualFold(from.Value, "start") && !slices.Contains(ids, from.Value) {
			from.Value = "trigger"
		}
		edges = append(edges, o.spread(edge)...)
	}
	if isSequence(at) {
		at.Content = edges
	}
}

// chain connects the nodes of a flow that connects nothing: one after the other,
// as they are written, unless they say themselves what they depend on.
func (o *object) chain(spec *yaml.Node, ids []string) {
	edges := list(o.line)
	set(spec, "connections", edges)
	for _, node := range items(find(spec, "nodes")) {
		if find(node, "depends_on") != nil {
			return
		}
	}
	last := "trigger"
	for _, id := range ids {
		edges.Content = append(edges.Content, mapping(o.line, pair{"from", text(last, o.line)}, pair{"to", text(id, o.line)}))
		last = id
	}
	o.changed(nil, "connections are missing: the nodes run one after the other, as they are written")
}

// spread makes one edge for each of a list of targets or sources.
func (o *object) spread(edge *yaml.Node) []*yaml.Node {
	for _, end := range []string{"from", "to"} {
		at := find(edge, end)
		if !isSequence(at) || len(at.Content) == 0 {
			continue
		}
		var all []*yaml.Node
		for _, one := range at.Content {
			copied := clone(edge)
			set(copied, end, one)
			all = append(all, o.spread(copied)...)
		}
		return all
	}
	return []*yaml.Node{edge}
}
