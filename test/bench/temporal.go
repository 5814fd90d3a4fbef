// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

const taskQueue = "bench"

// pollers is how many of the worker's requests for work are open at once: with
// the SDK's default of 2 it has less to do than it could at 32 runs at once.
const pollers = 8

// temporal is `temporal server start-dev` in a process of its own, and a worker
// in this one.
type temporal struct {
	*process
	client client.Client
	worker worker.Worker
	steps  *steps
}

// setup is how a server is started.
type setup struct {
	program, dir string
	pragmas      []string // of SQLite
	dynamic      []string // of Temporal
}

func startTemporal(ctx context.Context, o setup, s *steps, log io.Writer) (engine, error) {
	listener, err := listen(ctx) // to find a free port
	if err != nil {
		return nil, err
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	args := []string{
		"server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", port, "--log-level", "never",
		"--disable-config-file", "--db-filename", filepath.Join(o.dir, "temporal.db"),
	}
	for _, pragma := range o.pragmas {
		args = append(args, "--sqlite-pragma", pragma)
	}
	for _, value := range o.dynamic {
		args = append(args, "--dynamic-config-value", value)
	}
	cmd := exec.CommandContext(ctx, o.program, args...) //nolint:gosec // the program we were given
	cmd.Stderr = log
	p, err := launch(cmd)
	if err != nil {
		return nil, err
	}
	t := &temporal{process: p, steps: s}
	if err := p.ready(ctx, func(ctx context.Context) error { return t.connect(ctx, address) }); err != nil {
		t.stop()
		return nil, err
	}
	return t, nil
}

// connect makes the client and the worker, once the server has its namespace.
func (t *temporal) connect(ctx context.Context, address string) (err error) {
	if t.client == nil {
		t.client, err = client.DialContext(ctx, client.Options{HostPort: address, Logger: silent{}})
		if err != nil {
			return err
		}
	}
	w := worker.New(t.client, taskQueue, worker.Options{
		MaxConcurrentActivityTaskPollers: pollers, MaxConcurrentWorkflowTaskPollers: pollers,
	})
	w.RegisterWorkflow(threeSteps)
	w.RegisterActivity(&activities{t.steps})
	if err := w.Start(); err != nil {
		return err
	}
	t.worker = w
	return nil
}

func (t *temporal) run(ctx context.Context, id string) error {
	// A worker that is in the process that asks may get the first task at once.
	options := client.StartWorkflowOptions{ID: id, TaskQueue: taskQueue, EnableEagerStart: true}
	run, err := t.client.ExecuteWorkflow(ctx, options, threeSteps, id)
	if err != nil {
		return err
	}
	return run.Get(ctx, nil)
}

func (t *temporal) stop() {
	if t.worker != nil {
		t.worker.Stop()
	}
	if t.client != nil {
		t.client.Close()
	}
	t.process.stop()
}

// activities are the steps.
type activities struct{ steps *steps }

// Step asks once.
func (a *activities) Step(ctx context.Context, step, id string) (string, error) {
	return a.steps.ask(ctx, step, id)
}

// threeSteps is the workflow: three activities, one after the other.
func threeSteps(ctx workflow.Context, id string) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	var a *activities
	for _, step := range []string{"1", "2", "3"} {
		var output string
		if err := workflow.ExecuteActivity(ctx, a.Step, step, id).Get(ctx, &output); err != nil {
			return fmt.Errorf("step %s: %w", step, err)
		}
	}
	return nil
}

// silent drops the SDK's log.
type silent struct{}

var _ sdklog.Logger = silent{}

// Debug does nothing.
func (silent) Debug(string, ...any) {}

// Info does nothing.
func (silent) Info(string, ...any) {}

// Warn does nothing.
func (silent) Warn(string, ...any) {}

// Error does nothing.
func (silent) Error(string, ...any) {}
