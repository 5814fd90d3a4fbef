// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"cmp"
	"slices"
	"time"
)

// plan puts the compiled pieces into plan order. Nothing can go wrong any more.
func (c *compiler) plan(sorted []int32, links []link) *Plan {
	p := &Plan{
		flow:   c.flow,
		limits: c.limits,
		nodes:  make([]Node, len(sorted)),
		index:  make(map[string]int32, len(sorted)),
		steps:  make([]step, len(sorted)),
		links:  links,

		warnings: c.doubts,
		handler:  none,
	}
	place := make([]int32, len(sorted)) // in the flow -> in the plan
	for at, i := range sorted {
		place[i] = int32(at)
		p.nodes[at] = c.nodes[i].Node
		p.index[c.nodes[i].ID] = int32(at)
	}
	if c.handler != none {
		p.handler = place[c.handler]
	}
	for l := range p.links {
		k := &p.links[l]
		k.to = place[k.to]
		if k.from != trigger {
			k.from = place[k.from]
		}
	}
	p.connect()
	for at, i := range sorted {
		c.step(p, int32(at), i)
	}
	p.look()
	for _, ref := range c.refs {
		p.doubt(ref, place)
	}
	return p
}

// connect orders the links by their ends and gives each node its own.
func (p *Plan) connect() {
	slices.SortFunc(p.links, func(a, b link) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to))
	})
	from, to := make([]int32, len(p.links)), make([]int32, len(p.links))
	for l := range p.links {
		from[l], to[l] = p.links[l].from, p.links[l].to
		if from[l] == trigger {
			p.begin = append(p.begin, int32(l))
		}
	}
	out, in := adjacency(len(p.nodes), from), adjacency(len(p.nodes), to)
	for i := range p.steps {
		p.steps[i].out, p.steps[i].in = out.of(int32(i)), in.of(int32(i))
	}
}

// step fills in what the engine needs to know about the node at its place in the
// plan, which is the i-th of the flow.
func (c *compiler) step(p *Plan, at, i int32) {
	s, n := &p.steps[at], p.nodes[at]
	branches := 0
	for _, l := range s.in {
		if p.links[l].role == leads {
			branches++
		}
	}
	s.need = need(n, branches)
	s.when = c.parts[i].when
	s.alternatives = c.parts[i].alternatives
	for a := range s.alternatives {
		from := n.Conditions[a].From
		s.alternatives[a].from = trigger
		if !isTrigger(from) {
			s.alternatives[a].from = p.index[from]
		}
	}
	s.choice = c.choices[i]
	s.output = c.parts[i].output
	s.policy = n.policy().over(p.flow.Defaults)
}

// policy of a node as it says itself. The timeout of kinds that work stands in
// their configuration; elsewhere that setting says how long to wait.
func (n Node) policy() Policy {
	var own Policy
	if n.Policy != nil {
		own = *n.Policy
	}
	config := n.Config
	switch n.Kind {
	case KindScript:
		config, _ = n.Config["script_config"].(map[string]any)
	case KindTransform, KindAgent, KindFleet, KindHTTP:
	case KindConditional, KindSlack, KindDiscord, KindTelegram, KindResponse, KindWait, KindParallel,
		KindJoin, KindApproval, KindGitHub, KindNotify, KindLoop, KindEnd:
		return own
	default:
		return own
	}
	for _, key := range []string{"timeout_seconds", "timeout"} {
		if v := config[key]; v != nil && own.TimeoutSeconds == 0 {
			if d, err := ParseDuration(v); err == nil {
				own.TimeoutSeconds = float64(d) / float64(time.Second)
			}
		}
	}
	return own
}

// look works out, for each node, which nodes are before it and which of those
// are surely over when it runs. A Join that does not wait for all its branches
// can count only on what is before every one of them.
func (p *Plan) look() {
	for i := range p.steps {
		p.racy = p.racy || p.steps[i].need > 0
	}
	for i := range p.steps {
		s := &p.steps[i]
		s.before = newBitset(int32(i))
		for _, l := range s.in {
			if from := p.links[l].from; from != trigger {
				s.before.union(p.steps[from].before)
				s.before.add(from)
			}
		}
		s.sure = s.before
		if p.racy {
			s.sure = p.sureBefore(int32(i))
		}
	}
}

func (p *Plan) sureBefore(i int32) bitset {
	s, sure := &p.steps[i], newBitset(i)
	common, one := newBitset(i), newBitset(i)
	for j := range i {
		common.add(j)
	}
	for _, l := range s.in {
		k := &p.links[l]
		clear(one)
		if k.from != trigger {
			one.union(p.steps[k.from].sure)
			one.add(k.from)
		}
		if s.need == 0 || k.role != leads {
			sure.union(one)
			continue
		}
		for w := range common {
			common[w] &= one[w]
		}
	}
	if s.need > 0 {
		sure.union(common)
	}
	return sure
}

// doubt adds a warning when a reference names a node that is not before the one
// that reads it: there will never be anything there.
func (p *Plan) doubt(ref reference, place []int32) {
	name := ref.to[0]
	to, isNode := p.index[name]
	if !isNode || isRoot(name) || len(p.warnings) >= MaxErrors {
		return
	}
	if by := ref.by.node; by != trigger {
		by = place[by]
		if p.steps[by].before.has(to) || ref.by.edge && by == to {
			return
		}
	}
	p.warnings = append(p.warnings, Error{
		Path: ref.path, Reason: ReasonNeverAvailable,
		Message: "node " + quote(name) + " is not before this one: nothing of it is ever available here",
	})
}
