// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// counted is an engine that notes how it is used.
type counted struct {
	mu        sync.Mutex
	ids       map[string]int
	now, most int
	fail      error
	meet      chan struct{} // when set, runs wait until two are under way
}

func (c *counted) run(_ context.Context, id string) error {
	c.mu.Lock()
	c.ids[id]++
	c.now++
	c.most = max(c.most, c.now)
	meets := c.now == 2
	c.mu.Unlock()
	if c.meet != nil {
		if meets {
			close(c.meet)
		}
		<-c.meet
	}
	c.mu.Lock()
	c.now--
	c.mu.Unlock()
	return c.fail
}

func (c *counted) processor() time.Duration { return 0 }

func (c *counted) stop() {}

func TestLoad(t *testing.T) {
	t.Parallel()
	one := &counted{ids: map[string]int{}}
	s, err := load(t.Context(), one, 20, 1)
	require.NoError(t, err)
	assert.Len(t, s.latencies, 20)
	assert.NotContains(t, s.latencies, time.Duration(0), "every run is measured")
	assert.Len(t, one.ids, 20, "each run is another")
	assert.Equal(t, 1, one.most)

	two := &counted{ids: map[string]int{}, meet: make(chan struct{})}
	_, err = load(t.Context(), two, 2, 2)
	require.NoError(t, err)
	assert.Equal(t, 2, two.most)

	broken := &counted{ids: map[string]int{}, fail: errors.New("broken")}
	_, err = load(t.Context(), broken, 20, 1)
	require.EqualError(t, err, "broken")
	assert.Len(t, broken.ids, 1, "nothing is measured after a failure")
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	var latencies []time.Duration
	for i := 200; i > 0; i-- {
		latencies = append(latencies, time.Duration(i)*time.Millisecond)
	}
	assert.Equal(t, 100*time.Millisecond, percentile(latencies, 50))
	assert.Equal(t, 198*time.Millisecond, percentile(latencies, 99))
	assert.Equal(t, time.Second, percentile([]time.Duration{time.Second}, 99))
	assert.Zero(t, percentile(nil, 50))
}

func TestTable(t *testing.T) {
	t.Parallel()
	var r results
	ms := func(n ...int) (out []time.Duration) {
		for _, i := range n {
			out = append(out, time.Duration(i)*time.Millisecond)
		}
		return out
	}
	for _, seconds := range []int{1, 8, 2} { // rates 4, 0.5 and 2
		r.add("ours", 1, sample{ms(1, 2, 3, 4), time.Duration(seconds) * time.Second, 40 * time.Millisecond})
	}
	r.add("theirs", 1, sample{ms(10, 10), time.Second / 2, 0})
	var out strings.Builder
	r.print(&out)
	assert.Contains(t, out.String(), "| 1 | ours | 2 | 2.0 ms | 4.0 ms | 10.0 ms | 1.00× |\n| 1 | theirs | 4 | 10.0 ms | 10.0 ms | 0.0 ms | 2.00× |\n")
}
