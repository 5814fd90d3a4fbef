// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/cli/remote"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/guard"
	"aof.dev/operator/pkg/runner"
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
stands beside it), and who made it is what the API server says you are.

Exit code 0 when the decision counts, 1 when it does not (you may not decide this, or
have before), nothing waits, it was decided already or its time is up, 2 when several
approvals wait and none was named.`,
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

// report says what was recorded and whether it counts: the run judges by the same
// rule.
func (o *deciding) report(c *remote.Client, u *unstructured.Unstructured, wait *aofv1.WaitStatus) error {
	run, err := readRun(u)
	if err != nil {
		return err
	}
	v, made := judged(run, wait, o.env.Clock.Now())
	if len(made) == 0 {
		return failed("%s took the decision and does not show it", c.Where())
	}
	last := len(made) - 1
	if o.output != "" {
		err = printRun(o.env, o.output, u)
	} else {
		fmt.Fprintf(o.env.Out, "run %s/%s: %s: %s\n", run.Namespace, run.Name, wait.Node, decisionText(made[last]))
		fmt.Fprintln(o.env.Out, indent(oneLine(wait.Message, 200)))
	}
	switch {
	case err != nil:
		return err
	case v.Answers[last] != guard.Accepted:
		return failed("it is recorded and does not count: %s%s", v.Answers[last].Text(), who(wait, v.Answers[last]))
	case v.Outcome == guard.Undecided && o.output == "":
		fmt.Fprintf(o.env.Out, "%d more have to approve it\n", v.Missing)
	}
	return nil
}

func who(wait *aofv1.WaitStatus, answer guard.Answer) string {
	if answer != guard.Foreign {
		return ""
	}
	return "\n     those who may decide: " + oneLine(strings.Join(approvers(wait), ", "), 300)
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
	now := o.env.Clock.Now()
	switch v, _ := judged(run, w, now); v.Outcome {
	case guard.Approved, guard.Denied:
		return failed("%s was decided already: %s; the run has yet to go on", w.Node, verdictText(v))
	case guard.TimedOut:
		return failed("the time to decide %s was up %s ago (%s), which counts as %s", w.Node,
			shortTime(now.Sub(w.Until.Time).Round(time.Second)), w.Until.UTC().Format(time.RFC3339), fallback(w))
	case guard.Undecided:
	}
	if digestOf(w) == "" {
		return failed("%s does not say what exactly is to be decided (no digest): it can't be answered from here", w.Node)
	}
	return nil
}

// judged is how an approval stands by what is written in the run, and the
// decisions about its node, by the rule that the runner goes by.
func judged(run *aofv1.FlowRun, w *aofv1.WaitStatus, now time.Time) (guard.Verdict, []*aofv1.RunDecision) {
	var made []*aofv1.RunDecision
	var decisions []guard.Decision
	for i := range run.Spec.Decisions {
		if d := &run.Spec.Decisions[i]; d.Node == w.Node && d.Reaction == "" {
			made = append(made, d)
			decisions = append(decisions, guard.Decision{
				Digest: d.Digest, User: d.User, Aliases: d.Aliases, Approved: d.Approved, At: d.At.Time, Comment: d.Comment,
			})
		}
	}
	wait := guard.Wait{Digest: digestOf(w)}
	if w.Until != nil {
		wait.Until = w.Until.Time
	}
	return guard.Decide(runner.RuleOf(w.Details, requestedBy(run)), wait, decisions, now), made
}

// requestedBy are the names of the person whose event began the run.
func requestedBy(run *aofv1.FlowRun) []string {
	var e cloudevents.Event
	if err := e.UnmarshalJSON(run.Spec.Event.Raw); err != nil {
		return nil
	}
	m, err := event.FromCloudEvent(e)
	if err != nil {
		return nil
	}
	return runner.RequestedBy(m)
}

func verdictText(v guard.Verdict) string {
	text := string(v.Outcome)
	if len(v.By) > 0 {
		text += " by " + strings.Join(v.By, ", ")
	}
	if !v.DecidedAt.IsZero() {
		text += " at " + v.DecidedAt.UTC().Format(time.RFC3339)
	}
	if v.Comment != "" {
		text += ": " + v.Comment
	}
	return oneLine(text, 300)
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

func approvers(w *aofv1.WaitStatus) []string {
	return runner.RuleOf(w.Details, nil).AllowedUsers
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
