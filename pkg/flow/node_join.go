// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import "strings"

// Strategies of a Join.
const (
	// JoinAll lets a Join run when all its branches are over and one has got there.
	JoinAll = "all"
	// JoinAny lets it run with the first branch that gets there.
	JoinAny = "any"
	// JoinMajority lets it run when more than half of all its branches got there.
	JoinMajority = "majority"
)

// join checks the configuration of a Join and puts the strategy in lower case.
func (c *compiler) join(i int32) {
	s := c.config[i]
	v, ok := s.get("strategy")
	if !ok {
		s.values["strategy"] = JoinAll
		return
	}
	text, _ := v.(string)
	switch strategy := strings.ToLower(strings.TrimSpace(text)); strategy {
	case JoinAll, JoinAny, JoinMajority:
		s.values["strategy"] = strategy
	default:
		c.report(s.at("strategy"), ReasonInvalid, "must be all, any or majority")
	}
}

// need returns how many branches have to get to a node before it runs without
// waiting for the others; 0 means that it waits for all.
func need(n Node, branches int) int32 {
	if n.Kind != KindJoin {
		return 0
	}
	switch n.Config["strategy"] {
	case JoinAny:
		return 1
	case JoinMajority:
		return int32(branches/2 + 1)
	default:
		return 0
	}
}

// joinOutput does not tell which branches got there: that depends on timing.
func joinOutput(n Node) any {
	return map[string]any{"joined": true, "strategy": n.Config["strategy"]}
}
