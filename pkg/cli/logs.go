// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
)

// logging holds the flags of aof logs.
type logging struct {
	target
	follow bool
	output string
}

func newLogsCommand(env *Env) *cobra.Command {
	o := &logging{}
	cmd := &cobra.Command{
		Use:   "logs RUN",
		Short: "Tell what a run did, in the order it happened",
		Long: `Tells what the journal of a run says: its event, its nodes as they began and
ended, waits, decisions, the result. -f goes on until the run is over. In a cluster
the lines of the runner's own log that name the run follow, as long as its pod is
there and you have the right to get pods/log.

Exit code 0; with -f that of the run: 0 when it succeeded, 1 when it failed or was
cancelled, 3 when it was left while it waits.`,
		Example: `  aof logs -f web-triage-kk7uuq4ghcg9ck0tg1hhuo7rq4`,
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return o.logs(cmd.Context(), args[0]) },
	}
	o.add(cmd, env)
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "go on until the run is over")
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "json: one object in each line")
	cmd.ValidArgsFunction = o.completeRuns(env)
	return cmd
}

func (o *logging) logs(ctx context.Context, arg string) error {
	if o.output != "" && o.output != "json" {
		return badInput("-o %s: want json", o.output)
	}
	c, u, run, err := o.openRun(ctx, arg)
	if err != nil {
		return err
	}
	printer := &journalPrinter{w: o.env.Out, json: o.output == "json", printed: map[string]bool{}}
	if !o.follow {
		if err := printer.print(run); err != nil {
			return err
		}
		return o.runnerLog(ctx, c, run)
	}
	gone := false
	err = o.followRun(ctx, c, u, func(now sight) (bool, error) {
		if gone = now.deleted; gone {
			return true, nil
		}
		if run, err = readRun(now.run); err != nil {
			return false, err
		}
		return run.IsDone(), printer.print(run)
	})
	if err != nil {
		return err
	}
	if gone && !run.IsDone() {
		return failed("run %s was deleted", run.Name)
	}
	if err := o.runnerLog(context.WithoutCancel(ctx), c, run); err != nil {
		return err
	}
	return outcome(run)
}

// outcome is the exit code that goes with the phase of a run.
func outcome(run *aofv1.FlowRun) error {
	switch {
	case run.Status.Phase == aofv1.FlowRunPhaseSucceeded:
		return nil
	case run.IsDone():
		return &ExitError{Code: ExitFailed}
	default:
		return &ExitError{Code: ExitWaiting}
	}
}

// journalLine is one thing that happened in a run.
type journalLine struct {
	Time time.Time `json:"time,omitzero"`
	Node string    `json:"node,omitempty"`
	Text string    `json:"text"`
}

// journalPrinter prints what it has not printed before.
type journalPrinter struct {
	w       io.Writer
	json    bool
	width   int
	printed map[string]bool
}

func (p *journalPrinter) print(run *aofv1.FlowRun) error {
	lines := journal(run)
	for _, l := range lines {
		p.width = max(p.width, len(l.Node))
	}
	for _, l := range lines {
		key := l.Node + "\x00" + l.Text
		if p.printed[key] {
			continue
		}
		p.printed[key] = true
		if p.json {
			raw, err := json.Marshal(l)
			if err != nil {
				return err
			}
			fmt.Fprintf(p.w, "%s\n", escaped(raw))
			continue
		}
		at := strings.Repeat(" ", len(journalTime))
		if !l.Time.IsZero() {
			at = l.Time.UTC().Format(journalTime)
		}
		fmt.Fprintf(p.w, "%s  %-*s  %s\n", at, p.width, oneLine(l.Node, 100), oneLine(l.Text, maxJournalText))
	}
	return nil
}

const (
	journalTime    = "2006-01-02T15:04:05.000Z"
	maxJournalText = 2000
	// theRun stands where a node would in lines about the run as a whole.
	theRun = "run"
)

