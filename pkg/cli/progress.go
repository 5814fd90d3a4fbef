// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"charm.land/lipgloss/v2"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/local"
	"aof.dev/operator/pkg/runner"
)

// progress shows the nodes of a run as they go: on a terminal a list that is
// drawn again in place, elsewhere a line for each thing that happens.
type progress struct {
	env *Env

	mu    sync.Mutex
	nodes []flow.Node                // in the order they will be shown
	state map[string]*flow.NodeState // by ID
	drawn int                        // lines on the terminal
}

func newProgress(env *Env) *progress {
	return &progress{env: env, state: map[string]*flow.NodeState{}}
}

// begin learns the flow's nodes, so that those not begun can be shown too.
func (p *progress) begin(w *local.World, name string) {
	f, err := w.FindFlow(name)
	if err != nil {
		return
	}
	definition, err := f.Definition()
	if err != nil {
		return
	}
	if compiled, err := flow.Compile(definition); err == nil {
		p.nodes = compiled.Nodes()
	}
	if p.env.Terminal {
		p.draw()
	}
}

// observe is told of every change.
func (p *progress) observe(change runner.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := change.Node
	p.state[n.ID] = &n
	if p.env.Terminal {
		p.draw()
		return
	}
	if n.Phase != flow.PhasePending {
		fmt.Fprintf(p.env.Err, "%-9s %s%s\n", n.Phase, title(n.ID, n.Kind), remark(&n))
	}
}

func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drawn = 0
}

// draw writes the whole list over what it wrote before.
func (p *progress) draw() {
	var b strings.Builder
	if p.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", p.drawn)
	}
	for _, n := range p.nodes {
		s := p.state[n.ID]
		if s == nil {
			s = &flow.NodeState{ID: n.ID, Kind: n.Kind, Phase: flow.PhasePending}
		}
		line := mark(s.Phase) + " " + title(n.ID, n.Kind) + remark(s)
		if p.env.Width > 1 {
			line = lipgloss.NewStyle().MaxWidth(p.env.Width - 1).Render(line)
		}
		fmt.Fprintf(&b, "\x1b[2K%s\n", line)
	}
	p.drawn = len(p.nodes)
	_, _ = io.WriteString(p.env.Err, b.String())
}

func title(id string, kind flow.Kind) string { return id + " (" + string(kind) + ")" }

// remark is what there is to say of a node beside its phase, on one line.
func remark(n *flow.NodeState) string {
	var parts []string
	if !n.StartedAt.IsZero() && !n.EndedAt.IsZero() && n.Phase != flow.PhaseSkipped {
		parts = append(parts, shortTime(n.EndedAt.Sub(n.StartedAt)))
	}
	if tokens := n.Usage.InputTokens + n.Usage.OutputTokens; tokens > 0 {
		parts = append(parts, fmt.Sprintf("%d tokens", tokens))
	}
	switch {
	case n.Error != nil:
		parts = append(parts, n.Error.Reason+": "+oneLine(n.Error.Message, 100))
	case n.Reason != "":
		parts = append(parts, n.Reason)
	case n.Wait != nil && n.Phase == flow.PhaseWaiting:
		parts = append(parts, "for "+strings.ToLower(string(n.Wait.Kind))+": "+oneLine(n.Wait.Message, 60))
	}
	if len(parts) == 0 {
		return ""
	}
	return "  " + strings.Join(parts, ", ")
}

// styles of the phases; colour says nothing that the sign does not.
var (
	green  = lipgloss.NewStyle().Foreground(lipgloss.Color("2"))
	red    = lipgloss.NewStyle().Foreground(lipgloss.Color("1"))
	yellow = lipgloss.NewStyle().Foreground(lipgloss.Color("3"))
	faint  = lipgloss.NewStyle().Faint(true)
)

func mark(p flow.Phase) string {
	switch p {
	case flow.PhaseSucceeded:
		return green.Render("✔")
	case flow.PhaseFailed:
		return red.Render("✘")
	case flow.PhaseRunning:
		return yellow.Render("●")
	case flow.PhaseWaiting:
		return yellow.Render("⏸")
	case flow.PhaseSkipped, flow.PhaseCancelled:
		return faint.Render("–")
	case flow.PhasePending:
		return faint.Render("○")
	default:
		return " "
	}
}

// printOutcome says what a run came to.
func printOutcome(w io.Writer, run *aofv1.FlowRun) {
	s := &run.Status
	fmt.Fprintf(w, "run %s/%s %s", run.Namespace, run.Name, s.Phase)
	if s.Duration != "" {
		fmt.Fprintf(w, " in %s", s.Duration)
	}
	if u := s.Usage; u != nil {
		fmt.Fprintf(w, ", %d tokens in, %d out", u.InputTokens, u.OutputTokens)
	}
	fmt.Fprintln(w)
	if s.Error != nil {
		fmt.Fprintf(w, "%s: %s\n", orElse(s.Error.Node, "run"), oneLine(s.Error.Reason+": "+s.Error.Message, 500))
	}
	for _, wait := range s.Waiting {
		fmt.Fprintf(w, "\n%s waits for %s:\n%s\n", orElse(wait.Node, "the run"), strings.ToLower(wait.Kind), indent(wait.Message))
	}
	if s.Result != nil && s.Result.Text != "" {
		fmt.Fprintf(w, "\n%s\n", indent(s.Result.Text))
	}
}
