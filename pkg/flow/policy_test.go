// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/flow"
)

func TestRetryUntilThePolicyIsUsedUp(t *testing.T) {
	t.Parallel()
	a := work("a")
	a.Policy = &flow.Policy{MaxAttempts: 3}
	p := compile(t, flow.Flow{Nodes: []flow.Node{a}, Defaults: flow.Policy{InitialDelay: 2 * time.Second, BackoffMultiplier: 3}})

	s, commands := p.Step(flow.State{}, flow.Start{At: noon})
	require.Equal(t, []flow.Command{flow.Run{Node: "a", Attempt: 1}}, commands)
	s, commands = p.Step(s, flow.Failed{Node: "a", Attempt: 1, Reason: "Busy", Message: "429", Retryable: true, Usage: flow.Usage{InputTokens: 5}, At: noon})
	require.Equal(t, []flow.Command{flow.Run{Node: "a", Attempt: 2, Delay: 2 * time.Second}}, commands)
	n := p.NodeState(s, "a")
	assert.Equal(t, flow.PhaseRunning, n.Phase)
	assert.Equal(t, &flow.NodeError{Reason: "Busy", Message: "429"}, n.Error)
	assert.Equal(t, noon.Add(2*time.Second), n.NotBefore)

	before := encode(t, s)
	s, commands = p.Step(s, flow.Failed{Node: "a", Attempt: 1, Reason: "Busy", Retryable: true, At: noon})
	assert.Empty(t, commands, "the first attempt was over already")
	assert.Equal(t, before, encode(t, s))

	s, commands = p.Step(s, flow.Failed{Node: "a", Attempt: 2, Reason: "Busy", Retryable: true, Usage: flow.Usage{InputTokens: 5}, At: noon})
	require.Equal(t, []flow.Command{flow.Run{Node: "a", Attempt: 3, Delay: 6 * time.Second}}, commands)
	s, commands = p.Step(s, flow.Failed{Node: "a", Attempt: 3, Reason: "Busy", Message: "still", Retryable: true, At: noon})
	require.Equal(t, []flow.Command{flow.Finish{Phase: flow.PhaseFailed}}, commands)
	assert.Equal(t, &flow.RunError{Node: "a", Reason: "Busy", Message: "still"}, s.Error)
	assert.Equal(t, flow.Usage{InputTokens: 10}, s.Usage())
}

func TestASecondAttemptThatSucceedsLeavesNoTraceOfTheFirstButItsCost(t *testing.T) {
	t.Parallel()
	p := compile(t, flow.Flow{Nodes: []flow.Node{work("a")}, Defaults: flow.Policy{MaxAttempts: 2}})
	s, _ := p.Step(flow.State{}, flow.Start{At: noon})
	s, _ = p.Step(s, flow.Failed{Node: "a", Attempt: 1, Reason: "Busy", Retryable: true, Usage: flow.Usage{InputTokens: 5, OutputTokens: 1}, At: noon})
	s, _ = p.Step(s, flow.Done{Node: "a", Attempt: 2, Output: "x", Usage: flow.Usage{InputTokens: 2}, At: noon})
	assert.Equal(t, flow.NodeState{
		ID: "a", Kind: flow.KindTransform, Phase: ok, Attempt: 2, Output: "x", Usage: flow.Usage{InputTokens: 7, OutputTokens: 1}, StartedAt: noon, EndedAt: noon,
	}, p.NodeState(s, "a"))
	assert.Equal(t, ok, s.Phase)
	assert.Nil(t, s.Error)
}

func TestAFailureThatIsNotRetryableIsNotRetried(t *testing.T) {
	t.Parallel()
	p := compile(t, flow.Flow{Nodes: []flow.Node{work("a")}, Defaults: flow.Policy{MaxAttempts: 5}})
	s := play(t, p, flow.Facts{}, map[string]answer{"a": {fail: "Wrong"}})
	assert.Equal(t, 1, p.NodeState(s, "a").Attempt)
	assert.Equal(t, bad, s.Phase)
}
