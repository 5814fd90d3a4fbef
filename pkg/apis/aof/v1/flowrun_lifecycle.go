// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
)

// FlowRunConditionSucceeded is the one condition of a FlowRun: Unknown while it
// goes on, with the reason Pending, Running or Waiting.
const FlowRunConditionSucceeded = apis.ConditionSucceeded

var flowRunConditions = apis.NewBatchConditionSet()

// GetGroupVersionKind names the kind.
func (*FlowRun) GetGroupVersionKind() schema.GroupVersionKind {
	return SchemeGroupVersion.WithKind("FlowRun")
}

// GetConditionSet says which conditions the kind has.
func (*FlowRun) GetConditionSet() apis.ConditionSet { return flowRunConditions }

// GetStatus gives the duck-typed part of the status.
func (r *FlowRun) GetStatus() *duckv1.Status { return &r.Status.Status }

// GetUntypedSpec gives the spec.
func (r *FlowRun) GetUntypedSpec() any { return r.Spec }

// IsDone reports whether the run never changes again.
func (r *FlowRun) IsDone() bool { return r.Status.Phase.IsFinal() }

// Undelivered is how many records the sink of the audit has not taken.
func (a *RunAudit) Undelivered() int64 {
	if a == nil {
		return 0
	}
	return max(0, a.Records-a.Delivered-a.Omitted)
}

// AuditDue says whether somebody has to see to the run's audit although the run
// itself may need nothing: records are to be delivered, or something that was
// said about the run is not on record. At is when; zero is now.
func (r *FlowRun) AuditDue() (at time.Time, due bool) {
	a := r.Status.Audit
	switch {
	case a == nil:
		return time.Time{}, false
	case r.IsDone() && !a.Ended:
		return time.Time{}, true
	case (r.IsDone() || r.Status.Phase == FlowRunPhaseWaiting) && int64(len(r.Spec.Decisions)) > a.Decisions:
		return time.Time{}, true
	case a.Undelivered() == 0:
		return time.Time{}, false
	case a.NextTry != nil:
		return a.NextTry.Time, true
	default:
		return time.Time{}, true
	}
}

// GetCondition gives the condition of that type, nil when there is none.
func (s *FlowRunStatus) GetCondition(t apis.ConditionType) *apis.Condition {
	return flowRunConditions.Manage(s).GetCondition(t)
}

// InitializeConditions sets every condition that is missing to Unknown.
func (s *FlowRunStatus) InitializeConditions() {
	flowRunConditions.Manage(s).InitializeConditions()
	s.derive()
}

// MarkPending says that the event is claimed and nobody works on it yet.
func (s *FlowRunStatus) MarkPending(message string) { s.unknown(ReasonPending, message) }

// MarkRunning says that a runner works on the run.
func (s *FlowRunStatus) MarkRunning(message string) { s.unknown(ReasonRunning, message) }

// MarkWaiting says what the run waits for.
func (s *FlowRunStatus) MarkWaiting(message string) { s.unknown(ReasonWaiting, message) }

// MarkSucceeded says that the flow came to its end.
func (s *FlowRunStatus) MarkSucceeded() {
	flowRunConditions.Manage(s).MarkTrueWithReason(FlowRunConditionSucceeded, ReasonSucceeded, "")
	s.derive()
}

// MarkFailed says why the flow did not come to its end, and keeps it as the
// run's error.
func (s *FlowRunStatus) MarkFailed(err RunError) {
	err.Message = bounded(err.Message, maxConditionMessage)
	err.Reason = orElse(err.Reason, ReasonFailed)
	s.Error = &err
	message := err.Message
	if err.Node != "" {
		message = "node " + err.Node + ": " + message
	}
	flowRunConditions.Manage(s).MarkFalse(FlowRunConditionSucceeded, err.Reason, "%s", message)
	s.derive()
}

// MarkCancelled says who or what ended the run before its time.
func (s *FlowRunStatus) MarkCancelled(message string) {
	flowRunConditions.Manage(s).MarkFalse(FlowRunConditionSucceeded, ReasonCancelled, "%s", bounded(message, maxConditionMessage))
	s.derive()
}

func (s *FlowRunStatus) unknown(reason, message string) {
	flowRunConditions.Manage(s).MarkUnknown(FlowRunConditionSucceeded, reason, "%s", bounded(message, maxConditionMessage))
	s.derive()
}

// derive keeps the published phase equal to what the condition says.
func (s *FlowRunStatus) derive() {
	succeeded := s.GetCondition(FlowRunConditionSucceeded)
	switch {
	case succeeded.IsTrue():
		s.Phase = FlowRunPhaseSucceeded
	case succeeded.IsFalse() && succeeded.Reason == ReasonCancelled:
		s.Phase = FlowRunPhaseCancelled
	case succeeded.IsFalse():
		s.Phase = FlowRunPhaseFailed
	case succeeded.GetReason() == ReasonRunning:
		s.Phase = FlowRunPhaseRunning
	case succeeded.GetReason() == ReasonWaiting:
		s.Phase = FlowRunPhaseWaiting
	default:
		s.Phase = FlowRunPhasePending
	}
}
