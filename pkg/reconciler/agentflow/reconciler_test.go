// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package agentflow

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/apis"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
	rtesting "knative.dev/pkg/reconciler/testing"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	aofclient "aof.dev/operator/pkg/client/injection/client"
	flowreconciler "aof.dev/operator/pkg/client/injection/reconciler/aof/v1/agentflow"
	"aof.dev/operator/pkg/names"
	. "aof.dev/operator/pkg/reconciler/testing"
	"aof.dev/operator/pkg/reconciler/track"
)

const key = "ns/ops"

func construct(ctx context.Context, l *Listers) controller.Reconciler {
	return constructWith(track.New(func(types.NamespacedName) {}))(ctx, l)
}

func constructWith(tracker Tracker) Constructor {
	return func(ctx context.Context, l *Listers) controller.Reconciler {
		r := &Reconciler{Agents: l.Agents(), Fleets: l.AgentFleets(), ConfigMaps: l.ConfigMaps(), Tracker: tracker}
		return flowreconciler.NewReconciler(ctx, logging.FromContext(ctx), aofclient.Get(ctx), l.AgentFlows(), controller.GetEventRecorder(ctx), r)
	}
}

func aFlow(nodes ...aofv1.FlowNode) *aofv1.AgentFlow {
	f := &aofv1.AgentFlow{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "ops", Generation: 1},
		Spec:       aofv1.AgentFlowSpec{Trigger: aofv1.FlowTrigger{Type: "HTTP", Config: aofv1.JSONObject{}}, Nodes: nodes},
	}
	for _, n := range nodes {
		f.Spec.Connections = append(f.Spec.Connections, aofv1.FlowConnection{From: "trigger", To: n.ID})
	}
	f.SetDefaults(context.Background())
	return f
}

func agentNode(id, agent string) aofv1.FlowNode {
	return aofv1.FlowNode{ID: id, Type: "Agent", Config: aofv1.JSONObject{"agent": agent, "input": "${event.text}"}}
}

func fleetNode(id, fleet string) aofv1.FlowNode {
	return aofv1.FlowNode{ID: id, Type: "Fleet", Config: aofv1.JSONObject{"fleet": fleet, "input": "${event.text}"}}
}

func anAgent(name string, mark func(*aofv1.AgentStatus)) *aofv1.Agent {
	a := &aofv1.Agent{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, Generation: 1}}
	a.Status.ObservedGeneration = 1
	a.Status.InitializeConditions()
	mark(&a.Status)
	return a
}

func ready(s *aofv1.AgentStatus) {
	s.MarkValid()
	s.MarkCredentialsAvailable()
}

func broken(s *aofv1.AgentStatus) { _ = s.MarkValidFailed("Broken", assert.AnError) }
func pending(*aofv1.AgentStatus)  {}

func aFleet(ready bool) *aofv1.AgentFleet {
	f := &aofv1.AgentFleet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "crew", Generation: 1},
		Spec:       aofv1.AgentFleetSpec{Agents: []aofv1.FleetMember{{Name: "a", Spec: aofv1.JSONObject{"model": "mock:echo", "instructions": "Help."}}}},
	}
	f.Status.ObservedGeneration = 1
	f.Status.MarkValid()
	if ready {
		f.Status.MarkAgentsReady()
	} else {
		_ = f.Status.MarkAgentsReadyFailed("Broken", assert.AnError)
	}
	return f
}

func TestReconcileLeavesAlone(t *testing.T) {
	t.Parallel()
	rtesting.TableTest(CommonRows(aFlow(agentNode("a", "triage")))).Test(t, Factory(construct))
}

