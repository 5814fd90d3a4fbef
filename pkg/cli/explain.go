// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/local"
)

func newExplainCommand(env *Env) *cobra.Command {
	var files []string
	var eventFile, text, output string
	cmd := &cobra.Command{
		Use:   "explain -f PATH... --event FILE",
		Short: "Say for each binding whether an event matches, and why",
		Long: `Compares an event with every binding in the files, as the operator would, and
says which pattern, channel, user or condition decided. Nothing is run.

Exit code 0 when a binding matches, 1 when none does.`,
		Example: `  aof explain -f examples/quickstart --event examples/quickstart/event.json
  aof explain -f ./aof --text "scale the deployment"`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			world, err := loadWorld(env, files)
			if err != nil {
				return err
			}
			settings := local.Settings{Files: files, Getenv: env.Getenv, Clock: env.Clock, HTTPClient: &http.Client{}}
			e, err := (&running{event: eventFile, text: text}).readEvent(env, settings)
			if err != nil {
				return &ExitError{Code: ExitBadInput, Err: err}
			}
			if text != "" { // came to no trigger: every binding's filters are asked
				e.SetExtension(event.ExtensionTrigger, nil)
			}
			rows, err := world.Explain(e)
			if err != nil {
				return &ExitError{Code: ExitBadInput, Err: err}
			}
			return printExplanations(env, rows, output)
		},
	}
	cmd.Flags().StringArrayVarP(&files, "filename", "f", nil, "file, directory or - for standard input; may be repeated")
	cmd.Flags().StringVar(&eventFile, "event", "", "the event in this `file`: a CloudEvent or its data, JSON or YAML")
	cmd.Flags().StringVar(&text, "text", "", "an event with this `text`")
	cmd.Flags().StringVarP(&output, "output", "o", "", "json or yaml")
	cmd.MarkFlagsMutuallyExclusive("text", "event")
	cmd.MarkFlagsOneRequired("text", "event")
	return cmd
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
