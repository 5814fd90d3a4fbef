// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/kmeta"
)

// FlowBinding connects a trigger, a context and a flow: an event of the trigger
// that matches starts one run of the flow in the context.
//
// +genclient
// +genreconciler
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=flowbindings,singular=flowbinding,shortName=fb;binding,categories=aof,scope=Namespaced
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name=Trigger,type=string,JSONPath=`.spec.trigger.name`
// +kubebuilder:printcolumn:name=Context,type=string,JSONPath=`.spec.context.name`
// +kubebuilder:printcolumn:name=Flow,type=string,JSONPath=`.spec.flow.name`
// +kubebuilder:printcolumn:name=Active,type=boolean,JSONPath=`.status.active`
// +kubebuilder:printcolumn:name=Executions,type=integer,JSONPath=`.status.executionCount`
// +kubebuilder:printcolumn:name="Success Rate",type=string,JSONPath=`.status.metrics.successRate`
// +kubebuilder:printcolumn:name=Age,type=date,JSONPath=`.metadata.creationTimestamp`
type FlowBinding struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what the user wants.
	Spec FlowBindingSpec `json:"spec,omitempty"`
	// Status is what the operator observed.
	Status FlowBindingStatus `json:"status,omitzero"`
}

var (
	_ apis.Validatable   = (*FlowBinding)(nil)
	_ apis.Defaultable   = (*FlowBinding)(nil)
	_ apis.HasSpec       = (*FlowBinding)(nil)
	_ duckv1.KRShaped    = (*FlowBinding)(nil)
	_ kmeta.OwnerRefable = (*FlowBinding)(nil)
	_ runtime.Object     = (*FlowBinding)(nil)
)

// FlowBindingSpec is what the user wants of a binding.
type FlowBindingSpec struct {
	// Reference to Trigger resource
	// +required
	Trigger ObjectReference `json:"trigger,omitzero"`
	// Reference to Context resource
	// +required
	Context ObjectReference `json:"context,omitzero"`
	// Reference to Flow resource
	// +required
	Flow ObjectReference `json:"flow,omitzero"`
	// Match narrows which events of the trigger start a run. Every event that the
	// trigger's own filters let through matches when it is empty.
	Match *BindingMatch `json:"match,omitempty"`
	// Enabled set to false suspends the binding.
	Enabled *bool `json:"enabled,omitempty"`
	// Overrides change settings of the context for this binding.
	Overrides *BindingOverrides `json:"overrides,omitempty"`
	// Overrun says what becomes of an event that comes while a run of the binding
	// is not over. They run in parallel when it is empty.
	Overrun *BindingOverrun `json:"overrun,omitempty"`
}

// OverrunPolicy says what becomes of an event that comes while another run of the
// same binding and key is not over.
//
// +kubebuilder:validation:Enum=parallel;serialize;skip;replace
type OverrunPolicy string

// The policies: both run; the newer waits; the newer ends at once; the newer
// cancels the older and begins when that has ended.
const (
	OverrunParallel  OverrunPolicy = "parallel"
	OverrunSerialize OverrunPolicy = "serialize"
	OverrunSkip      OverrunPolicy = "skip"
	OverrunReplace   OverrunPolicy = "replace"
)

// BindingOverrun says what becomes of events that come while a run is not over.
type BindingOverrun struct {
	// Policy is what becomes of them.
	// +required
	Policy OverrunPolicy `json:"policy,omitempty"`
	// Key tells which runs are in each other's way: those for which this template
	// over the event gives the same text, like ${event.channel_id}. Without one all
	// runs of the binding are.
	Key string `json:"key,omitempty"`
}

