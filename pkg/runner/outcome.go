// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/node"
)

// fillPhase says in the status how the run stands, and what it came to when it
// is over.
func (e *execution) fillPhase(status *aofv1.FlowRunStatus, now metav1.MicroTime) {
	switch e.state.Phase {
	case flow.PhasePending, flow.PhaseRunning:
		status.MarkRunning("")
		return
	case flow.PhaseWaiting:
		status.MarkWaiting(waitingFor(status.Waiting))
		return
	case flow.PhaseFailed:
		cause := runError(e.state.Error)
		cause.Message = e.secrets.RedactText(cause.Message)
		status.MarkFailed(cause)
	case flow.PhaseCancelled:
		if e.overtime {
			status.MarkFailed(e.tooLong())
			break
		}
		status.MarkCancelled(runError(e.state.Error).Message)
	case flow.PhaseSucceeded, flow.PhaseSkipped:
		status.MarkSucceeded()
	default:
		status.MarkFailed(aofv1.RunError{Reason: "Internal", Message: "unknown phase " + string(e.state.Phase)})
	}
	status.CompletionTime = &now
	status.Duration = aofv1.ShortDuration(now.Sub(status.StartTime.Time))
	value, text := e.compiled.Result(e.state)
	if value == nil && text == "" {
		return
	}
	value = e.secrets.Redact(value)
	status.Result = &aofv1.RunResult{Text: e.secrets.RedactText(text)}
	if raw, err := json.Marshal(value); err == nil && value != nil {
		status.Result.Output = &runtime.RawExtension{Raw: raw}
	}
}

func runError(err *flow.RunError) aofv1.RunError {
	if err == nil {
		return aofv1.RunError{Reason: "Failed", Message: "the flow failed"}
	}
	return aofv1.RunError{Node: err.Node, Reason: err.Reason, Message: err.Message}
}

func waitingFor(waits []aofv1.WaitStatus) string {
	parts := make([]string, 0, len(waits))
	for _, w := range waits {
		if w.Kind == string(flow.WaitLimit) {
			parts = append(parts, fmt.Sprintf("node %s: %s", w.Node, w.Message))
			continue
		}
		parts = append(parts, fmt.Sprintf("node %s waits for %s", w.Node, strings.ToLower(w.Kind)))
	}
	return strings.Join(parts, "; ")
}

// resume decides what becomes of the work that the journal leaves open: what may
// be done again is, what may not fails saying so, what waited long enough goes
// on.
func (e *execution) resume(commands []flow.Command) {
	e.collect(commands)
	for _, p := range e.takePending() {
		n, known := e.compiled.Node(p.Node)
		cutOff := e.journalled[p.Node].phase == flow.PhaseRunning
		if !cutOff || !known || e.repeatable(n) {
			e.pending = append(e.pending, p)
			continue
		}
		e.step(flow.Failed{
			Node: p.Node, Attempt: p.Attempt, Reason: "Interrupted", At: e.runner.Clock.Now(),
			Message: "the runner stopped while this node was at work, so it is unknown whether it took effect; it is not done again",
		})
	}
	e.answer()
}

// answer takes in what people and the clock have said since: an order to stop,
// and the end of waits.
func (e *execution) answer() {
	if c := e.run.Spec.Cancel; c != nil {
		e.halt()
		e.step(flow.Cancel{Reason: cancelReason(c), At: e.runner.Clock.Now()})
		e.pending = nil
		return
	}
	e.decide()
	e.expire()
}

func cancelReason(c *aofv1.RunCancel) string {
	reason := "cancelled"
	if c.User != "" {
		reason += " by " + c.User
	}
	if c.Reason != "" {
		reason += ": " + c.Reason
	}
	return bounded(reason)
}

// expire lets waits go on whose time has come.
func (e *execution) expire() {
	now := e.runner.Clock.Now()
	for i := range e.state.Nodes {
		n := e.state.Nodes[i]
		if n.Phase != flow.PhaseWaiting || n.Wait == nil || n.Wait.Until.IsZero() || n.Wait.Until.After(now) {
			continue
		}
		done := flow.Done{Node: n.ID, Attempt: n.Attempt, At: now}
		switch n.Wait.Kind {
		case flow.WaitReaction, flow.WaitEvent:
			done.Output = reacted(n.Wait, map[string]any{"timeout": true, "approved": false, "reaction": nil})
		case flow.WaitTimer:
			done.Output = map[string]any{"waited": true}
		case flow.WaitLimit:
			e.step(flow.Resume{Node: n.ID, Attempt: n.Attempt, At: now})
			continue
		default:
			continue
		}
		e.step(done)
	}
}

// worthAWrite says whether losing a node's result would cost money or do
// something twice; the results of the others ride along with the next write.
func (e *execution) worthAWrite(n flow.Node) bool {
	if e.unheard(n) {
		return false
	}
	switch n.Kind {
	case flow.KindTransform, flow.KindConditional, flow.KindParallel, flow.KindJoin, flow.KindEnd, flow.KindWait:
		return false
	case flow.KindAgent, flow.KindFleet, flow.KindScript, flow.KindSlack, flow.KindDiscord, flow.KindTelegram, flow.KindResponse,
		flow.KindHTTP, flow.KindApproval, flow.KindGitHub, flow.KindNotify, flow.KindLoop:
		return true
	default:
		return true
	}
}

// unheard says of a message that nobody gets it: sending it has no effect.
func (e *execution) unheard(n flow.Node) bool {
	switch n.Kind { //nolint:exhaustive // the others are no messages
	case flow.KindSlack, flow.KindDiscord, flow.KindTelegram, flow.KindResponse, flow.KindNotify:
		return node.Unheard(n, e.about)
	}
	return false
}

// repeatable says whether a node that was cut off may simply be done again.
func (e *execution) repeatable(n flow.Node) bool { return repeatable(n) || e.unheard(n) }

// repeatable says it of any run's node, whatever became of its message.
func repeatable(n flow.Node) bool {
	if promised, _ := n.Config["idempotent"].(bool); promised {
		return true
	}
	switch n.Kind {
	case flow.KindTransform, flow.KindConditional, flow.KindParallel, flow.KindJoin, flow.KindEnd, flow.KindWait, flow.KindApproval,
		flow.KindAgent, flow.KindFleet: // agents have no tools yet, so asking again has no effect but its price
		return true
	case flow.KindHTTP:
		method, _ := n.Config["method"].(string)
		switch strings.ToUpper(method) {
		case "", http.MethodGet, http.MethodHead, http.MethodOptions:
			return true
		}
		return false
	case flow.KindLoop:
		body, ok := flow.LoopBody(n)
		return ok && repeatable(body)
	case flow.KindScript, flow.KindSlack, flow.KindDiscord, flow.KindTelegram, flow.KindResponse, flow.KindGitHub, flow.KindNotify:
		return false
	default:
		return false
	}
}
