// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/node"
)

func TestAgentCalls(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind   flow.Kind
		config values
		want   node.AgentCall
	}{
		"by name":         {flow.KindAgent, values{"agent": "k8s-ops", "input": "do ${event.text}"}, node.AgentCall{Agent: "k8s-ops", Input: "do it"}},
		"a rendered name": {flow.KindAgent, values{"agent": "${which}"}, node.AgentCall{Agent: "sec", Input: "it"}},
		"context": {
			flow.KindAgent,
			values{"agent": "a", "input": "x", "context": values{"b": "${event.user}", "a": "${list}"}},
			node.AgentCall{Agent: "a", Input: "x\n\nContext:\na: [1,2]\nb: U1"},
		},
		"inline": {
			flow.KindAgent,
			values{"inline": values{"name": "i", "instructions": "for ${event.user}", "temperature": 0.5}, "input": "x"},
			node.AgentCall{Inline: values{"name": "i", "instructions": "for U1", "temperature": 0.5}, Input: "x"},
		},
		"agent_config": {
			flow.KindAgent,
			values{"agent_config": `{"metadata":{"name":"c"},"spec":{"model":"m","instructions":"${quote}"}}`, "input": "x"},
			node.AgentCall{Inline: values{"name": "c", "model": "m", "instructions": `","model":"evil`}, Input: "x"},
		},
		"a fleet of an agent node": {flow.KindAgent, values{"fleet": "team", "input": "x"}, node.AgentCall{Fleet: "team", Input: "x"}},
		"a fleet":                  {flow.KindFleet, values{"fleet": "team", "input": values{"a": "${list}"}}, node.AgentCall{Fleet: "team", Input: `{"a":[1,2]}`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.agents.answer = node.AgentAnswer{Output: values{"output": "done"}, Usage: flow.Usage{InputTokens: 3, OutputTokens: 4}}
			scope := event("it")
			scope["which"], scope["list"], scope["quote"] = "sec", []any{1, 2}, `","model":"evil`
			res, err := b.run(t, test.kind, test.config, scope)
			require.NoError(t, err)
			assert.Equal(t, []node.AgentCall{test.want}, b.agents.calls)
			assert.Equal(t, node.Result{Output: values{"output": "done"}, Usage: flow.Usage{InputTokens: 3, OutputTokens: 4}}, res)
		})
	}
}

func TestAgentsWithoutInput(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		previous any
		want     string
	}{
		"the first":                {nil, "it"},
		"behind a script":          {values{"output": "x", "stdout": "x"}, "it"},
		"behind an agent":          {values{"agent": "looker", "output": "${event.user} $(id)"}, "it\n\nlooker answered:\n${event.user} $(id)"},
		"behind a fleet":           {values{"fleet": "team", "output": values{"a": 1}}, "it\n\nteam answered:\n{\"a\":1}"},
		"behind one without words": {values{"agent": "looker", "output": ""}, "it\n\nlooker answered:\n"},
	} {
		b := newBench(t)
		scope := event("it")
		if tc.previous != nil {
			scope["previous"] = tc.previous
		}
		_, err := b.run(t, flow.KindAgent, values{"agent": "a"}, scope)
		require.NoError(t, err, name)
		assert.Equal(t, []node.AgentCall{{Agent: "a", Input: tc.want}}, b.agents.calls, name)
	}
}

func TestAgentsThatFail(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fails(t, flow.KindAgent, values{"agent": "${none}"}, nil, node.ReasonInvalidConfig)
	b.fails(t, flow.KindAgent, values{"agent_config": "{"}, nil, node.ReasonInvalidConfig)
	b.agents.err = errors.New("no such model")
	b.agents.answer.Usage.InputTokens = 9
	res, err := b.run(t, flow.KindAgent, values{"agent": "a"}, nil)
	require.Error(t, err)
	assert.Equal(t, int64(9), res.Usage.InputTokens, "what it cost is lost")
	b.agents.err = &node.Error{Reason: "RateLimited", Retryable: true}
	assert.True(t, b.fails(t, flow.KindAgent, values{"agent": "a"}, nil, "RateLimited").Retryable)
	b = newBench(t, func(o *node.Options) { o.Agents = nil })
	b.fails(t, flow.KindAgent, values{"agent": "a"}, nil, node.ReasonUnsupported)
}
