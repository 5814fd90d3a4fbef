// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/kmeta"
)

var errBroken = errors.New("it is broken")

func TestTriggerLifecycle(t *testing.T) {
	t.Parallel()
	var s TriggerStatus
	s.InitializeConditions()
	assert.Equal(t, TriggerPhasePending, s.Phase)
	assert.False(t, s.Connected)
	s.MarkConfigurationValid()
	s.MarkConnecting("Dialing", "asking the platform")
	assert.Equal(t, TriggerPhasePending, s.Phase)
	s.MarkConnected()
	assert.Equal(t, TriggerPhaseActive, s.Phase)
	assert.True(t, s.Connected)
	assert.ErrorIs(t, s.MarkChannelsAccessibleFailed(ReasonBotNotInvited, errBroken), errBroken)
	assert.Equal(t, TriggerPhaseActive, s.Phase, "channels inform only")
	assert.Equal(t, apis.ConditionSeverityInfo, s.GetCondition(TriggerConditionChannelsAccessible).Severity)
	s.MarkChannelsAccessible()
	s.MarkDisabled()
	assert.Equal(t, TriggerPhaseDisconnected, s.Phase)
	assert.False(t, s.Connected)
	s.MarkConnected()
	assert.ErrorIs(t, s.MarkConfigurationInvalid(ReasonCredentialsMissing, errBroken), errBroken)
	assert.Equal(t, TriggerPhaseFailed, s.Phase)
	assert.Equal(t, ReasonCredentialsMissing, s.GetCondition(TriggerConditionReady).Reason)
	assert.NoError(t, s.MarkConnectedFailed(ReasonConnectionFailed, nil), "no error, no failure")
	assert.True(t, s.GetCondition(TriggerConditionConnected).IsTrue())
}

func TestContextLifecycle(t *testing.T) {
	t.Parallel()
	var c Context
	c.Status.InitializeConditions()
	assert.False(t, c.IsReady())
	c.Status.MarkConfigurationValid()
	c.Status.MarkNoKubeconfig()
	assert.True(t, c.Status.Ready)
	assert.True(t, c.IsReady())
	c.Generation = 2
	assert.False(t, c.IsReady(), "the status speaks of an older spec")
	assert.ErrorIs(t, c.Status.MarkKubeconfigFailed(ReasonKubeconfigInaccessible, errBroken), errBroken)
	assert.False(t, c.Status.Ready)
	c.Status.MarkKubeconfigValid()
	assert.True(t, c.Status.Ready)
	assert.ErrorIs(t, c.Status.MarkConfigurationInvalid(ReasonConfigurationInvalid, errBroken), errBroken)
	assert.False(t, c.Status.Ready)
}