// BindingMatch narrows which events of a trigger start a run. All fields that
// are set must agree.
type BindingMatch struct {
	// Regex patterns to match. Any one of them (RE2) must be found in the event's
	// text; they take the place of the trigger's patterns.
	Patterns []string `json:"patterns,omitempty"`
	// Key-value conditions. Every key must have exactly this value among the
	// event's attributes.
	Conditions map[string]string `json:"conditions,omitempty"`
	// Priority orders bindings that match the same event, highest first. It does
	// not keep the others from running.
	Priority int64 `json:"priority,omitempty"`
	// Channels of which the event must come from one: ids or names; * is any.
	Channels []string `json:"channels,omitempty"`
	// Users of whom one must have caused the event: ids or names; * is any.
	Users []string `json:"users,omitempty"`
	// Events are the event types of which the event must be one.
	Events []string `json:"events,omitempty"`
	// RequiredKeywords must all stand in the text, in any case.
	RequiredKeywords []string `json:"required_keywords,omitempty"`
	// ExcludedKeywords must not stand in the text, in any case.
	ExcludedKeywords []string `json:"excluded_keywords,omitempty"`
	// Dedupe has different events that are about the same thing start one run.
	Dedupe *MatchDedupe `json:"dedupe,omitempty"`
	// RequiredKeywordsCamel is another spelling of required_keywords.
	RequiredKeywordsCamel []string `json:"requiredKeywords,omitempty"`
	// ExcludedKeywordsCamel is another spelling of excluded_keywords.
	ExcludedKeywordsCamel []string `json:"excludedKeywords,omitempty"`
}

// MatchDedupe says which events are about the same thing: those whose key comes to
// the same text within the window of the first. That one starts a run, the others
// are counted as duplicates.
type MatchDedupe struct {
	// Key is a template over the event, such as ${event.alert.name}/${event.host}.
	// An event that lacks what it names is no duplicate of any other.
	// +required
	// +kubebuilder:validation:MaxLength=4096
	Key string `json:"key,omitempty"`
	// Window, such as 10m or 2d, from 1s to 7d, begins with the first event of a
	// key: those that come later don't make it longer.
	// +required
	// +kubebuilder:validation:MaxLength=64
	Window string `json:"window,omitempty"`
}

// BindingOverrides change settings of the context for one binding.
type BindingOverrides struct {
	// Approval changes the approval rules.
	Approval *ApprovalOverride `json:"approval,omitempty"`
}

// ApprovalOverride changes the approval rules of a context for one binding.
type ApprovalOverride struct {
	// BypassForSeverity names the values of the event's severity attribute for
	// which no approval is asked.
	BypassForSeverity []string `json:"bypass_for_severity,omitempty"`
	// ApprovalTimeoutSeconds takes the place of the context's timeout.
	ApprovalTimeoutSeconds *int64 `json:"approval_timeout_seconds,omitempty"`
	// RequireDoubleApproval asks for two different approvers.
	RequireDoubleApproval *bool `json:"require_double_approval,omitempty"`
}

// FlowBindingPhase is the state of a binding in one word, derived from its conditions.
//
// +kubebuilder:validation:Enum=Pending;Bound;Failed;Suspended
type FlowBindingPhase string

// The phases of a binding.
const (
	FlowBindingPhasePending   FlowBindingPhase = "Pending"
	FlowBindingPhaseBound     FlowBindingPhase = "Bound"
	FlowBindingPhaseFailed    FlowBindingPhase = "Failed"
	FlowBindingPhaseSuspended FlowBindingPhase = "Suspended"
)

