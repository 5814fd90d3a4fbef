// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/cli/remote"
)

// waitApproval is the kind of a wait that people answer.
const waitApproval = "Approval"

// maxTries bounds how often a change is tried again on a run that others change
// meanwhile.
const maxTries = 5

// deciding holds the flags of aof approve and aof deny.
type deciding struct {
	target
	approve       bool
	node, comment string
	output        string
}

func newDecideCommand(env *Env, approve bool) *cobra.Command {
	o := &deciding{approve: approve}
	verb, short, long := "approve", "Say yes to what a run asks", "Approves"
	if !approve {
		verb, short, long = "deny", "Say no to what a run asks", "Denies"
	}
	cmd := &cobra.Command{
		Use:   verb + " RUN",
		Short: short,
		Long: long + ` what a run waits for. The decision is about exactly what was asked (its digest
stands beside it), and who made it is what the API server says you are. Whether it
counts (who may decide, how many must) is for the run to say: see "describe RUN".

Exit code 0 when the decision is recorded, 1 when nothing waits, it was decided
already or its time is up, 2 when several approvals wait and none was named.`,
		Example: fmt.Sprintf(`  aof runs --phase waiting
  aof %s web-triage-kk7uuq4ghcg9ck0tg1hhuo7rq4 --comment "checked with the owner"`, verb),
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.decide(cmd.Context(), args[0]) },
	}
	o.add(cmd, env)
	cmd.Flags().StringVar(&o.node, "node", "", "answer this `node`, when several wait")
	cmd.Flags().StringVar(&o.comment, "comment", "", "a `text` that is kept with the decision")
	addOutput(cmd, &o.output)
	cmd.ValidArgsFunction = o.completeRuns(env)
	return cmd
}

func (o *deciding) decide(ctx context.Context, arg string) error {
	if err := checkOutput(o.output); err != nil {
		return err
	}
	c, err := o.open(ctx)
	if err != nil {
		return err
	}
	found, err := o.run(ctx, c, arg)
	if err != nil {
		return err
	}
	var wait *aofv1.WaitStatus
	changed, err := o.change(ctx, c, found, func(run *aofv1.FlowRun) (map[string]any, error) {
		if wait, err = o.choose(run); err != nil {
			return nil, err
		}
		decision := map[string]any{
			"node": wait.Node, "digest": digestOf(wait), "approved": o.approve,
			"at": o.env.Clock.Now().UTC().Format(metav1.RFC3339Micro),
		}
		if o.comment != "" {
			decision["comment"] = o.comment
		}
		return map[string]any{"decisions": decision}, nil
	})
	if err != nil {
		return err
	}
	return o.report(c, changed, wait)
}

func (o *deciding) report(c *remote.Client, u *unstructured.Unstructured, wait *aofv1.WaitStatus) error {
	if o.output != "" {
		return printRun(o.env, o.output, u)
	}
	run, err := readRun(u)
	if err != nil {
		return err
	}
	made := decision(run, wait)
	if made == nil {
		return failed("%s took the decision and does not show it", c.Where())
	}
	fmt.Fprintf(o.env.Out, "run %s/%s: %s: %s\n", run.Namespace, run.Name, wait.Node, decisionText(made))
	fmt.Fprintln(o.env.Out, indent(oneLine(wait.Message, 200)))
	yes, needed := approvals(run, wait)
	switch {
	case !made.Approved:
	case yes < needed:
		fmt.Fprintf(o.env.Out, "%d of %d approvals are there\n", yes, needed)
	}
	if who := approvers(wait); len(who) > 0 {
		fmt.Fprintf(o.env.Out, "it counts if you are one of: %s\n", oneLine(strings.Join(who, ", "), 300))
	}
	return nil
}

// choose finds the approval that is meant, or says why there is none to answer.
func (o *deciding) choose(run *aofv1.FlowRun) (*aofv1.WaitStatus, error) {
	if run.IsDone() {
		return nil, failed("nothing waits: run %s is %s%s", run.Name, run.Status.Phase, o.before(run))
	}
	if run.Spec.Cancel != nil {
		return nil, failed("nothing waits: run %s is to be %s", run.Name, cancelText(run.Spec.Cancel))
	}
	var waits []*aofv1.WaitStatus
	for i := range run.Status.Waiting {
		if w := &run.Status.Waiting[i]; w.Kind == waitApproval && (o.node == "" || w.Node == o.node) {
			waits = append(waits, w)
		}
	}
	open := slices.DeleteFunc(slices.Clone(waits), func(w *aofv1.WaitStatus) bool { return o.settled(run, w) != nil })
	switch {
	case len(open) == 1:
		return open[0], nil
	case len(open) > 1:
		return nil, badInput("several approvals wait; say which with --node: %s", nodesOf(open))
	case len(waits) == 0:
		return nil, o.nothing(run)
	default:
		return nil, o.settled(run, waits[0])
	}
}

