// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/cli/remote"
	"aof.dev/operator/pkg/names"
)

// listing holds the flags of aof runs.
type listing struct {
	reading
	binding, flow string
	phases        []string
	limit         int
	watch         bool
}

func newRunsCommand(env *Env) *cobra.Command {
	o := &listing{}
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "List runs, the newest first, and what they wait for",
		Long: `Lists runs with the columns of "get runs" and a note: what a run waits for, or
why it failed. -w goes on with every change until it is interrupted.`,
		Example: `  aof runs --phase waiting
  kubectl aof runs -A --binding oncall -w
  aof runs -o json | jq -r '.items[].status.result.text'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.list(cmd.Context(), env) },
	}
	o.add(cmd, env)
	o.addAll(cmd)
	flags := cmd.Flags()
	flags.StringVar(&o.binding, "binding", "", "only runs of this FlowBinding `name`")
	flags.StringVar(&o.flow, "flow", "", "only runs of this AgentFlow `name`")
	flags.StringSliceVar(&o.phases, "phase", nil, "only these `phases`: pending, running, waiting, succeeded, failed, cancelled")
	flags.IntVar(&o.limit, "limit", 100, "at most this `number`; 0 shows all")
	flags.BoolVarP(&o.watch, "watch", "w", false, "go on with every change")
	flags.StringVarP(&o.output, "output", "o", "", "json, yaml, name or wide")
	flags.BoolVar(&o.noHeaders, "no-headers", false, "leave out the line of headings")
	return cmd
}

// maxLabel is how long a name may be that is also a label's value.
const maxLabel = 63

// phaseNames are what --phase takes.
var phaseNames = []aofv1.FlowRunPhase{
	aofv1.FlowRunPhasePending, aofv1.FlowRunPhaseRunning, aofv1.FlowRunPhaseWaiting,
	aofv1.FlowRunPhaseSucceeded, aofv1.FlowRunPhaseFailed, aofv1.FlowRunPhaseCancelled,
}

func (o *listing) list(ctx context.Context, env *Env) error {
	for i, p := range o.phases {
		known := slices.IndexFunc(phaseNames, func(n aofv1.FlowRunPhase) bool { return strings.EqualFold(string(n), p) })
		if known < 0 {
			return badInput("--phase %s: want one of pending, running, waiting, succeeded, failed, cancelled", p)
		}
		o.phases[i] = string(phaseNames[known])
	}
	if !slices.Contains([]string{"", "json", "yaml", "name", "wide"}, o.output) {
		return badInput("-o %s: want json, yaml, name or wide", o.output)
	}
	r, err := findResource("runs")
	if err != nil {
		return err
	}
	r.Columns = append(slices.Clone(r.Columns), noteColumn)
	c, err := o.open(ctx)
	if err != nil {
		return err
	}
	if o.watch {
		return o.watchRuns(ctx, env, c, r)
	}
	list, err := c.List(ctx, flowRuns, o.selection())
	if err != nil {
		return startable(err)
	}
	return o.show(env, r, list.Items)
}

// selection is what the server can sort out; wants does the rest.
func (o *listing) selection() remote.Selection {
	set := labels.Set{}
	for label, name := range map[string]string{names.LabelBinding: o.binding, names.LabelFlow: o.flow} {
		if name != "" && len(name) <= maxLabel {
			set[label] = name
		}
	}
	return remote.Selection{Namespace: o.namespace, Labels: set.String()}
}

// wants says whether a run is among those asked for. Runs whose names are too
// long for labels, and those of aof dev, are told by their spec.
func (o *listing) wants(run *unstructured.Unstructured) bool {
	binding, _, _ := unstructured.NestedString(run.Object, "spec", "binding", "name")
	flow, _, _ := unstructured.NestedString(run.Object, "spec", "flow", "name")
	phase := orElse(string(phaseOf(*run)), string(aofv1.FlowRunPhasePending))
	return (o.binding == "" || o.binding == binding) && (o.flow == "" || o.flow == flow) &&
		(len(o.phases) == 0 || slices.Contains(o.phases, phase))
}

func (o *listing) show(env *Env, r resource, items []unstructured.Unstructured) error {
	items = slices.DeleteFunc(items, func(u unstructured.Unstructured) bool { return !o.wants(&u) })
	newestFirst(items)
	left := 0
	if o.limit > 0 && len(items) > o.limit {
		left = len(items) - o.limit
		items = items[:o.limit]
	}
	if left > 0 {
		defer fmt.Fprintf(env.Err, "%d older runs are not shown; --limit 0 shows all\n", left)
	}
	if o.output != "" && o.output != "wide" {
		return printList(env.Out, o.output, r, items)
	}
	if len(items) == 0 {
		fmt.Fprintf(env.Err, "No runs found%s.\n", inNamespace(o.namespace))
		return nil
	}
	return printTable(o.screen(env), r, noted(items, env.Clock.Now()), o.table(env))
}

func (o *listing) table(env *Env) tableOptions {
	return tableOptions{AllNamespaces: o.namespace == "", Wide: o.output == "wide", NoHeaders: o.noHeaders, Now: env.Clock.Now()}
}

// screen cuts lines to the width of a terminal: the note is last and can be spared.
func (o *listing) screen(env *Env) io.Writer {
	if !env.Terminal || env.Width <= 0 || o.output == "wide" {
		return env.Out
	}
	return &cutter{w: env.Out, width: env.Width}
}

func newestFirst(items []unstructured.Unstructured) {
	slices.SortStableFunc(items, func(a, b unstructured.Unstructured) int {
		x, y := a.GetCreationTimestamp(), b.GetCreationTimestamp()
		return y.Compare(x.Time)
	})
}

// watchRuns prints the runs that there are, oldest first, and then a line whenever
// one changes.
func (o *listing) watchRuns(ctx context.Context, env *Env, c *remote.Client, r resource) error {
	lines := &liveTable{w: o.screen(env), resource: r}
	return o.follow(ctx, c, o.selection(), func(batch []sight) (bool, error) {
		var items []unstructured.Unstructured
		for _, now := range batch {
			if o.wants(now.run) && !now.deleted {
				items = append(items, *now.run)
			}
		}
		if o.output == "" || o.output == "wide" {
			return false, lines.print(noted(items, env.Clock.Now()), o.table(env))
		}
		for i := range items {
			if o.output == "yaml" {
				fmt.Fprintln(env.Out, "---")
			}
			if err := printObjects(env.Out, o.output, r, items[i].Object, items[i:i+1]); err != nil {
				return false, err
			}
		}
		return false, nil
	})
}

// printList writes objects in a machine's format.
func printList(w io.Writer, format string, r resource, items []unstructured.Unstructured) error {
	list := &unstructured.UnstructuredList{Items: items}
	list.SetAPIVersion("aof.dev/v1")
	list.SetKind(r.Kind + "List")
	return printObjects(w, format, r, list.UnstructuredContent(), items)
}
