// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"knative.dev/pkg/apis"
)

func TestATriggersDetailsInform(t *testing.T) {
	t.Parallel()
	var s TriggerStatus
	s.InitializeConditions()
	s.MarkConfigurationValid()
	s.MarkConnected()
	assert.ErrorIs(t, s.MarkBrokerFailed(ReasonBrokerNotReady, errBroken), errBroken)
	assert.ErrorIs(t, s.MarkRouteFailed(ReasonRouteFailed, errBroken), errBroken)
	assert.ErrorIs(t, s.MarkCredentialsMissing(errBroken), errBroken)
	s.MarkBrokerNotDurable(ReasonInMemoryChannel, "lost")
	for _, c := range []apis.ConditionType{
		TriggerConditionBrokerReady, TriggerConditionRouteReady, TriggerConditionCredentialsAvailable, TriggerConditionBrokerDurable,
	} {
		assert.True(t, s.GetCondition(c).IsFalse(), c)
		assert.Equal(t, apis.ConditionSeverityInfo, s.GetCondition(c).Severity, c)
	}
	assert.True(t, s.GetCondition(TriggerConditionReady).IsTrue(), "it is Connected and ConfigurationValid that count")

	s.MarkBrokerNotReady(ReasonBrokerNotReady, "soon")
	s.MarkBrokerDurableUnknown(ReasonNotYetKnown, "")
	assert.True(t, s.GetCondition(TriggerConditionBrokerReady).IsUnknown())
	assert.True(t, s.GetCondition(TriggerConditionBrokerDurable).IsUnknown())
	s.MarkBrokerReady()
	s.MarkBrokerDurable("Kafka")
	s.MarkRouteReady("2 bindings")
	s.MarkCredentialsAvailable()
	for _, c := range s.Conditions {
		assert.True(t, c.IsTrue(), c.Type)
	}
	assert.Equal(t, TriggerPhaseActive, s.Phase)
}

func TestAKubeconfigNobodyLookedAt(t *testing.T) {
	t.Parallel()
	for name, mark := range map[string]func(*ContextStatus){
		"then the spec": func(s *ContextStatus) {
			s.MarkKubeconfigUnknown(ReasonKubeconfigNotChecked, "elsewhere")
			s.MarkConfigurationValid()
		},
		"the spec first": func(s *ContextStatus) {
			s.MarkConfigurationValid()
			s.MarkKubeconfigUnknown(ReasonKubeconfigNotChecked, "elsewhere")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s ContextStatus
			s.InitializeConditions()
			mark(&s)
			assert.True(t, s.Ready)
			assert.True(t, s.GetCondition(ContextConditionKubeconfigValid).IsUnknown())
			_ = s.MarkKubeconfigFailed(ReasonKubeconfigInaccessible, errBroken)
			assert.False(t, s.Ready)
			s.MarkConfigurationValid()
			assert.False(t, s.Ready, "a kubeconfig of no use stays one")
			_ = s.MarkConfigurationInvalid(ReasonConfigurationInvalid, errBroken)
			assert.Equal(t, ReasonConfigurationInvalid, s.GetCondition(ContextConditionReady).Reason)
			s.MarkNoKubeconfig()
			assert.False(t, s.Ready)
		})
	}
}

func TestTheLastRunOfAFlow(t *testing.T) {
	t.Parallel()
	var s AgentFlowStatus
	s.InitializeConditions()
	s.MarkValid()
	s.MarkReferencesReady()
	assert.Equal(t, AgentFlowPhasePending, s.Phase)
	s.MarkLastRun(true)
	assert.Equal(t, AgentFlowPhaseSucceeded, s.Phase)
	s.MarkLastRun(false)
	assert.Equal(t, AgentFlowPhaseFailed, s.Phase)
	assert.True(t, s.Ready)
}