func TestFlowBindingLifecycle(t *testing.T) {
	t.Parallel()
	var trigger Trigger
	var context Context
	var flow AgentFlow
	trigger.Name, context.Name, flow.Name = "slack", "prod", "ops"
	trigger.Status.MarkConfigurationValid()
	trigger.Status.MarkConnected()
	context.Status.MarkConfigurationValid()
	context.Status.MarkNoKubeconfig()
	flow.Status.MarkValid()
	flow.Status.MarkReferencesReady()

	var s FlowBindingStatus
	s.InitializeConditions()
	assert.Equal(t, FlowBindingPhasePending, s.Phase)
	s.PropagateTrigger(&trigger)
	s.PropagateContext(&context)
	s.PropagateFlow(&flow)
	s.MarkBinding("Compiling", "")
	assert.Equal(t, FlowBindingPhasePending, s.Phase)
	s.MarkBound()
	s.PropagateRunner(&apis.Condition{Status: "True"})
	s.MarkNotSubscribed(ReasonNotBound, "")
	assert.Equal(t, FlowBindingPhasePending, s.Phase, "nothing is sent to it yet")
	s.PropagateSubscription(&apis.Condition{Status: "True"})
	assert.Equal(t, FlowBindingPhaseBound, s.Phase)
	assert.True(t, s.Active)
	assert.ErrorIs(t, s.MarkRunnerFailed(ReasonRefused, errBroken), errBroken)
	assert.ErrorIs(t, s.MarkSubscribedFailed(ReasonNotOwned, errBroken), errBroken)
	assert.Equal(t, FlowBindingPhaseFailed, s.Phase)
	s.MarkInProcess()
	assert.Equal(t, FlowBindingPhaseBound, s.Phase)

	trigger.Status.MarkConnecting("Dialing", "")
	s.PropagateTrigger(&trigger)
	assert.Equal(t, FlowBindingPhasePending, s.Phase)
	assert.ErrorIs(t, flow.Status.MarkValidFailed(ReasonConfigurationInvalid, errBroken), errBroken)
	s.PropagateFlow(&flow)
	assert.Equal(t, FlowBindingPhaseFailed, s.Phase)
	assert.Contains(t, s.GetCondition(FlowBindingConditionFlowReady).Message, "flow ops is not ready: it is broken")
	assert.False(t, s.Active)

	s.MarkSuspended()
	assert.Equal(t, FlowBindingPhaseSuspended, s.Phase)
	assert.ErrorIs(t, s.MarkBoundFailed(ReasonReferenceNotFound, errBroken), errBroken)
	assert.Equal(t, FlowBindingPhaseFailed, s.Phase)
	assert.ErrorIs(t, s.MarkReferenceFailed(FlowBindingConditionContextReady, ReasonReferenceNotFound, errBroken), errBroken)
	assert.Equal(t, ReasonReferenceNotFound, s.GetCondition(FlowBindingConditionContextReady).Reason)
}

func TestAgentAndFleetLifecycle(t *testing.T) {
	t.Parallel()
	var a AgentStatus
	a.InitializeConditions()
	assert.Equal(t, AgentPhasePending, a.Phase)
	a.MarkValid()
	a.MarkCredentialsAvailableUnknown(ReasonNotYetKnown, "")
	assert.Equal(t, AgentPhasePending, a.Phase)
	a.MarkCredentialsAvailable()
	assert.Equal(t, AgentPhaseReady, a.Phase)
	assert.True(t, a.Ready)
	assert.ErrorIs(t, a.MarkCredentialsAvailableFailed(ReasonCredentialsMissing, errBroken), errBroken)
	assert.Equal(t, AgentPhaseFailed, a.Phase)

	var f AgentFleetStatus
	f.SetMembers([]FleetMemberStatus{{Name: "a", Replicas: 2}, {Name: "b", Replicas: 3}})
	assert.EqualValues(t, 5, f.TotalReplicas)
	f.MarkValid()
	f.MarkAgentsReady()
	assert.True(t, f.Ready)
	f.MarkAgentsReadyUnknown(ReasonNotYetKnown, "")
	assert.Equal(t, AgentPhasePending, f.Phase)
	assert.ErrorIs(t, f.MarkAgentsReadyFailed(ReasonReferenceNotFound, errBroken), errBroken)
	assert.Equal(t, AgentPhaseFailed, f.Phase)
}

func TestAgentFlowPhaseIsThatOfItsNewestRun(t *testing.T) {
	t.Parallel()
	var s AgentFlowStatus
	var run FlowRun
	s.MarkValid()
	s.MarkReferencesReady()
	assert.Equal(t, AgentFlowPhasePending, s.Phase)
	for _, step := range []struct {
		mark func()
		want AgentFlowPhase
	}{
		{func() { run.Status.MarkPending("") }, AgentFlowPhasePending},
		{func() { run.Status.MarkRunning("") }, AgentFlowPhaseRunning},
		{func() { run.Status.MarkWaiting("for approval") }, AgentFlowPhaseRunning},
		{func() { run.Status.MarkSucceeded() }, AgentFlowPhaseSucceeded},
		{func() { run.Status.MarkFailed(RunError{Message: "x"}) }, AgentFlowPhaseFailed},
	} {
		step.mark()
		s.PropagateRun(&run)
		assert.Equal(t, step.want, s.Phase)
		assert.True(t, s.Ready, "a flow that failed once can still run")
	}
	s.MarkReferencesReadyUnknown(ReasonNotYetKnown, "")
	assert.False(t, s.Ready)
	assert.ErrorIs(t, s.MarkReferencesReadyFailed(ReasonReferenceNotFound, errBroken), errBroken)
	assert.Equal(t, AgentFlowPhaseFailed, s.Phase)
}