// journal puts what a run's journal tells into the order in which it happened.
func journal(run *aofv1.FlowRun) []journalLine {
	lines := []journalLine{{run.CreationTimestamp.Time, theRun, "claimed: " + orElse(eventText(run), "an event")}}
	add := func(at *metav1.MicroTime, node, format string, args ...any) {
		l := journalLine{Node: node, Text: fmt.Sprintf(format, args...)}
		if at != nil {
			l.Time = at.Time
		}
		lines = append(lines, l)
	}
	for i := range run.Status.Nodes {
		if n := &run.Status.Nodes[i]; n.TakenFrom != "" {
			add(run.Status.StartTime, n.ID, "%s in run %s, taken over from there", strings.ToLower(string(n.Phase)), n.TakenFrom)
			continue
		}
		nodeLines(&run.Status.Nodes[i], add)
	}
	for i := range run.Spec.Decisions {
		d := &run.Spec.Decisions[i]
		add(&d.At, d.Node, "%s", decisionText(d))
	}
	if c := run.Spec.Cancel; c != nil && !run.IsDone() {
		add(nil, theRun, "is to be %s", cancelText(c))
	}
	inTime(lines)
	if run.IsDone() {
		l := journalLine{Node: theRun, Text: endText(run)}
		if at := run.Status.CompletionTime; at != nil {
			l.Time = at.Time
		}
		lines = append(lines, l)
	}
	return lines
}

// inTime sorts lines by their time; what has none stays behind what came before it.
func inTime(lines []journalLine) {
	type dated struct {
		journalLine
		at time.Time
	}
	all := make([]dated, 0, len(lines))
	var last time.Time
	for _, l := range lines {
		if !l.Time.IsZero() {
			last = l.Time
		}
		all = append(all, dated{l, last})
	}
	slices.SortStableFunc(all, func(a, b dated) int { return a.at.Compare(b.at) })
	for i := range all {
		lines[i] = all[i].journalLine
	}
}

func nodeLines(n *aofv1.NodeStatus, add func(at *metav1.MicroTime, node, format string, args ...any)) {
	if n.StartTime != nil && n.Phase != aofv1.NodePhaseSkipped {
		attempt := ""
		if n.Attempt > 1 {
			attempt = fmt.Sprintf(", attempt %d", n.Attempt)
		}
		add(n.StartTime, n.ID, "began (%s%s)", n.Type, attempt)
	}
	if w := n.Wait; w != nil {
		until := ""
		if w.Until != nil {
			until = " until " + w.Until.UTC().Format(time.RFC3339)
		}
		add(n.StartTime, n.ID, "waits for %s%s: %s", strings.ToLower(w.Kind), until, w.Message)
	}
	switch n.Phase {
	case aofv1.NodePhaseSucceeded:
		text := "succeeded"
		if n.Duration != "" {
			text += " in " + n.Duration
		}
		if n.Usage != nil {
			text += fmt.Sprintf(", %d tokens", n.Usage.InputTokens+n.Usage.OutputTokens)
		}
		if n.Output != nil && len(n.Output.Raw) > 0 {
			text += ": " + string(n.Output.Raw)
		}
		add(n.EndTime, n.ID, "%s", text)
	case aofv1.NodePhaseFailed, aofv1.NodePhaseSkipped:
		text := strings.ToLower(string(n.Phase))
		if n.Error != nil {
			text += ": " + strings.Trim(n.Error.Reason+": "+n.Error.Message, ": ")
		}
		add(n.EndTime, n.ID, "%s", text)
	case aofv1.NodePhasePending, aofv1.NodePhaseRunning, aofv1.NodePhaseWaiting:
	}
}

func endText(run *aofv1.FlowRun) string {
	s := &run.Status
	text := ending(run)
	if s.Duration != "" {
		text += " in " + s.Duration
	}
	if s.Error != nil {
		text += ": " + nameOf(s.Error.Node) + s.Error.Reason + ": " + s.Error.Message
	} else if s.Result != nil && s.Result.Text != "" {
		text += ": " + s.Result.Text
	}
	return text
}
