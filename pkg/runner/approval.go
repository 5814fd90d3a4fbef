// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/guard"
	"aof.dev/operator/pkg/node"
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
		case flow.WaitTimer, flow.WaitEvent:
		}
	}
}

func (e *execution) decideApproval(n flow.NodeState) {
	now := e.runner.Clock.Now()
	rule := RuleOf(n.Wait.Details, e.requestedBy)
	v := guard.Decide(rule, waitOf(n.Wait), decisionsOf(&e.run.Spec, n.ID), now)
	if v.Outcome == guard.Undecided {
		return
	}
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

// The reactions that mean yes and no; others are for the flow to judge.
//
//nolint:gochecknoglobals // a constant list
var (
	YesReactions = []string{"white_check_mark", "+1", "heavy_check_mark", "thumbsup", "approve"}
	NoReactions  = []string{"x", "-1", "no_entry", "thumbsdown", "deny"}
)

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
		approves := slices.Contains(YesReactions, d.Reaction)
		v := guard.Decide(allowed, waitOf(n.Wait), []guard.Decision{decisionOf(d)}, d.At.Time)
		judged := approves || slices.Contains(NoReactions, d.Reaction)
		if v.Answers[0] != guard.Accepted && (judged || v.Answers[0] != guard.Foreign) {
			continue
		}
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

// RuleOf reads from the details of a wait who may decide it.
func RuleOf(details map[string]any, requestedBy []string) guard.Rule {
	rule := guard.Rule{RequestedBy: requestedBy, ApproveOnTimeout: details["fallback"] == "approve"}
	users, _ := details["approvers"].([]any)
	for _, user := range users {
		rule.AllowedUsers = append(rule.AllowedUsers, expr.Text(user))
	}
	rule.AllowSelfApproval = expr.Truthy(details["allow_self_approval"])
	if v, ok := details["min_approvers"]; ok {
		n, err := strconv.Atoi(expr.Text(v))
		if err != nil {
			n = ledgerDecisions // what nobody can read, nobody can fulfil
		}
		rule.MinApprovers = n
	}
	return rule
}

// ledgerDecisions is more approvals than a run can hold decisions.
const ledgerDecisions = 1 << 10

// RequestedBy are the names of the person whose event began a run.
func RequestedBy(m event.Message) []string {
	var names []string
	if m.User.ID != "" {
		names = append(names, m.Platform+":"+m.User.ID)
	}
	if m.User.Username != "" {
		names = append(names, m.Platform+":"+m.User.Username)
	}
	if m.User.Email != "" {
		names = append(names, m.User.Email)
	}
	return names
}

func waitOf(w *flow.Wait) guard.Wait {
	digest, _ := w.Details["digest"].(string)
	return guard.Wait{Digest: digest, Until: w.Until}
}

func decisionsOf(spec *aofv1.FlowRunSpec, nodeID string) []guard.Decision {
	var out []guard.Decision
	for i := range spec.Decisions {
		if d := &spec.Decisions[i]; d.Node == nodeID && d.Reaction == "" {
			out = append(out, decisionOf(d))
		}
	}
	return out
}

func decisionOf(d *aofv1.RunDecision) guard.Decision {
	return guard.Decision{Digest: d.Digest, User: d.User, Aliases: d.Aliases, Approved: d.Approved, At: d.At.Time, Comment: d.Comment}
}