func TestReconcile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		objects           []runtime.Object
		valid, references string // the reasons; empty is true
		phase             aofv1.AgentFlowPhase
	}{
		"everything it names is ready": {
			objects: []runtime.Object{aFlow(agentNode("a", "triage"), fleetNode("b", "crew")), anAgent("triage", ready), aFleet(true)},
			phase:   aofv1.AgentFlowPhasePending,
		},
		"an agent does not exist": {
			objects: []runtime.Object{aFlow(agentNode("a", "triage"))}, references: aofv1.ReasonReferenceNotFound, phase: aofv1.AgentFlowPhaseFailed,
		},
		"a fleet does not exist": {
			objects: []runtime.Object{aFlow(fleetNode("b", "crew"))}, references: aofv1.ReasonReferenceNotFound, phase: aofv1.AgentFlowPhaseFailed,
		},
		"an agent is not ready": {
			objects: []runtime.Object{aFlow(agentNode("a", "triage")), anAgent("triage", broken)}, references: aofv1.ReasonReferenceNotReady, phase: aofv1.AgentFlowPhaseFailed,
		},
		"a fleet is not ready": {
			objects: []runtime.Object{aFlow(fleetNode("b", "crew")), aFleet(false)}, references: aofv1.ReasonReferenceNotReady, phase: aofv1.AgentFlowPhaseFailed,
		},
		"an agent is not looked at yet": {
			objects: []runtime.Object{aFlow(agentNode("a", "triage")), anAgent("triage", pending)}, references: aofv1.ReasonReferenceNotReady, phase: aofv1.AgentFlowPhasePending,
		},
		"the flow can't be compiled": {
			objects: []runtime.Object{aFlow(aofv1.FlowNode{ID: "a", Type: "Nonsense"})},
			valid:   aofv1.ReasonConfigurationInvalid, references: aofv1.ReasonConfigurationInvalid, phase: aofv1.AgentFlowPhaseFailed,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Settle(t, construct, rtesting.TableRow{Key: key, Objects: c.objects})
			require.NoError(t, s.Err)
			got := Get[*aofv1.AgentFlow](t, s, "ns", "ops")
			assert.Equal(t, c.phase, got.Status.Phase, "%v", got.Status.Conditions)
			assert.Equal(t, c.valid == "" && c.references == "", got.IsReady())
			assert.Equal(t, c.valid, reasonOf(got.Status.GetCondition(aofv1.AgentFlowConditionValid)))
			assert.Equal(t, c.references, reasonOf(got.Status.GetCondition(aofv1.AgentFlowConditionReferencesReady)))
			assert.Equal(t, []string{"update agentflows/status ns/ops"}, s.Writes, "one write, and none in the steady state")
		})
	}
}

func reasonOf(c *apis.Condition) string {
	if c.IsTrue() {
		return ""
	}
	return c.GetReason()
}

func TestRunsAreShown(t *testing.T) {
	t.Parallel()
	tally := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: names.Tally("agentflow", "ops")},
		Data:       map[string]string{names.KeyTally: `{"tally":{"executions":4,"last":{"time":"2026-03-01T12:00:00Z","successful":true}}}`},
	}
	s := Settle(t, construct, rtesting.TableRow{Key: key, Objects: []runtime.Object{aFlow(agentNode("a", "triage")), anAgent("triage", ready), tally}})
	got := Get[*aofv1.AgentFlow](t, s, "ns", "ops")
	assert.Equal(t, int64(4), got.Status.TotalExecutions)
	assert.Equal(t, aofv1.AgentFlowPhaseSucceeded, got.Status.Phase)

	tally.Data[names.KeyTally] = `{"tally":{"executions":5,"last":{"time":"2026-03-01T12:01:00Z","successful":false}}}`
	s = Settle(t, construct, rtesting.TableRow{Key: key, Objects: []runtime.Object{got, anAgent("triage", ready), tally}})
	got = Get[*aofv1.AgentFlow](t, s, "ns", "ops")
	assert.Equal(t, aofv1.AgentFlowPhaseFailed, got.Status.Phase)
	assert.True(t, got.IsReady(), "a run that failed does not make the flow unfit to run")
}

// tracked remembers what was looked for.
type tracked map[string]bool

func (m tracked) Track(observer types.NamespacedName, kind string, object types.NamespacedName) {
	m[observer.String()+" looks at "+kind+" "+object.String()] = true
}

func TestWhatIsLookedForIsTracked(t *testing.T) {
	t.Parallel()
	seen := tracked{}
	Settle(t, constructWith(seen), rtesting.TableRow{Key: key, Objects: []runtime.Object{aFlow(agentNode("a", "triage"), fleetNode("b", "crew"))}})
	for _, want := range []string{
		"ns/ops looks at Agent ns/triage", "ns/ops looks at Agent ns/triage-agent", "ns/ops looks at AgentFleet ns/crew",
		"ns/ops looks at ConfigMap ns/" + names.Tally("agentflow", "ops"),
	} {
		assert.Contains(t, seen, want)
	}
}
