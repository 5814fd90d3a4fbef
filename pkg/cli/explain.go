// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"net/http"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/spf13/cobra"

	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/local"
)

// explaining holds the flags of aof explain.
type explaining struct {
	target
	files            []string
	eventFile, text  string
	trigger, binding string
	output           string
}

func newExplainCommand(env *Env) *cobra.Command {
	o := &explaining{}
	cmd := &cobra.Command{
		Use:   "explain [-f PATH...] (--event FILE | --text TEXT)",
		Short: "Say for each binding whether an event matches, and why",
		Long: `Compares an event with every binding in the files or, without -f, with those of a
cluster or aof dev, as the operator would, and says which pattern, channel, user or
condition decided. Nothing is run. In a cluster you need to be able to read bindings
and the Triggers and AgentFlows they name.

Exit code 0 when a binding matches, 1 when none does.`,
		Example: `  aof explain -f examples/quickstart --event examples/quickstart/event.json
  aof explain -f ./aof --text "scale the deployment"
  kubectl aof explain -A --text "scale the deployment"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.explain(cmd.Context(), env) },
	}
	o.add(cmd, env)
	o.addAll(cmd)
	flags := cmd.Flags()
	flags.StringArrayVarP(&o.files, "filename", "f", nil, "compare with this file, directory or - for standard input; may be repeated")
	flags.StringVar(&o.eventFile, "event", "", "the event in this `file`: a CloudEvent or its data, JSON or YAML")
	flags.StringVar(&o.text, "text", "", "an event with this `text`")
	flags.StringVar(&o.trigger, "trigger", "", "the event comes to this `Trigger`")
	flags.StringVar(&o.binding, "binding", "", "compare with this `FlowBinding` only")
	flags.StringVarP(&o.output, "output", "o", "", "json or yaml")
	cmd.MarkFlagsMutuallyExclusive("text", "event")
	cmd.MarkFlagsOneRequired("text", "event")
	return cmd
}

func (o *explaining) explain(ctx context.Context, env *Env) error {
	if o.output != "" && o.output != "json" && o.output != "yaml" {
		return badInput("-o %s: want json or yaml", o.output)
	}
	settings := local.Settings{Files: o.files, Getenv: env.Getenv, Clock: env.Clock, HTTPClient: &http.Client{}}
	e, err := (&running{event: o.eventFile, text: o.text}).readEvent(env, settings)
	if err != nil {
		return &ExitError{Code: ExitBadInput, Err: err}
	}
	if o.text != "" { // came to no trigger: every binding's filters are asked
		e.SetExtension(event.ExtensionTrigger, nil)
	}
	if o.trigger != "" {
		e.SetExtension(event.ExtensionTrigger, o.trigger)
	}
	rows, err := o.rows(ctx, env, e)
	if err != nil {
		return err
	}
	if o.binding != "" {
		if rows, err = only(rows, o.binding); err != nil {
			return err
		}
	}
	return printExplanations(env, rows, o.output)
}

// rows compares the event with the files, or else with what is live.
func (o *explaining) rows(ctx context.Context, env *Env, e cloudevents.Event) ([]local.Explanation, error) {
	if len(o.files) == 0 {
		return o.live(ctx, e)
	}
	if given := o.kubeconfig.Given(o.flags); given != "" {
		return nil, badInput("-f names files and %s a cluster: give one of them", given)
	}
	world, err := loadWorld(env, o.files)
	if err != nil {
		return nil, err
	}
	rows, err := world.Explain(e)
	if err != nil {
		return nil, &ExitError{Code: ExitBadInput, Err: err}
	}
	return rows, nil
}

func printExplanations(env *Env, rows []local.Explanation, output string) error {
	matched := 0
	for _, row := range rows {
		if row.Matched {
			matched++
		}
	}
	var err error
	switch output {
	case "json":
		err = printJSON(env.Out, rows)
	case "yaml":
		err = printYAML(env.Out, rows)
	case "":
		for _, row := range rows {
			sign := "no   "
			if row.Matched {
				sign = "MATCH"
			}
			fmt.Fprintf(env.Out, "%s  %s  (trigger %s -> flow %s)\n       %s\n", sign, row.Binding, row.Trigger, row.Flow, oneLine(row.Reason, 400))
		}
		fmt.Fprintf(env.Out, "\n%d of %d bindings match\n", matched, len(rows))
	default:
		return badInput("-o %s: want json or yaml", output)
	}
	if err == nil && matched == 0 {
		return &ExitError{Code: ExitFailed}
	}
	return err
}
