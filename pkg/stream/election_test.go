// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"aof.dev/operator/pkg/kubeapi"
	"aof.dev/operator/pkg/stream"
	fakekube "aof.dev/operator/test/fake/kube"
)

const leasePath = "/apis/coordination.k8s.io/v1/namespaces/aof-system/leases/aof-stream"

// candidate is one process that wants to lead.
type candidate struct {
	clock   *clocktesting.FakeClock
	leading chan context.Context
	finish  chan struct{}
	stop    context.CancelFunc
	ended   chan error
}

func stand(t *testing.T, api *fakekube.Server, holder string) *candidate {
	t.Helper()
	config, err := kubeapi.ConfigFrom(api.Getenv)
	require.NoError(t, err)
	client, err := kubeapi.New(config)
	require.NoError(t, err)
	leases, err := client.Leases()
	require.NoError(t, err)
	c := &candidate{
		clock: clocktesting.NewFakeClock(time.Unix(1_700_000_000, 0)), leading: make(chan context.Context, 1),
		finish: make(chan struct{}), ended: make(chan error, 1),
	}
	ctx, stop := context.WithCancel(t.Context())
	c.stop = stop
	e := &stream.Election{Leases: leases, Namespace: "aof-system", Name: "aof-stream", Holder: holder, Clock: c.clock, Log: slog.New(slog.DiscardHandler)}
	go func() {
		c.ended <- e.Lead(ctx, func(term context.Context) {
			c.leading <- term
			<-term.Done()
			<-c.finish
		})
	}()
	return c
}

// tick has a candidate do one round, and waits for its call to the API.
func tick(t *testing.T, api *fakekube.Server, c *candidate, d time.Duration) {
	t.Helper()
	before := len(api.Requests())
	require.Eventually(t, c.clock.HasWaiters, 10*time.Second, time.Millisecond)
	c.clock.Step(d)
	require.Eventually(t, func() bool { return len(api.Requests()) > before }, 10*time.Second, time.Millisecond)
}

func holder(t *testing.T, api *fakekube.Server) string {
	t.Helper()
	var held coordinationv1.Lease
	require.True(t, api.Get(leasePath, &held))
	return *held.Spec.HolderIdentity
}

func TestOneLeadsAtATime(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	one := stand(t, api, "one")
	term := <-one.leading
	assert.Equal(t, "one", holder(t, api))
	two := stand(t, api, "two")
	for range 20 { // two looks, one renews
		tick(t, api, two, 2*time.Second)
		tick(t, api, one, 2*time.Second)
	}
	assert.Empty(t, two.leading)
	require.NoError(t, term.Err())

	one.stop()
	<-term.Done()
	assert.Equal(t, "one", holder(t, api), "it is held until the work has ended")
	close(one.finish)
	require.NoError(t, <-one.ended)
	require.Eventually(t, func() bool {
		two.clock.Step(2 * time.Second)
		return len(two.leading) == 1
	}, 10*time.Second, time.Millisecond, "given back, it is taken at once")
	assert.Equal(t, "two", holder(t, api))
	two.stop()
	close(two.finish)
	require.NoError(t, <-two.ended)
}

func TestALeaseThatNobodyRenewsIsTaken(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	api.Put(leasePath, map[string]any{
		"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": map[string]any{"namespace": "aof-system", "name": "aof-stream"},
		"spec": map[string]any{"holderIdentity": "dead", "leaseDurationSeconds": 15, "leaseTransitions": 4},
	})
	c := stand(t, api, "me")
	require.Eventually(t, func() bool { return len(api.Requests()) == 1 }, 10*time.Second, time.Millisecond)
	for range 7 {
		tick(t, api, c, 2*time.Second)
	}
	assert.Empty(t, c.leading, "14 seconds")
	assert.Equal(t, "dead", holder(t, api))
	require.Eventually(t, func() bool {
		c.clock.Step(2 * time.Second)
		return len(c.leading) == 1
	}, 10*time.Second, time.Millisecond)
	var held coordinationv1.Lease
	require.True(t, api.Get(leasePath, &held))
	assert.Equal(t, int32(5), *held.Spec.LeaseTransitions)
	c.stop()
	close(c.finish)
	require.NoError(t, <-c.ended)
}

func TestALeaseIsLost(t *testing.T) {
	t.Parallel()
	t.Run("to another one", func(t *testing.T) {
		t.Parallel()
		api := fakekube.New(t)
		c := stand(t, api, "me")
		term := <-c.leading
		api.Put(leasePath, map[string]any{
			"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": map[string]any{"namespace": "aof-system", "name": "aof-stream"},
			"spec": map[string]any{"holderIdentity": "other"},
		})
		close(c.finish)
		tick(t, api, c, 2*time.Second)
		require.ErrorIs(t, <-c.ended, stream.ErrLeaseLost)
		require.ErrorIs(t, context.Cause(term), stream.ErrLeaseLost)
		assert.Equal(t, "other", holder(t, api), "which is left alone")
	})
	t.Run("to an API that is down", func(t *testing.T) {
		t.Parallel()
		api := fakekube.New(t)
		c := stand(t, api, "me")
		term := <-c.leading
		api.Trouble(func(fakekube.Moment, string, string) int { return http.StatusServiceUnavailable })
		for range 4 {
			tick(t, api, c, 2*time.Second)
		}
		require.NoError(t, term.Err(), "eight seconds are nothing")
		close(c.finish)
		c.clock.Step(2 * time.Second)
		require.ErrorIs(t, <-c.ended, stream.ErrLeaseLost)
	})
}

func TestAnElectionThatIsNotWonEnds(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	api.Trouble(func(fakekube.Moment, string, string) int { return http.StatusForbidden })
	c := stand(t, api, "me")
	tick(t, api, c, 2*time.Second)
	c.stop()
	require.NoError(t, <-c.ended)
	assert.Empty(t, c.leading)
}
