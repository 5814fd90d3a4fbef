// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"

	"aof.dev/operator/pkg/llm"
)

// Spec is what running an agent needs to know of it.
type Spec struct {
	// Name is the agent's name, for records and error messages.
	Name string `json:"name"`
	// Model is a reference "provider:model" or, with Provider, a bare name.
	Model string `json:"model"`
	// Provider serves a model that is written without one.
	Provider string `json:"provider,omitempty"`
	// Instructions is the system text.
	Instructions string `json:"instructions,omitempty"`
	// Temperature is 0 to 2; nil leaves it to the provider.
	Temperature *float64 `json:"temperature,omitempty"`
	// MaxTokens bounds the reply; 0 leaves it to the provider.
	MaxTokens int `json:"max_tokens,omitempty"`
	// Tools names the agent's tools. They are not executed yet.
	Tools []string `json:"tools,omitempty"`
}

// Result is what came of an agent's or a fleet's run.
type Result struct {
	// Text is the model's reply as it came.
	Text string
	// Output is the node output: agent, input, output (the text), the token
	// counts, requires_approval, and the fields the reply gives (ParseOutput; it
	// can't give agent, input or the counts). Its values have the types that
	// encoding/json gives, so storing and loading changes nothing.
	Output map[string]any
	// Usage is what the run's model calls cost. It is set on errors as well
	// when some calls of a fleet had been made.
	Usage llm.Usage
}

// Models opens the provider for a model reference; *llm.Opener is one.
type Models interface {
	Open(ref string) (provider llm.Provider, model string, err error)
}

// Runner runs agents. Its zero value has no models and refuses all.
type Runner struct {
	// Models finds the provider of an agent's model.
	Models Models
}

// Run asks the agent's model about input. The error wraps an *llm.Error, or what
// a Meter said, and names the agent.
func (r *Runner) Run(ctx context.Context, spec Spec, input string) (Result, error) {
	resp, err := r.generate(ctx, spec, input)
	if err != nil {
		return Result{}, fmt.Errorf("agent %q: %w", llm.Shorten(spec.Name, 80), err)
	}
	out := ParseOutput(resp.Text)
	out["agent"] = spec.Name
	out["input"] = input
	out["input_tokens"] = float64(resp.Usage.InputTokens)
	out["output_tokens"] = float64(resp.Usage.OutputTokens)
	return Result{Text: resp.Text, Output: out, Usage: resp.Usage}, nil
}

func (r *Runner) generate(ctx context.Context, spec Spec, input string) (*llm.Response, error) {
	if r.Models == nil {
		return nil, llm.NewError(llm.BadRequest, "", "no model providers are configured")
	}
	declared := llm.Join(spec.Provider, spec.Model)
	req := llm.Request{
		System:      spec.Instructions,
		Messages:    []llm.Message{{Role: llm.RoleUser, Content: input}},
		Temperature: spec.Temperature,
		MaxTokens:   spec.MaxTokens,
		Agent:       spec.Name,
		Declared:    declared,
	}
	if n := req.InputBytes(); n > llm.MaxInputBytes {
		return nil, llm.NewError(llm.BadRequest, "", "instructions and input are %d bytes, the limit is %d", n, llm.MaxInputBytes)
	}
	provider, model, err := r.Models.Open(declared)
	if err != nil {
		return nil, err
	}
	req.Model = model
	resp, err := call(ctx, provider, req)
	if err != nil {
		return nil, err
	}
	if len(resp.Text) > llm.MaxReplyBytes {
		return nil, llm.NewError(llm.Unavailable, "", "the reply is %d bytes, the limit is %d", len(resp.Text), llm.MaxReplyBytes)
	}
	return resp, nil
}
