// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/node"
)

func TestShortWaitsAreSlept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		var res node.Result
		var err error
		done := false
		go func() {
			res, err = b.execute(t.Context(), request(flow.KindWait, values{"duration": "${d}"}, values{"d": "2s"}))
			done = true
		}()
		synctest.Wait()
		require.False(t, done)
		b.clock.Step(2 * time.Second)
		synctest.Wait()
		require.True(t, done)
		require.NoError(t, err)
		assert.Equal(t, node.Result{Output: values{"waited": "2s", "seconds": 2.0}}, res)
	})
}

func TestSleepEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		ctx, cancel := context.WithCancel(t.Context())
		var err error
		go func() { _, err = b.execute(ctx, request(flow.KindWait, values{"seconds": 4}, nil)) }()
		synctest.Wait()
		cancel()
		synctest.Wait()
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestLongWaitsSuspend(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, test := range map[string]struct {
		config values
		kind   flow.WaitKind
		until  time.Duration
	}{
		"a duration":           {values{"duration": "90s"}, flow.WaitTimer, 90 * time.Second},
		"seconds":              {values{"duration_seconds": float64(6)}, flow.WaitTimer, 6 * time.Second},
		"for a time":           {values{"for": "2h"}, flow.WaitTimer, 2 * time.Hour},
		"until":                {values{"until": "2026-01-02T15:05:05Z"}, flow.WaitTimer, time.Minute},
		"a reaction":           {values{"for": "Reaction", "timeout": "2m"}, flow.WaitReaction, 2 * time.Minute},
		"a reaction some time": {values{"for": "reaction"}, flow.WaitReaction, time.Hour},
		"an event":             {values{"for": "event", "duration": "3m"}, flow.WaitEvent, 3 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, err := b.run(t, flow.KindWait, test.config, nil)
			require.NoError(t, err)
			require.NotNil(t, res.Wait)
			assert.Equal(t, test.kind, res.Wait.Kind)
			assert.Equal(t, start.Add(test.until), res.Wait.Until)
		})
	}
	assert.Equal(t, "0s", b.ok(t, flow.KindWait, values{"until": "2020-01-01T00:00:00Z"}, nil)["waited"])
	for _, config := range []values{{"duration": "${x}"}, {"for": "godot"}, {"until": "tomorrow"}} {
		b.fails(t, flow.KindWait, config, values{"x": "-1s"}, node.ReasonInvalidConfig)
	}
}

func TestApproval(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	res, err := b.run(t, flow.KindApproval, values{
		"message": "run ${event.text}?", "timeout_seconds": 300, "approvers": []any{"ann@example.org", "${event.user}"}, "fallback": "Approve",
		"min_approvers": 2, "allow_self_approval": false,
	}, event("rm -rf ${HOME}"))
	require.NoError(t, err)
	assert.Equal(t, &flow.Wait{
		Kind: flow.WaitApproval, Message: "run rm -rf ${HOME}?", Until: start.Add(5 * time.Minute),
		Details: values{
			"approvers": []any{"ann@example.org", "U1"}, "fallback": "approve", "min_approvers": 2, "allow_self_approval": false,
			"digest": node.Digest("n", "run rm -rf ${HOME}?"), "requested_by": "U1", "platform": "slack", "channel": "C1", "thread": "1.2",
			"notified": true, "ts": "17.5",
		},
	}, res.Wait)
	assert.Nil(t, res.Output)
	assert.Len(t, node.Digest("a", "bc"), 64)
	assert.NotEqual(t, node.Digest("a", "bc"), node.Digest("ab", "c"))

	for minutes, want := range map[any]time.Duration{5: 5 * time.Minute, "5": 5 * time.Minute, "5m": 5 * time.Minute, 1e300: 0} {
		res, err = b.run(t, flow.KindApproval, values{"timeout_minutes": minutes, "notification_channel": "#ops"}, nil)
		if want == 0 {
			require.Error(t, err)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, start.Add(want), res.Wait.Until)
		assert.Equal(t, "Approval required", res.Wait.Message)
		assert.Equal(t, values{
			"platform": "slack", "channel": "C1", "fallback": "reject", "approvers": []any{}, "digest": node.Digest("n", "Approval required"),
			"notified": true, "ts": "17.5",
		}, res.Wait.Details)
		assert.Equal(t, "#ops", b.messenger.sent[len(b.messenger.sent)-1].Channel)
	}
	b.fails(t, flow.KindApproval, values{"fallback": "${x}"}, values{"x": "maybe"}, node.ReasonInvalidConfig)
}
