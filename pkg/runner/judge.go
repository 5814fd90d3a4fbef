// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"time"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/guard"
)

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
	var requestedBy []string
	if m, err := readEvent(run); err == nil {
		requestedBy = RequestedBy(m)
	}
	rule := RuleOf(wait.Details, requestedBy)
	if d.Reaction != "" {
		rule = guard.Rule{AllowSelfApproval: true}
	}
	decisions := append(decisionsOf(&run.Spec, d.Node), decisionOf(&d))
	v := guard.Decide(rule, waitOf(&flow.Wait{Until: timeOf(wait.Until), Details: wait.Details}), decisions, now)
	return v.Answers[len(v.Answers)-1]
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
		return nil, flow.Phase(n.Phase).Finished()
	}
	return nil, false
}
