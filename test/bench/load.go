// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// engine is one side while it has its turn.
type engine interface {
	// run takes one run from its request to its end in the ledger.
	run(ctx context.Context, id string) error
	// processor is the time that the server and this process have used so far:
	// this one asks and answers the steps, and has Temporal's worker.
	processor() time.Duration
	stop()
}

// sample is what one load gave.
type sample struct {
	latencies []time.Duration
	elapsed   time.Duration
	processor time.Duration
}

// load makes an engine do so many runs, so many at once: whoever has finished one
// begins the next.
func load(ctx context.Context, e engine, runs, atOnce int) (sample, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 5*time.Minute, fmt.Errorf("%d runs took over 5 minutes", runs))
	defer cancel()
	prefix := strconv.FormatUint(rand.Uint64(), 36) //nolint:gosec // ids, no secrets
	latencies := make([]time.Duration, runs)
	var next atomic.Int64
	var failed error
	var once sync.Once
	var clients sync.WaitGroup
	began := time.Now()
	for range min(atOnce, runs) {
		clients.Go(func() {
			for i := next.Add(1); i <= int64(runs) && ctx.Err() == nil; i = next.Add(1) {
				from := time.Now()
				if err := e.run(ctx, prefix+"-"+strconv.FormatInt(i, 10)); err != nil {
					once.Do(func() { failed = err; cancel() })
					return
				}
				latencies[i-1] = time.Since(from)
			}
		})
	}
	clients.Wait()
	s := sample{latencies: latencies, elapsed: time.Since(began)}
	if failed == nil && ctx.Err() != nil {
		failed = context.Cause(ctx)
	}
	return s, failed
}

// percentile gives the latency that p of a hundred are not above; the slice is
// sorted by it.
func percentile(latencies []time.Duration, p float64) time.Duration {
	if len(latencies) == 0 {
		return 0
	}
	slices.Sort(latencies)
	i := int(float64(len(latencies))*p/100+0.999999) - 1
	return latencies[min(max(i, 0), len(latencies)-1)]
}
