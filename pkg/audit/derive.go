// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// RunState is how a run stands, as its journal says.
type RunState struct {
	// Phase is the run's: Pending, Running, Waiting, Succeeded, Failed, Cancelled.
	Phase          string
	Started, Ended time.Time
	// Takeovers counts how often the run went to another holder.
	Takeovers int64
	// Message is what the run waits for, or who ended it.
	Message string
	// Reason and Error say why it failed.
	Reason, Error             string
	InputTokens, OutputTokens int64
	Nodes                     []NodeState
	// Result is what the flow came to.
	Result json.RawMessage
}

// NodeState is how a node stands.
type NodeState struct {
	ID, Type string
	// Phase is the node's: Pending, Running, Waiting, Succeeded, Failed, Skipped.
	Phase          string
	Attempt        int64
	Started, Ended time.Time
	// Taken says that another run did it, which this one continues.
	Taken bool
	// Agent is the agent or fleet that the node asks.
	Agent                     string
	Reason, Error             string
	InputTokens, OutputTokens int64
	// Wait is what a node waits for whose phase is Waiting.
	Wait   *Wait
	Output json.RawMessage
}

// Wait is what a node waits for.
type Wait struct {
	// Kind is Approval, Reaction, Timer or Event.
	Kind    string
	Message string
	// Command is what is to be approved; empty when a flow asks by itself.
	Command string
	// Digest tells what is asked from what was asked before.
	Digest string
}

// Verdict is how the approval that a node waited for ended.
type Verdict struct {
	// Outcome is approved, denied or timeout.
	Outcome Status
	// Approves says that silence was a yes.
	Approves bool
	By       []string
	At       time.Time
	Comment  string
}

// Said is what one person decided.
type Said struct {
	Node, User, Comment, Reaction string
	Approved                      bool
	// Answer is what became of it, in guard's words.
	Answer string
	At     time.Time
}

// News is what is known of a change beside the two states.
type News struct {
	// Now is when the change is written.
	Now time.Time
	// Said are the decisions that are not on record yet.
	Said []Said
	// Verdicts are for nodes whose approval ended.
	Verdicts map[string]Verdict
	// Commands are what nodes did, resolved, in order.
	Commands map[string][]string
	// Input is the event of the run.
	Input json.RawMessage
	// Retry says what the run continues, if it does.
	Retry string
	// Extra are records that follow from no state.
	Extra []Record
}

// Derive gives the records that a change of a run makes, in the order in which
// they happened as far as the states tell.
func Derive(before, after RunState, news News) []Record {
	d := deriver{before: map[string]*NodeState{}, news: news}
	for i := range before.Nodes {
		d.before[before.Nodes[i].ID] = &before.Nodes[i]
	}
	d.opening(before, after)
	for i := range news.Said {
		d.said(&news.Said[i])
	}
	d.add(news.Extra...)
	for i := range after.Nodes {
		d.node(&after.Nodes[i])
	}
	// By time; what happened together stays in the order of the plan. How the run
	// began comes first and how it stands now comes last, whatever clocks say.
	slices.SortStableFunc(d.records, func(a, b Record) int {
		return cmp.Or(cmp.Compare(rank(a.Event), rank(b.Event)), a.Timestamp.Compare(b.Timestamp))
	})
	d.closing(before, after)
	return d.records
}

func rank(k Kind) int {
	switch k {
	case RunStarted:
		return 0
	case RunResumed:
		return 1
	default:
		return 2
	}
}

// deriver collects the records of one change.
type deriver struct {
	before  map[string]*NodeState
	news    News
	records []Record
}

func (d *deriver) add(records ...Record) {
	for _, r := range records {
		if r.Timestamp.IsZero() {
			r.Timestamp = d.news.Now
		}
		d.records = append(d.records, r)
	}
}

// opening says that a run began, goes on after a wait or was taken over.
func (d *deriver) opening(before, after RunState) {
	if before.Started.IsZero() && !after.Started.IsZero() {
		r := Record{Event: RunStarted, Status: Started, Timestamp: after.Started, Input: d.news.Input, Message: d.news.Retry}
		if r.Message != "" {
			r.Reason = "Retry"
		}
		d.add(r)
	}
	if after.Takeovers > before.Takeovers {
		d.add(Record{Event: RunResumed, Status: TakenOver, Reason: "TakenOver"})
	} else if before.Phase == "Waiting" && after.Phase != "Waiting" && after.Phase != "Cancelled" {
		d.add(Record{Event: RunResumed, Status: Resumed})
	}
}

// closing says that a run waits or is over.
func (d *deriver) closing(before, after RunState) {
	if before.Phase == after.Phase {
		return
	}
	switch after.Phase {
	case "Waiting":
		d.add(Record{Event: RunWaiting, Status: Waiting, Message: after.Message})
	case "Succeeded", "Failed", "Cancelled":
		d.add(Finished(after))
	}
}

// Finished is the record of a run's end.
func Finished(s RunState) Record {
	r := Record{
		Event: RunFinished, Timestamp: s.Ended, Reason: s.Reason, Error: s.Error, Output: s.Result,
		ExecutionTimeMS: between(s.Started, s.Ended),
	}
	r.tokens(s.InputTokens, s.OutputTokens)
	switch s.Phase {
	case "Succeeded":
		r.Status = Succeeded
	case "Cancelled":
		r.Status, r.Message, r.Error = Cancelled, s.Message, ""
	default:
		r.Status = Failed
	}
	return r
}

