// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"context"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	clocktesting "k8s.io/utils/clock/testing"

	"aof.dev/operator/pkg/guard"
)

// counting is one document, and a gate before it is read.
type counting struct {
	gate     chan struct{}
	document []byte
	writes   int
}

func (c *counting) Load(context.Context, Key) (document []byte, version string, err error) {
	<-c.gate
	return c.document, strconv.Itoa(c.writes), nil
}

func (c *counting) Save(_ context.Context, _ Key, document []byte, _ string) (string, error) {
	c.writes++
	c.document = document
	return strconv.Itoa(c.writes), nil
}

// What goroutines of one process want while another is served is one write.
func TestOneWriteForAllThatWait(t *testing.T) {
	t.Parallel()
	const others = 20
	c := &counting{gate: make(chan struct{})}
	k := &Keeper{Store: c, Clock: clocktesting.NewFakePassiveClock(time.Unix(0, 0))}
	key := Key{Kind: Context, Namespace: "ns", Name: "c"}
	add := func(q *guard.Quota, _ time.Time) bool { q.Seen++; return true }
	b := k.book(key)
	await := func(n int) {
		for waiting := -1; waiting != n; runtime.Gosched() {
			b.mu.Lock()
			if waiting = len(b.queue); !b.busy {
				waiting = -1
			}
			b.mu.Unlock()
		}
	}
	var all sync.WaitGroup
	start := func() { all.Go(func() { assert.NoError(t, k.Quota(t.Context(), key, add)) }) }
	start()
	await(0) // it is being served
	for range others {
		start()
	}
	await(others)
	close(c.gate)
	all.Wait()
	assert.Equal(t, 2, c.writes)
	require.NoError(t, k.Quota(t.Context(), key, func(q *guard.Quota, _ time.Time) bool {
		assert.EqualValues(t, others+1, q.Seen)
		return false
	}))
}