// nothing says why no approval waits, at that node or at all.
func (o *deciding) nothing(run *aofv1.FlowRun) error {
	others := make([]string, 0, len(run.Status.Waiting))
	for i := range run.Status.Waiting {
		w := &run.Status.Waiting[i]
		others = append(others, w.Node+" ("+strings.ToLower(w.Kind)+")")
	}
	waits := "; it waits for nothing"
	if len(others) > 0 {
		waits = "; it waits at " + strings.Join(others, ", ")
	}
	if o.node != "" {
		return failed("node %q of run %s waits for no approval%s%s", o.node, run.Name, o.before(run), waits)
	}
	return failed("run %s is %s and waits for no approval%s%s", run.Name, run.Status.Phase, o.before(run), waits)
}

// before tells of the last decision that was made, at the node if one is named.
func (o *deciding) before(run *aofv1.FlowRun) string {
	for i := range slices.Backward(run.Spec.Decisions) {
		if d := &run.Spec.Decisions[i]; o.node == "" || d.Node == o.node {
			return fmt.Sprintf(" (%s was %s)", d.Node, decisionText(d))
		}
	}
	return ""
}

// settled says why a wait can't be answered any more; nil when it can.
func (o *deciding) settled(run *aofv1.FlowRun, w *aofv1.WaitStatus) error {
	if d := decision(run, w); d != nil {
		if yes, needed := approvals(run, w); !d.Approved || yes >= needed {
			return failed("%s was decided already: %s; the run has yet to go on", w.Node, decisionText(d))
		}
	}
	if w.Until != nil && !w.Until.After(o.env.Clock.Now()) {
		return failed("the time to decide %s was up %s ago (%s), which counts as %s", w.Node,
			shortTime(o.env.Clock.Now().Sub(w.Until.Time).Round(time.Second)), w.Until.UTC().Format(time.RFC3339), fallback(w))
	}
	if digestOf(w) == "" {
		return failed("%s does not say what exactly is to be decided (no digest): it can't be answered from here", w.Node)
	}
	return nil
}

func fallback(w *aofv1.WaitStatus) string {
	if w.Details["fallback"] == "approve" {
		return "a yes"
	}
	return "a no"
}

func digestOf(w *aofv1.WaitStatus) string {
	digest, _ := w.Details["digest"].(string)
	return digest
}

// decision is the last that was made about a wait; nil when there is none.
func decision(run *aofv1.FlowRun, w *aofv1.WaitStatus) *aofv1.RunDecision {
	for i := range slices.Backward(run.Spec.Decisions) {
		if d := &run.Spec.Decisions[i]; d.Node == w.Node && d.Digest == digestOf(w) {
			return d
		}
	}
	return nil
}

// approvals counts the yeses to a wait, and how many it asks for.
func approvals(run *aofv1.FlowRun, w *aofv1.WaitStatus) (yes, needed int) {
	for i := range run.Spec.Decisions {
		if d := &run.Spec.Decisions[i]; d.Approved && d.Node == w.Node && d.Digest == digestOf(w) {
			yes++
		}
	}
	needed, _ = strconv.Atoi(fmt.Sprint(w.Details["min_approvers"])) // a number in whatever form; anything else is 1
	return yes, max(needed, 1)
}

func approvers(w *aofv1.WaitStatus) []string {
	list, _ := w.Details["approvers"].([]any)
	out := make([]string, 0, len(list))
	for _, v := range list {
		out = append(out, fmt.Sprint(v))
	}
	return out
}

func decisionText(d *aofv1.RunDecision) string {
	text := "denied"
	if d.Approved {
		text = "approved"
	}
	if d.User != "" {
		text += " by " + d.User
	}
	if !d.At.IsZero() {
		text += " at " + d.At.UTC().Format(time.RFC3339)
	}
	if d.Comment != "" {
		text += ": " + d.Comment
	}
	return oneLine(text, 300)
}

func nodesOf(waits []*aofv1.WaitStatus) string {
	nodes := make([]string, 0, len(waits))
	for _, w := range waits {
		nodes = append(nodes, w.Node)
	}
	return strings.Join(nodes, ", ")
}

// change asks for what is to be done to the spec of a run and does it, on the
// version of the run that was asked about: when somebody changes the run
// meanwhile it is read and asked about again. A field "decisions" is added to the
// list, others are set.
func (t *target) change(ctx context.Context, c *remote.Client, u *unstructured.Unstructured, ask func(*aofv1.FlowRun) (map[string]any, error)) (*unstructured.Unstructured, error) {
	for try := 1; ; try++ {
		run, err := readRun(u)
		if err != nil {
			return nil, err
		}
		spec, err := ask(run)
		if err != nil {
			return nil, err
		}
		if one, ok := spec["decisions"]; ok {
			// As the server gave them, with what we don't know of.
			before, _, _ := unstructured.NestedSlice(u.Object, "spec", "decisions")
			spec["decisions"] = append(before, one)
		}
		patch := map[string]any{"metadata": map[string]any{"resourceVersion": u.GetResourceVersion()}, "spec": spec}
		changed, err := c.Merge(ctx, flowRuns, run.Namespace, run.Name, patch)
		if err == nil || !apierrors.IsConflict(err) || try == maxTries {
			return changed, startable(err)
		}
		if u, err = c.Get(ctx, flowRuns, run.Namespace, run.Name); err != nil {
			return nil, startable(err)
		}
	}
}
