// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"aof.dev/operator/test/cluster/internal/place"
)

// readyTimeout is generous: a node takes about ten seconds, on a busy machine a minute.
const readyTimeout = 3 * time.Minute

// Start starts an empty node and waits until it takes pods. On failure nothing of it is left but its logs.
func Start(ctx context.Context, p place.Place, programs Programs) error {
	if err := Stop(p); err != nil {
		return err
	}
	if err := os.MkdirAll(p.Kept("registry"), 0o755); err != nil {
		return err
	}
	c := &config{Place: p, Programs: programs}
	if err := c.write(); err != nil {
		return fmt.Errorf("laying out %s: %w", p.Run(), err)
	}
	if err := makeCgroups(p.Cgroup()); err != nil {
		return errors.Join(fmt.Errorf("making the control groups: %w", err), Stop(p))
	}
	ready, err := spawn(p)
	if err == nil {
		err = awaitReady(ctx, ready)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("%w\n%s\nall logs: %s", err, lastLines(p.Log("node")), saveLogs(p)), Stop(p))
	}
	return nil
}

// spawn starts process 1 of the node in its namespaces. The returned file says "ready" when the node is.
func spawn(p place.Place) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	log, err := os.Create(p.Log("node"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command("/proc/self/exe", "node", p.Run())
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles, cmd.Dir = log, log, []*os.File{w}, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true,
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("making the node's namespaces: %w (this needs root with CAP_SYS_ADMIN)", err)
	}
	go cmd.Wait() //nolint:errcheck // so that it does not stay as a zombie; awaitReady sees the end of the pipe
	return r, os.WriteFile(p.Run("node.pid"), []byte(strconv.Itoa(cmd.Process.Pid)), 0o644)
}

func awaitReady(ctx context.Context, ready *os.File) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	defer context.AfterFunc(ctx, func() { ready.Close() })()
	line, err := bufio.NewReader(ready).ReadString('\n')
	switch {
	case strings.TrimSpace(line) == "ready":
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("the node is not ready after %s: %w", readyTimeout, ctx.Err())
	default:
		return fmt.Errorf("the node ended before it was ready: %w", err)
	}
}

// saveLogs keeps the logs of a node that failed and says where.
func saveLogs(p place.Place) string {
	kept := p.Kept("failed-logs")
	_ = os.RemoveAll(kept)
	if err := os.Rename(p.Run("logs"), kept); err != nil {
		return err.Error()
	}
	return kept
}

func lastLines(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(b[max(0, len(b)-2000):]))
}
