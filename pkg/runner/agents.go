// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
	"fmt"

	"aof.dev/operator/pkg/agent"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/llm"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/plan"
)

// AgentRunner asks agents and fleets; *agent.Runner is one.
type AgentRunner interface {
	Run(ctx context.Context, spec agent.Spec, input string) (agent.Result, error)
	RunFleet(ctx context.Context, spec agent.FleetSpec, input string) (agent.Result, error)
}

var _ AgentRunner = (*agent.Runner)(nil)

// asker gives nodes the agents and fleets of one plan.
type asker struct {
	runner AgentRunner
	plan   *plan.Plan
	meter  *meter // nil when tokens are not limited
}

// Ask runs the agent or fleet that the call names, or the one it brings.
func (a *asker) Ask(ctx context.Context, run node.Run, call node.AgentCall) (node.AgentAnswer, error) {
	answer, err := a.metered(ctx, call)
	usage := flow.Usage{InputTokens: answer.Usage.InputTokens, OutputTokens: answer.Usage.OutputTokens}
	if err != nil {
		return node.AgentAnswer{Usage: usage}, agentError(ctx, err)
	}
	return node.AgentAnswer{Output: answer.Output, Usage: usage}, nil
}

// metered asks within the Context's limit of tokens. An answer that came about
// without some of the calls it needed is none.
func (a *asker) metered(ctx context.Context, call node.AgentCall) (agent.Result, error) {
	if a.meter == nil {
		return a.ask(ctx, call)
	}
	w := &watched{meter: a.meter}
	answer, err := a.ask(agent.WithMeter(ctx, w), call)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refused != nil {
		err = w.refused
	}
	return answer, err
}

func (a *asker) ask(ctx context.Context, call node.AgentCall) (agent.Result, error) {
	switch {
	case call.Inline != nil:
		spec, err := plan.InlineAgent("inline", call.Inline)
		if err != nil {
			return agent.Result{}, err
		}
		return a.runner.Run(ctx, spec, call.Input)
	case call.Fleet != "":
		spec, ok := a.plan.Fleets[call.Fleet]
		if !ok {
			return agent.Result{}, fmt.Errorf("the plan has no fleet %q", llm.Shorten(call.Fleet, 80))
		}
		return a.runner.RunFleet(ctx, spec, call.Input)
	default:
		spec, ok := a.plan.Agents[call.Agent]
		if !ok {
			return agent.Result{}, fmt.Errorf("the plan has no agent %q", llm.Shorten(call.Agent, 80))
		}
		return a.runner.Run(ctx, spec, call.Input)
	}
}

// agentError gives the node's error its reason from what the model said.
func agentError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var refused *tokenError
	var limits *node.Error
	switch {
	case errors.As(err, &refused):
		return refused
	case errors.As(err, &limits):
		return limits
	}
	var model *llm.Error
	if errors.As(err, &model) {
		return &node.Error{Reason: "Model" + string(model.Kind), Message: bounded(err.Error()), Retryable: model.Retryable, Err: err}
	}
	return &node.Error{Reason: "AgentFailed", Message: bounded(err.Error()), Err: err}
}
