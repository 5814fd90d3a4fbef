// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Command bench puts durable runs of `aof dev` beside those of Temporal's
// development server, on one machine, in turns: each is started as its users
// start it, on a SQLite file of its own, and each run takes the same three steps
// (an HTTP request to this process, which counts them). docs/benchmarks.md has
// what came of it; `make bench-temporal` does it again.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
)

// options are the flags.
type options struct {
	aof, temporal string // the programs
	rounds        int
	runs, warmup  int
	concurrency   []int
	only          string
	dir           string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	o, err := parse(os.Args[1:])
	if err == nil {
		err = compare(ctx, o, os.Stdout, os.Stderr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to be undone
	}
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.aof, "aof", "", "the aof `program`")
	flags.StringVar(&o.temporal, "temporal", "", "the temporal `program`")
	flags.IntVar(&o.rounds, "rounds", 3, "how often each side has its turn")
	flags.IntVar(&o.runs, "runs", 100, "measured runs of each turn, for each concurrency")
	flags.IntVar(&o.warmup, "warmup", 30, "runs of each turn that are not measured")
	flags.StringVar(&o.only, "only", "", "take only sides whose `name` contains this")
	flags.StringVar(&o.dir, "dir", "", "`folder` for the databases, on the disk that is to be measured; a temporary one by default")
	levels := flags.String("concurrency", "1,8,32", "how many runs are under way at once")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	for _, level := range strings.Split(*levels, ",") {
		n, err := strconv.Atoi(level)
		if err != nil || n < 1 {
			return o, fmt.Errorf("concurrency %q: want positive numbers", *levels)
		}
		o.concurrency = append(o.concurrency, n)
	}
	if o.aof == "" || o.temporal == "" {
		return o, errors.New("say where the programs are with -aof and -temporal")
	}
	return o, nil
}

// compare gives each side its turn in every round and prints the table.
func compare(ctx context.Context, o options, out, log io.Writer) error {
	steps, err := newSteps(ctx)
	if err != nil {
		return err
	}
	defer steps.close()
	dir := o.dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "aof-bench-"); err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
	}
	var measured results
	for round := range o.rounds {
		for i, s := range sides(o, steps, log) {
			if !strings.Contains(s.name, o.only) {
				continue
			}
			fmt.Fprintf(log, "round %d: %s\n", round+1, s.name)
			turn := filepath.Join(dir, fmt.Sprintf("%d-%d", round, i))
			if err := os.Mkdir(turn, 0o700); err != nil {
				return err
			}
			if err := takeTurn(ctx, o, s, turn, steps, &measured, log); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	measured.print(out)
	return nil
}

// takeTurn starts a side, warms it up and measures it at each concurrency.
func takeTurn(ctx context.Context, o options, s side, dir string, steps *steps, into *results, log io.Writer) error {
	engine, err := s.start(ctx, dir)
	if err != nil {
		return err
	}
	defer engine.stop()
	if _, err := load(ctx, engine, o.warmup, max(8, o.concurrency[0])); err != nil {
		return fmt.Errorf("warm up: %w", err)
	}
	for _, n := range o.concurrency {
		before, used := steps.count(), engine.processor()
		sample, err := load(ctx, engine, o.runs, n)
		if err != nil {
			return fmt.Errorf("%d at once: %w", n, err)
		}
		sample.processor = engine.processor() - used
		switch extra := steps.count() - before - int64(3*o.runs); {
		case extra < 0:
			return fmt.Errorf("%d runs took %d steps too few, want three each", o.runs, -extra)
		case extra > 0: // both repeat a step of which they do not know how it ended
			fmt.Fprintf(log, "%s, %d at once: %d steps were taken twice\n", s.name, n, extra)
		}
		into.add(s.name, n, sample)
	}
	return nil
}
