// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package progress tells a person what is going on and how long it took.
package progress

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Printer prints one line per step. It may be used from several goroutines.
type Printer struct {
	mu    sync.Mutex
	out   io.Writer
	begin time.Time
}

// New returns a Printer that counts from now.
func New(out io.Writer) *Printer { return &Printer{out: out, begin: time.Now()} }

// Say prints a line with the time since the beginning.
func (p *Printer) Say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, "[%6.1fs] %s\n", time.Since(p.begin).Seconds(), fmt.Sprintf(format, args...))
}

// Step runs do and says what it took. Only steps that took a noticeable time are shown.
func (p *Printer) Step(what string, do func() error) error {
	start := time.Now()
	if err := do(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if took := time.Since(start); took > 100*time.Millisecond {
		p.Say("%s (%.1fs)", what, took.Seconds())
	}
	return nil
}

// Counter counts lines that are written to it and now and then says how many there were.
type Counter struct {
	p     *Printer
	what  string
	every time.Duration
	start time.Time
	said  time.Time
	lines int
}

// Counter returns a Counter for the lines of a long command.
func (p *Printer) Counter(what string, every time.Duration) *Counter {
	now := time.Now()
	return &Counter{p: p, what: what, every: every, start: now, said: now}
}

// Line takes one line of the command.
func (c *Counter) Line(line string) {
	c.lines++
	if time.Since(c.said) < c.every {
		return
	}
	c.said = time.Now()
	c.p.Say("  %s: %d so far, %.0fs, now %s", c.what, c.lines, time.Since(c.start).Seconds(), line)
}
