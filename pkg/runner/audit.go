// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/audit"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/plan"
	"aof.dev/operator/pkg/verdict"
)

// Audit delivers audit records; *sink.Sinks is one.
type Audit interface {
	// Deliver delivers lines in their order, and returns how many from the
	// beginning were delivered. The error says why not all.
	Deliver(ctx context.Context, target audit.Target, lines []string) (int, error)
}

// auditor keeps the audit of one run. A nil one, for a run whose Context asks for
// none, does nothing. It belongs to the goroutine that works on the run.
//
// What is on record follows from how the ledger's state differs from the one
// that is written next, and goes into the same write: so a crash loses neither
// without the other. Only what the ledger has is delivered.
type auditor struct {
	runner  *Runner
	config  *plan.Audit
	secrets *Secrets
	run     *aofv1.FlowRun
	about   audit.About
	input   json.RawMessage
	agents  map[string]string // by node
	// requestedBy and approvers are for judging decisions.
	requestedBy []string
	approval    plan.Approval

	// slim leaves out all but the last record, since the run is too large.
	slim bool

	// ledger is the audit as the ledger has it, before the run and its waits.
	ledger aofv1.RunAudit
	before audit.RunState
	waits  map[string]*aofv1.WaitStatus
	// heard are waits that were decided before they were ever written.
	heard    map[string]*aofv1.WaitStatus
	commands map[string][]string

	courier
}

// newAuditor makes the auditor of a run as it was read; nil without an audit.
func (r *Runner) newAuditor(run *aofv1.FlowRun, p *plan.Plan, m event.Message, facts flow.Facts, secrets *Secrets) *auditor {
	config := p.Context.Audit
	if config == nil {
		return nil
	}
	a := &auditor{
		runner: r, config: config, secrets: secrets, run: run, requestedBy: verdict.RequestedBy(m), approval: p.Context.Approval,
		about: audit.About{
			Run: run.Name, RunNamespace: run.Namespace, Flow: p.Flow.Name, Binding: p.Binding, Context: p.Context.Object,
		},
		agents: map[string]string{}, heard: map[string]*aofv1.WaitStatus{}, commands: map[string][]string{},
	}
	a.about.Cluster, _ = facts.Context["cluster"].(string)
	a.about.Namespace, _ = facts.Context["namespace"].(string)
	if p.Trigger != nil {
		a.about.Trigger = p.Trigger.Namespace + "/" + p.Trigger.Name
	}
	if len(a.requestedBy) > 0 {
		a.about.User = a.requestedBy[0]
	}
	for _, n := range p.Flow.Nodes {
		for _, key := range []string{"agent", "fleet"} {
			if name, ok := n.Config[key].(string); ok {
				a.agents[n.ID] = name
			}
		}
	}
	if config.Payload {
		a.input, _ = json.Marshal(facts.Event) // it came out of JSON
	}
	a.rebase(&run.Status)
	a.fails = a.ledger.Failures
	a.retryAt = timeOf(a.ledger.NextTry)
	return a
}

// rebase takes a status that the ledger has for what is on record.
func (a *auditor) rebase(status *aofv1.FlowRunStatus) {
	if a == nil {
		return
	}
	a.ledger = aofv1.RunAudit{}
	if status.Audit != nil {
		a.ledger = *status.Audit.DeepCopy()
	}
	a.before, a.waits = a.state(status), map[string]*aofv1.WaitStatus{}
	for i := range status.Nodes {
		if n := &status.Nodes[i]; n.Phase == aofv1.NodePhaseWaiting && n.Wait != nil {
			a.waits[n.ID] = n.Wait.DeepCopy()
		}
	}
}

// written says that the ledger has what the run's status says.
func (a *auditor) written() {
	if a == nil {
		return
	}
	a.slim = false
	for i := range a.run.Status.Nodes {
		if n := &a.run.Status.Nodes[i]; n.EndTime != nil {
			delete(a.commands, n.ID)
			delete(a.heard, n.ID)
		}
	}
	a.rebase(&a.run.Status)
}

// limited are the limits that were in the run's way and are not on record.
func (a *auditor) limited(status *aofv1.FlowRunStatus) []audit.Record {
	var out []audit.Record
	for i := min(int(a.ledger.Limited), len(status.Limited)); i < len(status.Limited); i++ {
		hit := &status.Limited[i]
		r := audit.Record{Event: audit.Limited, Timestamp: timeOf(hit.At), Reason: hit.Limit}
		switch hit.Outcome {
		case "waited":
			r.Status = audit.Waiting
		case "refused":
			r.Status = audit.Refused
		case "skipped":
			r.Status = audit.Skipped
		case "replaced":
			r.Status = audit.Cancelled
		default:
			r.Status = audit.Status(hit.Outcome)
		}
		out = append(out, r)
	}
	return out
}

// hear notes what a node waited for that is decided now.
func (a *auditor) hear(n flow.NodeState) {
	if a == nil || a.waits[n.ID] != nil {
		return
	}
	a.heard[n.ID] = &aofv1.WaitStatus{
		Node: n.ID, Kind: string(n.Wait.Kind), Message: n.Wait.Message, Until: microTime(n.Wait.Until), Details: n.Wait.Details,
	}
}

// did notes what an attempt did.
func (a *auditor) did(id string, actions []node.Action) {
	if a == nil {
		return
	}
	delete(a.commands, id)
	for _, action := range actions[:min(len(actions), maxActions)] {
		a.commands[id] = append(a.commands[id], action.Text)
	}
}

