// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/kmeta"
)

// FlowRun is one run of one flow for one event: the claim on the event, the
// journal of what was done, and the result. It is written by the adapter and
// the runner; users read it.
//
// Its status is no subresource: a run is created with what has been done of it by
// then, in one write (ADR 0205). That nobody but AOF's own processes writes a
// status, admission sees to.
//
// +genclient
// +genreconciler
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=flowruns,singular=flowrun,shortName=run;runs,categories=aof,scope=Namespaced
// +kubebuilder:selectablefield:JSONPath=`.spec.binding.name`
// +kubebuilder:selectablefield:JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name=Flow,type=string,JSONPath=`.spec.flow.name`
// +kubebuilder:printcolumn:name=Binding,type=string,JSONPath=`.spec.binding.name`
// +kubebuilder:printcolumn:name=Phase,type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name=Started,type=date,JSONPath=`.status.startTime`
// +kubebuilder:printcolumn:name=Duration,type=string,JSONPath=`.status.duration`
// +kubebuilder:printcolumn:name=Age,type=date,JSONPath=`.metadata.creationTimestamp`
type FlowRun struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what is to be run. Its fields have one owner, and so has the status:
	// who wrote which would be a third of what is stored.
	//
	// +structType=atomic
	Spec FlowRunSpec `json:"spec,omitempty"`
	// Status is what was done.
	//
	// +structType=atomic
	Status FlowRunStatus `json:"status,omitzero"`
}

var (
	_ apis.Validatable   = (*FlowRun)(nil)
	_ apis.Defaultable   = (*FlowRun)(nil)
	_ apis.HasSpec       = (*FlowRun)(nil)
	_ duckv1.KRShaped    = (*FlowRun)(nil)
	_ kmeta.OwnerRefable = (*FlowRun)(nil)
	_ runtime.Object     = (*FlowRun)(nil)
)

// FlowRunSpec is what is to be run. Once the run exists only decisions are added
// and cancel is set.
type FlowRunSpec struct {
	// Flow that is run.
	// +required
	Flow ObjectReference `json:"flow,omitzero"`
	// Binding that matched the event; empty for a run started by hand.
	Binding *ObjectReference `json:"binding,omitempty"`
	// Trigger the event came through; empty for a run started by hand.
	Trigger *ObjectReference `json:"trigger,omitempty"`
	// Context the flow runs in.
	Context *ObjectReference `json:"context,omitempty"`
	// Plan names the compiled plan the run is pinned to.
	Plan string `json:"plan,omitempty"`
	// Event is the CloudEvent that started the run, in structured JSON, verbatim.
	// +required
	// +kubebuilder:pruning:PreserveUnknownFields
	Event runtime.RawExtension `json:"event,omitzero"`
	// Retry says which run this one continues; empty for one that begins at the
	// beginning.
	Retry *RunRetry `json:"retry,omitempty"`
	// Decisions answer the run's approvals, in the order they were made. They are
	// added, never changed.
	// +kubebuilder:validation:MaxItems=200
	Decisions []RunDecision `json:"decisions,omitempty"`
	// Cancel, once set, ends the run.
	Cancel *RunCancel `json:"cancel,omitempty"`
}

// RunRetry says which run another one continues, and from where. The runner takes
// over what that run has done and what does not come after the nodes named; these
// and what follows them run anew.
type RunRetry struct {
	// Run that is continued, in the same namespace. It is over, and has the same
	// plan and the same event.
	// +required
	// +kubebuilder:validation:MaxLength=253
	Run string `json:"run,omitempty"`
	// UID of that run: another one of its name is not continued.
	// +required
	UID types.UID `json:"uid,omitempty"`
	// From are the nodes to begin at again.
	// +required
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=253
	From []string `json:"from,omitempty"`
}

// RunDecision is what one person said to one approval.
type RunDecision struct {
	// Node that asked.
	// +kubebuilder:validation:MaxLength=253
	Node string `json:"node,omitempty"`
	// Digest of what was asked, as the run's status shows it. A decision with
	// another digest is about something else and does not count.
	// +kubebuilder:validation:MaxLength=128
	Digest string `json:"digest,omitempty"`
	// Approved or denied.
	Approved bool `json:"approved"`
	// User who decided. At admission it is set to who is authenticated; from a
	// platform it is platform:id.
	// +kubebuilder:validation:MaxLength=253
	User string `json:"user,omitempty"`
	// Aliases are other names of the same user, such as the e-mail address.
	// +kubebuilder:validation:MaxItems=8
	Aliases []string `json:"aliases,omitempty"`
	// Reaction is the name of the emoji, for a node that waits for one.
	// +kubebuilder:validation:MaxLength=128
	Reaction string `json:"reaction,omitempty"`
	// Comment of the user.
	// +kubebuilder:validation:MaxLength=1024
	Comment string `json:"comment,omitempty"`
	// At is when.
	At metav1.MicroTime `json:"at,omitzero"`
}

