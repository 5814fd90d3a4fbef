// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"aof.dev/operator/pkg/fleet"
	"aof.dev/operator/pkg/llm"
)

// maxConcurrent bounds how many model calls of one fleet run at once.
const maxConcurrent = 8

// FleetSpec is what running a fleet needs to know of it.
type FleetSpec struct {
	// Fleet says who its members are and how they work together.
	Fleet fleet.Spec `json:"fleet"`
	// Agents holds each member's agent by the member's name.
	Agents map[string]Spec `json:"agents"`
}

// RunFleet has a fleet work on input. Members that fail are left out as the
// fleet's mode allows; when no decision comes of it, the error is that of the
// first member that failed, so that its Kind and whether to retry can be read.
//
// The output has fleet, input, output and response (the same text, unless the
// response is JSON with fields of these names), confidence, votes,
// requires_review, winner, answers [{agent, output | error}], usage
// {input_tokens, output_tokens, total_tokens} and the fields that the response
// gives (ParseOutput). What the consensus says can't be said by a response.
func (r *Runner) RunFleet(ctx context.Context, spec FleetSpec, input string) (Result, error) {
	f, err := fleet.New(spec.Fleet)
	if err != nil {
		return Result{}, err
	}
	for _, m := range spec.Fleet.Members {
		if _, ok := spec.Agents[m.Name]; !ok {
			return Result{}, fmt.Errorf("fleet %q: no agent is given for member %q", llm.Shorten(spec.Fleet.Name, 80), llm.Shorten(m.Name, 80))
		}
	}
	run := fleetRun{runner: r, spec: spec, state: fleet.State{Input: input}}
	for due := f.Next(run.state); len(due) > 0; due = f.Next(run.state) {
		run.ask(ctx, due)
		if err := ctx.Err(); err != nil {
			return Result{Usage: run.usage}, fmt.Errorf("fleet %q: %w", llm.Shorten(spec.Fleet.Name, 80), llm.ContextError("", err))
		}
	}
	decision, err := f.Finish(run.state)
	if err != nil {
		// Finish says it in the member's words already; join keeps the Kind.
		return Result{Usage: run.usage}, withCause(err, run.failure)
	}
	return Result{Text: decision.Response, Output: run.output(decision), Usage: run.usage}, nil
}

// fleetRun is one fleet's work on one input.
type fleetRun struct {
	runner  *Runner
	spec    FleetSpec
	state   fleet.State
	asked   []fleet.Ask
	usage   llm.Usage
	failure error // the first, in the order of the asks
}

// ask makes the due calls, several at once, and takes the answers in the order
// of the asks.
func (f *fleetRun) ask(ctx context.Context, due []fleet.Ask) {
	results := make([]Result, len(due))
	errs := make([]error, len(due))
	var g errgroup.Group
	g.SetLimit(maxConcurrent)
	for i, ask := range due {
		g.Go(func() error {
			results[i], errs[i] = f.runner.Run(ctx, f.spec.Agents[ask.Agent], ask.Input)
			return nil // a failed member doesn't stop the others
		})
	}
	_ = g.Wait() // no function returns an error
	for i, ask := range due {
		answer := fleet.Answer{Ask: ask.ID, Text: results[i].Text, Fields: results[i].Output}
		if errs[i] != nil {
			answer = fleet.Answer{Ask: ask.ID, Failed: errs[i].Error()}
			if f.failure == nil {
				f.failure = errs[i]
			}
		}
		f.usage = f.usage.Add(results[i].Usage)
		f.asked = append(f.asked, ask)
		f.state.Answers = append(f.state.Answers, answer)
	}
}

// output builds the node output; see RunFleet.
func (f *fleetRun) output(d fleet.Decision) map[string]any {
	out := ParseOutput(d.Response)
	if _, taken := out["response"]; !taken {
		out["response"] = d.Response
	}
	answers := make([]any, 0, len(f.asked))
	for i, ask := range f.asked {
		a := f.state.Answers[i]
		answer := map[string]any{"agent": ask.Agent, "output": a.Text}
		if a.Failed != "" {
			answer = map[string]any{"agent": ask.Agent, "error": a.Failed}
		}
		answers = append(answers, answer)
	}
	for k, v := range map[string]any{
		"fleet":           f.spec.Fleet.Name,
		"input":           f.state.Input,
		"confidence":      d.Confidence,
		"votes":           float64(d.Votes),
		"requires_review": d.RequiresReview,
		"winner":          d.Winner,
		"answers":         answers,
		"usage": map[string]any{
			"input_tokens":  float64(f.usage.InputTokens),
			"output_tokens": float64(f.usage.OutputTokens),
			"total_tokens":  float64(f.usage.InputTokens + f.usage.OutputTokens),
		},
	} {
		out[k] = v
	}
	return out
}

// causedError reads as its own text and matches its cause.
type causedError struct {
	error
	cause error
}

func (e causedError) Unwrap() []error { return []error{e.error, e.cause} }

func withCause(err, cause error) error {
	if cause == nil || errors.Is(err, cause) {
		return err
	}
	return causedError{error: err, cause: cause}
}
