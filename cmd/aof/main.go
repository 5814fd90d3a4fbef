// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Command aof is the AOF command line; installed as kubectl-aof it is also a
// kubectl plugin.
package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"golang.org/x/term"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // the ways to log in that kubectl has
	"k8s.io/utils/clock"

	"aof.dev/operator/pkg/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, environment(), os.Args[1:])
	stop()
	os.Exit(code)
}

func environment() *cli.Env {
	env := &cli.Env{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv, Clock: clock.RealClock{}, Program: filepath.Base(os.Args[0]),
	}
	if fd := int(os.Stdout.Fd()); term.IsTerminal(fd) {
		env.Terminal = true
		if width, _, err := term.GetSize(fd); err == nil {
			env.Width = width
		}
	}
	return env
}