func (d *deriver) said(s *Said) {
	status := Denied
	if s.Approved {
		status = Approved
	}
	d.add(Record{
		Event: Decision, Status: status, Timestamp: s.At, Node: s.Node, DecidedBy: s.User, Answer: s.Answer,
		Reaction: s.Reaction, Comment: s.Comment,
	})
}

// node says what became of one node.
func (d *deriver) node(n *NodeState) {
	if n.Taken {
		return // it is on record there
	}
	b := d.before[n.ID]
	if b == nil {
		b = &NodeState{ID: n.ID}
	}
	if b.Wait != nil && b.Wait.Kind == "Approval" && (n.Wait == nil || n.Wait.Digest != b.Wait.Digest) {
		d.verdict(n, b.Wait)
	}
	finished := isFinal(n.Phase) && !isFinal(b.Phase)
	// An attempt that failed shows by the next one that is due.
	if n.Attempt > 1 && n.Attempt > b.Attempt && n.Error != "" && !isFinal(n.Phase) {
		r := d.about(n, Retried)
		r.Attempt, r.Timestamp = n.Attempt-1, d.news.Now
		r.Reason, r.Error, r.Command = n.Reason, n.Error, d.command(n.ID)
		d.add(r)
	}
	began := n.Attempt > b.Attempt || b.Phase == "Pending" && b.Attempt == n.Attempt
	if began && n.Phase != "Pending" && n.Attempt > 0 && !n.Started.IsZero() && acts(n.Type) {
		r := d.about(n, Started)
		r.Timestamp = n.Started
		if r.Event == AgentComplete {
			r.Event = AgentStart
		}
		d.add(r)
	}
	switch {
	case finished:
		d.finished(n)
	case n.Wait != nil && n.Phase == "Waiting" && (b.Phase != "Waiting" || b.Wait == nil || b.Wait.Digest != n.Wait.Digest):
		d.waits(n)
	}
}

// verdict says how an approval ended.
func (d *deriver) verdict(n *NodeState, asked *Wait) {
	v, ok := d.news.Verdicts[n.ID]
	if !ok {
		return // it was not decided: the run ended
	}
	r := Record{
		Event: ApprovalDenied, Status: v.Outcome, Timestamp: v.At, Node: n.ID, NodeType: n.Type, ApprovalRequired: true,
		Command: asked.Command, Comment: v.Comment,
	}
	who := strings.Join(v.By, ", ")
	switch v.Outcome {
	case Approved:
		r.Event, r.ApprovedBy = ApprovalGranted, who
	case Timeout:
		r.Reason = "Timeout"
		if v.Approves {
			r.Event = ApprovalGranted
		}
	default:
		r.DeniedBy = who
	}
	if !v.At.IsZero() {
		at := v.At.UTC()
		r.ApprovalTimestamp = &at
	}
	d.add(r)
}

// waits says that a node waits, for people's consent above all.
func (d *deriver) waits(n *NodeState) {
	if n.Wait.Kind == "Approval" {
		d.add(Record{
			Event: ApprovalRequested, Status: Waiting, Node: n.ID, NodeType: n.Type, Attempt: n.Attempt, ApprovalRequired: true,
			Command: n.Wait.Command, Message: n.Wait.Message,
		})
		return
	}
	d.add(Record{
		Event: Node, Status: Waiting, Node: n.ID, NodeType: n.Type, Attempt: n.Attempt, Reason: n.Wait.Kind, Message: n.Wait.Message,
	})
}

// finished says how a node ended, and before that what it did if that was more
// than one thing.
func (d *deriver) finished(n *NodeState) {
	status := Failed
	switch n.Phase {
	case "Succeeded":
		status = Succeeded
	case "Skipped":
		status = Skipped
	}
	if done := d.news.Commands[n.ID]; len(done) > 1 {
		for _, command := range done {
			d.add(Record{Event: ToolCall, Status: Called, Node: n.ID, NodeType: n.Type, Attempt: n.Attempt, Command: command, Timestamp: n.Ended})
		}
	}
	r := d.about(n, status)
	if n.Phase == "Skipped" {
		r.Event = Node
	}
	r.Timestamp, r.ExecutionTimeMS = n.Ended, between(n.Started, n.Ended)
	r.Reason, r.Error, r.Output, r.Command = n.Reason, n.Error, n.Output, d.command(n.ID)
	r.tokens(n.InputTokens, n.OutputTokens)
	d.add(r)
}

// command is what a node did, if it did one thing.
func (d *deriver) command(id string) string {
	if done := d.news.Commands[id]; len(done) == 1 {
		return done[0]
	}
	return ""
}

func (d *deriver) about(n *NodeState, status Status) Record {
	return Record{Event: kindOf(n.Type), Status: status, Node: n.ID, NodeType: n.Type, Attempt: n.Attempt, Agent: n.Agent}
}

// kindOf says what a node of a type does.
func kindOf(nodeType string) Kind {
	switch nodeType {
	case "Agent", "Fleet":
		return AgentComplete
	case "Script", "HTTP", "GitHub":
		return ToolCall
	case "Slack", "Discord", "Telegram", "Response", "Notify":
		return Message
	default:
		return Node
	}
}

// acts says whether the beginning of a node is put on record.
func acts(nodeType string) bool { return kindOf(nodeType) != Node }

func isFinal(phase string) bool {
	return phase == "Succeeded" || phase == "Failed" || phase == "Skipped"
}

func (r *Record) tokens(in, out int64) {
	r.InputTokens, r.OutputTokens, r.TokensUsed = in, out, in+out
}

func between(from, to time.Time) *int64 {
	if from.IsZero() || to.IsZero() {
		return nil
	}
	ms := to.Sub(from).Milliseconds()
	return &ms
}
