// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package fold

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
)

// AnnotationPattern holds, on a FlowRun, the pattern that let its event through.
const AnnotationPattern = "aof.dev/pattern"

// RunOf is what a tally takes from a run that is over.
func RunOf(run *aofv1.FlowRun) Run {
	out := Run{Pattern: run.Annotations[AnnotationPattern], EventID: eventID(run)}
	switch run.Status.Phase {
	case aofv1.FlowRunPhaseSucceeded:
		out.Outcome = Succeeded
	case aofv1.FlowRunPhaseCancelled:
		out.Outcome = Cancelled
	case aofv1.FlowRunPhaseFailed, aofv1.FlowRunPhasePending, aofv1.FlowRunPhaseRunning, aofv1.FlowRunPhaseWaiting:
		out.Outcome = Failed
	default:
		out.Outcome = Failed
	}
	out.Limited = limited(run)
	if start, end := run.Status.StartTime, run.Status.CompletionTime; end != nil {
		out.Ended = end.Time
		if start != nil {
			out.Duration = end.Sub(start.Time)
		}
	}
	return out
}

// limited are the limits that were in a run's way. That a newer run took its place
// stands in why it was cancelled.
func limited(run *aofv1.FlowRun) []string {
	var out []string
	for _, hit := range run.Status.Limited {
		out = append(out, hit.Limit+"/"+hit.Outcome)
	}
	if c := run.Spec.Cancel; c != nil && run.Status.Phase == aofv1.FlowRunPhaseCancelled && strings.HasPrefix(c.Reason, names.ReplacedBy) {
		out = append(out, "overrun/replaced")
	}
	return out
}

func eventID(run *aofv1.FlowRun) string {
	var e struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(run.Spec.Event.Raw, &e) != nil {
		return ""
	}
	return e.ID
}

// Binding shows a tally, and how many of the trigger's events were compared and
// matched, in a binding's status. The counts of the last hour and day are those
// at asOf; the API keeps its seconds.
func (t *Tally) Binding(s *aofv1.FlowBindingStatus, compared, matched int64, asOf time.Time) {
	s.MatchCount, s.ExecutionCount, s.SuccessCount, s.FailureCount = matched, t.Executions, t.Successes, t.Failures
	if t.Executions > 0 {
		rate, at := t.SuccessRate(), metav1.NewTime(asOf.Truncate(time.Second))
		s.Metrics = &aofv1.BindingMetrics{
			AverageExecutionTime: aofv1.ShortDuration(t.Average()),
			P95ExecutionTime:     aofv1.ShortDuration(t.Percentile(0.95)),
			P99ExecutionTime:     aofv1.ShortDuration(t.Percentile(0.99)),
			SuccessRate:          &rate,
			AsOf:                 &at,
			LastHourExecutions:   t.LastHour(asOf),
			LastDayExecutions:    t.LastDay(asOf),
		}
	}
	if l := t.Last; l != nil {
		at := metav1.NewTime(l.Time.Add(-l.Duration))
		s.LastTriggered = &aofv1.BindingLastTriggered{Timestamp: &at, EventID: l.EventID, Successful: l.Successful, Duration: aofv1.ShortDuration(l.Duration)}
	}
	if compared == 0 {
		return
	}
	s.PatternMatching = &aofv1.PatternMatching{TotalEvents: compared, MatchedEvents: matched, MatchRate: float64(matched) / float64(compared)}
	for pattern, n := range t.Patterns {
		s.PatternMatching.Patterns = append(s.PatternMatching.Patterns, aofv1.PatternMatches{Pattern: pattern, Matches: n})
	}
	slices.SortFunc(s.PatternMatching.Patterns, func(a, b aofv1.PatternMatches) int {
		return cmp.Or(cmp.Compare(b.Matches, a.Matches), cmp.Compare(a.Pattern, b.Pattern))
	})
}

// Flow shows a tally in a flow's status.
func (t *Tally) Flow(s *aofv1.AgentFlowStatus) {
	s.TotalExecutions = t.Executions
	if t.Last != nil {
		at := metav1.NewTime(t.Last.Time.Add(-t.Last.Duration))
		s.LastExecution = &at
	}
}

// Agent shows a tally in an agent's status.
func (t *Tally) Agent(s *aofv1.AgentStatus) {
	s.TotalRuns = t.Executions
	if t.Last != nil {
		at := metav1.NewTime(t.Last.Time)
		s.LastRun = &at
	}
}

// Trigger shows counted events in a trigger's status.
func (e *Events) Trigger(s *aofv1.TriggerStatus) {
	s.EventCount, s.ErrorCount = e.Received, e.Errors
	if e.Received+e.Errors > 0 {
		s.Metrics = &aofv1.TriggerMetrics{
			EventsReceived: e.Received, EventsProcessed: e.Processed, EventsDropped: e.Dropped, EventsDuplicate: e.Duplicates,
			AverageProcessingTime: aofv1.ShortDuration(e.Average()), ErrorRate: e.ErrorRate(),
		}
	}
	if l := e.Last; l != nil {
		at := metav1.NewTime(l.Timestamp)
		s.LastEvent = &aofv1.TriggerLastEvent{Timestamp: &at, Type: l.Type, Source: l.Source, User: l.User}
	}
}