// RunCancel says who ended a run, and why.
type RunCancel struct {
	// User who asked for it; at admission it is set to who is authenticated.
	// +kubebuilder:validation:MaxLength=253
	User string `json:"user,omitempty"`
	// Reason for people.
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason,omitempty"`
}

// FlowRunPhase is the state of a run in one word, derived from its condition Succeeded.
//
// +kubebuilder:validation:Enum=Pending;Running;Waiting;Succeeded;Failed;Cancelled
type FlowRunPhase string

// The phases of a run. The last three are final.
const (
	FlowRunPhasePending   FlowRunPhase = "Pending"
	FlowRunPhaseRunning   FlowRunPhase = "Running"
	FlowRunPhaseWaiting   FlowRunPhase = "Waiting"
	FlowRunPhaseSucceeded FlowRunPhase = "Succeeded"
	FlowRunPhaseFailed    FlowRunPhase = "Failed"
	FlowRunPhaseCancelled FlowRunPhase = "Cancelled"
)

// IsFinal reports whether a run in this phase never changes again.
func (p FlowRunPhase) IsFinal() bool {
	return p == FlowRunPhaseSucceeded || p == FlowRunPhaseFailed || p == FlowRunPhaseCancelled
}

// NodePhase is the state of a node of a run in one word.
//
// +kubebuilder:validation:Enum=Pending;Running;Waiting;Succeeded;Failed;Skipped
type NodePhase string

// The phases of a node. The last three are final.
const (
	NodePhasePending   NodePhase = "Pending"
	NodePhaseRunning   NodePhase = "Running"
	NodePhaseWaiting   NodePhase = "Waiting"
	NodePhaseSucceeded NodePhase = "Succeeded"
	NodePhaseFailed    NodePhase = "Failed"
	NodePhaseSkipped   NodePhase = "Skipped"
)

// FlowRunStatus is what was done: the journal of a run and its result.
type FlowRunStatus struct {
	duckv1.Status `json:",inline"`

	// Phase is the state in one word.
	Phase FlowRunPhase `json:"phase,omitempty"`
	// Nodes is the journal: one entry for each node that was begun or skipped.
	Nodes []NodeStatus `json:"nodes,omitempty"`
	// Waiting says what the run waits for.
	Waiting []WaitStatus `json:"waiting,omitempty"`
	// Lease says who works on the run since the status was last written.
	Lease *RunLease `json:"lease,omitempty"`
	// Result is what the flow came to.
	Result *RunResult `json:"result,omitempty"`
	// Error says why the run failed.
	Error *RunError `json:"error,omitempty"`
	// StartTime is when the first node was begun.
	StartTime *metav1.MicroTime `json:"startTime,omitempty"`
	// CompletionTime is when the run became final.
	CompletionTime *metav1.MicroTime `json:"completionTime,omitempty"`
	// Duration from start to completion, like 2.3s.
	Duration string `json:"duration,omitempty"`
	// Usage sums up the tokens of all nodes.
	Usage *TokenUsage `json:"usage,omitempty"`
	// Audit is what is on record of the run and has not been delivered; absent when
	// its context asks for no audit.
	Audit *RunAudit `json:"audit,omitempty"`
	// Limited says which limits were in the run's way, each once.
	// +kubebuilder:validation:MaxItems=16
	Limited []LimitHit `json:"limited,omitempty"`
	// WorkedMilliseconds is how long runners have worked on the run. It is kept
	// where the Context limits that.
	WorkedMilliseconds int64 `json:"workedMilliseconds,omitempty"`
}

// RunAudit is how far the audit of a run has come.
type RunAudit struct {
	// Records is how many were made: the number of the last.
	Records int64 `json:"records,omitempty"`
	// Delivered is how many the sink has taken.
	Delivered int64 `json:"delivered,omitempty"`
	// Omitted is how many were left out since too many were pending.
	Omitted int64 `json:"omitted,omitempty"`
	// Decisions is how many of spec.decisions are on record.
	Decisions int64 `json:"decisions,omitempty"`
	// Limited is how many entries of status.limited are on record.
	Limited int64 `json:"limited,omitempty"`
	// Ended says that the end of the run is on record.
	Ended bool `json:"ended,omitempty"`
	// Pending are the records that the sink has not taken, oldest first, each the
	// JSON line that it will get.
	Pending []string `json:"pending,omitempty"`
	// Failures is how often in a row the sink did not take them.
	Failures int64 `json:"failures,omitempty"`
	// NextTry is when they are sent again.
	NextTry *metav1.MicroTime `json:"nextTry,omitempty"`
	// LastError is why the sink did not take them.
	LastError string `json:"lastError,omitempty"`
}

