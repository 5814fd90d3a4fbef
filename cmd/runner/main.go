// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Command runner carries out the runs of one namespace: it takes the deliveries
// of brokers at /bindings/<binding> and /dead-letters/<binding>. It composes;
// what is done with a delivery is in pkg/delivery, pkg/runner and pkg/node.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/utils/clock"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main with what it depends on.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("runner", flag.ContinueOnError)
	flags.SetOutput(stderr)
	address := flags.String("address", ":"+or(getenv("PORT"), "8080"), "address to serve on; its port is that of $PORT")
	level := flags.String("log-level", or(getenv("AOF_LOG_LEVEL"), "info"), "debug, info, warn or error; $AOF_LOG_LEVEL")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	var least slog.Level
	if err := least.UnmarshalText([]byte(*level)); err != nil {
		fmt.Fprintln(stderr, "runner: --log-level is none of debug, info, warn and error")
		return 2
	}
	p := &process{
		getenv: getenv, clock: clock.RealClock{}, hide: hideEnvironment, stdout: stdout,
		log: slog.New(slog.NewJSONHandler(stderr, &slog.HandlerOptions{Level: least})),
	}
	if err := p.main(ctx, *address); err != nil {
		p.log.Error("the runner ends", "error", err.Error())
		return 1
	}
	return 0
}

// main serves on an address until the context ends.
func (p *process) main(ctx context.Context, address string) error {
	s, err := p.server(ctx)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return s.serve(ctx, listener)
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
