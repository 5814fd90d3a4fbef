// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Command cluster runs a one-node Kubernetes with Knative for tests, out of Go modules and Debian packages. Started
// under another name than cluster, such as kubectl or ko, it runs the command of that name inside the node.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"aof.dev/operator/test/cluster/internal/node"
	"aof.dev/operator/test/cluster/internal/place"
)

const usage = `usage: cluster COMMAND

  up [-bare]     start the cluster (with -bare: without Knative), or leave it if it stands
  down           stop it and leave nothing behind
  in COMMAND...  run a command inside the node
  env            print the variables with which a shell uses the cluster
  programs       build Kubernetes' programs, if they are not there, and print their folder (needs no root)
  e2e [FLAGS]    run the end-to-end suite; FLAGS are those of go test

AOF_CLUSTER names the cluster if there is to be more than one.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 3 && args[1] == "node" {
		return node.Init(args[2])
	}
	p, err := place.New()
	if err != nil {
		return err
	}
	if name := filepath.Base(args[0]); name != "cluster" {
		if name == "in-cluster" {
			return node.Exec(p, args[1:]...)
		}
		return node.Exec(p, append([]string{name}, args[1:]...)...)
	}
	if len(args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	switch rest := args[2:]; args[1] {
	case "up":
		return up(ctx, p, len(rest) > 0 && rest[0] == "-bare")
	case "down":
		return down(p)
	case "in":
		return node.Exec(p, rest...)
	case "env":
		return env(p)
	case "programs":
		return programs(ctx, p)
	case "e2e":
		return e2e(ctx, p, rest)
	default:
		return fmt.Errorf("unknown command %q\n%s", args[1], usage)
	}
}
