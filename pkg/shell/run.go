// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"
	"mvdan.cc/sh/v3/interp"
)

// grace is how long a stopped interpreter may take to notice. It checks
// between statements, and what one statement may expand to is bounded.
const grace = 5 * time.Second

// maxUnavailable bounds Result.Unavailable.
const maxUnavailable = 16

// run is one script being run.
type run struct {
	policy *Policy
	clock  clock.PassiveClock
	prog   *program
	cancel context.CancelFunc
	stdout *writer
	stderr *writer

	mu          sync.Mutex
	failed      *Error
	text        int64 // bytes handled
	jobs        int
	guards      int
	unavailable []string
	pipes       map[*os.File]struct{}
}

func (r *Runner) newRun(maxOutput int) *run {
	if maxOutput <= 0 {
		maxOutput = r.policy.Limits.Output
	}
	run := &run{policy: &r.policy, clock: r.clock, pipes: map[*os.File]struct{}{}}
	run.stdout = &writer{run: run, max: maxOutput}
	run.stderr = &writer{run: run, max: maxOutput, trace: true}
	return run
}

// begin starts the clock of the run.
func (r *run) begin(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout <= 0 {
		timeout = r.policy.Limits.Timeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	r.cancel = cancel
	return ctx, cancel
}

// interpret runs the script and returns when it is over, or when it did not
// stop within the grace period after it was told to.
func (r *run) interpret(ctx context.Context, sh *interp.Runner) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- newError(ReasonInternal, fmt.Errorf("panic: %v\n%s", p, debug.Stack()), "script: the interpreter broke")
			}
		}()
		done <- sh.Run(ctx, r.prog.file)
	}()
	select {
	case err := <-done:
		r.ended(ctx)
		return err
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	select {
	case err := <-done:
		r.ended(ctx)
		return err
	case <-patience.Done():
		r.ended(ctx)
		return nil
	}
}

// ended notes why the run's context is over, if it is.
func (r *run) ended(ctx context.Context) {
	switch err := ctx.Err(); {
	case err == nil:
	case errors.Is(err, context.DeadlineExceeded):
		_ = r.fail(newError(ReasonTimeout, err, "script: stopped when its time was up"))
	default:
		_ = r.fail(newError(ReasonCanceled, err, "script: canceled"))
	}
}

// fail notes the first reason to stop the run, and stops it.
func (r *run) fail(err *Error) *Error {
	r.mu.Lock()
	if r.failed == nil {
		r.failed = err
	}
	err = r.failed
	r.mu.Unlock()
	r.cancel()
	return err
}

// failure is what stopped the run, nil if nothing did.
func (r *run) failure() *Error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// charge counts text handled; it stops the run when there was too much.
func (r *run) charge(n int) error {
	r.mu.Lock()
	r.text += int64(n)
	over := r.text > r.policy.Limits.Text
	r.mu.Unlock()
	if over {
		return r.fail(newError(ReasonLimit, nil, "script: handled more than %d bytes of text", r.policy.Limits.Text))
	}
	return nil
}

// miss notes a command that was called and could not be had.
func (r *run) miss(name string) {
	name = bound(name, 128)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.unavailable) < maxUnavailable && !slices.Contains(r.unavailable, name) {
		r.unavailable = append(r.unavailable, name)
	}
}

// result is what there is of the script's output so far.
func (r *run) result() Result {
	var res Result
	var cutOut, cutErr bool
	res.Stdout, cutOut = r.stdout.close()
	res.Stderr, cutErr = r.stderr.close()
	res.Truncated = cutOut || cutErr
	r.mu.Lock()
	defer r.mu.Unlock()
	res.Unavailable = slices.Sorted(slices.Values(r.unavailable))
	return res
}

// writer keeps the first max bytes and counts the rest. Background jobs write
// to it at the same time, and after the run, when it drops everything.
type writer struct {
	run   *run
	max   int
	trace bool // set -x writes here

	mu     sync.Mutex
	buf    bytes.Buffer
	cut    bool
	closed bool
}

// Write implements io.Writer. It fails only when the run is over its limits.
func (w *writer) Write(p []byte) (int, error) {
	if w.trace && bytes.HasPrefix(bytes.TrimLeft(p, "+"), []byte(" "+guardName)) {
		return len(p), nil // set -x shows every call, ours too
	}
	if err := w.run.charge(len(p)); err != nil {
		return 0, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return len(p), nil
	}
	keep := p
	if room := w.max - w.buf.Len(); len(keep) > room {
		keep, w.cut = keep[:room], true
	}
	w.buf.Write(keep)
	return len(p), nil
}

func (w *writer) close() (string, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	return w.buf.String(), w.cut
}
