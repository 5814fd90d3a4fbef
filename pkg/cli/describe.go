// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/guard"
	"aof.dev/operator/pkg/names"
)

func newDescribeCommand(env *Env) *cobra.Command {
	o := &reading{}
	cmd := &cobra.Command{
		Use:   "describe [KIND] NAME",
		Short: "Tell what is known of one object; of a run, node by node",
		Long: `Tells what is known of an object. A name alone is a run's: its event, its nodes in
their order with what each came to, what it waits for and who decided what.`,
		Example: `  aof describe web-triage-kk7uuq4ghcg9ck0tg1hhuo7rq4
  kubectl aof describe binding web-triage -n quickstart`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.describe(cmd.Context(), env, args)
		},
	}
	o.add(cmd, env)
	o.addAll(cmd)
	cmd.ValidArgsFunction = o.completeRuns(env)
	return cmd
}

func (o *reading) describe(ctx context.Context, env *Env, args []string) error {
	r, err := findResource(flowRuns.Plural)
	if len(args) == 2 {
		r, err = findResource(args[0])
	}
	if err != nil {
		return err
	}
	c, err := o.open(ctx)
	if err != nil {
		return err
	}
	name := args[len(args)-1]
	if r.Plural != flowRuns.Plural {
		u, err := o.named(ctx, c, r, name)
		if err != nil {
			return err
		}
		return describe(env, u, nil)
	}
	u, err := o.run(ctx, c, name)
	if err != nil {
		return err
	}
	return describe(env, u, shapeOf(ctx, c, u))
}

// describe shows a run as a list of nodes, everything else by its fields.
func describe(env *Env, u *unstructured.Unstructured, s *shape) error {
	if u.GetKind() == "FlowRun" {
		run, err := readRun(u)
		if err != nil {
			return err
		}
		describeRun(env, run, s)
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

func describeRun(env *Env, run *aofv1.FlowRun, s *shape) {
	w, now := env.Out, env.Clock.Now()
	printOutcome(w, run)
	if run.Spec.Cancel != nil {
		fmt.Fprintf(w, "%s\n", oneLine(note(run, now), 400))
	}
	fmt.Fprintln(w)
	fact := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "  %-8s %s\n", name, oneLine(value, 300))
		}
	}
	fact("flow", run.Spec.Flow.String())
	fact("binding", refText(run.Spec.Binding))
	fact("trigger", refText(run.Spec.Trigger))
	fact("context", refText(run.Spec.Context))
	fact("plan", run.Spec.Plan)
	fact("event", eventText(run))
	if r := run.Spec.Retry; r != nil {
		fact("retries", r.Run+fromText(r.From))
	} else {
		fact("retries", run.Labels[names.LabelRetryOf])
	}
	if !run.CreationTimestamp.IsZero() {
		fact("created", run.CreationTimestamp.UTC().Format(time.RFC3339))
	}
	fact("audit", auditText(run, now))
	if l := run.Status.Lease; l != nil && l.Takeovers > 0 {
		fact("taken", fmt.Sprintf("over by another runner %d times", l.Takeovers))
	}
	fmt.Fprintln(w)
	if s == nil {
		s = &shape{}
	}
	last := ""
	for _, n := range s.inOrder(run) {
		describeNode(w, run, n, s.after(n.ID, last), now)
		last = n.ID
	}
	fmt.Fprintln(w)
}

// auditText says how the audit of a run stands; empty for a run without.
func auditText(run *aofv1.FlowRun, now time.Time) string {
	a := run.Status.Audit
	if a == nil {
		return ""
	}
	text := fmt.Sprintf("%d records, %d delivered", a.Records, a.Delivered)
	if a.Omitted > 0 {
		text += fmt.Sprintf(", %d left out", a.Omitted)
	}
	if n := a.Undelivered(); n > 0 {
		text += fmt.Sprintf(", %d pending", n)
	}
	if a.LastError != "" {
		text += ": " + a.LastError
	}
	if a.NextTry != nil && a.NextTry.After(now) {
		text += "; tried again in " + aofv1.ShortDuration(a.NextTry.Sub(now))
	}
	return text
}

