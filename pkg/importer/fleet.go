// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// fleet turns a Fleet or AgentFleet into members and coordination.
func (o *object) fleet() {
	spec := o.spec
	members := find(spec, "agents")
	if isSequence(members) {
		var kept []*yaml.Node
		for _, member := range members.Content {
			if m := o.member(member); m != nil {
				kept = append(kept, m)
			}
		}
		members.Content = kept
	}
	o.strategy(spec)
	if coordination := o.section(spec, "coordination"); coordination != nil {
		o.coordination(coordination, members)
	}
	for _, unused := range []string{"shared", "communication", "scaling"} {
		o.drop(spec, unused, "upstream reads it and does not use it; members share nothing but the answers")
	}
	o.order(spec, "description", "agents", "coordination")
}

// inPlace are the fields of an agent that upstream also writes beside a
// member's name instead of under spec.
var inPlace = []string{
	"model", "provider", "instructions", "system_prompt", "systemPrompt", "system", "tools", "memory", "temperature", "max_tokens",
	"maxTokens", "max_iterations", "max_context_messages", "mcp_servers", "output_schema", "description", "model_config",
	"parameters", "environment", "env",
}

// member settles one member: a reference, an agent in place, or a bare name.
func (o *object) member(member *yaml.Node) *yaml.Node {
	if isScalar(member) {
		member = o.moved(mapping(member.Line, pair{"ref", member}), member)
	}
	if !isMapping(member) {
		if !isNull(member) {
			o.dropped(member, "a member is a name, a reference or fields")
		}
		return nil
	}
	o.memberSpec(member)
	o.memberRef(member)
	o.role(member)
	if spec := find(member, "spec"); isMapping(spec) {
		o.agent(spec)
	}
	o.order(member, "name", "role", "ref", "replicas", "tier", "weight", "labels", "spec")
	return member
}

func (o *object) memberSpec(member *yaml.Node) {
	spec := find(member, "spec")
	if isScalar(spec) {
		// A path or a name under spec is a reference.
		rename(member, "spec", "ref")
		spec = nil
	}
	for _, key := range inPlace {
		at := indexOf(member, key)
		if at < 0 {
			continue
		}
		name := member.Content[at].Value
		value := take(member, name)
		if spec == nil {
			spec = mapping(value.Line)
			set(member, "spec", spec)
		}
		if find(spec, name) != nil {
			o.dropped(value, "spec.%s is written as well and wins", name)
			continue
		}
		set(spec, name, value)
	}
}

// memberRef makes a reference to an Agent of ref, config (a path) or agent.
func (o *object) memberRef(member *yaml.Node) {
	at := take(member, "ref", "config", "agent", "agent_ref")
	if at == nil || isNull(at) {
		return
	}
	ref := o.reference(at, "Agent")
	if ref == nil {
		return
	}
	if spec := find(member, "spec"); spec != nil {
		o.dropped(at, "the agent is described in place as well, and that wins")
		return
	}
	if find(member, "name") == nil {
		setFirst(member, "name", o.moved(text(str(find(ref, "name")), at.Line), at))
	}
	set(member, "ref", ref)
}

var roles = []string{"manager", "worker", "specialist", "validator", "collector", "analyst", "coordinator"}

// role settles the role. Upstream's later examples write a sentence there: an
// instruction rather than a role.
func (o *object) role(member *yaml.Node) {
	at := find(member, "role")
	if !isScalar(at) {
		return
	}
	written := strings.ToLower(strings.TrimSpace(at.Value))
	if slices.Contains(roles, written) {
		at.Value = written
		return
	}
	switch written {
	case "leader", "lead", "supervisor", "orchestrator":
		set(member, "role", o.moved(text("manager", at.Line), at))
		o.changed(at, "role %s is manager here", clip(written, 40))
		return
	}
	set(member, "role", o.moved(text("worker", at.Line), at))
	spec := find(member, "spec")
	if strings.Contains(written, " ") && isMapping(spec) && find(spec, "instructions", "system_prompt", "system") == nil {
		set(spec, "instructions", o.moved(text(at.Value, at.Line), at))
		o.changed(at, "the text is carried as the member's instructions, and its role is worker")
		return
	}
	o.changed(at, "role %q is not known: the member is a worker", clip(at.Value, 60))
}

// strategy serves the draft in which strategy and consensus stood beside agents.
func (o *object) strategy(spec *yaml.Node) {
	strategy, consensus := find(spec, "strategy"), find(spec, "consensus")
	if strategy == nil && consensus == nil {
		return
	}
	coordination := o.ensure(spec, "coordination", o.line)
	take(spec, "strategy")
	take(spec, "consensus")
	if isMapping(strategy) {
		kind := take(strategy, "type", "mode")
		o.leftovers(strategy, "members share nothing but the answers")
		strategy = kind
	}
	if strategy != nil && find(coordination, "strategy", "mode") == nil {
		set(coordination, "strategy", strategy)
	} else {
		o.dropped(strategy, "coordination says it as well and wins")
	}
	if consensus != nil && find(coordination, "consensus") == nil {
		set(coordination, "consensus", consensus)
	} else {
		o.dropped(consensus, "coordination says it as well and wins")
	}
}

