// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
)

// The conditions of a Trigger. Ready sums up ConfigurationValid and Connected.
const (
	TriggerConditionReady = apis.ConditionReady
	// TriggerConditionConfigurationValid says whether the type has an adapter and
	// the config what it needs.
	TriggerConditionConfigurationValid apis.ConditionType = "ConfigurationValid"
	// TriggerConditionConnected says whether events can arrive.
	TriggerConditionConnected apis.ConditionType = "Connected"
	// TriggerConditionChannelsAccessible says whether the channels can be read. It
	// informs; a trigger is ready without it.
	TriggerConditionChannelsAccessible apis.ConditionType = "ChannelsAccessible"
	// TriggerConditionBrokerReady, TriggerConditionRouteReady and
	// TriggerConditionCredentialsAvailable say what Connected and
	// ConfigurationValid rest on: whether events can go on from here, whether the
	// adapter knows the bindings, and whether what ${NAME} refers to is there.
	TriggerConditionBrokerReady          apis.ConditionType = "BrokerReady"
	TriggerConditionRouteReady           apis.ConditionType = "RouteReady"
	TriggerConditionCredentialsAvailable apis.ConditionType = "CredentialsAvailable"
	// TriggerConditionBrokerDurable says whether the Broker keeps what it took
	// when its pods restart. It informs: events that we acknowledged are sent
	// again from their runs.
	TriggerConditionBrokerDurable apis.ConditionType = "BrokerDurable"
)

// Reasons of a Trigger's conditions.
const (
	ReasonConnectionEstablished = "ConnectionEstablished"
	ReasonConnectionFailed      = "ConnectionFailed"
	ReasonCredentialsMissing    = "CredentialsMissing"
	ReasonBotInvited            = "BotInvited"
	ReasonBotNotInvited         = "BotNotInvited"
	ReasonUnsupportedType       = "UnsupportedType"
	// ReasonStreamUnsupported says that the platform would have to be listened to
	// over a connection of ours, which is not implemented.
	ReasonStreamUnsupported = "StreamUnsupported"
	// ReasonInMemoryChannel says that what the Broker holds is lost with its pods.
	ReasonInMemoryChannel = "InMemoryChannel"
	// ReasonDurableBroker says that the Broker keeps what it took.
	ReasonDurableBroker = "DurableBroker"
	// ReasonBrokerNotReady says that the Broker takes no events yet.
	ReasonBrokerNotReady = "BrokerNotReady"
	// ReasonAdapterNotReady says that nobody listens for the platform's requests.
	ReasonAdapterNotReady = "AdapterNotReady"
	// ReasonScheduleNotReady says that the PingSource does not tick yet.
	ReasonScheduleNotReady = "ScheduleNotReady"
	// ReasonRouteFailed says that the adapter could not be told of the bindings.
	ReasonRouteFailed = "RouteFailed"
)

var triggerConditions = apis.NewLivingConditionSet(TriggerConditionConfigurationValid, TriggerConditionConnected)

// GetGroupVersionKind names the kind.
func (*Trigger) GetGroupVersionKind() schema.GroupVersionKind {
	return SchemeGroupVersion.WithKind("Trigger")
}

// GetConditionSet says which conditions the kind has.
func (*Trigger) GetConditionSet() apis.ConditionSet { return triggerConditions }

// GetStatus gives the duck-typed part of the status.
func (t *Trigger) GetStatus() *duckv1.Status { return &t.Status.Status }

// GetUntypedSpec gives the spec.
func (t *Trigger) GetUntypedSpec() any { return t.Spec }

// IsReady reports whether events arrive through the trigger as its spec stands now.
func (t *Trigger) IsReady() bool {
	return t.Generation == t.Status.ObservedGeneration && t.Status.GetCondition(TriggerConditionReady).IsTrue()
}

// GetCondition gives the condition of that type, nil when there is none.
func (s *TriggerStatus) GetCondition(t apis.ConditionType) *apis.Condition {
	return triggerConditions.Manage(s).GetCondition(t)
}

// InitializeConditions sets every condition that is missing to Unknown.
func (s *TriggerStatus) InitializeConditions() {
	triggerConditions.Manage(s).InitializeConditions()
	s.derive()
}

// MarkConfigurationValid says that the config has what the type needs.
func (s *TriggerStatus) MarkConfigurationValid() {
	triggerConditions.Manage(s).MarkTrueWithReason(TriggerConditionConfigurationValid, ReasonConfigurationValid, "")
	s.derive()
}

// MarkConfigurationInvalid says what the config lacks, for example with
// ReasonCredentialsMissing or ReasonUnsupportedType, and returns err.
func (s *TriggerStatus) MarkConfigurationInvalid(reason string, err error) error {
	defer s.derive()
	return markFailed(triggerConditions.Manage(s), TriggerConditionConfigurationValid, reason, err)
}

