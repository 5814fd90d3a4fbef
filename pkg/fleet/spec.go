// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// MaxInstances bounds how many agents one fleet may run.
const MaxInstances = 64

// ErrUnsupported says that a fleet is well-formed but asks for something that
// is not built yet.
var ErrUnsupported = errors.New("not supported yet")

// Mode is how the members of a fleet work together.
type Mode string

// The modes.
const (
	Peer         Mode = "peer"
	Hierarchical Mode = "hierarchical"
	Pipeline     Mode = "pipeline"
	Swarm        Mode = "swarm"
	Tiered       Mode = "tiered" // known, not supported yet
	Deep         Mode = "deep"   // known, not supported yet
)

// Modes are all modes that a definition may name.
func Modes() []Mode { return []Mode{Peer, Hierarchical, Pipeline, Swarm, Tiered, Deep} }

// Distribution is how work is spread over members. Parallel and Sequential
// decide whether peers and workers run at once or one after the other. The
// others choose one member, in mode swarm; they all choose by a hash of the
// input, which spreads the work and survives a restart. Outside of swarm they
// mean Parallel.
type Distribution string

// The distributions, those of the seed and those of upstream's code.
const (
	Parallel        Distribution = "parallel"
	Sequential      Distribution = "sequential"
	Adaptive        Distribution = "adaptive"
	RoundRobin      Distribution = "round-robin"
	LeastLoaded     Distribution = "least-loaded"
	Random          Distribution = "random"
	SkillBased      Distribution = "skill-based"
	Sticky          Distribution = "sticky"
	CapabilityBased Distribution = "capability_based"
)

// Distributions are all distributions that a definition may name.
func Distributions() []Distribution {
	return []Distribution{Parallel, Sequential, Adaptive, RoundRobin, LeastLoaded, Random, SkillBased, Sticky, CapabilityBased}
}

// Algorithm is how answers become one.
type Algorithm string

// The algorithms.
const (
	// Majority wants more than half of the answers to be equal (or MinVotes).
	Majority Algorithm = "majority"
	// Unanimous wants all of them to be equal.
	Unanimous Algorithm = "unanimous"
	// First takes the first member's answer, in the order of the definition.
	First Algorithm = "first"
	// FirstWins is upstream's name for First.
	FirstWins Algorithm = "first_wins"
	// Weighted counts each answer with its member's weight.
	Weighted Algorithm = "weighted"
	// HumanReview proposes the most frequent answer and never decides.
	HumanReview Algorithm = "human_review"
)

// Algorithms are all consensus algorithms that a definition may name.
func Algorithms() []Algorithm {
	return []Algorithm{Majority, Unanimous, First, FirstWins, Weighted, HumanReview}
}

// Aggregation is what peers' answers are made into.
type Aggregation string

// The aggregations.
const (
	// ByConsensus picks one answer.
	ByConsensus Aggregation = "consensus"
	// Merge gives all answers as one JSON document.
	Merge Aggregation = "merge"
	// ManagerSynthesis has the manager write one answer; it is what mode
	// hierarchical does, elsewhere it is not supported yet.
	ManagerSynthesis Aggregation = "manager_synthesis"
)

// RoleManager is the role that leads a hierarchical fleet when Manager names
// nobody.
const RoleManager = "manager"

// Spec is a fleet. Empty fields of Coordination have defaults.
type Spec struct {
	Name         string       `json:"name"`
	Members      []Member     `json:"members"`
	Coordination Coordination `json:"coordination"`
}

// Member is one agent of a fleet, possibly several times.
type Member struct {
	// Name is unique in the fleet.
	Name string `json:"name"`
	// Role is free text; "manager" leads.
	Role string `json:"role,omitempty"`
	// Replicas is how many instances run; 0 is 1.
	Replicas int `json:"replicas,omitempty"`
	// Weight counts in Weighted; 0 is 1. Consensus.Weights goes before.
	Weight float64 `json:"weight,omitempty"`
}

// Coordination says how members work together.
type Coordination struct {
	Mode         Mode         `json:"mode,omitempty"`         // default Peer
	Distribution Distribution `json:"distribution,omitempty"` // default Parallel
	Consensus    Consensus    `json:"consensus,omitzero"`
	Manager      string       `json:"manager,omitempty"`
	Aggregation  Aggregation  `json:"aggregation,omitempty"` // default ByConsensus
}

// Consensus says how answers become one.
type Consensus struct {
	// Algorithm defaults to Majority.
	Algorithm Algorithm `json:"algorithm,omitempty"`
	// MinVotes replaces "more than half" for Majority; 0 does not.
	MinVotes int `json:"min_votes,omitempty"`
	// Weights by member name, for Weighted.
	Weights map[string]float64 `json:"weights,omitempty"`
	// MinConfidence is the share of weight that Weighted wants, 0 to 1; 0 is 0.5.
	MinConfidence float64 `json:"min_confidence,omitempty"`
}

// Fleet is a Spec that has been checked and completed.
type Fleet struct {
	spec    Spec
	manager int // index into spec.Members, -1 without
}

