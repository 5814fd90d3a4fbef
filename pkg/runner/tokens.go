// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"aof.dev/operator/pkg/agent"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/guard"
	"aof.dev/operator/pkg/llm"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/plan"
	"aof.dev/operator/pkg/quota"
)

// tokenError says that a call of a model was not made, since its Context has no
// tokens left for it.
type tokenError struct {
	message string
	// wait is until when the node waits; zero has it fail.
	wait time.Time
}

// Error says which limit it was, and when there will be room.
func (e *tokenError) Error() string { return e.message }

// meter takes tokens for the calls of one run.
type meter struct {
	keeper *quota.Keeper
	key    quota.Key
	limits plan.Limits
	name   string

	mu sync.Mutex
	// done is set when tokens were asked for: it gives back what is left.
	done func(context.Context) error
}

var _ agent.Meter = (*meter)(nil)

// newMeter makes the meter of a run; nil when its tokens are not limited.
func (e *execution) newMeter() *meter {
	limits := e.plan.Context.Limits
	if limits.TokensPerDay == 0 {
		return nil
	}
	return &meter{keeper: e.runner.Quotas, key: e.contextKey(), limits: limits, name: e.plan.Context.Object}
}

// Begin implements agent.Meter. The reply is bounded where the agent does not do
// so itself, since what is not bounded can't be kept under a limit.
func (m *meter) Begin(ctx context.Context, request *llm.Request) (end func(*llm.Response, error), err error) {
	if m.keeper == nil {
		return nil, errNoQuotas
	}
	m.use()
	if request.MaxTokens == 0 {
		request.MaxTokens = guard.ReplyTokens
	}
	need := guard.CallTokens(request.InputBytes(), len(request.Messages), request.MaxTokens)
	grant, r, err := m.keeper.Take(ctx, m.key, m.limits.Limits, need)
	if err != nil {
		return nil, &node.Error{Reason: "LimitsUnavailable", Message: bounded(err.Error()), Retryable: true, Err: err}
	}
	if r.Granted == 0 {
		return nil, m.refusal(need, r)
	}
	return func(response *llm.Response, err error) { m.keeper.Settle(m.key, grant, spent(need, response, err)) }, nil
}

func (m *meter) refusal(need int64, r guard.Reservation) error {
	said := fmt.Sprintf("Context %s allows %d tokens a day (%s), of which %d are used or held; this call may take %d",
		m.name, r.Allowed, guard.LimitTokens, r.Used, need)
	switch {
	case r.Never:
		return &tokenError{message: said + ", which is more than a whole day's"}
	case m.limits.Refuse:
		return &tokenError{message: said + ". Try again after " + r.Opens.UTC().Format(time.RFC3339)}
	default:
		return &tokenError{message: said, wait: r.Opens}
	}
}

// spent is what a call has used, at most: what the provider does not tell is taken
// to be all that was thought possible.
func spent(need int64, response *llm.Response, err error) int64 {
	var refused *llm.Error
	switch {
	case err == nil && response != nil && response.Usage != (llm.Usage{}):
		return response.Usage.InputTokens + response.Usage.OutputTokens
	case errors.As(err, &refused):
		switch refused.Kind {
		case llm.Auth, llm.RateLimit, llm.Overloaded, llm.BadRequest:
			return 0 // no model has seen it
		case llm.ContentFilter, llm.Timeout, llm.Unavailable:
		}
	}
	return need
}

func (m *meter) use() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.done == nil {
		m.done = m.keeper.Use(m.key)
	}
}

// giveBack gives back tokens that nobody uses.
func (m *meter) giveBack(ctx context.Context) error {
	m.mu.Lock()
	done := m.done
	m.done = nil
	m.mu.Unlock()
	if done == nil {
		return nil
	}
	return done(ctx)
}

// watched is a meter that remembers what it refused during one question, which
// may be several calls: a fleet goes on without a member, and is not to.
type watched struct {
	*meter
	mu      sync.Mutex
	refused *tokenError
}

// Begin implements agent.Meter.
func (w *watched) Begin(ctx context.Context, request *llm.Request) (func(*llm.Response, error), error) {
	end, err := w.meter.Begin(ctx, request)
	var refused *tokenError
	if errors.As(err, &refused) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.refused = refused
	}
	return end, err
}

// outOfTokens has a node wait for tokens, or fail, if that is what ended its
// attempt.
func (e *execution) outOfTokens(r result) bool {
	var refused *tokenError
	if !errors.As(r.err, &refused) {
		return false
	}
	now := e.runner.Clock.Now()
	id, attempt := r.command.Node, r.command.Attempt
	if refused.wait.IsZero() {
		e.hit(guard.LimitTokens, outcomeRefused)
		e.step(flow.Failed{Node: id, Attempt: attempt, Reason: ReasonTokenBudget, Message: bounded(refused.message), Usage: r.value.Usage, At: now})
		return true
	}
	e.hit(guard.LimitTokens, outcomeWaited)
	e.step(flow.Waiting{Node: id, Attempt: attempt, At: now, Wait: flow.Wait{
		Kind: flow.WaitLimit, Message: bounded(refused.message), Until: refused.wait,
		Details: map[string]any{detailLimit: guard.LimitTokens, detailSince: now.UTC().Format(time.RFC3339)},
	}})
	return true
}
