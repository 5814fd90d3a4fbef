// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
)

// waitDelay is how long a program that has ended may keep its pipes open
// through what it left behind.
const waitDelay = 2 * time.Second

// process is one program to start.
type process struct {
	path           string
	args, env      []string
	dir            string
	stdin          io.Reader
	stdout, stderr io.Writer
}

// look finds the program called name, if the policy allows it.
func (r *run) look(dir string, env expand.Environ, name string) (string, error) {
	if !r.policy.allows(name) {
		return "", newError(ReasonDenied, nil, "%s is not allowed", bound(name, 128))
	}
	path, err := interp.LookPathDir(dir, env, name)
	if err != nil {
		return "", newError(ReasonCommandNotFound, err, "%s was not found", bound(name, 128))
	}
	return path, nil
}

// start runs a program to its end in a process group of its own, and kills
// what is left of the group then. A nil error is status 0; a status is an
// interp.ExitStatus.
func (r *run) start(ctx context.Context, p process) error {
	cmd := exec.CommandContext(ctx, p.path) //nolint:gosec // the policy allowed it
	cmd.Args, cmd.Env, cmd.Dir = p.args, p.env, p.dir
	cmd.Stdin = p.stdin
	cmd.Stdout = &meter{run: r, w: p.stdout}
	cmd.Stderr = &meter{run: r, w: p.stderr}
	if p.stdout == p.stderr {
		cmd.Stderr = cmd.Stdout
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = waitDelay
	if err := cmd.Start(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		_, _ = io.WriteString(p.stderr, bound(err.Error(), maxMessage)+"\n")
		if errors.Is(err, os.ErrNotExist) {
			return interp.ExitStatus(127)
		}
		return interp.ExitStatus(126)
	}
	err := cmd.Wait()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // usually nobody is left
	if cerr := ctx.Err(); cerr != nil {
		return cerr
	}
	return exitStatus(cmd, err)
}

func exitStatus(cmd *exec.Cmd, err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			return interp.ExitStatus(uint8(128 + int(ws.Signal())))
		}
		return interp.ExitStatus(uint8(exit.ExitCode()))
	}
	// It ended well, but its output could not be passed on to its end: the
	// reader of a pipe is gone, or something it left behind held it open.
	if cmd.ProcessState != nil {
		return status(cmd.ProcessState.ExitCode())
	}
	return err
}

// meter counts what passes. It also keeps os/exec from handing files on, so
// that everything between programs passes here.
type meter struct {
	run *run
	w   io.Writer
}

// Write implements io.Writer.
func (m *meter) Write(p []byte) (int, error) {
	if m.w == io.Writer(m.run.stdout) || m.w == io.Writer(m.run.stderr) {
		return m.w.Write(p) // which counts
	}
	if err := m.run.charge(len(p)); err != nil {
		return 0, err
	}
	return m.w.Write(p)
}