// New checks a Spec. The error says which field is wrong; it wraps
// ErrUnsupported for what is known but not built.
func New(s Spec) (*Fleet, error) {
	s.Members = slices.Clone(s.Members)
	c := &s.Coordination
	setDefault(&c.Mode, Peer)
	setDefault(&c.Distribution, Parallel)
	setDefault(&c.Aggregation, ByConsensus)
	if c.Consensus.Algorithm == FirstWins {
		c.Consensus.Algorithm = First
	}
	f := &Fleet{spec: s, manager: -1}
	for _, check := range []func() error{f.checkMembers, f.checkWords, f.checkConsensus, f.checkManager} {
		if err := check(); err != nil {
			return nil, fmt.Errorf("fleet %q: %w", bounded(s.Name), err)
		}
	}
	return f, nil
}

func setDefault[T ~string](v *T, def T) {
	if *v == "" {
		*v = def
	}
}

func (f *Fleet) checkMembers() error {
	if len(f.spec.Members) == 0 {
		return errors.New("agents: at least one is needed")
	}
	seen := map[string]bool{}
	total := 0
	for i := range f.spec.Members {
		m := &f.spec.Members[i]
		switch {
		case m.Name == "":
			return fmt.Errorf("agents[%d].name: is needed", i)
		case seen[m.Name]:
			return fmt.Errorf("agents[%d].name: %q is there twice", i, bounded(m.Name))
		case m.Replicas < 0:
			return fmt.Errorf("agents[%d].replicas: must not be negative", i)
		case !(m.Weight >= 0):
			return fmt.Errorf("agents[%d].weight: must not be negative", i)
		}
		seen[m.Name] = true
		m.Replicas = max(m.Replicas, 1)
		if total += m.Replicas; m.Replicas > MaxInstances || total > MaxInstances {
			return fmt.Errorf("agents: more than %d instances", MaxInstances)
		}
	}
	return nil
}

func (f *Fleet) checkWords() error {
	c := f.spec.Coordination
	switch {
	case !slices.Contains(Modes(), c.Mode):
		return fmt.Errorf("coordination.mode: %q is not one of %s", bounded(string(c.Mode)), list(Modes()))
	case c.Mode == Tiered || c.Mode == Deep:
		return fmt.Errorf("coordination.mode: %s is %w; use peer, hierarchical, pipeline or swarm", c.Mode, ErrUnsupported)
	case !slices.Contains(Distributions(), c.Distribution):
		return fmt.Errorf("coordination.distribution: %q is not one of %s", bounded(string(c.Distribution)), list(Distributions()))
	case c.Aggregation == Merge && c.Mode != Peer:
		return fmt.Errorf("coordination.aggregation: merge in mode %s is %w; use mode peer", c.Mode, ErrUnsupported)
	case c.Aggregation == ManagerSynthesis && c.Mode != Hierarchical:
		return fmt.Errorf("coordination.aggregation: manager_synthesis in mode %s is %w; use mode hierarchical", c.Mode, ErrUnsupported)
	case !slices.Contains([]Aggregation{ByConsensus, Merge, ManagerSynthesis}, c.Aggregation):
		return fmt.Errorf("coordination.aggregation: %q is not one of consensus, merge, manager_synthesis", bounded(string(c.Aggregation)))
	}
	return nil
}

func (f *Fleet) checkConsensus() error {
	c := f.spec.Coordination.Consensus
	switch {
	case c.Algorithm != "" && !slices.Contains(Algorithms(), c.Algorithm):
		return fmt.Errorf("coordination.consensus: %q is not one of %s", bounded(string(c.Algorithm)), list(Algorithms()))
	case c.MinVotes < 0:
		return errors.New("coordination.consensus.min_votes: must not be negative")
	case !(c.MinConfidence >= 0 && c.MinConfidence <= 1): // written so that NaN is refused
		return errors.New("coordination.consensus.min_confidence: must be 0 to 1")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Weights)) {
		if !(c.Weights[name] >= 0) {
			return fmt.Errorf("coordination.consensus.weights[%s]: must not be negative", bounded(name))
		}
		if !slices.ContainsFunc(f.spec.Members, func(m Member) bool { return m.Name == name }) {
			return fmt.Errorf("coordination.consensus.weights[%s]: no such agent", bounded(name))
		}
	}
	return nil
}

// checkManager finds the manager: the one named, or the only one of that role.
func (f *Fleet) checkManager() error {
	c := f.spec.Coordination
	var leads []int
	for i, m := range f.spec.Members {
		if m.Name == c.Manager || (c.Manager == "" && m.Role == RoleManager) {
			leads = append(leads, i)
		}
	}
	switch {
	case c.Manager != "" && len(leads) == 0:
		return fmt.Errorf("coordination.manager: no agent is called %q", bounded(c.Manager))
	case c.Mode != Hierarchical:
		return nil
	case len(leads) != 1:
		return fmt.Errorf("coordination.manager: is needed, since %d agents have the role manager", len(leads))
	case len(f.spec.Members) == 1:
		return errors.New("agents: mode hierarchical needs a worker beside the manager")
	case f.spec.Members[leads[0]].Replicas > 1:
		return fmt.Errorf("agents[%d].replicas: there can be only one manager", leads[0])
	}
	f.manager = leads[0]
	return nil
}

func list[T ~string](words []T) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(w))
	}
	return b.String()
}

// bounded keeps names in errors short.
func bounded(s string) string {
	const limit = 80
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
