// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package agent

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
	agentreconciler "aof.dev/operator/pkg/client/injection/reconciler/aof/v1/agent"
	"aof.dev/operator/pkg/names"
	. "aof.dev/operator/pkg/reconciler/testing"
	"aof.dev/operator/pkg/reconciler/track"
)

const key = "ns/triage"

func construct(ctx context.Context, l *Listers) controller.Reconciler {
	r := &Reconciler{Secrets: l.Secrets(), ConfigMaps: l.ConfigMaps(), Tracker: track.New(func(types.NamespacedName) {})}
	return agentreconciler.NewReconciler(ctx, logging.FromContext(ctx), aofclient.Get(ctx), l.Agents(), controller.GetEventRecorder(ctx), r)
}

func anAgent(model string) *aofv1.Agent {
	return &aofv1.Agent{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "triage", Generation: 1},
		Spec:       aofv1.AgentSpec{Model: model, Instructions: "Sort alerts."},
	}
}

func aSecret(keys ...string) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: names.Credentials}, Data: map[string][]byte{}}
	for _, key := range keys {
		s.Data[key] = nil
	}
	return s
}

func TestReconcileLeavesAlone(t *testing.T) {
	t.Parallel()
	rtesting.TableTest(CommonRows(anAgent("mock:echo"))).Test(t, Factory(construct))
}

func TestReconcile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		agent   *aofv1.Agent
		secret  *corev1.Secret
		phase   aofv1.AgentPhase
		reason  string // of Ready
		noEvent bool
	}{
		"a model that needs no key":              {agent: anAgent("mock:echo"), phase: aofv1.AgentPhaseReady},
		"its key is there":                       {agent: anAgent("openai:gpt-4o"), secret: aSecret("OPENAI_API_KEY"), phase: aofv1.AgentPhaseReady},
		"its key is not there":                   {agent: anAgent("openai:gpt-4o"), secret: aSecret("OTHER"), phase: aofv1.AgentPhaseFailed, reason: aofv1.ReasonCredentialsMissing},
		"the namespace has no credentials":       {agent: anAgent("openai:gpt-4o"), phase: aofv1.AgentPhasePending, reason: aofv1.ReasonCredentialsMissing, noEvent: true},
		"nobody knows the provider":              {agent: anAgent("acme:one"), phase: aofv1.AgentPhaseFailed, reason: aofv1.ReasonConfigurationInvalid},
		"the spec is wrong":                      {agent: anAgent(""), phase: aofv1.AgentPhaseFailed, reason: aofv1.ReasonConfigurationInvalid},
		"the spec is wrong, and the key missing": {agent: func() *aofv1.Agent { a := anAgent("openai:x"); a.Spec.Instructions = ""; return a }(), secret: aSecret(), phase: aofv1.AgentPhaseFailed, reason: aofv1.ReasonConfigurationInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects := []runtime.Object{c.agent}
			if c.secret != nil {
				objects = append(objects, c.secret)
			}
			s := Settle(t, construct, rtesting.TableRow{Key: key, Objects: objects})
			require.NoError(t, s.Err)
			got := Get[*aofv1.Agent](t, s, "ns", "triage")
			assert.Equal(t, c.phase, got.Status.Phase, "%v", got.Status.Conditions)
			assert.Equal(t, c.phase == aofv1.AgentPhaseReady, got.IsReady())
			assert.Equal(t, c.reason, got.Status.GetCondition(aofv1.AgentConditionReady).Reason)
			assert.Equal(t, []string{"update agents/status ns/triage"}, s.Writes, "one write, and none in the steady state")
			assert.Equal(t, c.noEvent, len(s.Events) == 0, "%v", s.Events)
		})
	}
}

func TestRunsAreShown(t *testing.T) {
	t.Parallel()
	tally := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: names.Tally("agent", "triage")},
		Data:       map[string]string{names.KeyTally: `{"tally":{"executions":4,"last":{"time":"2026-03-01T12:00:00Z","successful":true}}}`},
	}
	s := Settle(t, construct, rtesting.TableRow{Key: key, Objects: []runtime.Object{anAgent("mock:echo"), tally}})
	require.NoError(t, s.Err)
	got := Get[*aofv1.Agent](t, s, "ns", "triage")
	assert.Equal(t, int64(4), got.Status.TotalRuns)
	assert.Equal(t, 2026, got.Status.LastRun.Year())

	tally.Data[names.KeyTally] = "{"
	s = Settle(t, construct, rtesting.TableRow{Key: key, Objects: []runtime.Object{got, tally}})
	assert.ErrorContains(t, s.Err, names.KeyTally)
	assert.Equal(t, int64(4), Get[*aofv1.Agent](t, s, "ns", "triage").Status.TotalRuns, "what can't be read changes nothing")
}
