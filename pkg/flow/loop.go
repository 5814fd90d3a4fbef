// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"strings"

	"aof.dev/operator/pkg/expr"
)

// Bounds of a Loop.
const (
	// DefaultIterations is how often a Loop goes round when it does not say.
	DefaultIterations = 20
	// MaxIterations is the most that a Loop may ask for.
	MaxIterations = 1000
)

// loop checks a Loop: what it goes through, and the one node that it repeats.
func (c *compiler) loop(i int32) {
	s := c.config[i]
	c.require(s, KindLoop, "for_each", "items", "while")
	if v, ok := s.get("while"); ok {
		src, isText := v.(string)
		if !isText {
			c.report(s.at("while"), ReasonInvalid, "must be a condition")
		} else if _, err := expr.ParseCondition(src); err != nil {
			c.report(s.at("while"), ReasonInvalid, err.Error())
		}
	}
	v, _ := s.get("node")
	body, ok := v.(map[string]any)
	if !ok {
		c.report(s.at("node"), ReasonMissing, "a Loop needs node: the type and the config of what is repeated")
		return
	}
	name, _ := body["type"].(string)
	kind, known := ParseKind(name)
	if !known || !kind.Repeats() {
		c.report(s.at("node")+".type", ReasonInvalid, quote(name)+" can't be repeated by a Loop: it takes one node that works and does not wait")
		return
	}
	config, ok := body["config"].(map[string]any)
	if !ok && body["config"] != nil {
		c.report(s.at("node")+".config", ReasonInvalid, "must be a map")
		return
	}
	inner := normalise(config, s.at("node")+".config", knownKeys(kind), c.clash)
	if nested, ok := inner.values["script_config"].(map[string]any); kind == KindScript {
		if !ok {
			nested = inner.values
		}
		inner.values = map[string]any{"script_config": normalise(nested, s.at("node")+".config", scriptKeys(), c.clash).values}
	}
	s.values["node"] = map[string]any{"type": string(kind), "config": inner.values}
}

// Repeats reports whether a Loop can repeat nodes of this kind: those that work,
// and end by themselves.
func (k Kind) Repeats() bool {
	switch k {
	case KindLoop, KindApproval, KindWait:
		return false
	default:
		return !k.Pure()
	}
}

// LoopBody gives the kind and the settings of what a compiled Loop repeats.
func LoopBody(n Node) (Node, bool) {
	body, ok := n.Config["node"].(map[string]any)
	if !ok {
		return Node{}, false
	}
	name, _ := body["type"].(string)
	kind, known := ParseKind(strings.TrimSpace(name))
	config, _ := body["config"].(map[string]any)
	return Node{ID: n.ID, Kind: kind, Config: config, Policy: n.Policy}, known && kind.Repeats()
}
