// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/flow"
)

// agentExecutor asks agents and fleets.
type agentExecutor struct {
	agents Agents
	decode func([]byte) (map[string]any, error)
}

// Execute renders the question and asks it.
func (e *agentExecutor) Execute(ctx context.Context, req Request) (Result, error) {
	if ctx.Err() != nil {
		return Result{}, ctx.Err()
	}
	if e.agents == nil {
		return Result{}, fail(ReasonUnsupported, "agents can't be run here")
	}
	s := settings{renderer: newRenderer(req), values: req.Node.Config}
	call, err := e.call(s, req.Node.Kind)
	if err != nil {
		return Result{}, err
	}
	if call.Input, err = s.question(); err != nil {
		return Result{}, err
	}
	answer, err := e.agents.Ask(ctx, req.Run, call)
	if err != nil {
		// What it has cost is to be counted all the same.
		return Result{Usage: answer.Usage}, foreign(ctx, ReasonAgent, false, err)
	}
	return Result{Output: answer.Output, Usage: answer.Usage}, nil
}

// call says who is asked: a fleet, an agent by name, or one defined in place.
func (e *agentExecutor) call(s settings, kind flow.Kind) (AgentCall, error) {
	names := []string{"fleet"}
	if kind == flow.KindFleet {
		names = append(names, "agent")
	}
	fleet, err := s.word(names...)
	if err != nil || fleet != "" {
		return AgentCall{Fleet: fleet}, err
	}
	if inline, ok := s.values["inline"].(map[string]any); ok && len(inline) > 0 {
		return s.inline(inline)
	}
	if text, ok := s.values["agent_config"].(string); ok && strings.TrimSpace(text) != "" {
		// Decoded first and rendered then: a value can't change its structure.
		config, err := e.decode([]byte(text))
		if err != nil {
			return AgentCall{}, fail(ReasonInvalidConfig, "agent_config: %v", err)
		}
		return s.inline(flatten(config))
	}
	if config, ok := s.values["agent_config"].(map[string]any); ok && len(config) > 0 {
		return s.inline(flatten(config))
	}
	if inline, ok := s.values["agent"].(map[string]any); ok {
		return s.inline(inline)
	}
	agent, err := s.word("agent")
	if err == nil && agent == "" {
		err = fail(ReasonInvalidConfig, "agent: renders to nothing")
	}
	return AgentCall{Agent: agent}, err
}

func (s settings) inline(config map[string]any) (AgentCall, error) {
	filled, err := s.deep(config)
	if err != nil {
		return AgentCall{}, at("inline", err)
	}
	inline, _ := filled.(map[string]any)
	return AgentCall{Inline: inline}, nil
}

// flatten takes the definition out of an Agent written as a whole resource.
func flatten(config map[string]any) map[string]any {
	spec, ok := config["spec"].(map[string]any)
	if !ok {
		return config
	}
	out := maps.Clone(spec)
	if metadata, ok := config["metadata"].(map[string]any); ok && out["name"] == nil {
		out["name"] = metadata["name"]
	}
	return out
}

// question is the input with its context below. Without an input it is what was
// handed on.
func (s settings) question() (string, error) {
	input, err := s.string("input")
	if err != nil {
		return "", err
	}
	if _, given := s.first("input"); !given {
		if input, err = s.handedOn(); err != nil {
			return "", err
		}
	}
	config, ok := s.values["context"].(map[string]any)
	if !ok || len(config) == 0 {
		return input, nil
	}
	filled, err := s.deep(config)
	if err != nil {
		return "", at("context", err)
	}
	values, _ := filled.(map[string]any)
	var b strings.Builder
	b.WriteString(input)
	b.WriteString("\n\nContext:")
	for _, key := range slices.Sorted(maps.Keys(values)) {
		b.WriteString("\n" + key + ": " + expr.Text(values[key]))
	}
	return b.String(), nil
}

// handedOn is what an agent works on that was given no input: the text of the
// event and, behind another agent, what that one answered.
func (s settings) handedOn() (string, error) {
	text, err := s.text("${event.text}")
	if err != nil {
		return "", err
	}
	for _, who := range []string{"agent", "fleet"} {
		name, err := s.text("${previous." + who + "}")
		if err != nil {
			return "", err
		}
		if name != "" {
			answer, err := s.text("${previous.output}")
			return text + "\n\n" + name + " answered:\n" + answer, err
		}
	}
	return text, nil
}

// decodeObject reads an object written as JSON.
func decodeObject(text []byte) (map[string]any, error) {
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil || out == nil {
		return nil, errors.New("is not a JSON object")
	}
	return out, nil
}
