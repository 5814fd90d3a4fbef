// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package quotatest is the suite that every quota.Store passes.
package quotatest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	clocktesting "k8s.io/utils/clock/testing"

	"aof.dev/operator/pkg/guard"
	"aof.dev/operator/pkg/quota"
)

// Keys are those that the suite writes. Where documents must have been made
// before, a test makes these.
var Keys = []quota.Key{
	{Kind: quota.Context, Namespace: "ns", Name: "prod"},
	{Kind: quota.Binding, Namespace: "ns", Name: "prod"},
	{Kind: quota.Context, Namespace: "ns", Name: "race"},
	{Kind: quota.Context, Namespace: "ns", Name: "tokens"},
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Test runs the suite. Open gives a store over the same documents as another
// process would have it.
func Test(t *testing.T, open func(t *testing.T) quota.Store) {
	t.Helper()
	t.Run("a document begins empty", func(t *testing.T) { //nolint:paralleltest // one after the other
		document, _, err := open(t).Load(t.Context(), Keys[1])
		require.NoError(t, err)
		assert.Empty(t, document)
	})
	t.Run("versions", func(t *testing.T) { versions(t, open(t), open(t)) })        //nolint:paralleltest // as above
	t.Run("replicas race", func(t *testing.T) { race(t, open) })                   //nolint:paralleltest // as above
	t.Run("tokens are shared", func(t *testing.T) { tokens(t, open(t), open(t)) }) //nolint:paralleltest // as above
}

func versions(t *testing.T, a, b quota.Store) {
	t.Helper()
	_, first, err := a.Load(t.Context(), Keys[0])
	require.NoError(t, err)
	second, err := a.Save(t.Context(), Keys[0], []byte(`{"n":1}`), first)
	require.NoError(t, err)
	assert.NotEqual(t, first, second)
	_, err = a.Save(t.Context(), Keys[0], []byte(`{"n":2}`), first)
	require.ErrorIs(t, err, quota.ErrConflict)
	document, version, err := b.Load(t.Context(), Keys[0])
	require.NoError(t, err)
	assert.Equal(t, second, version)
	assert.JSONEq(t, `{"n":1}`, string(document))
	_, err = b.Save(t.Context(), Keys[0], []byte(`{"n":3}`), version)
	require.NoError(t, err)
	_, err = a.Save(t.Context(), Keys[0], []byte(`{"n":4}`), second)
	require.ErrorIs(t, err, quota.ErrConflict, "another process was faster")
	other, _, err := b.Load(t.Context(), Keys[1])
	require.NoError(t, err)
	assert.Empty(t, other, "another document of the same name")
}

// race has replicas with many goroutines each ask for more than there is.
func race(t *testing.T, open func(t *testing.T) quota.Store) {
	t.Helper()
	const replicas, runs, limit = 5, 8, 10
	limits := guard.Limits{RequestsPerMinute: limit, Concurrent: limit}
	clk := clocktesting.NewFakePassiveClock(noon)
	var mu sync.Mutex
	admitted := map[string]bool{}
	keepers := make([]*quota.Keeper, replicas)
	for i := range keepers {
		keepers[i] = &quota.Keeper{Store: open(t), Clock: clk}
	}
	round := func() (n int) {
		var all sync.WaitGroup
		for i, keeper := range keepers {
			for j := range runs {
				id := fmt.Sprintf("%d-%d", i, j)
				mu.Lock()
				in := admitted[id]
				mu.Unlock()
				if in {
					continue
				}
				all.Go(func() {
					var a guard.Admission
					err := keeper.Quota(t.Context(), Keys[2], func(q *guard.Quota, now time.Time) bool {
						a = q.Admit(limits, guard.Place{ID: id}, false, true, now)
						return a.Changed
					})
					if !assert.NoError(t, err) || !a.Admitted {
						return
					}
					mu.Lock()
					defer mu.Unlock()
					admitted[id] = true
					n++
				})
			}
		}
		all.Wait()
		return n
	}
	for k := 1; k <= replicas*runs/limit; k++ {
		assert.Equal(t, limit, round(), "window %d", k)
		assert.Zero(t, round(), "no more in that window")
		for id := range admitted {
			require.NoError(t, keepers[0].Quota(t.Context(), Keys[2], func(q *guard.Quota, _ time.Time) bool { return q.Leave(id) }))
		}
		clk.SetTime(clk.Now().Add(63 * time.Second))
	}
	assert.Len(t, admitted, replicas*runs, "none is lost")
}

// tokens has two replicas use up a day's tokens, one of which is gone without a
// word.
func tokens(t *testing.T, a, b quota.Store) {
	t.Helper()
	ctx, key, limits := t.Context(), Keys[3], guard.Limits{TokensPerDay: 1000}
	clk := clocktesting.NewFakePassiveClock(noon)
	one, other := &quota.Keeper{Store: a, Clock: clk}, &quota.Keeper{Store: b, Clock: clk}
	take := func(k *quota.Keeper, need int64) (quota.Grant, guard.Reservation) {
		g, r, err := k.Take(ctx, key, limits, need)
		require.NoError(t, err)
		return g, r
	}
	_, lost := take(other, 300)
	require.EqualValues(t, 300, lost.Granted)

	done := one.Use(key)
	g, r := take(one, 600)
	require.EqualValues(t, 600, r.Granted)
	_, r = take(other, 200)
	assert.Zero(t, r.Granted, "900 are held")
	one.Settle(key, g, 100)
	g, r = take(one, 500)
	assert.EqualValues(t, 500, r.Granted, "what was not used is at hand")
	one.Settle(key, g, 150)
	require.NoError(t, done(ctx))
	_, r = take(one, 451)
	assert.Zero(t, r.Granted, "250 were used, 300 are lost for the day")
	assert.EqualValues(t, 550, r.Used)
	_, r = take(other, 450)
	assert.EqualValues(t, 450, r.Granted)
	clk.SetTime(noon.AddDate(0, 0, 1))
	g, r = take(one, 1000)
	assert.EqualValues(t, 1000, r.Granted, "a new day")
	one.Settle(key, g, 2000)
	require.NoError(t, one.Use(key)(ctx))
	_, r = take(other, 1)
	assert.Zero(t, r.Granted)
	assert.EqualValues(t, 2000, r.Used, "what was used is told, even if it is more than was thought")
}

// Spoiled gives a store whose saves are done and then told to have failed, every
// so often, or meet a conflict.
func Spoiled(s quota.Store) quota.Store { return &spoiled{Store: s} }

type spoiled struct {
	quota.Store
	mu sync.Mutex
	n  int
}

// Save implements quota.Store.
func (s *spoiled) Save(ctx context.Context, key quota.Key, document []byte, version string) (string, error) {
	s.mu.Lock()
	s.n++
	n := s.n
	s.mu.Unlock()
	if n%3 == 0 {
		return "", quota.ErrConflict
	}
	return s.Store.Save(ctx, key, document, version)
}
