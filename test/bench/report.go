// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// results gathers the samples of all turns, in the order in which they came.
type results struct {
	rows []*row
}

// row is one side at one concurrency.
type row struct {
	side    string
	atOnce  int
	samples []sample
}

func (r *results) add(side string, atOnce int, s sample) {
	for _, there := range r.rows {
		if there.side == side && there.atOnce == atOnce {
			there.samples = append(there.samples, s)
			return
		}
	}
	r.rows = append(r.rows, &row{side: side, atOnce: atOnce, samples: []sample{s}})
}

// print writes a Markdown table; the first side is what the others are put
// beside.
func (r *results) print(out io.Writer) {
	fmt.Fprintln(out, "| at once | | runs/s | p50 | p99 | processor for each run | runs/s to the first |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|---|")
	levels := []int{}
	for _, row := range r.rows {
		if !slices.Contains(levels, row.atOnce) {
			levels = append(levels, row.atOnce)
		}
	}
	for _, level := range levels {
		first := 0.0
		for _, row := range r.rows {
			if row.atOnce != level {
				continue
			}
			rate, p50, p99, processor := row.figures()
			if first == 0 {
				first = rate
			}
			fmt.Fprintf(out, "| %d | %s | %.0f | %s | %s | %s | %.2f× |\n",
				level, row.side, rate, millis(p50), millis(p99), millis(processor), rate/first)
		}
	}
}

// figures are the median rate of the turns, percentiles over all runs, and the
// processor's time for one.
func (r *row) figures() (rate float64, p50, p99, processor time.Duration) {
	var rates []float64
	var all []time.Duration
	for _, s := range r.samples {
		rates = append(rates, float64(len(s.latencies))/s.elapsed.Seconds())
		all = append(all, s.latencies...)
		processor += s.processor
	}
	slices.Sort(rates)
	return rates[len(rates)/2], percentile(all, 50), percentile(all, 99), processor / time.Duration(len(all))
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}
