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

// AgentFlow is a workflow: nodes and the connections between them, run once for
// each event that a binding matches.
//
// +genclient
// +genreconciler
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=agentflows,singular=agentflow,shortName=flow,categories=aof,scope=Namespaced
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name=Trigger,type=string,JSONPath=`.spec.trigger.type`
// +kubebuilder:printcolumn:name=Ready,type=boolean,JSONPath=`.status.ready`
// +kubebuilder:printcolumn:name=Executions,type=integer,JSONPath=`.status.totalExecutions`
// +kubebuilder:printcolumn:name=Age,type=date,JSONPath=`.metadata.creationTimestamp`
type AgentFlow struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what the user wants.
	Spec AgentFlowSpec `json:"spec,omitempty"`
	// Status is what the operator observed.
	Status AgentFlowStatus `json:"status,omitzero"`
}

var (
	_ apis.Validatable   = (*AgentFlow)(nil)
	_ apis.Defaultable   = (*AgentFlow)(nil)
	_ apis.HasSpec       = (*AgentFlow)(nil)
	_ duckv1.KRShaped    = (*AgentFlow)(nil)
	_ kmeta.OwnerRefable = (*AgentFlow)(nil)
	_ runtime.Object     = (*AgentFlow)(nil)
)

// AgentFlowSpec is what the user wants of a flow.
type AgentFlowSpec struct {
	// Trigger says which events the flow is for. Its patterns and filters hold in
	// addition to those of the binding and its trigger.
	// +required
	Trigger FlowTrigger `json:"trigger,omitzero"`
	// Context is the flow's own environment, for what the binding's Context
	// leaves open.
	Context *FlowContext `json:"context,omitempty"`
	// Nodes are the steps of the flow.
	// +required
	Nodes []FlowNode `json:"nodes,omitzero"`
	// Connections say which node follows which. The source `trigger` (or `start`)
	// stands for the event.
	// +required
	Connections []FlowConnection `json:"connections,omitzero"`
	// Description says what the flow is for.
	Description string `json:"description,omitempty"`
	// Variables are values that `${name}` finds when nothing nearer has the name.
	// A value may also be {description, required, default}.
	Variables JSONObject `json:"variables,omitempty"`
	// Config holds what every node does unless it says otherwise.
	Config *FlowConfig `json:"config,omitempty"`
}

// FlowTrigger says which events a flow is for.
type FlowTrigger struct {
	// Type of the trigger the flow is made for; any when empty.
	Type string `json:"type,omitempty"`
	// Config holds filters (channels, users, patterns, events) and, for a flow
	// that stands without a binding, the settings of its trigger.
	Config JSONObject `json:"config,omitzero"`
	// Patterns of which one (RE2) must be found in the event's text.
	Patterns []string `json:"patterns,omitempty"`
}

// FlowContext is a flow's own environment. Keys it does not know are kept.
//
// +kubebuilder:validation:Type=object
// +kubebuilder:pruning:PreserveUnknownFields
type FlowContext struct {
	// Kubeconfig is the path of a kubeconfig file.
	Kubeconfig string `json:"kubeconfig,omitempty"`
	// Namespace for cluster operations.
	Namespace string `json:"namespace,omitempty"`
	// Cluster is the name of the cluster.
	Cluster string `json:"cluster,omitempty"`
	// WorkingDir is the directory in which scripts start.
	WorkingDir string `json:"working_dir,omitempty"`
	// Env are environment variables.
	Env map[string]string `json:"env,omitempty"`
	// Ref names a Context object.
	Ref *ObjectReference `json:"ref,omitempty"`
	// Extra holds the keys that have no field here, as they were written.
	Extra JSONObject `json:"-"`
}

// FlowNode is one step of a flow.
type FlowNode struct {
	// ID of the node, unique in the flow. Other nodes refer to it.
	ID string `json:"id,omitempty"`
	// Type of the node, for example Agent, Script or Conditional.
	Type string `json:"type,omitempty"`
	// Config belongs to the type.
	Config JSONObject `json:"config,omitempty"`
	// Description says what the node does.
	Description string `json:"description,omitempty"`
	// When is a condition that must hold, else the node is skipped.
	When string `json:"when,omitempty"`
	// Conditions of which one must hold, else the node is skipped.
	Conditions []NodeCondition `json:"conditions,omitempty"`
	// DependsOn names nodes that must have ended before.
	DependsOn []string `json:"depends_on,omitempty"`
	// TimeoutSeconds bounds one attempt; the flow's default when empty.
	TimeoutSeconds *float64 `json:"timeout_seconds,omitempty"`
	// Retry says how often and when a failed attempt is made again.
	Retry *FlowRetry `json:"retry,omitempty"`

	// Name is a title. A node without an id takes its name as its id.
	Name string `json:"name,omitempty"`
	// Condition is another spelling of when; it is stored as when.
	Condition string `json:"condition,omitempty"`
	// DependsOnCamel is another spelling of depends_on; it is stored as depends_on.
	DependsOnCamel []string `json:"dependsOn,omitempty"`
	// TimeoutSecondsCamel is another spelling of timeout_seconds.
	TimeoutSecondsCamel *float64 `json:"timeoutSeconds,omitempty"`
}

