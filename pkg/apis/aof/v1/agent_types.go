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

// Agent is one AI assistant: a model with instructions and tools.
//
// +genclient
// +genreconciler
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=agents,singular=agent,categories=aof,scope=Namespaced
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name=Model,type=string,JSONPath=`.spec.model`
// +kubebuilder:printcolumn:name=Ready,type=boolean,JSONPath=`.status.ready`
// +kubebuilder:printcolumn:name="Total Runs",type=integer,JSONPath=`.status.totalRuns`
// +kubebuilder:printcolumn:name=Age,type=date,JSONPath=`.metadata.creationTimestamp`
type Agent struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what the user wants.
	Spec AgentSpec `json:"spec,omitempty"`
	// Status is what the operator observed.
	Status AgentStatus `json:"status,omitzero"`
}

var (
	_ apis.Validatable   = (*Agent)(nil)
	_ apis.Defaultable   = (*Agent)(nil)
	_ apis.HasSpec       = (*Agent)(nil)
	_ duckv1.KRShaped    = (*Agent)(nil)
	_ kmeta.OwnerRefable = (*Agent)(nil)
	_ runtime.Object     = (*Agent)(nil)
)

// AgentSpec is what the user wants of an agent. The same fields describe an
// agent inside a fleet's member and inside a flow's node (`inline`).
type AgentSpec struct {
	// LLM provider and model (e.g., google:gemini-2.5-flash). A name without a
	// provider belongs to the provider field, else to anthropic.
	// +required
	Model string `json:"model,omitempty"`
	// System prompt / agent personality
	// +required
	Instructions string `json:"instructions,omitempty"`
	// Tools available to agent. An item may also be written as a string, which is
	// stored as an object with that name.
	Tools []AgentTool `json:"tools,omitempty"`
	// Memory is what the agent remembers from one run to the next; nothing when empty.
	Memory *AgentMemory `json:"memory,omitempty"`
	// Response creativity (0-1). The provider's own default when empty.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1
	Temperature *float64 `json:"temperature,omitempty"`
	// Maximum response length in tokens. The provider's own default when empty.
	MaxTokens *int64 `json:"max_tokens,omitempty"`
	// Provider of a model that names none. It is stored as the model's prefix.
	Provider string `json:"provider,omitempty"`
	// Description says what the agent is for.
	Description string `json:"description,omitempty"`
	// MaxIterations bounds how often the model is asked in one run; 10 when empty.
	MaxIterations *int64 `json:"max_iterations,omitempty"`
	// MaxContextMessages bounds how many earlier messages the model is shown; 10
	// when empty.
	MaxContextMessages *int64 `json:"max_context_messages,omitempty"`
	// MCPServers are the Model Context Protocol servers whose tools the agent has.
	MCPServers []JSONObject `json:"mcp_servers,omitempty"`
	// OutputSchema is the JSON schema the answer must have.
	OutputSchema JSONObject `json:"output_schema,omitempty"`

	// SystemPrompt is another spelling of instructions; it is stored as instructions.
	SystemPrompt string `json:"system_prompt,omitempty"`
	// SystemPromptCamel is another spelling of instructions.
	SystemPromptCamel string `json:"systemPrompt,omitempty"`
	// System is another spelling of instructions.
	System string `json:"system,omitempty"`
	// MaxTokensCamel is another spelling of max_tokens.
	MaxTokensCamel *int64 `json:"maxTokens,omitempty"`
	// MaxIterationsCamel is another spelling of max_iterations.
	MaxIterationsCamel *int64 `json:"maxIterations,omitempty"`
	// MaxContextMessagesCamel is another spelling of max_context_messages.
	MaxContextMessagesCamel *int64 `json:"maxContextMessages,omitempty"`
	// MCPServersCamel is another spelling of mcp_servers.
	MCPServersCamel []JSONObject `json:"mcpServers,omitempty"`
	// OutputSchemaCamel is another spelling of output_schema.
	OutputSchemaCamel JSONObject `json:"outputSchema,omitempty"`
}

// MemoryType says where an agent's memory is kept.
//
// +kubebuilder:validation:Enum=InMemory;File;SQLite;PostgreSQL
type MemoryType string

// The places an agent's memory is kept.
const (
	MemoryInMemory   MemoryType = "InMemory"
	MemoryFile       MemoryType = "File"
	MemorySQLite     MemoryType = "SQLite"
	MemoryPostgreSQL MemoryType = "PostgreSQL"
)

// AgentMemory is what an agent remembers. It may also be written as a string:
// "InMemory", "File:path" or "File:path:N" with at most N messages; it is stored
// as type and config.
type AgentMemory struct {
	// Type says where the memory is kept.
	Type MemoryType `json:"type,omitempty"`
	// Config belongs to the type, for example path and max_messages of a File.
	Config JSONObject `json:"config,omitempty"`
}

// AgentPhase is the state of an agent in one word, derived from its conditions.
//
// +kubebuilder:validation:Enum=Pending;Ready;Failed
type AgentPhase string

// The phases of an agent and of a fleet.
const (
	AgentPhasePending AgentPhase = "Pending"
	AgentPhaseReady   AgentPhase = "Ready"
	AgentPhaseFailed  AgentPhase = "Failed"
)

// AgentStatus is what the operator observed about an agent.
type AgentStatus struct {
	duckv1.Status `json:",inline"`

	// Ready is true when the agent can be run.
	Ready bool `json:"ready"`
	// Phase is the state in one word.
	Phase AgentPhase `json:"phase,omitempty"`
	// LastRun is when the agent last ended a run.
	LastRun *metav1.Time `json:"lastRun,omitempty"`
	// TotalRuns counts the agent's runs.
	TotalRuns int64 `json:"totalRuns,omitempty"`
}

// AgentList is a list of agents.
//
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
type AgentList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []Agent `json:"items"`
}
