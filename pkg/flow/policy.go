// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"math"
	"time"
)

// defaults of a policy that asks for more than one attempt.
const (
	defaultInitialDelay      = time.Second
	defaultBackoffMultiplier = 2
)

// over returns the policy with the gaps filled in from base.
func (p Policy) over(base Policy) Policy {
	if p.TimeoutSeconds == 0 {
		p.TimeoutSeconds = base.TimeoutSeconds
	}
	if p.MaxAttempts == 0 {
		p.MaxAttempts = base.MaxAttempts
	}
	if p.InitialDelay == 0 {
		p.InitialDelay = base.InitialDelay
	}
	if p.BackoffMultiplier == 0 {
		p.BackoffMultiplier = base.BackoffMultiplier
	}
	return p
}

// Delay returns the pause before the given attempt: none before the first,
// InitialDelay before the second, BackoffMultiplier times as long before each
// further one, never more than MaxDelay.
func (p Policy) Delay(attempt int) time.Duration {
	if attempt <= 1 {
		return 0
	}
	p = p.over(Policy{InitialDelay: defaultInitialDelay, BackoffMultiplier: defaultBackoffMultiplier})
	delay := float64(p.InitialDelay) * math.Pow(p.BackoffMultiplier, float64(attempt-2))
	if math.IsNaN(delay) || delay > float64(MaxDelay) {
		return MaxDelay
	}
	return time.Duration(delay)
}

// attempts returns how often a node may be tried, at least once.
func (p Policy) attempts() int { return max(1, min(p.MaxAttempts, MaxAttempts)) }

// check names the field that is out of bounds as users write it, with what is
// wrong with it.
func (p Policy) check() (field, message string) {
	switch {
	case p.TimeoutSeconds < 0 || math.IsNaN(p.TimeoutSeconds) || p.TimeoutSeconds > math.MaxInt64/float64(time.Second):
		return "timeout_seconds", "must be a number of seconds, 0 or more"
	case p.MaxAttempts < 0 || p.MaxAttempts > MaxAttempts:
		return "retry.max_attempts", "must be from 0 to 100"
	case p.InitialDelay < 0:
		return "retry.initial_delay", "must not be negative"
	case p.BackoffMultiplier != 0 && (p.BackoffMultiplier < 1 || p.BackoffMultiplier > 1000 || math.IsNaN(p.BackoffMultiplier)):
		return "retry.backoff_multiplier", "must be from 1 to 1000"
	default:
		return "", ""
	}
}