// NodeCondition lets a node run depending on an earlier one. All that is set must hold.
type NodeCondition struct {
	// From names the node that must have succeeded.
	From string `json:"from,omitempty"`
	// Value is the case that the Conditional node must have chosen, or its result.
	Value *ConditionValue `json:"value,omitempty"`
	// Reaction is the emoji name that must have been received.
	Reaction *string `json:"reaction,omitempty"`
	// When is a condition on the node's output.
	When string `json:"when,omitempty"`
	// Condition is another spelling of when; it is stored as when.
	Condition string `json:"condition,omitempty"`
}

// ConditionValue is a value to compare with. It may be written as a string, a
// boolean or a number and is stored as a string.
type ConditionValue string

// FlowConnection says that a node follows another.
type FlowConnection struct {
	// From names the node that must have ended; `trigger` or `start` is the event.
	From string `json:"from,omitempty"`
	// To names the node that follows.
	To string `json:"to,omitempty"`
	// When is a condition on the output of from. Without it the connection is
	// always taken.
	When string `json:"when,omitempty"`
	// Condition is another spelling of when; it is stored as when.
	Condition string `json:"condition,omitempty"`
}

// FlowConfig holds what every node does unless it says otherwise.
type FlowConfig struct {
	// DefaultTimeoutSeconds bounds an attempt of a node that sets no timeout.
	DefaultTimeoutSeconds *float64 `json:"default_timeout_seconds,omitempty"`
	// Verbose asks for progress messages.
	Verbose *bool `json:"verbose,omitempty"`
	// Retry of a node that sets none.
	Retry *FlowRetry `json:"retry,omitempty"`
	// ErrorHandler names the node that runs when another has failed.
	ErrorHandler string `json:"error_handler,omitempty"`
	// DefaultTimeoutSecondsCamel is another spelling of default_timeout_seconds.
	DefaultTimeoutSecondsCamel *float64 `json:"defaultTimeoutSeconds,omitempty"`
	// ErrorHandlerCamel is another spelling of error_handler.
	ErrorHandlerCamel string `json:"errorHandler,omitempty"`
}

// FlowRetry says how often and when a failed attempt is made again.
type FlowRetry struct {
	// MaxAttempts counts the first attempt too; 1 means no retry.
	MaxAttempts *int64 `json:"max_attempts,omitempty"`
	// InitialDelay before the second attempt, like 1s or 500ms.
	InitialDelay string `json:"initial_delay,omitempty"`
	// BackoffMultiplier by which each further delay grows; 2 when empty.
	BackoffMultiplier *float64 `json:"backoff_multiplier,omitempty"`
	// MaxAttemptsCamel is another spelling of max_attempts.
	MaxAttemptsCamel *int64 `json:"maxAttempts,omitempty"`
	// InitialDelayCamel is another spelling of initial_delay.
	InitialDelayCamel string `json:"initialDelay,omitempty"`
	// BackoffMultiplierCamel is another spelling of backoff_multiplier.
	BackoffMultiplierCamel *float64 `json:"backoffMultiplier,omitempty"`
}

// AgentFlowPhase is the state of a flow in one word, derived from its conditions.
//
// +kubebuilder:validation:Enum=Pending;Running;Succeeded;Failed
type AgentFlowPhase string

// The phases of a flow: Pending until it has run, then how its newest run stands.
const (
	AgentFlowPhasePending   AgentFlowPhase = "Pending"
	AgentFlowPhaseRunning   AgentFlowPhase = "Running"
	AgentFlowPhaseSucceeded AgentFlowPhase = "Succeeded"
	AgentFlowPhaseFailed    AgentFlowPhase = "Failed"
)

// AgentFlowStatus is what the operator observed about a flow.
type AgentFlowStatus struct {
	duckv1.Status `json:",inline"`

	// Ready is true when the flow compiles and everything it refers to is there.
	Ready bool `json:"ready"`
	// Phase is the state in one word.
	Phase AgentFlowPhase `json:"phase,omitempty"`
	// LastExecution is when the newest run started.
	LastExecution *metav1.Time `json:"lastExecution,omitempty"`
	// TotalExecutions counts the flow's runs.
	TotalExecutions int64 `json:"totalExecutions,omitempty"`
}

// AgentFlowList is a list of flows.
//
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
type AgentFlowList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []AgentFlow `json:"items"`
}
