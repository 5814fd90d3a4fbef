// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"aof.dev/operator/pkg/agent"
	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/fleet"
	"aof.dev/operator/pkg/flow"
)

// members collects the agents and fleets that a flow's nodes name.
type members struct {
	find       Finder
	namespaces []string // where names are looked up, in this order
	plan       *Plan
}

func (m *members) collect(nodes []flow.Node) error {
	var errs []error
	for _, n := range nodes {
		field := "node " + n.ID
		if name := named(n, "agent"); name != "" && n.Kind == flow.KindAgent {
			errs = append(errs, m.agent(name, field))
		}
		if name := named(n, "fleet"); name != "" {
			errs = append(errs, m.fleet(name, field))
		}
	}
	return errors.Join(errs...)
}

// named is the agent or fleet a node names; a name that is worked out at run
// time can't be collected and is looked up then.
func named(n flow.Node, key string) string {
	name, _ := n.Config[key].(string)
	if strings.Contains(name, "${") {
		return ""
	}
	return name
}

func (m *members) agent(name, field string) error {
	if _, done := m.plan.Agents[name]; done {
		return nil
	}
	a := m.lookUpAgent(name)
	if a == nil {
		return m.missing("Agent", name, field)
	}
	m.plan.Agents[name] = agentSpec(a.Name, &a.Spec)
	return nil
}

// lookUpAgent also tries the name with -agent behind it, as upstream does.
func (m *members) lookUpAgent(name string) *aofv1.Agent {
	for _, candidate := range []string{name, name + "-agent"} {
		for _, key := range m.keys(candidate) {
			if a := m.find.Agent(key); a != nil {
				return a
			}
		}
	}
	return nil
}

func (m *members) fleet(name, field string) error {
	if _, done := m.plan.Fleets[name]; done {
		return nil
	}
	for _, key := range m.keys(name) {
		if f := m.find.Fleet(key); f != nil {
			spec, err := m.fleetSpec(f)
			if err != nil {
				return fmt.Errorf("%s: AgentFleet %s: %w", field, f.Name, err)
			}
			m.plan.Fleets[name] = spec
			return nil
		}
	}
	return m.missing("AgentFleet", name, field)
}

func (m *members) fleetSpec(f *aofv1.AgentFleet) (agent.FleetSpec, error) {
	out := agent.FleetSpec{Fleet: fleet.Spec{Name: f.Name}, Agents: map[string]agent.Spec{}}
	var errs []error
	for i := range f.Spec.Agents {
		member := &f.Spec.Agents[i]
		spec, err := m.memberSpec(f, member, i)
		errs = append(errs, err)
		out.Agents[member.Name] = spec
		out.Fleet.Members = append(out.Fleet.Members, fleet.Member{
			Name: member.Name, Role: string(member.Role), Replicas: int(deref(member.Replicas)), Weight: deref(member.Weight),
		})
	}
	if c := f.Spec.Coordination; c != nil {
		out.Fleet.Coordination = fleet.Coordination{
			Mode:         fleet.Mode(c.Mode),
			Distribution: fleet.Distribution(c.Distribution),
			Consensus:    fleet.Consensus{Algorithm: fleet.Algorithm(c.Consensus)},
			Manager:      c.Manager,
			Aggregation:  fleet.Aggregation(c.Aggregation),
		}
		if o := c.ConsensusOptions; o != nil {
			out.Fleet.Coordination.Consensus.MinVotes = int(deref(o.MinVotes))
			out.Fleet.Coordination.Consensus.MinConfidence = deref(o.MinConfidence)
			out.Fleet.Coordination.Consensus.Weights = o.Weights
		}
	}
	if err := errors.Join(errs...); err != nil {
		return out, err
	}
	_, err := fleet.New(out.Fleet)
	return out, err
}

func (m *members) memberSpec(f *aofv1.AgentFleet, member *aofv1.FleetMember, i int) (agent.Spec, error) {
	field := fmt.Sprintf("spec.agents[%d]", i)
	if member.Ref == nil {
		spec, err := member.AgentSpec()
		if err != nil {
			return agent.Spec{}, fmt.Errorf("%s.spec: %w", field, err)
		}
		return agentSpec(member.Name, &spec), nil
	}
	// A fleet's members are looked for beside the fleet first.
	near := members{find: m.find, namespaces: append([]string{f.Namespace}, m.namespaces...), plan: m.plan}
	name := member.Ref.Name
	if member.Ref.Namespace != "" {
		name = member.Ref.Namespace + "/" + name
	}
	a := near.lookUpAgent(name)
	if a == nil {
		return agent.Spec{}, near.missing("Agent", name, field+".ref")
	}
	return agentSpec(member.Name, &a.Spec), nil
}

// keys are the places a name may stand: itself when it says its namespace, else
// each namespace in order.
func (m *members) keys(name string) []types.NamespacedName {
	if namespace, rest, ok := strings.Cut(name, "/"); ok {
		return []types.NamespacedName{{Namespace: namespace, Name: rest}}
	}
	var keys []types.NamespacedName
	for _, namespace := range m.namespaces {
		keys = append(keys, types.NamespacedName{Namespace: namespace, Name: name})
	}
	return keys
}

func (m *members) missing(kind, name, field string) error {
	return &MissingError{Kind: kind, Key: m.keys(name)[0], Field: field}
}

// InlineAgent reads an agent that a node defines in place.
func InlineAgent(node string, config map[string]any) (agent.Spec, error) {
	spec, err := aofv1.DecodeAgentSpec(aofv1.JSONObject(config))
	if err != nil {
		return agent.Spec{}, err
	}
	name, _ := config["name"].(string)
	if name == "" {
		name = node
	}
	return agentSpec(name, &spec), nil
}

func agentSpec(name string, s *aofv1.AgentSpec) agent.Spec {
	out := agent.Spec{
		Name: name, Model: s.Model, Provider: s.Provider, Instructions: s.Instructions,
		Temperature: s.Temperature, MaxTokens: int(deref(s.MaxTokens)),
	}
	for _, tool := range s.Tools {
		out.Tools = append(out.Tools, tool.Name())
	}
	return out
}
