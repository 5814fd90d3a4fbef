// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
)

func newDescribeCommand(env *Env) *cobra.Command {
	o := &reading{}
	cmd := &cobra.Command{
		Use:     "describe KIND NAME",
		Short:   "Tell what is known of one object; of a run, node by node",
		Example: `  aof describe run web-triage-kk7uuq4ghcg9ck0tg1hhuo7rq4 -n quickstart`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.describe(cmd.Context(), env, args[0], args[1])
		},
	}
	o.add(cmd, env)
	return cmd
}

func (o *reading) describe(ctx context.Context, env *Env, kind, name string) error {
	r, err := findResource(kind)
	if err != nil {
		return err
	}
	found, err := o.fetch(ctx, r, []string{name})
	if err != nil {
		return err
	}
	for i := range found {
		if err := describe(env, &found[i]); err != nil {
			return err
		}
	}
	return nil
}

// describe shows a run as a list of nodes, everything else by its fields.
func describe(env *Env, u *unstructured.Unstructured) error {
	if u.GetKind() == "FlowRun" {
		var run aofv1.FlowRun
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &run); err != nil {
			return fmt.Errorf("read run: %w", err)
		}
		describeRun(env.Out, &run)
		return nil
	}
	fmt.Fprintf(env.Out, "Name:       %s\nNamespace:  %s\nKind:       %s\n", u.GetName(), u.GetNamespace(), u.GetKind())
	for _, part := range []string{"spec", "status"} {
		value, ok := u.Object[part]
		if !ok {
			continue
		}
		raw, err := yaml.Marshal(value)
		if err != nil {
			return err
		}
		fmt.Fprintf(env.Out, "%s:\n%s\n", strings.ToUpper(part[:1])+part[1:], indent(string(raw)))
	}
	return nil
}

func describeRun(w io.Writer, run *aofv1.FlowRun) {
	printOutcome(w, run)
	fmt.Fprintf(w, "\n  flow     %s\n", run.Spec.Flow)
	if run.Spec.Binding != nil {
		fmt.Fprintf(w, "  binding  %s\n", run.Spec.Binding)
	}
	if run.Spec.Context != nil {
		fmt.Fprintf(w, "  context  %s\n", run.Spec.Context)
	}
	fmt.Fprintf(w, "  plan     %s\n\n", run.Spec.Plan)
	for i := range run.Status.Nodes {
		n := &run.Status.Nodes[i]
		fmt.Fprintf(w, "  %-10s %s (%s)", n.Phase, n.ID, n.Type)
		if n.Duration != "" && n.Phase != aofv1.NodePhaseSkipped {
			fmt.Fprintf(w, "  %s", n.Duration)
		}
		if n.Attempt > 1 {
			fmt.Fprintf(w, "  attempt %d", n.Attempt)
		}
		if n.Error != nil {
			fmt.Fprintf(w, "  %s", oneLine(strings.Trim(n.Error.Reason+": "+n.Error.Message, ": "), 200))
		}
		fmt.Fprintln(w)
		if n.Output != nil && n.Phase == aofv1.NodePhaseSucceeded {
			fmt.Fprintf(w, "             %s\n", oneLine(string(n.Output.Raw), 160))
		}
	}
	fmt.Fprintln(w)
}