// FlowBindingStatus is what the operator observed about a binding.
type FlowBindingStatus struct {
	duckv1.Status `json:",inline"`

	// Whether binding is active
	Active bool `json:"active"`
	// Binding phase
	Phase FlowBindingPhase `json:"phase,omitempty"`
	// Plan names the compiled plan that new runs are pinned to.
	Plan string `json:"plan,omitempty"`
	// Events matched
	MatchCount int64 `json:"matchCount,omitempty"`
	// DuplicateCount counts the events that matched and started no run because
	// others with the same business key had (match.dedupe).
	DuplicateCount int64 `json:"duplicateCount,omitempty"`
	// Flows executed
	ExecutionCount int64 `json:"executionCount,omitempty"`
	// Successful executions
	SuccessCount int64 `json:"successCount,omitempty"`
	// Failed executions
	FailureCount int64 `json:"failureCount,omitempty"`
	// LastTriggered is the newest run that ended.
	LastTriggered *BindingLastTriggered `json:"lastTriggered,omitempty"`
	// ResourceStatus says how the referenced objects stand.
	ResourceStatus *BindingResourceStatus `json:"resourceStatus,omitempty"`
	// Metrics sums up the binding's runs.
	Metrics *BindingMetrics `json:"metrics,omitempty"`
	// PatternMatching says how often events and patterns met.
	PatternMatching *PatternMatching `json:"patternMatching,omitempty"`
}

// BindingLastTriggered describes the newest run of a binding.
type BindingLastTriggered struct {
	// Timestamp is when the run started.
	Timestamp *metav1.Time `json:"timestamp,omitempty"`
	// EventID is the id of the event that started the run.
	EventID string `json:"eventId,omitempty"`
	// Successful says whether the run succeeded.
	Successful bool `json:"successful"`
	// Duration of the run, like 2.3s.
	Duration string `json:"duration,omitempty"`
}

// BindingResourceStatus says how the objects a binding refers to stand.
type BindingResourceStatus struct {
	// Trigger holds name, namespace, ready and connected.
	Trigger JSONObject `json:"trigger,omitempty"`
	// Context holds name, namespace, ready and kubeconfigValid.
	Context JSONObject `json:"context,omitempty"`
	// Flow holds name, namespace, ready and agentAvailable.
	Flow JSONObject `json:"flow,omitempty"`
}

// BindingMetrics sums up the runs of a binding.
type BindingMetrics struct {
	// AverageExecutionTime of a run, like 2.1s.
	AverageExecutionTime string `json:"averageExecutionTime,omitempty"`
	// P95ExecutionTime is the time within which 95 of 100 runs ended.
	P95ExecutionTime string `json:"p95ExecutionTime,omitempty"`
	// P99ExecutionTime is the time within which 99 of 100 runs ended.
	P99ExecutionTime string `json:"p99ExecutionTime,omitempty"`
	// SuccessRate is successCount divided by executionCount, 0 to 1.
	SuccessRate *float64 `json:"successRate,omitempty"`
	// AsOf is when the latest run ended. Nothing is written only because time
	// passes, so the two counts below are of the time up to then.
	AsOf *metav1.Time `json:"asOf,omitempty"`
	// LastHourExecutions counts the runs that ended within the hour before asOf.
	LastHourExecutions int64 `json:"lastHourExecutions,omitempty"`
	// LastDayExecutions counts the runs that ended within the 24 hours before asOf.
	LastDayExecutions int64 `json:"lastDayExecutions,omitempty"`
}

// PatternMatching says how often events and the binding's patterns met.
type PatternMatching struct {
	// TotalEvents counts the trigger's events that were compared.
	TotalEvents int64 `json:"totalEvents,omitempty"`
	// MatchedEvents counts those that matched.
	MatchedEvents int64 `json:"matchedEvents,omitempty"`
	// MatchRate is matchedEvents divided by totalEvents, 0 to 1.
	MatchRate float64 `json:"matchRate,omitempty"`
	// Patterns counts the matches of each pattern.
	Patterns []PatternMatches `json:"patterns,omitempty"`
}

// PatternMatches counts the matches of one pattern.
type PatternMatches struct {
	// Pattern as it stands in the spec.
	Pattern string `json:"pattern,omitempty"`
	// Matches is how many events it matched.
	Matches int64 `json:"matches,omitempty"`
}

// FlowBindingList is a list of bindings.
//
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
type FlowBindingList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []FlowBinding `json:"items"`
}
