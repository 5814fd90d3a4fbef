// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/spf13/cobra"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/local"
	"aof.dev/operator/pkg/manifest"
)

// running holds the flags of aof run.
type running struct {
	files   []string
	text    string
	event   string
	context string
	model   string
	output  string
}

func newRunCommand(env *Env) *cobra.Command {
	o := &running{}
	cmd := &cobra.Command{
		Use:   "run FLOW -f PATH...",
		Short: "Run one flow here and now",
		Long: `Runs one flow from files for one event, in this process, and shows its nodes as
they go. Messages are shown, not sent. Approvals end the command: the run waits.

Exit code 0 when the run succeeded, 1 when it failed, 3 when it waits, 2 when it
could not be begun.`,
		Example: `  aof run triage -f examples/quickstart --text "the disk is full"
  aof run k8s-ops-flow -f ./aof --event event.json --model mock:echo -o yaml`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.Context(), env, args[0])
		},
	}
	cmd.Flags().StringArrayVarP(&o.files, "filename", "f", nil, "file, directory or - for standard input; may be repeated")
	cmd.Flags().StringVar(&o.text, "text", "", "run for an event with this `text`")
	cmd.Flags().StringVar(&o.event, "event", "", "run for the event in this `file`: a CloudEvent or its data, JSON or YAML")
	cmd.Flags().StringVar(&o.context, "context", "", "run in this `Context` instead of the binding's")
	cmd.Flags().StringVar(&o.model, "model", "", "use this `model` for every agent, for example mock:echo or openai:gpt-4o")
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "print the FlowRun as json or yaml")
	cmd.MarkFlagsMutuallyExclusive("text", "event")
	return cmd
}

func (o *running) run(ctx context.Context, env *Env, flow string) error {
	if o.output != "" && o.output != "json" && o.output != "yaml" {
		return badInput("-o %s: want json or yaml", o.output)
	}
	world, err := loadWorld(env, o.files)
	if err != nil {
		return err
	}
	show := newProgress(env)
	settings := local.Settings{
		Files: o.files, Getenv: env.Getenv, Clock: env.Clock, Model: o.model, HTTPClient: &http.Client{}, Observe: show.observe,
		Audit: env.Err, // Out is for what the run came to
	}
	e, err := o.readEvent(env, settings)
	if err != nil {
		return &ExitError{Code: ExitBadInput, Err: err}
	}
	show.begin(world, flow)
	run, err := local.Once(ctx, settings, world, flow, o.context, e)
	show.end()
	switch {
	case errors.Is(err, context.Canceled):
		return &ExitError{Code: ExitFailed, Err: errors.New("stopped")}
	case err != nil:
		return &ExitError{Code: ExitBadInput, Err: err}
	}
	printUndelivered(env, run)
	return o.report(env, run)
}

// printUndelivered prints the audit records that did not get where they should:
// with the run they would be gone.
func printUndelivered(env *Env, run *aofv1.FlowRun) {
	a := run.Status.Audit
	if a == nil || len(a.Pending) == 0 {
		return
	}
	fmt.Fprintf(env.Err, "%d audit records were not delivered: %s\n", len(a.Pending), oneLine(a.LastError, 300))
	for _, line := range a.Pending {
		fmt.Fprintln(env.Err, printable(line, true))
	}
}

func (o *running) readEvent(env *Env, s local.Settings) (cloudevents.Event, error) {
	if o.event != "" {
		return local.ReadEvent(s, o.event, env.In)
	}
	return local.TextEvent(s, o.text)
}

// loadWorld reads a composition; its problems are printed as they are found.
func loadWorld(env *Env, files []string) (*local.World, error) {
	if len(files) == 0 {
		return nil, badInput("name the files of the composition with -f PATH")
	}
	world, problems := local.Load(files, manifest.Options{Stdin: env.In})
	for _, p := range problems {
		if p.Level != manifest.LevelSkipped {
			fmt.Fprintln(env.Err, printable(p.Error(), true))
		}
	}
	if world == nil {
		return nil, badInput("the files have errors, see above; `aof validate` says more, `aof import` reads upstream's forms")
	}
	return world, nil
}

// report prints the outcome and gives the exit code that goes with it.
func (o *running) report(env *Env, run *aofv1.FlowRun) error {
	var err error
	switch o.output {
	case "json":
		err = printJSON(env.Out, run)
	case "yaml":
		err = printYAML(env.Out, run)
	default:
		printOutcome(env.Out, run)
	}
	if err != nil {
		return err
	}
	switch run.Status.Phase {
	case aofv1.FlowRunPhaseSucceeded:
		return nil
	case aofv1.FlowRunPhaseWaiting:
		return &ExitError{Code: ExitWaiting}
	case aofv1.FlowRunPhasePending, aofv1.FlowRunPhaseRunning, aofv1.FlowRunPhaseFailed, aofv1.FlowRunPhaseCancelled:
		return &ExitError{Code: ExitFailed}
	default:
		return &ExitError{Code: ExitFailed}
	}
}
