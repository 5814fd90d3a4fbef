// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
	. "aof.dev/operator/pkg/reconciler/testing"
	"aof.dev/operator/pkg/route"
)

func asking(trigger string) *aofv1.FlowRun {
	run := &aofv1.FlowRun{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "asks-" + trigger}}
	run.Spec.Trigger = &aofv1.ObjectReference{Namespace: ns, Name: trigger}
	run.Status.Waiting = []aofv1.WaitStatus{{Kind: "Approval", Details: aofv1.JSONObject{"channel": "C1", "ts": "1.2"}}}
	return run
}

func TestQuestionsOfATriggersRunsAreWrittenDown(t *testing.T) {
	t.Parallel()
	s := settle(t, world(aTrigger(aofv1.TriggerSlack, aofv1.JSONObject{"signing_secret": "s"}))...)
	_, there := Find[*corev1.ConfigMap](s, ns, names.Questions("alerts"))
	assert.False(t, there, "nobody asks, nothing is written")

	s = settle(t, append(s.Objects, asking("alerts"), asking("another"))...)
	list := func() []route.Question {
		questions, err := route.DecodeQuestions(Get[*corev1.ConfigMap](t, s, ns, names.Questions("alerts")).Data[names.KeyQuestions])
		require.NoError(t, err)
		return questions
	}
	assert.Equal(t, []route.Question{{Channel: "C1", Message: "1.2", Namespace: "team", Run: "asks-alerts"}}, list())
	Get[*aofv1.FlowRun](t, s, "team", "asks-alerts").Status.Waiting = nil
	s = settle(t, s.Objects...)
	assert.Empty(t, list())
}

func TestATriggerWakesWhenARunBeginsOrCeasesToAsk(t *testing.T) {
	t.Parallel()
	var woken []types.NamespacedName
	h := runHandler(func(key types.NamespacedName) { woken = append(woken, key) })
	asks := asking("alerts")
	quiet := asks.DeepCopy()
	quiet.Status.Waiting = nil
	h.OnAdd(quiet, false)
	h.OnUpdate(quiet, quiet)
	h.OnUpdate(asks, asks)
	h.OnDelete(quiet)
	assert.Empty(t, woken)
	h.OnAdd(asks, false)
	h.OnUpdate(quiet, asks)
	h.OnUpdate(asks, quiet)
	h.OnDelete(asks)
	assert.Equal(t, []types.NamespacedName{alerts(), alerts(), alerts(), alerts()}, woken)
}

func alerts() types.NamespacedName { return types.NamespacedName{Namespace: ns, Name: "alerts"} }
