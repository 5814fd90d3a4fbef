// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/guard"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/verdict"
)

// defaultGateTime is how long people have to agree to an action when the Context
// does not say.
const defaultGateTime = 5 * time.Minute

// gate is what a node's actions have to pass: nothing, or what the Context says.
func (e *execution) gate(req node.Request) node.Gate {
	rule := e.plan.Context.Approval
	if !rule.Required {
		return nil
	}
	granted := e.compiled.NodeState(e.state, req.Node.ID).Grant
	return func(a node.Action) (*flow.Wait, error) {
		if !requires(rule.RequireFor, a) {
			return nil, nil //nolint:nilnil // the gate is open
		}
		switch granted {
		case node.Digest(req.Node.ID, a.Fingerprint):
			return nil, nil //nolint:nilnil // the gate is open
		case "":
		default:
			return nil, &node.Error{Reason: "ActionChanged", Message: "what would be done now is not what was approved, so it is not done"}
		}
		a.Text = e.secrets.RedactText(a.Text) // people are to read it
		wait := node.GateWait(req, a)
		wait.Until = e.runner.Clock.Now().Add(positive(req.Approval.Timeout, defaultGateTime))
		return wait, nil
	}
}

// requires says whether an action needs people's consent: every one that can
// change something, or those that match one of the patterns. A pattern that
// can't be read matches everything.
func requires(patterns []string, a node.Action) bool {
	if len(patterns) == 0 {
		return !a.ReadOnly
	}
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		re, err := regexp.Compile(pattern)
		return err != nil || re.MatchString(a.Text)
	})
}

// decide lets approvals and reactions go on that were answered, and approvals
// whose time is over.
func (e *execution) decide() {
	for i := range e.state.Nodes {
		n := e.state.Nodes[i]
		if n.Phase != flow.PhaseWaiting || n.Wait == nil {
			continue
		}
		switch n.Wait.Kind {
		case flow.WaitApproval:
			e.decideApproval(n)
		case flow.WaitReaction:
			e.decideReaction(n)
		case flow.WaitTimer, flow.WaitEvent, flow.WaitLimit:
		}
	}
}

func (e *execution) decideApproval(n flow.NodeState) {
	now := e.runner.Clock.Now()
	rule := verdict.RuleOf(n.Wait.Details, e.requestedBy)
	v := guard.Decide(rule, verdict.WaitOf(n.Wait.Details, n.Wait.Until), verdict.DecisionsOf(&e.run.Spec, n.ID), now)
	if v.Outcome == guard.Undecided {
		return
	}
	e.audit.hear(n)
	approved := v.Outcome == guard.Approved || v.Outcome == guard.TimedOut && rule.ApproveOnTimeout
	if gate, _ := n.Wait.Details["gate"].(bool); gate {
		e.pass(n, v, approved)
		return
	}
	output := map[string]any{
		"status": string(v.Outcome), "approved": approved, "timeout": v.Outcome == guard.TimedOut,
	}
	if v.Outcome != guard.TimedOut {
		who := strings.Join(v.By, ", ")
		key := "approved_by"
		if v.Outcome == guard.Denied {
			key = "denied_by"
		}
		output[key], output["decided_by"], output["decided_at"] = who, who, v.DecidedAt.UTC().Format(time.RFC3339)
		if v.Comment != "" {
			output["comment"] = v.Comment
		}
	}
	e.step(flow.Done{Node: n.ID, Attempt: n.Attempt, Output: output, At: now})
}

// pass opens the gate before a node's action, or ends the node there.
func (e *execution) pass(n flow.NodeState, v guard.Verdict, approved bool) {
	now := e.runner.Clock.Now()
	if digest, _ := n.Wait.Details["digest"].(string); approved {
		e.step(flow.Resume{Node: n.ID, Attempt: n.Attempt, Grant: digest, At: now})
		return
	}
	failure := flow.Failed{Node: n.ID, Attempt: n.Attempt, At: now, Reason: "ApprovalTimeout", Message: "nobody approved it in time, so it was not done"}
	if v.Outcome == guard.Denied {
		failure.Reason, failure.Message = "Denied", "denied by "+strings.Join(v.By, ", ")+", so it was not done"
		if v.Comment != "" {
			failure.Message += ": " + v.Comment
		}
	}
	e.step(failure)
}

// decideReaction takes the first reaction that the node asked for. A yes or a no
// counts only from those who may approve in this Context.
func (e *execution) decideReaction(n flow.NodeState) {
	wanted, _ := n.Wait.Details["reactions"].([]any)
	allowed := guard.Rule{AllowedUsers: e.plan.Context.Approval.AllowedUsers, AllowSelfApproval: true}
	for i := range e.run.Spec.Decisions {
		d := &e.run.Spec.Decisions[i]
		if d.Node != n.ID || d.Reaction == "" || len(wanted) > 0 && !slices.Contains(wanted, any(d.Reaction)) {
			continue
		}
		approves := slices.Contains(verdict.YesReactions, d.Reaction)
		v := guard.Decide(allowed, verdict.WaitOf(n.Wait.Details, n.Wait.Until), []guard.Decision{verdict.DecisionOf(d)}, d.At.Time)
		judged := approves || slices.Contains(verdict.NoReactions, d.Reaction)
		if v.Answers[0] != guard.Accepted && (judged || v.Answers[0] != guard.Foreign) {
			continue
		}
		e.audit.hear(n)
		e.step(flow.Done{Node: n.ID, Attempt: n.Attempt, At: e.runner.Clock.Now(), Output: reacted(n.Wait, map[string]any{
			"reaction": d.Reaction, "user": d.User, "approved": approves, "timeout": false,
		})})
		return
	}
}

// reacted is the output of a node that waited for a reaction: where it was asked
// for, and what came.
func reacted(w *flow.Wait, outcome map[string]any) map[string]any {
	for _, key := range []string{"platform", "channel", "thread", "ts", "id", "sent"} {
		if v, ok := w.Details[key]; ok {
			outcome[key] = v
		}
	}
	if w.Message != "" {
		outcome["message"] = w.Message
	}
	return outcome
}

// RuleOf is verdict.RuleOf, for whoever knows the runner only.
func RuleOf(details map[string]any, requestedBy []string) guard.Rule {
	return verdict.RuleOf(details, requestedBy)
}

// RequestedBy is verdict.RequestedBy.
func RequestedBy(m event.Message) []string { return verdict.RequestedBy(m) }
