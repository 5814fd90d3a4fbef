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

// Context is the environment in which flows run: which cluster and namespace
// they work on, who approves, what is audited, and how much they may use.
//
// +genclient
// +genreconciler
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=contexts,singular=context,shortName=ctx,categories=aof,scope=Namespaced
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name=Ready,type=boolean,JSONPath=`.status.ready`
// +kubebuilder:printcolumn:name=Namespace,type=string,JSONPath=`.spec.namespace`
// +kubebuilder:printcolumn:name=Approval,type=string,JSONPath=`.spec.approval.required`
// +kubebuilder:printcolumn:name=Age,type=date,JSONPath=`.metadata.creationTimestamp`
type Context struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what the user wants.
	Spec ContextSpec `json:"spec,omitempty"`
	// Status is what the operator observed.
	Status ContextStatus `json:"status,omitzero"`
}

var (
	_ apis.Validatable   = (*Context)(nil)
	_ apis.Defaultable   = (*Context)(nil)
	_ apis.HasSpec       = (*Context)(nil)
	_ duckv1.KRShaped    = (*Context)(nil)
	_ kmeta.OwnerRefable = (*Context)(nil)
	_ runtime.Object     = (*Context)(nil)
)

// ContextSpec is what the user wants of an environment. All of it is optional.
type ContextSpec struct {
	// Path to kubeconfig file
	Kubeconfig string `json:"kubeconfig,omitempty"`
	// Kubernetes namespace for operations
	// +kubebuilder:default=default
	Namespace string `json:"namespace,omitempty"`
	// Environment variables for agent execution
	Env map[string]string `json:"env,omitempty"`
	// Approval says when a human must agree, and who may.
	Approval *ContextApproval `json:"approval,omitempty"`
	// Audit says what is recorded, and where.
	Audit *ContextAudit `json:"audit,omitempty"`
	// Limits bound what the flows of this context may use together.
	Limits *ContextLimits `json:"limits,omitempty"`
	// Cluster is the name of the cluster, for messages and `${context.cluster}`.
	Cluster string `json:"cluster,omitempty"`
	// ClusterName is another spelling of cluster; it is stored as cluster.
	ClusterName string `json:"cluster_name,omitempty"`
	// WorkingDir is the directory in which scripts start; the runner's own
	// scratch directory when empty.
	WorkingDir string `json:"working_dir,omitempty"`
	// WorkingDirCamel is another spelling of working_dir; it is stored as working_dir.
	WorkingDirCamel string `json:"workingDir,omitempty"`
}

// ContextApproval says when a human must agree before a flow goes on, and who may.
type ContextApproval struct {
	// Whether approval is required
	Required *bool `json:"required,omitempty"`
	// Users who can approve operations. An entry is a platform's user id, a user
	// name, an e-mail address or "platform:id"; nobody listed means anyone who
	// may write in the channel.
	AllowedUsers []string `json:"allowed_users,omitempty"`
	// Approval timeout in seconds. When it has passed the answer is no.
	// +kubebuilder:default=300
	TimeoutSeconds *int64 `json:"timeout_seconds,omitempty"`
	// RequireFor limits the need for approval to commands that match one of these
	// regular expressions (RE2). Empty means every command.
	RequireFor []string `json:"require_for,omitempty"`
	// RequiredFor is another spelling of require_for; it is stored as require_for.
	RequiredFor []string `json:"required_for,omitempty"`
	// Enabled is another spelling of required; it is stored as required.
	Enabled *bool `json:"enabled,omitempty"`
	// MinApprovers is how many different people must agree; 1 when empty.
	MinApprovers *int64 `json:"min_approvers,omitempty"`
	// AllowSelfApproval lets the person who asked also approve; no when empty.
	AllowSelfApproval *bool `json:"allow_self_approval,omitempty"`
}

// AuditSink is where audit records go.
//
// +kubebuilder:validation:Enum=stdout;file;webhook
type AuditSink string

