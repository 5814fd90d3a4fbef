// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package importer

import "go.yaml.in/yaml/v3"

// binding turns a Binding or FlowBinding into the one kind here.
func (o *object) binding() {
	spec := o.spec
	for _, part := range []struct{ field, kind string }{{"trigger", "Trigger"}, {"flow", "AgentFlow"}, {"context", "Context"}} {
		at := find(spec, part.field)
		if at == nil {
			continue
		}
		take(spec, part.field)
		if ref := o.reference(at, part.kind); ref != nil {
			set(spec, part.field, ref)
		}
	}
	o.bindAgent(spec)
	if find(spec, "context") == nil {
		set(spec, "context", o.in.defaultContext(o, o.line))
	}
	o.match(o.section(spec, "match"))
	o.describe(spec)
	o.drop(spec, "config", "timeouts and retries are for the flow and its Context to set")
	o.overrides(o.section(spec, "overrides"))
	o.order(spec, "trigger", "context", "flow", "match", "enabled", "overrides")
}

// bindAgent serves bindings that name an agent or a fleet where a flow stands.
func (o *object) bindAgent(spec *yaml.Node) {
	for _, kind := range []string{"agent", "fleet"} {
		at := take(spec, kind)
		if isEmpty(at) {
			continue
		}
		if find(spec, "flow") != nil {
			o.dropped(at, "flow is written as well and wins")
			continue
		}
		if flow := o.ask(mapping(at.Line), kind, at, at.Line, objectName(o.name+"-flow")); flow != nil {
			set(spec, "flow", flow)
		}
	}
}

func (o *object) match(match *yaml.Node) {
	if match == nil {
		return
	}
	o.alias(match, "required_keywords", "requiredKeywords")
	o.alias(match, "excluded_keywords", "excludedKeywords")
	o.single(match, "patterns", "pattern")
	for _, key := range []string{"channels", "users", "events", "patterns"} {
		for _, item := range items(find(match, key)) {
			asText(item)
		}
	}
	o.textValues(o.section(match, "conditions"))
}

// single makes a list of one of a value or of a field written in the singular.
func (o *object) single(node *yaml.Node, to, from string) {
	if at := take(node, from); isScalar(at) && find(node, to) == nil {
		set(node, to, o.moved(list(at.Line, at), at))
	} else if at != nil {
		o.dropped(at, "%s is written as well and wins", to)
	}
	if at := find(node, to); isScalar(at) {
		set(node, to, o.moved(list(at.Line, at), at))
	}
}

// overrides keeps what a binding may change of its Context's approval; the rest
// is reported when the fields are compared with ours.
func (o *object) overrides(overrides *yaml.Node) {
	o.drop(overrides, "auto_investigate", "a binding runs its flow for every event that matches")
	if approval := o.section(overrides, "approval"); approval != nil {
		o.alias(approval, "approval_timeout_seconds", "timeout_seconds")
		o.drop(approval, "required_for_remediation", "approve the remediation with an Approval node in the flow")
		o.drop(approval, "notification_channels", "approvals are asked for where the event came from")
		if len(approval.Content) == 0 {
			take(overrides, "approval")
		}
	}
	if overrides != nil && len(overrides.Content) == 0 {
		take(o.spec, "overrides")
	}
}

// order puts the named keys first, in this order.
func (o *object) order(node *yaml.Node, names ...string) {
	sorted := make([]*yaml.Node, 0, len(node.Content))
	for _, name := range names {
		if at := indexOf(node, name); at >= 0 {
			sorted = append(sorted, node.Content[at], node.Content[at+1])
			node.Content = append(node.Content[:at:at], node.Content[at+2:]...)
		}
	}
	node.Content = append(sorted, node.Content...)
}
