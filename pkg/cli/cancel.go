// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
)

// cancelling holds the flags of aof cancel.
type cancelling struct {
	target
	reason string
	output string
}

func newCancelCommand(env *Env) *cobra.Command {
	o := &cancelling{}
	cmd := &cobra.Command{
		Use:   "cancel RUN",
		Short: "End a run before its time",
		Long: `Asks a run to end. A node that is at work is not torn off: the run is Cancelled
once it is over. Who asked is what the API server says you are.

Exit code 0 when it is asked for (also by others before), 1 when the run is over.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.cancel(cmd.Context(), args[0]) },
	}
	o.add(cmd, env)
	cmd.Flags().StringVar(&o.reason, "reason", "", "a `text` that is kept with the run")
	addOutput(cmd, &o.output)
	cmd.ValidArgsFunction = o.completeRuns(env)
	return cmd
}

func (o *cancelling) cancel(ctx context.Context, arg string) error {
	if err := checkOutput(o.output); err != nil {
		return err
	}
	c, u, run, err := o.openRun(ctx, arg)
	if err != nil {
		return err
	}
	if run.Spec.Cancel == nil {
		if u, err = o.change(ctx, c, u, o.ask); err != nil {
			return err
		}
		if run, err = readRun(u); err != nil {
			return err
		}
	} else if run.IsDone() {
		return over(run)
	}
	if o.output != "" {
		return printRun(o.env, o.output, u)
	}
	text := "cancelled"
	if run.Spec.Cancel != nil {
		text = cancelText(run.Spec.Cancel)
	}
	if !run.IsDone() {
		text = "is to be " + text
	}
	fmt.Fprintf(o.env.Out, "run %s/%s %s\n", run.Namespace, run.Name, oneLine(text, 400))
	return nil
}

func (o *cancelling) ask(run *aofv1.FlowRun) (map[string]any, error) {
	if run.IsDone() {
		return nil, over(run)
	}
	cancel := map[string]any{}
	if o.reason != "" {
		cancel["reason"] = o.reason
	}
	return map[string]any{"cancel": cancel}, nil
}

func over(run *aofv1.FlowRun) error {
	return failed("run %s is over: it %s", run.Name, ending(run))
}

// ending says how a run ended, in words.
func ending(run *aofv1.FlowRun) string {
	switch run.Status.Phase {
	case aofv1.FlowRunPhaseSucceeded:
		return "succeeded"
	case aofv1.FlowRunPhaseFailed:
		return "failed"
	case aofv1.FlowRunPhaseCancelled:
		if run.Spec.Cancel != nil {
			return "was " + cancelText(run.Spec.Cancel)
		}
		return "was cancelled"
	default:
		return "is " + string(run.Status.Phase)
	}
}
