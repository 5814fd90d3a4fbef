// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package agentfleet

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
	rtesting "knative.dev/pkg/reconciler/testing"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	aofclient "aof.dev/operator/pkg/client/injection/client"
	fleetreconciler "aof.dev/operator/pkg/client/injection/reconciler/aof/v1/agentfleet"
	"aof.dev/operator/pkg/names"
	. "aof.dev/operator/pkg/reconciler/testing"
	"aof.dev/operator/pkg/reconciler/track"
)

const key = "ns/crew"

func construct(ctx context.Context, l *Listers) controller.Reconciler {
	r := &Reconciler{Agents: l.Agents(), Secrets: l.Secrets(), Tracker: track.New(func(types.NamespacedName) {})}
	return fleetreconciler.NewReconciler(ctx, logging.FromContext(ctx), aofclient.Get(ctx), l.AgentFleets(), controller.GetEventRecorder(ctx), r)
}

func aFleet(members ...aofv1.FleetMember) *aofv1.AgentFleet {
	f := &aofv1.AgentFleet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "crew", Generation: 1},
		Spec:       aofv1.AgentFleetSpec{Agents: members},
	}
	f.SetDefaults(context.Background())
	return f
}

func refer(name, namespace string) aofv1.FleetMember {
	return aofv1.FleetMember{Name: name, Ref: &aofv1.ObjectReference{Name: name, Namespace: namespace}}
}

func describe(name, model string) aofv1.FleetMember {
	return aofv1.FleetMember{Name: name, Spec: aofv1.JSONObject{"model": model, "instructions": "Help."}}
}

func anAgent(namespace, name string, mark func(*aofv1.AgentStatus)) *aofv1.Agent {
	a := &aofv1.Agent{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Generation: 1}}
	a.Status.ObservedGeneration = 1
	a.Status.InitializeConditions()
	mark(&a.Status)
	return a
}

func ready(s *aofv1.AgentStatus) {
	s.MarkValid()
	s.MarkCredentialsAvailable()
}

func broken(s *aofv1.AgentStatus) {
	ready(s)
	_ = s.MarkValidFailed("Broken", assert.AnError)
}

func pending(*aofv1.AgentStatus) {}

func TestReconcileLeavesAlone(t *testing.T) {
	t.Parallel()
	rtesting.TableTest(CommonRows(aFleet(describe("a", "mock:echo")))).Test(t, Factory(construct))
}

func TestReconcile(t *testing.T) {
	t.Parallel()
	noKey := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: names.Credentials}}
	for name, c := range map[string]struct {
		objects []runtime.Object
		reason  string // of AgentsReady
		phase   aofv1.AgentPhase
		members []bool
	}{
		"every member is ready": {
			objects: []runtime.Object{aFleet(refer("a", ""), describe("b", "mock:echo")), anAgent("ns", "a", ready)},
			phase:   aofv1.AgentPhaseReady, members: []bool{true, true},
		},
		"an Agent has -agent behind its name": {
			objects: []runtime.Object{aFleet(refer("a", "")), anAgent("ns", "a-agent", ready)}, phase: aofv1.AgentPhaseReady, members: []bool{true},
		},
		"an Agent stands elsewhere": {
			objects: []runtime.Object{aFleet(refer("a", "shared")), anAgent("shared", "a", ready)}, phase: aofv1.AgentPhaseReady, members: []bool{true},
		},
		"an Agent does not exist": {
			objects: []runtime.Object{aFleet(refer("a", ""), describe("b", "mock:echo"))},
			reason:  aofv1.ReasonReferenceNotFound, phase: aofv1.AgentPhaseFailed, members: []bool{false, true},
		},
		"an Agent is not ready": {
			objects: []runtime.Object{aFleet(refer("a", "")), anAgent("ns", "a", broken)}, reason: aofv1.ReasonReferenceNotReady, phase: aofv1.AgentPhaseFailed, members: []bool{false},
		},
		"an Agent is not looked at yet": {
			objects: []runtime.Object{aFleet(refer("a", "")), anAgent("ns", "a", pending)}, reason: aofv1.ReasonReferenceNotReady, phase: aofv1.AgentPhasePending, members: []bool{false},
		},
		"what is broken comes before what is not known": {
			objects: []runtime.Object{aFleet(refer("a", ""), refer("b", "")), anAgent("ns", "a", pending), anAgent("ns", "b", broken)},
			reason:  aofv1.ReasonReferenceNotReady, phase: aofv1.AgentPhaseFailed, members: []bool{false, false},
		},
		"a member lacks its key": {
			objects: []runtime.Object{aFleet(describe("a", "openai:gpt-4o")), noKey}, reason: aofv1.ReasonCredentialsMissing, phase: aofv1.AgentPhaseFailed, members: []bool{false},
		},
		"a member may get its key elsewhere": {
			objects: []runtime.Object{aFleet(describe("a", "openai:gpt-4o"))}, reason: aofv1.ReasonCredentialsMissing, phase: aofv1.AgentPhasePending, members: []bool{false},
		},
		"a member's provider is unknown": {
			objects: []runtime.Object{aFleet(describe("a", "acme:one"))}, reason: aofv1.ReasonConfigurationInvalid, phase: aofv1.AgentPhaseFailed, members: []bool{false},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Settle(t, construct, rtesting.TableRow{Key: key, Objects: c.objects})
			require.NoError(t, s.Err)
			got := Get[*aofv1.AgentFleet](t, s, "ns", "crew")
			assert.Equal(t, c.phase, got.Status.Phase, "%v", got.Status.Conditions)
			assert.Equal(t, c.reason, got.Status.GetCondition(aofv1.AgentFleetConditionAgentsReady).Reason)
			var members []bool
			for _, m := range got.Status.AgentStatus {
				members = append(members, m.Ready)
			}
			assert.Equal(t, c.members, members)
			assert.Equal(t, int64(len(c.members)), got.Status.TotalReplicas)
			assert.Equal(t, []string{"update agentfleets/status ns/crew"}, s.Writes, "one write, and none in the steady state")
		})
	}
}

func TestAnInvalidFleetSaysSo(t *testing.T) {
	t.Parallel()
	s := Settle(t, construct, rtesting.TableRow{Key: key, Objects: []runtime.Object{aFleet()}})
	got := Get[*aofv1.AgentFleet](t, s, "ns", "crew")
	assert.Equal(t, aofv1.AgentPhaseFailed, got.Status.Phase)
	assert.Equal(t, aofv1.ReasonConfigurationInvalid, got.Status.GetCondition(aofv1.AgentFleetConditionReady).Reason)
	require.Len(t, s.Events, 1)
	assert.Contains(t, s.Events[0], "Warning ConfigurationInvalid")
}
