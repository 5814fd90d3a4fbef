// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/spf13/cobra"

	"aof.dev/operator/pkg/local"
)

// serving holds the flags of aof dev.
type serving struct {
	files   []string
	listen  string
	data    string
	model   string
	verbose bool
}

func newDevCommand(env *Env) *cobra.Command {
	o := &serving{}
	cmd := &cobra.Command{
		Use:   "dev -f PATH...",
		Short: "Serve a composition on this machine",
		Long: `Serves the Triggers of the files at /<namespace>/<trigger>, takes CloudEvents at
/events/<namespace>, matches, runs flows, keeps runs in SQLite and follows changes
of the files, with the code the operator uses in a cluster. ` + "`aof get`" + ` and
` + "`aof describe`" + ` show what happened. Credentials (${NAME} in the files) come from
the environment.`,
		Example: `  aof dev -f examples/quickstart
  SLACK_BOT_TOKEN=… SLACK_SIGNING_SECRET=… aof dev -f ./aof --listen 0.0.0.0:8080`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.serve(cmd.Context(), env) },
	}
	cmd.Flags().StringArrayVarP(&o.files, "filename", "f", nil, "file or directory; may be repeated")
	cmd.Flags().StringVar(&o.listen, "listen", "127.0.0.1:8080", "`address` to listen on")
	cmd.Flags().StringVar(&o.data, "data", ".data", "`folder` the runs are kept in")
	cmd.Flags().StringVar(&o.model, "model", "", "use this `model` for every agent, for example mock:echo")
	cmd.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "log more")
	return cmd
}

func (o *serving) serve(ctx context.Context, env *Env) error {
	if len(o.files) == 0 {
		return badInput("name the files of the composition with -f PATH")
	}
	level := slog.LevelInfo
	if o.verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(env.Err, &slog.HandlerOptions{Level: level}))
	settings := local.Settings{Files: o.files, Getenv: env.Getenv, Clock: env.Clock, Model: o.model, HTTPClient: &http.Client{}, Audit: env.Out}
	server, err := local.Open(ctx, settings, o.data, log)
	if err != nil {
		return &ExitError{Code: ExitBadInput, Err: err}
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", o.listen)
	if err != nil {
		return errors.Join(badInput("listen on %s: %w\n     name another address with --listen", o.listen, err), server.Close())
	}
	announce(env, server, "http://"+listener.Addr().String())
	err = server.Serve(ctx, listener)
	return errors.Join(err, server.Close())
}

// announce says what is served where.
func announce(env *Env, server *local.Server, base string) {
	world := server.World()
	fmt.Fprintf(env.Out, "aof dev serves %d bindings at %s\n", len(world.Bindings()), base)
	for _, e := range server.Endpoints() {
		if e.Err != nil {
			fmt.Fprintf(env.Out, "  %-9s %s: %s\n", e.Type, e.Path, oneLine(e.Err.Error(), 200))
			continue
		}
		fmt.Fprintf(env.Out, "  %-9s %s%s\n", e.Type, base, e.Path)
	}
	for _, namespace := range server.Namespaces() {
		fmt.Fprintf(env.Out, "  %-9s %s/events/%s\n", "events", base, namespace)
	}
}
