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

// Trigger is an event source: a chat platform, an alert source, a webhook or a
// schedule, with the filters that hold for everything that comes from it.
//
// +genclient
// +genreconciler
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=triggers,singular=trigger,shortName=trg,categories=aof,scope=Namespaced
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name=Type,type=string,JSONPath=`.spec.type`
// +kubebuilder:printcolumn:name=Connected,type=boolean,JSONPath=`.status.connected`
// +kubebuilder:printcolumn:name=Phase,type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name=Events,type=integer,JSONPath=`.status.eventCount`
// +kubebuilder:printcolumn:name=Age,type=date,JSONPath=`.metadata.creationTimestamp`
type Trigger struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what the user wants.
	Spec TriggerSpec `json:"spec,omitempty"`
	// Status is what the operator observed.
	Status TriggerStatus `json:"status,omitzero"`
}

var (
	_ apis.Validatable   = (*Trigger)(nil)
	_ apis.Defaultable   = (*Trigger)(nil)
	_ apis.HasSpec       = (*Trigger)(nil)
	_ duckv1.KRShaped    = (*Trigger)(nil)
	_ kmeta.OwnerRefable = (*Trigger)(nil)
	_ runtime.Object     = (*Trigger)(nil)
)

// TriggerType is the platform a trigger listens to.
//
// +kubebuilder:validation:Enum=Slack;Telegram;Discord;HTTP;Schedule;PagerDuty;Jira;WhatsApp;GitHub;GitLab;Bitbucket;Teams;Opsgenie;Manual;Webhook
type TriggerType string

// The trigger types. Webhook is stored as HTTP.
const (
	TriggerSlack     TriggerType = "Slack"
	TriggerTelegram  TriggerType = "Telegram"
	TriggerDiscord   TriggerType = "Discord"
	TriggerHTTP      TriggerType = "HTTP"
	TriggerSchedule  TriggerType = "Schedule"
	TriggerPagerDuty TriggerType = "PagerDuty"
	TriggerJira      TriggerType = "Jira"
	TriggerWhatsApp  TriggerType = "WhatsApp"
	TriggerGitHub    TriggerType = "GitHub"
	TriggerGitLab    TriggerType = "GitLab"
	TriggerBitbucket TriggerType = "Bitbucket"
	TriggerTeams     TriggerType = "Teams"
	TriggerOpsgenie  TriggerType = "Opsgenie"
	TriggerManual    TriggerType = "Manual"
	TriggerWebhook   TriggerType = "Webhook"
)

// TriggerSpec is what the user wants of an event source.
type TriggerSpec struct {
	// Trigger type
	// +required
	Type TriggerType `json:"type,omitempty"`
	// Type-specific configuration. A value `${NAME}` is taken from the Secret
	// `aof-credentials` of the trigger's namespace, when the trigger is used.
	// +required
	Config JSONObject `json:"config,omitzero"`
	// Enabled set to false stops the trigger: its events are refused.
	Enabled *bool `json:"enabled,omitempty"`
}

// TriggerPhase is the state of a trigger in one word, derived from its conditions.
//
// +kubebuilder:validation:Enum=Pending;Active;Failed;Disconnected
type TriggerPhase string

// The phases of a trigger.
const (
	TriggerPhasePending      TriggerPhase = "Pending"
	TriggerPhaseActive       TriggerPhase = "Active"
	TriggerPhaseFailed       TriggerPhase = "Failed"
	TriggerPhaseDisconnected TriggerPhase = "Disconnected"
)

// TriggerStatus is what the operator observed about an event source.
type TriggerStatus struct {
	duckv1.Status `json:",inline"`

	// Connection status to platform
	Connected bool `json:"connected"`
	// Trigger phase
	Phase TriggerPhase `json:"phase,omitempty"`
	// LastEvent is the newest event that was accepted.
	LastEvent *TriggerLastEvent `json:"lastEvent,omitempty"`
	// Total events processed: those accepted after authentication.
	EventCount int64 `json:"eventCount,omitempty"`
	// Total errors encountered: requests that could not be authenticated or read,
	// and failures of the platform.
	ErrorCount int64 `json:"errorCount,omitempty"`
	// Operator-assigned webhook URL (HTTP triggers)
	WebhookEndpoint string `json:"webhookEndpoint,omitempty"`
	// Platform-specific status
	PlatformStatus JSONObject `json:"platformStatus,omitempty"`
	// Metrics sums up the trigger's events.
	Metrics *TriggerMetrics `json:"metrics,omitempty"`
}

// TriggerLastEvent says which event came last.
type TriggerLastEvent struct {
	// Timestamp is when the event happened, by the platform's clock.
	Timestamp *metav1.Time `json:"timestamp,omitempty"`
	// Type of the event, for example app_mention.
	Type string `json:"type,omitempty"`
	// Source is the channel, service or repository the event came from.
	Source string `json:"source,omitempty"`
	// User is who caused the event.
	User string `json:"user,omitempty"`
}

// TriggerMetrics sums up the events of a trigger.
type TriggerMetrics struct {
	// EventsReceived counts the events that arrived and were authentic.
	EventsReceived int64 `json:"eventsReceived,omitempty"`
	// EventsProcessed counts the events that started at least one run.
	EventsProcessed int64 `json:"eventsProcessed,omitempty"`
	// EventsDropped counts the events that were filtered, rate limited or matched
	// by no binding.
	EventsDropped int64 `json:"eventsDropped,omitempty"`
	// EventsDuplicate counts the events that started no run because others with the
	// same business key had (match.dedupe of the bindings).
	EventsDuplicate int64 `json:"eventsDuplicate,omitempty"`
	// AverageProcessingTime is the mean time from receipt to acknowledgement, like 45ms.
	AverageProcessingTime string `json:"averageProcessingTime,omitempty"`
	// ErrorRate is errors divided by all requests, 0 to 1.
	ErrorRate float64 `json:"errorRate,omitempty"`
}

// TriggerList is a list of triggers.
//
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
type TriggerList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []Trigger `json:"items"`
}
