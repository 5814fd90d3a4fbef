// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package verdict

import (
	"encoding/json"
	"strconv"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/guard"
)

// The reactions that mean yes and no; others are for the flow to judge.
//
//nolint:gochecknoglobals // a constant list
var (
	YesReactions = []string{"white_check_mark", "+1", "heavy_check_mark", "thumbsup", "approve"}
	NoReactions  = []string{"x", "-1", "no_entry", "thumbsdown", "deny"}
)

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
			n = tooMany // what nobody can read, nobody can fulfil
		}
		rule.MinApprovers = n
	}
	return rule
}

// tooMany is more approvals than a run can hold decisions.
const tooMany = 1 << 10

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

// WaitOf is what guard is to know of a wait.
func WaitOf(details map[string]any, until time.Time) guard.Wait {
	digest, _ := details["digest"].(string)
	return guard.Wait{Digest: digest, Until: until}
}

// DecisionsOf are the decisions about one node, in their order; reactions are none.
func DecisionsOf(spec *aofv1.FlowRunSpec, nodeID string) []guard.Decision {
	var out []guard.Decision
	for i := range spec.Decisions {
		if d := &spec.Decisions[i]; d.Node == nodeID && d.Reaction == "" {
			out = append(out, DecisionOf(d))
		}
	}
	return out
}

// DecisionOf is a decision as guard takes it.
func DecisionOf(d *aofv1.RunDecision) guard.Decision {
	return guard.Decision{Digest: d.Digest, User: d.User, Aliases: d.Aliases, Approved: d.Approved, At: d.At.Time, Comment: d.Comment}
}

// Judge says what a person is to be told who decides about a run now: whether
// the decision counts, and if not, why. It changes nothing; the runner decides
// when it carries the run on.
func Judge(run *aofv1.FlowRun, d aofv1.RunDecision, now time.Time) guard.Answer {
	wait, over := waitStatus(run, d.Node)
	switch {
	case over || run.IsDone() || run.Spec.Cancel != nil:
		return guard.Late
	case wait == nil:
		return guard.Other
	}
	rule := ruleFor(run, wait)
	if d.Reaction != "" {
		rule = guard.Rule{AllowSelfApproval: true}
	}
	decisions := append(DecisionsOf(&run.Spec, d.Node), DecisionOf(&d))
	v := guard.Decide(rule, WaitOf(wait.Details, until(wait)), decisions, now)
	return v.Answers[len(v.Answers)-1]
}

// Stands says how an approval that a run still waits for stands, with all that
// was decided so far, and what is waited for. Nil when the node waits for none.
func Stands(run *aofv1.FlowRun, node string, now time.Time) (*guard.Verdict, *aofv1.WaitStatus) {
	wait, _ := waitStatus(run, node)
	if wait == nil || wait.Kind != kindApproval {
		return nil, nil
	}
	v := guard.Decide(ruleFor(run, wait), WaitOf(wait.Details, until(wait)), DecisionsOf(&run.Spec, node), now)
	return &v, wait
}

// kindApproval is the kind of a wait for people.
const kindApproval = "Approval"

func ruleFor(run *aofv1.FlowRun, wait *aofv1.WaitStatus) guard.Rule {
	var requestedBy []string
	if m, ok := eventOf(run); ok {
		requestedBy = RequestedBy(m)
	}
	return RuleOf(wait.Details, requestedBy)
}

func until(wait *aofv1.WaitStatus) time.Time {
	if wait.Until == nil {
		return time.Time{}
	}
	return wait.Until.Time
}

// waitStatus is what a node waits for; over says that it has waited and does no
// more.
func waitStatus(run *aofv1.FlowRun, id string) (wait *aofv1.WaitStatus, over bool) {
	for i := range run.Status.Nodes {
		n := &run.Status.Nodes[i]
		if n.ID != id {
			continue
		}
		if n.Phase == aofv1.NodePhaseWaiting {
			return n.Wait, false
		}
		return nil, n.EndTime != nil
	}
	return nil, false
}

func eventOf(run *aofv1.FlowRun) (event.Message, bool) {
	var ce cloudevents.Event
	if json.Unmarshal(run.Spec.Event.Raw, &ce) != nil {
		return event.Message{}, false
	}
	m, err := event.FromCloudEvent(ce)
	return m, err == nil
}
