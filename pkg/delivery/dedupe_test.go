// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package delivery_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/dedupe"
	"aof.dev/operator/pkg/delivery"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/match"
	"aof.dev/operator/pkg/once"
	"aof.dev/operator/pkg/once/lease"
	"aof.dev/operator/pkg/once/oncetest"
	"aof.dev/operator/pkg/plan"
)

// onceScene is a scene whose binding takes events of one text for one thing.
func onceScene(t *testing.T) (*scene, *once.Maker) {
	t.Helper()
	s := setScene(t)
	s.keep(t, "web-1", &plan.Plan{
		Namespace: "team", Binding: "web", BindingUID: "u1", FlowNamespace: "team", Flow: flow.Flow{Name: "triage"},
		Trigger: &plan.Trigger{Namespace: "shop", Name: "intake", Type: "Slack"},
		Rule:    &match.Rule{ID: "team/web", Filters: []match.Filter{{Name: "binding web", Patterns: []string{"disk"}}}},
		Dedupe:  &dedupe.Rule{Key: "${event.text}", Window: time.Hour},
	})
	clk := clocktesting.NewFakeClock(now)
	maker := &once.Maker{Runs: s.store, Keys: lease.New(&oncetest.Leases{}), Clock: clk, Counts: true}
	s.handler = delivery.New(t.Context(), delivery.Options{
		Namespace: "team", Store: s.store, Plans: delivery.NewPlans(s.plans), Runs: s.runs, Once: maker, Clock: clk, Timeout: time.Hour,
	})
	t.Cleanup(s.handler.Stop)
	return s, maker
}

func TestARunnerTellsDuplicates(t *testing.T) {
	t.Parallel()
	s, _ := onceScene(t)
	require.Equal(t, http.StatusOK, s.post(t, path, event(t, "1", "disk full")).Code)
	require.Len(t, s.runs.carried, 1)
	assert.NotEmpty(t, s.runs.carried[0].ResourceVersion, "the run is in the ledger before anything of it begins")
	answer := s.post(t, path, event(t, "2", "disk full"))
	assert.Equal(t, http.StatusOK, answer.Code, "it is dealt with")
	assert.Empty(t, answer.Body.String())
	assert.Len(t, s.stored(t), 1)
	assert.Len(t, s.runs.carried, 1)

	require.Equal(t, http.StatusOK, s.post(t, path, event(t, "1", "disk full")).Code)
	assert.Len(t, s.runs.carried, 2, "the same event again has its run carried on")
	require.Equal(t, http.StatusOK, s.post(t, path, event(t, "3", "disk full", "aofforce", "true")).Code)
	require.Equal(t, http.StatusOK, s.post(t, path, event(t, "4", "disk gone")).Code)
	assert.Len(t, s.stored(t), 3)
}

func TestAKeyThatSomebodyIsAboutToUseIsWaitedFor(t *testing.T) {
	t.Parallel()
	s, maker := onceScene(t)
	s.store.err = errDown
	require.Equal(t, http.StatusServiceUnavailable, s.post(t, path, event(t, "1", "disk full")).Code)
	s.store.err = nil
	maker.Clock = &skipping{clocktesting.NewFakeClock(now)}
	answer := s.post(t, path, event(t, "2", "disk full"))
	assert.Equal(t, http.StatusTooManyRequests, answer.Code)
	assert.NotEmpty(t, answer.Header().Get("Retry-After"))
	assert.Empty(t, s.stored(t))
	require.Equal(t, http.StatusOK, s.post(t, path, event(t, "1", "disk full")).Code)
	assert.Len(t, s.stored(t), 1)
}

func TestADeadLetterMayBeADuplicate(t *testing.T) {
	t.Parallel()
	s, _ := onceScene(t)
	require.Equal(t, http.StatusOK, s.post(t, path, event(t, "1", "disk full")).Code)
	require.Equal(t, http.StatusOK, s.post(t, deadLetters, event(t, "2", "disk full")).Code)
	assert.Len(t, s.stored(t), 1)
	require.Equal(t, http.StatusOK, s.post(t, deadLetters, event(t, "3", "disk gone")).Code)
	runs := s.stored(t)
	require.Len(t, runs, 2)
	var failed []string
	for i := range runs {
		if runs[i].Status.Phase == aofv1.FlowRunPhaseFailed {
			failed = append(failed, runs[i].Status.Error.Reason)
		}
	}
	assert.Equal(t, []string{"DeadLettered"}, failed)
	assert.Equal(t, http.StatusOK, s.post(t, deadLetters, event(t, "5", "disk", "aofmatch", "|team/other|")).Code)
	assert.Len(t, s.stored(t), 2, "it was for another binding")
}

// skipping is a clock on which pauses are over at once.
type skipping struct{ *clocktesting.FakeClock }

func (c *skipping) NewTimer(d time.Duration) clock.Timer {
	timer := c.FakeClock.NewTimer(d)
	c.Step(d)
	return timer
}