// modes maps upstream's words for how a fleet works to a mode and, where the
// word says it, a distribution.
var modes = map[string][2]string{
	"hierarchical": {"hierarchical"}, "peer": {"peer"}, "swarm": {"swarm"}, "pipeline": {"pipeline"}, "tiered": {"tiered"}, "deep": {"deep"},
	"collaborative": {"peer"}, "consensus": {"peer"}, "cooperative": {"peer"},
	"parallel": {"peer", "parallel"}, "sequential": {"pipeline"}, "chain": {"pipeline"}, "supervisor": {"hierarchical"},
}

func (o *object) coordination(c, members *yaml.Node) {
	for _, other := range []string{"strategy", "pattern"} {
		o.alias(c, "mode", other)
	}
	if at := find(c, "mode"); isScalar(at) {
		if mode, ok := modes[strings.ToLower(at.Value)]; ok {
			if !strings.EqualFold(mode[0], at.Value) {
				o.changed(at, "%s is mode %s here", clip(at.Value, 40), mode[0])
			}
			set(c, "mode", o.moved(text(mode[0], at.Line), at))
			if mode[1] != "" && find(c, "distribution") == nil {
				set(c, "distribution", text(mode[1], at.Line))
			}
		}
	}
	if at := find(c, "distribution"); isScalar(at) {
		o.distribution(c, at)
	}
	o.workflow(c, members)
	o.consensus(c)
	o.aggregation(c)
	if tiers := find(c, "tiers"); tiers != nil && find(c, "tiered") == nil {
		rename(c, "tiers", "tiered")
		if isSequence(tiers) {
			set(c, "tiered", o.moved(mapping(tiers.Line, pair{"tiers", tiers}), tiers))
		}
	}
}

func (o *object) distribution(c, at *yaml.Node) {
	written := strings.ReplaceAll(strings.ToLower(at.Value), "_", "-")
	switch written {
	case "parallel", "sequential", "adaptive", "round-robin", "least-loaded", "random", "skill-based", "sticky":
		at.Value = written
	case "capability-based":
		at.Value = "skill-based"
		o.changed(at, "capability_based is skill-based here")
	default:
		take(c, "distribution")
		o.dropped(at, "distribution %s is not known", clip(at.Value, 40))
	}
}

// workflow takes the roles out of the list some fleets have; what each member
// does belongs into its instructions.
func (o *object) workflow(c, members *yaml.Node) {
	at := take(c, "workflow")
	if at == nil {
		return
	}
	if !isSequence(at) {
		o.dropped(at, "a workflow is a list of agent, role and tasks")
		return
	}
	for _, step := range at.Content {
		name, role := take(step, "agent", "name"), take(step, "role")
		member := memberNamed(members, objectName(baseName(str(name))))
		switch {
		case member == nil:
			o.dropped(step, "the fleet has no member %q", clip(str(name), 60))
			continue
		case isScalar(role) && find(member, "role") == nil:
			set(member, "role", role)
			o.role(member)
			o.order(member, "name", "role")
		default:
			o.dropped(role, "the member has a role already")
		}
		o.leftovers(step, "say it in the instructions of the agent")
	}
}

func memberNamed(members *yaml.Node, name string) *yaml.Node {
	for _, m := range items(members) {
		if str(find(m, "name")) == name || str(find(find(m, "ref"), "name")) == name {
			return m
		}
	}
	return nil
}

// algorithms maps upstream's words for a consensus to ours.
var algorithms = map[string]string{
	"majority": "majority", "majorityvote": "majority", "vote": "majority", "unanimous": "unanimous",
	"first": "first", "firstwins": "first", "weighted": "weighted", "humanreview": "human_review",
}

// consensus splits {algorithm, min_votes, …} into the word and its options.
func (o *object) consensus(c *yaml.Node) {
	at := find(c, "consensus")
	if isMapping(at) {
		word := take(at, "algorithm", "type", "mechanism", "strategy")
		o.alias(at, "min_votes", "quorum")
		o.alias(at, "min_confidence", "threshold")
		take(c, "consensus")
		if word != nil {
			set(c, "consensus", word)
		}
		if len(at.Content) > 0 && find(c, "consensus_options") == nil {
			set(c, "consensus_options", at)
		} else {
			o.leftovers(at, "consensus_options are written as well and win")
		}
		at = word
	}
	if !isScalar(at) {
		return
	}
	known := algorithms[strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(at.Value))]
	if known == "" {
		take(c, "consensus")
		o.dropped(at, "consensus %s is not known: want majority, unanimous, first, weighted or human_review", clip(at.Value, 40))
		return
	}
	set(c, "consensus", o.moved(text(known, at.Line), at))
}

func (o *object) aggregation(c *yaml.Node) {
	at := find(c, "aggregation")
	if isMapping(at) && truth(find(at, "merge_reports")) {
		take(at, "merge_reports")
		take(c, "aggregation")
		o.leftovers(at, "an aggregation is one word")
		set(c, "aggregation", o.moved(text("merge", at.Line), at))
		return
	}
	if at != nil && !isScalar(at) {
		o.drop(c, "aggregation", "an aggregation is one word: consensus, merge or manager_synthesis")
	}
}
