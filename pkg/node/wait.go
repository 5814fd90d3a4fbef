// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"strings"
	"time"

	"k8s.io/utils/clock"

	"aof.dev/operator/pkg/flow"
)

// defaultPatience is how long a node waits for people when it does not say.
const defaultPatience = time.Hour

// waitExecutor pauses.
type waitExecutor struct {
	clock    clock.Clock
	maxSleep time.Duration
}

// Execute sleeps for a short pause and suspends the run for a longer one, or
// until somebody reacts.
func (e *waitExecutor) Execute(ctx context.Context, req Request) (Result, error) {
	if ctx.Err() != nil {
		return Result{}, ctx.Err()
	}
	s := settings{renderer: newRenderer(req), values: req.Node.Config}
	now := e.clock.Now()
	pause, err := s.duration("duration", "duration_seconds", "seconds")
	if err != nil {
		return Result{}, err
	}
	awaited, err := s.word("for")
	if err != nil {
		return Result{}, err
	}
	switch kind := strings.ToLower(awaited); kind {
	case "":
	case "reaction", "event":
		patience, err := s.timeout(pause)
		if err != nil {
			return Result{}, err
		}
		if patience == 0 {
			patience = policyTimeout(req.Node, defaultPatience)
		}
		wait := &flow.Wait{Kind: flow.WaitReaction, Until: now.Add(patience), Details: req.Run.place()}
		wait.Details["digest"] = Digest(req.Node.ID, "")
		if kind == "event" {
			wait.Kind = flow.WaitEvent
		}
		return Result{Wait: wait}, nil
	default:
		if pause, err = flow.ParseDuration(awaited); err != nil {
			return Result{}, fail(ReasonInvalidConfig, "for: must be reaction, event or a duration")
		}
	}
	until, err := s.word("until")
	if err != nil {
		return Result{}, err
	}
	if until != "" {
		end, err := time.Parse(time.RFC3339, until)
		if err != nil {
			return Result{}, fail(ReasonInvalidConfig, "until: must be a time like 2026-01-02T15:04:05Z")
		}
		pause = max(0, end.Sub(now))
	}
	output := map[string]any{"waited": pause.String(), "seconds": pause.Seconds()}
	if pause > e.maxSleep {
		return Result{Output: output, Wait: &flow.Wait{Kind: flow.WaitTimer, Until: now.Add(pause), Details: output}}, nil
	}
	if err := e.sleep(ctx, pause); err != nil {
		return Result{}, err
	}
	return Result{Output: output}, nil
}

func (e *waitExecutor) sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := e.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// place is where people see what a run says.
func (r Run) place() map[string]any {
	place := map[string]any{}
	for key, value := range map[string]string{"platform": r.Platform, "channel": r.Channel, "thread": r.Thread} {
		if value != "" {
			place[key] = value
		}
	}
	return place
}