// The audit sinks.
const (
	AuditSinkStdout  AuditSink = "stdout"
	AuditSinkFile    AuditSink = "file"
	AuditSinkWebhook AuditSink = "webhook"
)

// ContextAudit says what is recorded about the flows of a context, and where.
type ContextAudit struct {
	// Enable audit logging
	Enabled *bool `json:"enabled,omitempty"`
	// Audit log destination
	// +kubebuilder:default=stdout
	Sink AuditSink `json:"sink,omitempty"`
	// URL of the webhook that records are sent to. ${NAME} is a credential of the
	// namespace in which flows run; ${AUDIT_WEBHOOK_URL} when empty.
	URL string `json:"url,omitempty"`
	// WebhookURL is another spelling of url; it is stored as url.
	WebhookURL string `json:"webhook_url,omitempty"`
	// Headers are sent to the webhook with every request, such as
	// Authorization: Bearer ${AUDIT_TOKEN}.
	Headers map[string]string `json:"headers,omitempty"`
	// Path of the file that records are added to.
	Path string `json:"path,omitempty"`
	// LogPath is another spelling of path; it is stored as path.
	LogPath string `json:"log_path,omitempty"`
	// Destination is sink, url and path in one: stdout://, file:///path, http(s)://…
	// or one of the words of sink. It is stored as those.
	Destination string `json:"destination,omitempty"`
	// Events limits what is recorded to these kinds of records; all when empty.
	Events []string `json:"events,omitempty"`
	// IncludePayload has records carry what nodes were given and what came of it.
	// Secrets are blotted out and the rest is cut at 8 KiB.
	IncludePayload *bool `json:"include_payload,omitempty"`
	// IncludePayloadCamel is another spelling of include_payload; it is stored as
	// include_payload.
	IncludePayloadCamel *bool `json:"includePayload,omitempty"`
}

// OnExceed is what becomes of a run that a limit keeps out.
//
// +kubebuilder:validation:Enum=wait;refuse
type OnExceed string

// What becomes of a run that a limit keeps out.
const (
	OnExceedWait   OnExceed = "wait"
	OnExceedRefuse OnExceed = "refuse"
)

// ContextLimits bound what the flows of a context may use together. An empty
// limit is no limit.
type ContextLimits struct {
	// Maximum API requests per minute: how many runs are admitted in any minute.
	MaxRequestsPerMinute *int64 `json:"max_requests_per_minute,omitempty"`
	// Maximum LLM tokens per day, input and output together, by the UTC day.
	MaxTokensPerDay *int64 `json:"max_tokens_per_day,omitempty"`
	// MaxConcurrent is how many runs may be at work at the same time. A run that
	// waits for people or a time is not at work.
	MaxConcurrent *int64 `json:"max_concurrent,omitempty"`
	// MaxExecutionTimeSeconds is how long a run may work, waiting not counted.
	MaxExecutionTimeSeconds *int64 `json:"max_execution_time_seconds,omitempty"`
	// OnExceed says what becomes of a run that a limit keeps out: it waits for its
	// turn, or it is refused, which ends it as failed. It waits when empty.
	OnExceed OnExceed `json:"on_exceed,omitempty"`
	// RateLimitPerMinute is another spelling of max_requests_per_minute.
	RateLimitPerMinute *int64 `json:"rate_limit_per_minute,omitempty"`
	// MaxConcurrentOperations is another spelling of max_concurrent.
	MaxConcurrentOperations *int64 `json:"max_concurrent_operations,omitempty"`
	// TimeoutSeconds is another spelling of max_execution_time_seconds.
	TimeoutSeconds *int64 `json:"timeout_seconds,omitempty"`
}

// ContextStatus is what the operator observed about a context.
type ContextStatus struct {
	duckv1.Status `json:",inline"`

	// Overall readiness status
	Ready bool `json:"ready"`
	// LastAppliedConfiguration is the spec in force, without the values of env.
	LastAppliedConfiguration JSONObject `json:"lastAppliedConfiguration,omitempty"`
}

// ContextList is a list of contexts.
//
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
type ContextList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []Context `json:"items"`
}
