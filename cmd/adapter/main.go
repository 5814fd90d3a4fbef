// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Command adapter takes the requests of all platforms for all Triggers at
// /<namespace>/<trigger>. It composes; what is done with them is in pkg/adapter,
// pkg/source and pkg/intake.
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

	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/stream"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main with what it depends on.
func run(ctx context.Context, args []string, getenv func(string) string, stderr io.Writer) int {
	flags := flag.NewFlagSet("adapter", flag.ContinueOnError)
	flags.SetOutput(stderr)
	address := flags.String("address", ":"+or(getenv("PORT"), "8080"), "address to serve on; its port is that of $PORT")
	level := flags.String("log-level", or(getenv("AOF_LOG_LEVEL"), "info"), "debug, info, warn or error; $AOF_LOG_LEVEL")
	streaming := flags.Bool("stream", false, "keep the connections of the Triggers in $"+names.EnvStreams+" open, and serve nothing")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	var least slog.Level
	if err := least.UnmarshalText([]byte(*level)); err != nil {
		fmt.Fprintln(stderr, "adapter: --log-level is none of debug, info, warn and error")
		return 2
	}
	p := &process{
		getenv: getenv, clock: clock.RealClock{},
		log: slog.New(slog.NewJSONHandler(stderr, &slog.HandlerOptions{Level: least})),
	}
	work := p.serve
	if *streaming {
		work = p.stream
	}
	if err := work(ctx, *address); err != nil {
		p.log.Error("the adapter ends", "error", err.Error())
		return 1
	}
	return 0
}

// serve serves on an address until the context ends.
func (p *process) serve(ctx context.Context, address string) error {
	d, err := p.door()
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return d.serve(ctx, listener)
}

// stream keeps connections open until the context ends.
func (p *process) stream(ctx context.Context, _ string) error {
	keys, err := parseStreams(p.getenv(names.EnvStreams))
	if err != nil {
		return err
	}
	d, err := p.door()
	if err != nil {
		return err
	}
	leases, err := d.api.Leases()
	if err != nil {
		return err
	}
	election := &stream.Election{
		Leases: leases, Namespace: or(p.getenv("SYSTEM_NAMESPACE"), names.SystemNamespace), Name: names.Stream,
		Holder: d.name, Clock: p.clock, Log: p.log,
	}
	return d.stream(ctx, keys, election.Lead)
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
