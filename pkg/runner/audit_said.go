// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"slices"
	"sync"
	"time"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/audit"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/guard"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/verdict"
)

// said are the decisions that are not on record, with what becomes of each.
func (a *auditor) said(status *aofv1.FlowRunStatus) []audit.Said {
	all := a.run.Spec.Decisions
	var out []audit.Said
	for i := min(int(a.ledger.Decisions), len(all)); i < len(all); i++ {
		d := &all[i]
		out = append(out, audit.Said{
			Node: d.Node, User: d.User, Comment: d.Comment, Reaction: d.Reaction, Approved: d.Approved, At: d.At.Time,
			Answer: string(a.answer(status, i)),
		})
	}
	return out
}

// answer is what became of the decision at an index.
func (a *auditor) answer(status *aofv1.FlowRunStatus, index int) guard.Answer {
	d := &a.run.Spec.Decisions[index]
	wait, over := a.waitOf(status, d.Node)
	switch {
	case wait == nil && over:
		return guard.Late
	case wait == nil:
		return guard.Other
	}
	asked := verdict.WaitOf(wait.Details, timeOf(wait.Until))
	if d.Reaction != "" {
		rule := guard.Rule{AllowedUsers: a.approval.AllowedUsers, AllowSelfApproval: true}
		answer := guard.Decide(rule, asked, []guard.Decision{verdict.DecisionOf(d)}, d.At.Time).Answers[0]
		if answer == guard.Foreign && !slices.Contains(verdict.YesReactions, d.Reaction) && !slices.Contains(verdict.NoReactions, d.Reaction) {
			return guard.Accepted // only a yes or a no is for some
		}
		return answer
	}
	about := 0 // its place among the decisions about the node
	for i := range a.run.Spec.Decisions[:index] {
		if other := &a.run.Spec.Decisions[i]; other.Node == d.Node && other.Reaction == "" {
			about++
		}
	}
	return a.decide(wait, d.Node).Answers[about]
}

func (a *auditor) decide(wait *aofv1.WaitStatus, id string) guard.Verdict {
	rule := verdict.RuleOf(wait.Details, a.requestedBy)
	asked := verdict.WaitOf(wait.Details, timeOf(wait.Until))
	return guard.Decide(rule, asked, verdict.DecisionsOf(&a.run.Spec, id), a.runner.Clock.Now())
}

// waitOf is what a node waited for until now; over says that it does no more.
func (a *auditor) waitOf(status *aofv1.FlowRunStatus, id string) (wait *aofv1.WaitStatus, over bool) {
	if w := a.waits[id]; w != nil {
		return w, false
	}
	if w := a.heard[id]; w != nil {
		return w, false
	}
	for i := range status.Nodes {
		if n := &status.Nodes[i]; n.ID == id {
			if n.Phase == aofv1.NodePhaseWaiting {
				return n.Wait, false
			}
			return nil, n.EndTime != nil
		}
	}
	return nil, false
}

// verdicts are how the approvals ended that nodes no longer wait for.
func (a *auditor) verdicts(status *aofv1.FlowRunStatus) map[string]audit.Verdict {
	var out map[string]audit.Verdict
	for i := range status.Nodes {
		n := &status.Nodes[i]
		wait, _ := a.waitOf(status, n.ID)
		if wait == nil || wait.Kind != "Approval" {
			continue
		}
		v := a.decide(wait, n.ID)
		if v.Outcome == guard.Undecided {
			continue
		}
		if out == nil {
			out = map[string]audit.Verdict{}
		}
		out[n.ID] = audit.Verdict{
			Outcome: audit.Status(v.Outcome), By: v.By, At: v.DecidedAt, Comment: v.Comment,
			Approves: verdict.RuleOf(wait.Details, nil).ApproveOnTimeout,
		}
	}
	return out
}

// heardStates has what nodes waited for that was never written stand in the state
// before: they were asked and decided within one write.
func (a *auditor) heardStates(before audit.RunState) audit.RunState {
	if len(a.heard) == 0 {
		return before
	}
	before.Nodes = slices.Clone(before.Nodes)
	for id, w := range a.heard {
		i := slices.IndexFunc(before.Nodes, func(n audit.NodeState) bool { return n.ID == id })
		if i < 0 {
			before.Nodes = append(before.Nodes, audit.NodeState{ID: id, Attempt: 0})
			i = len(before.Nodes) - 1
		}
		before.Nodes[i].Wait = waitOf(w)
	}
	return before
}

// laterThan says whether a time is still to come.
func laterThan(at, now time.Time) bool { return !at.IsZero() && now.Before(at) }

// watch has a gate remember what passed it.
func (a *auditor) watch(gate node.Gate) (watched node.Gate, did func() []node.Action) {
	if a == nil {
		return gate, func() []node.Action { return nil }
	}
	var mu sync.Mutex
	var passed []node.Action
	watched = func(action node.Action) (*flow.Wait, error) {
		if gate != nil {
			if wait, err := gate(action); wait != nil || err != nil {
				return wait, err
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if len(passed) < maxActions {
			passed = append(passed, action)
		}
		return nil, nil //nolint:nilnil // the gate is open
	}
	return watched, func() []node.Action {
		mu.Lock()
		defer mu.Unlock()
		return passed
	}
}