// LimitHit says that a limit was in a run's way.
type LimitHit struct {
	// Limit is the field of Context.limits, or overrun for the binding's policy.
	Limit string `json:"limit,omitempty"`
	// Outcome is what became of the run: waited, refused, skipped, or replaced.
	Outcome string `json:"outcome,omitempty"`
	// At is when that was first so.
	At *metav1.MicroTime `json:"at,omitempty"`
}

// NodeStatus is the journal entry of one node.
type NodeStatus struct {
	// ID of the node in the flow.
	ID string `json:"id,omitempty"`
	// Type of the node.
	Type string `json:"type,omitempty"`
	// Phase is the state in one word.
	Phase NodePhase `json:"phase,omitempty"`
	// Attempt counts the attempts that were begun, from 1.
	Attempt int64 `json:"attempt,omitempty"`
	// NotBefore is when an attempt that has not begun may begin: the pause before
	// a retry.
	NotBefore *metav1.MicroTime `json:"notBefore,omitempty"`
	// StartTime is when the last attempt was begun.
	StartTime *metav1.MicroTime `json:"startTime,omitempty"`
	// EndTime is when the node became final.
	EndTime *metav1.MicroTime `json:"endTime,omitempty"`
	// Duration of the last attempt, like 45ms.
	Duration string `json:"duration,omitempty"`
	// Output of the node: any JSON value.
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:pruning:PreserveUnknownFields
	Output *runtime.RawExtension `json:"output,omitempty"`
	// Exports are the variables that a script exported.
	Exports map[string]string `json:"exports,omitempty"`
	// Error says why the node failed or was skipped.
	Error *RunError `json:"error,omitempty"`
	// Usage is what models used.
	Usage *TokenUsage `json:"usage,omitempty"`
	// Grant is the digest of the action that people allowed the node.
	// +kubebuilder:validation:MaxLength=128
	Grant string `json:"grant,omitempty"`
	// Wait says what the node waits for, or waited for.
	Wait *WaitStatus `json:"wait,omitempty"`
	// TakenFrom names the run that carried the node out, if it was not this one
	// but one that this one continues. What it used is counted there.
	// +kubebuilder:validation:MaxLength=253
	TakenFrom string `json:"takenFrom,omitempty"`
}

// WaitStatus says what a node waits for.
type WaitStatus struct {
	// Node that waits.
	Node string `json:"node,omitempty"`
	// Kind of what is waited for: Approval, Reaction, Timer, Event or Limit.
	Kind string `json:"kind,omitempty"`
	// Message that was shown to whoever is to answer.
	Message string `json:"message,omitempty"`
	// Until is when the waiting ends by itself.
	Until *metav1.MicroTime `json:"until,omitempty"`
	// Details belong to the kind.
	Details JSONObject `json:"details,omitempty"`
}

// RunLease says who writes the status of a run. One without a holder and an
// expiry has been given back: anybody may go on at once.
type RunLease struct {
	// Holder identifies the process; empty when nobody holds the run.
	Holder string `json:"holder,omitempty"`
	// RenewedAt is when it last said so.
	RenewedAt *metav1.MicroTime `json:"renewedAt,omitempty"`
	// ExpiresAt is when another holder may take over.
	ExpiresAt *metav1.MicroTime `json:"expiresAt,omitempty"`
	// Takeovers counts how often the run went to another holder.
	Takeovers int64 `json:"takeovers,omitempty"`
}

// RunResult is what a flow came to.
type RunResult struct {
	// Text for a human.
	Text string `json:"text,omitempty"`
	// Output is the value: any JSON.
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:pruning:PreserveUnknownFields
	Output *runtime.RawExtension `json:"output,omitempty"`
}

// RunError says why a run or a node failed.
type RunError struct {
	// Node that failed; empty when no node is to blame.
	Node string `json:"node,omitempty"`
	// Reason in one CamelCase word.
	Reason string `json:"reason,omitempty"`
	// Message for a human.
	Message string `json:"message,omitempty"`
}

// TokenUsage counts the tokens of model calls.
type TokenUsage struct {
	// InputTokens the models read.
	InputTokens int64 `json:"inputTokens,omitempty"`
	// OutputTokens the models wrote.
	OutputTokens int64 `json:"outputTokens,omitempty"`
}

// FlowRunList is a list of runs.
//
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
type FlowRunList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []FlowRun `json:"items"`
}
