// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"regexp"

	"go.yaml.in/yaml/v3"

	"aof.dev/operator/pkg/flow"
)

// choice serves flows whose Agent nodes name no agent because spec.agents has a
// list with patterns: the nodes get the one that takes everything.
func (o *object) choice(spec *yaml.Node) {
	at := take(spec, "agents")
	if at == nil {
		return
	}
	chosen := ""
	for _, agent := range items(at) {
		name := str(find(agent, "name", "agent", "ref"))
		if isScalar(agent) {
			name = agent.Value
		}
		if chosen == "" || isMapping(agent) && isEmpty(find(agent, "patterns")) {
			chosen = objectName(baseName(name))
		}
	}
	used := false
	for _, node := range items(find(spec, "nodes")) {
		if str(find(node, "type")) != string(flow.KindAgent) {
			continue
		}
		config := o.ensure(node, "config", node.Line)
		if chosen == "" || find(config, "agent", "fleet", "inline", "agent_config") != nil {
			continue
		}
		setFirst(config, "agent", o.moved(text(chosen, at.Line), at))
		used = true
	}
	if used {
		o.dropped(at, "choosing the agent by patterns: the nodes that name none ask %s; bind one flow for each agent, with match.patterns", chosen)
		return
	}
	o.dropped(at, "the agents a flow uses are named by its nodes")
}

// approvalReference matches a value that only quotes the flow's approval section.
var approvalReference = regexp.MustCompile(`^\$\{approval\.([a-z_]+)\}$`)

// flowApproval spreads a flow's approval section over its Approval nodes, where
// approvers and time limits are said here.
func (o *object) flowApproval(spec *yaml.Node) {
	at := take(spec, "approval")
	if at == nil || isNull(at) {
		return
	}
	if !isMapping(at) {
		o.dropped(at, "an approval section has fields")
		return
	}
	var nodes []*yaml.Node
	for _, node := range items(find(spec, "nodes")) {
		if str(find(node, "type")) == string(flow.KindApproval) {
			nodes = append(nodes, o.ensure(node, "config", node.Line))
		}
	}
	for _, config := range nodes {
		keys(config, func(key, value *yaml.Node) {
			if m := approvalReference.FindStringSubmatch(str(value)); m != nil && isScalar(find(at, m[1])) {
				set(config, key.Value, o.moved(clone(find(at, m[1])), value))
			}
		})
		o.minutes(config)
	}
	if len(nodes) == 0 {
		o.dropped(at, "the flow has no Approval node to which it could apply; Context.spec.approval says it for whole environments")
		return
	}
	o.minutes(at)
	o.alias(at, "approvers", "allowed_users")
	for _, key := range []string{"approvers", "timeout_seconds", "notification_channel", "fallback"} {
		value := take(at, key)
		if value == nil {
			continue
		}
		for _, config := range nodes {
			if find(config, key) == nil {
				set(config, key, o.moved(clone(value), value))
			}
		}
	}
	if truth(find(at, "auto_deny_on_timeout")) {
		take(at, "auto_deny_on_timeout") // so it is here, always
	}
	if truth(find(at, "enabled")) {
		take(at, "enabled")
	}
	o.leftovers(at, "an Approval node has no such setting")
}