// maxActions bounds how many actions of one node are put on record by themselves.
const maxActions = 100

// fill puts into a status that is to be written what is on record then.
func (a *auditor) fill(status *aofv1.FlowRunStatus) error {
	if a == nil {
		return nil
	}
	next := a.ledger.DeepCopy()
	a.settle(next)
	after := a.state(status)
	news := audit.News{
		Now: a.runner.Clock.Now(), Said: a.said(status), Verdicts: a.verdicts(status), Commands: a.commands, Input: a.input,
		Extra: a.limited(status),
	}
	if retry := a.run.Spec.Retry; retry != nil {
		news.Retry = "continues run " + retry.Run + " from " + strings.Join(retry.From, ", ")
	}
	records := audit.Derive(a.heardStates(a.before), after, news)
	if final := aofv1.FlowRunPhase(after.Phase).IsFinal(); final && !next.Ended {
		if !slices.ContainsFunc(records, func(r audit.Record) bool { return r.Event == audit.RunFinished }) {
			records = append(records, audit.Finished(after)) // somebody else ended it
		}
		next.Ended = true
	}
	next.Decisions, next.Limited = int64(len(a.run.Spec.Decisions)), int64(len(status.Limited))
	for i := range records {
		if err := a.add(next, &records[i]); err != nil {
			return err
		}
	}
	status.Audit = next
	return nil
}

// add appends one record, if it is wanted and there is room. There always is for
// the last of a run, which says how many were left out.
func (a *auditor) add(to *aofv1.RunAudit, r *audit.Record) error {
	if !audit.Selection(a.config.Events).Wants(r) {
		return nil
	}
	to.Records++
	r.Number(a.identity(), to.Records)
	r.About = a.about
	if r.Event == audit.ToolCall {
		r.ApprovalRequired = a.approval.Required
	}
	if r.Event == audit.RunFinished {
		r.Omitted = to.Omitted
	}
	if !a.config.Payload || a.slim {
		r.Input, r.Output = nil, nil
	}
	r.Redact(a.secrets.RedactText)
	line, err := r.Line()
	if err != nil {
		return err
	}
	if (a.slim || !audit.Fits(to.Pending, line)) && r.Event != audit.RunFinished {
		to.Omitted++
		return nil
	}
	to.Pending = append(to.Pending, line)
	return nil
}

// identity names this run and no other of its name. A run has it before it is in
// the ledger and has a UID.
func (a *auditor) identity() string {
	return a.run.Name + "." + strconv.FormatInt(timeOf(a.run.Status.StartTime).UnixMicro(), 36)
}

// news says whether filling the status would put something on record.
func (a *auditor) news() bool {
	return a != nil && (int64(len(a.run.Spec.Decisions)) > a.ledger.Decisions || a.run.IsDone() && !a.ledger.Ended)
}

// trim has no further records kept but the last, for a run that is too large for
// the ledger. False says that this changes nothing.
func (a *auditor) trim() bool {
	if a == nil || a.slim || a.run.Status.Audit == nil || a.run.Status.Audit.Records == a.ledger.Records {
		return false
	}
	a.slim = true
	return true
}

// state is how a status says that the run stands.
func (a *auditor) state(s *aofv1.FlowRunStatus) audit.RunState {
	out := audit.RunState{Phase: string(s.Phase), Started: timeOf(s.StartTime), Ended: timeOf(s.CompletionTime)}
	if s.Lease != nil {
		out.Takeovers = s.Lease.Takeovers
	}
	if c := s.GetCondition(aofv1.FlowRunConditionSucceeded); c != nil {
		out.Message = c.Message
	}
	if s.Error != nil {
		out.Reason, out.Error = s.Error.Reason, s.Error.Message
	}
	if s.Usage != nil {
		out.InputTokens, out.OutputTokens = s.Usage.InputTokens, s.Usage.OutputTokens
	}
	if s.Result != nil && s.Result.Output != nil {
		out.Result = s.Result.Output.Raw
	}
	for i := range s.Nodes {
		out.Nodes = append(out.Nodes, a.node(&s.Nodes[i]))
	}
	return out
}

func (a *auditor) node(n *aofv1.NodeStatus) audit.NodeState {
	out := audit.NodeState{
		ID: n.ID, Type: n.Type, Phase: string(n.Phase), Attempt: n.Attempt, Started: timeOf(n.StartTime), Ended: timeOf(n.EndTime),
		Agent: a.agents[n.ID], Taken: n.TakenFrom != "",
	}
	if n.Error != nil {
		out.Reason, out.Error = n.Error.Reason, n.Error.Message
	}
	if n.Usage != nil {
		out.InputTokens, out.OutputTokens = n.Usage.InputTokens, n.Usage.OutputTokens
	}
	if n.Wait != nil && n.Phase == aofv1.NodePhaseWaiting {
		out.Wait = waitOf(n.Wait)
	}
	if n.Output != nil {
		out.Output = n.Output.Raw
	}
	return out
}

func waitOf(w *aofv1.WaitStatus) *audit.Wait {
	out := &audit.Wait{Kind: w.Kind, Message: w.Message}
	out.Command, _ = w.Details["command"].(string)
	out.Digest, _ = w.Details["digest"].(string)
	return out
}
