// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// side is one of those that are compared.
type side struct {
	name  string
	start func(ctx context.Context, dir string) (engine, error)
}

// tuned makes Temporal as fast as settings can make it. Its default is to look
// at most 20 times a second for work in each shard (the development server has
// one), and to let a worker ask for each activity.
var tuned = []string{
	"history.transferProcessorMaxPollRPS=1000", "history.timerProcessorMaxPollRPS=1000", "history.visibilityProcessorMaxPollRPS=1000",
	"system.enableActivityEagerExecution=true",
}

// sides in the order of their turns. In brackets is what SQLite was told:
// aof dev always tells it WAL and FULL, Temporal by default nothing, which means
// DELETE and FULL. With NORMAL a power cut may take what was acknowledged.
func sides(o options, s *steps, log io.Writer) []side {
	temporal := func(name string, dynamic []string, pragmas ...string) side {
		return side{"Temporal " + name, func(ctx context.Context, dir string) (engine, error) {
			return startTemporal(ctx, setup{o.temporal, dir, pragmas, dynamic}, s, log)
		}}
	}
	return []side{
		{"aof dev (WAL, FULL)", func(ctx context.Context, dir string) (engine, error) {
			return startAof(ctx, o.aof, dir, s, log)
		}},
		temporal("default (DELETE, FULL)", nil),
		temporal("(WAL, FULL)", nil, "journal_mode=WAL", "synchronous=FULL"),
		temporal("tuned (WAL, FULL)", tuned, "journal_mode=WAL", "synchronous=FULL"),
		temporal("tuned (WAL, NORMAL)", tuned, "journal_mode=WAL", "synchronous=NORMAL"),
	}
}

// process is a server that was started for one turn.
type process struct {
	cmd  *exec.Cmd
	gone chan struct{}
}

// launch starts a server; it is told to end when the context does.
func launch(cmd *exec.Cmd) (*process, error) {
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, gone: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // a server that is told to stop ends as it likes
		close(p.gone)
	}()
	return p, nil
}

// stop ends the server and waits for it.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.gone:
	case <-time.After(20 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.gone
	}
}

// processor reads the time that the server and this process have used.
func (p *process) processor() time.Duration {
	var own syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &own) // cannot fail with these arguments
	return p.used() + time.Duration(own.Utime.Nano()+own.Stime.Nano())
}

func (p *process) used() time.Duration {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/stat")
	if err != nil {
		return 0 // not on Linux
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	var ticks int64
	for _, field := range fields[11:13] { // utime, stime
		n, _ := strconv.ParseInt(field, 10, 64)
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100
}

// ready asks until the server answers.
func (p *process) ready(ctx context.Context, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.gone:
			return errors.New("the server ended")
		case <-ctx.Done():
			return fmt.Errorf("the server is not ready: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