func TestFlowRunPhases(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		mark   func(s *FlowRunStatus)
		phase  FlowRunPhase
		status corev1.ConditionStatus
		reason string
	}{
		{func(s *FlowRunStatus) { s.InitializeConditions() }, FlowRunPhasePending, corev1.ConditionUnknown, ""},
		{func(s *FlowRunStatus) { s.MarkPending("claimed") }, FlowRunPhasePending, corev1.ConditionUnknown, ReasonPending},
		{func(s *FlowRunStatus) { s.MarkRunning("") }, FlowRunPhaseRunning, corev1.ConditionUnknown, ReasonRunning},
		{func(s *FlowRunStatus) { s.MarkWaiting("") }, FlowRunPhaseWaiting, corev1.ConditionUnknown, ReasonWaiting},
		{func(s *FlowRunStatus) { s.MarkSucceeded() }, FlowRunPhaseSucceeded, corev1.ConditionTrue, ReasonSucceeded},
		{func(s *FlowRunStatus) { s.MarkFailed(RunError{Node: "n", Message: "m"}) }, FlowRunPhaseFailed, corev1.ConditionFalse, ReasonFailed},
		{func(s *FlowRunStatus) { s.MarkCancelled("by alice") }, FlowRunPhaseCancelled, corev1.ConditionFalse, ReasonCancelled},
	} {
		var run FlowRun
		tc.mark(&run.Status)
		assert.Equal(t, tc.phase, run.Status.Phase)
		assert.Equal(t, tc.phase.IsFinal(), run.IsDone())
		condition := run.Status.GetCondition(FlowRunConditionSucceeded)
		assert.Equal(t, tc.status, condition.Status)
		assert.Equal(t, tc.reason, condition.Reason)
	}
	var s FlowRunStatus
	s.MarkFailed(RunError{Node: "n", Reason: "Timeout", Message: strings.Repeat("é", 5000)})
	assert.Equal(t, "Timeout", s.Error.Reason)
	assert.Less(t, len(s.Error.Message), 1100)
	assert.True(t, strings.HasPrefix(s.GetCondition(FlowRunConditionSucceeded).Message, "node n: é"))
}

func TestEveryKindSaysWhatItIs(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds() {
		object := newObject(kind)
		assert.Equal(t, SchemeGroupVersion.WithKind(kind), object.(kmeta.OwnerRefable).GetGroupVersionKind())
		object.GetConditionSet().Manage(object.GetStatus()).InitializeConditions()
		assert.NotEmpty(t, object.GetStatus().Conditions, kind)
		assert.NotNil(t, object.(apis.HasSpec).GetUntypedSpec())
	}
	assert.Equal(t, "agents.aof.dev", Resource("agents").String())
	assert.Equal(t, "Agent.aof.dev", Kind("Agent").String())
}

func TestReadyMeansReadyForTheSpecAsItStands(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds() {
		object, ok := newObject(kind).(interface {
			object
			IsReady() bool
		})
		if !ok {
			assert.Equal(t, "FlowRun", kind, "a run is done, not ready")
			continue
		}
		assert.False(t, object.IsReady(), kind)
		object.GetStatus().Conditions = duckv1.Conditions{{Type: apis.ConditionReady, Status: corev1.ConditionTrue}}
		assert.True(t, object.IsReady(), kind)
		object.SetGeneration(2)
		assert.False(t, object.IsReady(), "%s: the status speaks of an older spec", kind)
	}
}