func describeNode(w io.Writer, run *aofv1.FlowRun, n *aofv1.NodeStatus, after string, now time.Time) {
	fmt.Fprintf(w, "  %-10s %s (%s)%s", n.Phase, oneLine(n.ID, 100), n.Type, after)
	if n.Duration != "" && n.Phase != aofv1.NodePhaseSkipped {
		fmt.Fprintf(w, "  %s", n.Duration)
	}
	if n.TakenFrom != "" {
		fmt.Fprintf(w, "  taken over from %s", oneLine(n.TakenFrom, 100))
	}
	if n.Attempt > 1 {
		fmt.Fprintf(w, "  attempt %d", n.Attempt)
	}
	if n.Usage != nil {
		fmt.Fprintf(w, "  %d tokens", n.Usage.InputTokens+n.Usage.OutputTokens)
	}
	if n.Error != nil {
		fmt.Fprintf(w, "  %s", oneLine(strings.Trim(n.Error.Reason+": "+n.Error.Message, ": "), 200))
	}
	if n.Wait != nil && n.Phase == aofv1.NodePhaseWaiting {
		fmt.Fprintf(w, "  %s", waitText(run, n.Wait, now))
	}
	fmt.Fprintln(w)
	answers := answersTo(run, n, now)
	for i := range run.Spec.Decisions {
		if d := &run.Spec.Decisions[i]; d.Node == n.ID {
			fmt.Fprintf(w, "             %s%s\n", decisionText(d), answers[d])
		}
	}
	if n.Output != nil && n.Phase == aofv1.NodePhaseSucceeded {
		fmt.Fprintf(w, "             %s\n", oneLine(string(n.Output.Raw), 160))
	}
}

// answersTo says of the decisions that don't count so, and why while that is
// known: what is waited for is dropped with the wait.
func answersTo(run *aofv1.FlowRun, n *aofv1.NodeStatus, now time.Time) map[*aofv1.RunDecision]string {
	said := map[*aofv1.RunDecision]string{}
	if n.Wait == nil && n.Type == waitApproval && n.Output != nil {
		var output struct {
			DecidedBy string `json:"decided_by"`
		}
		if json.Unmarshal(n.Output.Raw, &output) != nil {
			return said
		}
		by := strings.Split(output.DecidedBy, ", ")
		for i := range run.Spec.Decisions {
			if d := &run.Spec.Decisions[i]; d.Node == n.ID && !slices.Contains(by, d.User) {
				said[d] = " (does not count)"
			}
		}
	}
	if n.Wait == nil || n.Wait.Kind != waitApproval {
		return said
	}
	v, made := judged(run, n.Wait, now)
	for i, d := range made {
		if v.Answers[i] != guard.Accepted {
			said[d] = " (does not count: " + string(v.Answers[i]) + ")"
		}
	}
	return said
}

// waitText says what a node waits for, and how long it still will.
func waitText(run *aofv1.FlowRun, wait *aofv1.WaitStatus, now time.Time) string {
	text := "for " + strings.ToLower(wait.Kind)
	if wait.Until != nil {
		text += ", " + left(wait.Until.Sub(now))
	}
	if wait.Kind != waitApproval {
		return text
	}
	if v, _ := judged(run, wait, now); v.Outcome == guard.Approved || v.Outcome == guard.Denied {
		text += ", " + string(v.Outcome)
	} else if needed := len(v.By) + v.Missing; needed > 1 {
		text += fmt.Sprintf(", %d of %d approvals", len(v.By), needed)
	}
	if who := approvers(wait); len(who) > 0 {
		text += ", by " + strings.Join(who, ", ")
	}
	return oneLine(text, 200)
}

func refText(ref *aofv1.ObjectReference) string {
	if ref == nil {
		return ""
	}
	return ref.String()
}

// eventText sums up the event that started a run.
func eventText(run *aofv1.FlowRun) string {
	var e cloudevents.Event
	if err := e.UnmarshalJSON(run.Spec.Event.Raw); err != nil {
		return ""
	}
	text := e.Type()
	m, err := event.FromCloudEvent(e)
	if err != nil {
		return text + " (id " + e.ID() + ")"
	}
	if who := orElse(m.User.Username, m.User.ID); who != "" {
		text += " from " + who
	}
	if where := orElse(m.ChannelName, m.ChannelID); where != "" {
		text += " in " + where
	}
	if m.Text != "" {
		text += ": " + strconv.Quote(oneLine(m.Text, 120))
	}
	return text + " (id " + oneLine(e.ID(), 80) + ")"
}