// MarkConnected says that events can arrive.
func (s *TriggerStatus) MarkConnected() {
	triggerConditions.Manage(s).MarkTrueWithReason(TriggerConditionConnected, ReasonConnectionEstablished, "")
	s.derive()
}

// MarkConnecting says that a connection is being made.
func (s *TriggerStatus) MarkConnecting(reason, message string) {
	triggerConditions.Manage(s).MarkUnknown(TriggerConditionConnected, reason, "%s", bounded(message, maxConditionMessage))
	s.derive()
}

// MarkConnectedFailed says why events can't arrive, and returns err.
func (s *TriggerStatus) MarkConnectedFailed(reason string, err error) error {
	defer s.derive()
	return markFailed(triggerConditions.Manage(s), TriggerConditionConnected, reason, err)
}

// MarkDisabled says that the user switched the trigger off.
func (s *TriggerStatus) MarkDisabled() {
	triggerConditions.Manage(s).MarkFalse(TriggerConditionConnected, ReasonDisabled, "spec.enabled is false")
	s.derive()
}

// MarkChannelsAccessible says that every channel can be read.
func (s *TriggerStatus) MarkChannelsAccessible() {
	triggerConditions.Manage(s).MarkTrueWithReason(TriggerConditionChannelsAccessible, ReasonBotInvited, "")
	s.derive()
}

// MarkChannelsAccessibleFailed says which channels can't be read, and returns err.
func (s *TriggerStatus) MarkChannelsAccessibleFailed(reason string, err error) error {
	defer s.derive()
	return markFailed(triggerConditions.Manage(s), TriggerConditionChannelsAccessible, reason, err)
}

// MarkBrokerReady says that the Broker takes events.
func (s *TriggerStatus) MarkBrokerReady() {
	triggerConditions.Manage(s).MarkTrue(TriggerConditionBrokerReady)
}

// MarkBrokerNotReady says why the Broker takes no events yet.
func (s *TriggerStatus) MarkBrokerNotReady(reason, message string) {
	triggerConditions.Manage(s).MarkUnknown(TriggerConditionBrokerReady, reason, "%s", bounded(message, maxConditionMessage))
}

// MarkBrokerFailed says why the Broker takes no events, and returns err.
func (s *TriggerStatus) MarkBrokerFailed(reason string, err error) error {
	return markFailed(triggerConditions.Manage(s), TriggerConditionBrokerReady, reason, err)
}

// MarkBrokerDurable says by what the Broker keeps what it took.
func (s *TriggerStatus) MarkBrokerDurable(message string) {
	triggerConditions.Manage(s).MarkTrueWithReason(TriggerConditionBrokerDurable, ReasonDurableBroker, "%s", bounded(message, maxConditionMessage))
}

// MarkBrokerNotDurable says what is lost when the Broker's pods restart.
func (s *TriggerStatus) MarkBrokerNotDurable(reason, message string) {
	triggerConditions.Manage(s).MarkFalse(TriggerConditionBrokerDurable, reason, "%s", bounded(message, maxConditionMessage))
}

// MarkBrokerDurableUnknown says that nobody knows yet.
func (s *TriggerStatus) MarkBrokerDurableUnknown(reason, message string) {
	triggerConditions.Manage(s).MarkUnknown(TriggerConditionBrokerDurable, reason, "%s", bounded(message, maxConditionMessage))
}

// MarkRouteReady says to how many bindings the adapter hands events.
func (s *TriggerStatus) MarkRouteReady(message string) {
	triggerConditions.Manage(s).MarkTrueWithReason(TriggerConditionRouteReady, ReasonConfigurationValid, "%s", bounded(message, maxConditionMessage))
}

// MarkRouteFailed says why the adapter can't be told of the bindings, and
// returns err.
func (s *TriggerStatus) MarkRouteFailed(reason string, err error) error {
	return markFailed(triggerConditions.Manage(s), TriggerConditionRouteReady, reason, err)
}

// MarkCredentialsAvailable says that everything the config refers to is there.
func (s *TriggerStatus) MarkCredentialsAvailable() {
	triggerConditions.Manage(s).MarkTrue(TriggerConditionCredentialsAvailable)
}

// MarkCredentialsMissing says what the config refers to and is not there, and
// returns err.
func (s *TriggerStatus) MarkCredentialsMissing(err error) error {
	return markFailed(triggerConditions.Manage(s), TriggerConditionCredentialsAvailable, ReasonCredentialsMissing, err)
}

// derive keeps the published summary equal to what the conditions say.
func (s *TriggerStatus) derive() {
	valid, connected := s.GetCondition(TriggerConditionConfigurationValid), s.GetCondition(TriggerConditionConnected)
	s.Connected = connected.IsTrue()
	switch {
	case valid.IsFalse():
		s.Phase = TriggerPhaseFailed
	case connected.IsFalse():
		s.Phase = TriggerPhaseDisconnected
	case valid.IsTrue() && connected.IsTrue():
		s.Phase = TriggerPhaseActive
	default:
		s.Phase = TriggerPhasePending
	}
}
