// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/route"
	fakeslack "aof.dev/operator/test/fake/slack"
)

// asking puts a run that waits for an approval, under a message, into the cluster.
func (c *cluster) asking(message string) *aofv1.FlowRun {
	c.t.Helper()
	details := aofv1.JSONObject{"channel": channel, "ts": message, "digest": "d"}
	wait := aofv1.WaitStatus{Node: "ask", Kind: "Approval", Message: "may I?", Details: details}
	run := &aofv1.FlowRun{
		TypeMeta: metav1.TypeMeta{APIVersion: "aof.dev/v1", Kind: "FlowRun"}, ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "asks"},
		Spec: aofv1.FlowRunSpec{
			Flow: aofv1.ObjectReference{Name: "f"}, Trigger: &aofv1.ObjectReference{Namespace: "ops", Name: "chat"}, Event: runtime.RawExtension{Raw: []byte("{}")},
		},
	}
	run.Status.MarkWaiting("")
	run.Status.Nodes = []aofv1.NodeStatus{{ID: "ask", Phase: aofv1.NodePhaseWaiting, Wait: &wait}}
	run.Status.Waiting = []aofv1.WaitStatus{wait}
	c.api.Put(runs+"/asks", run)
	raw, err := route.EncodeQuestions(route.QuestionsOf(run))
	require.NoError(c.t, err)
	c.api.Put("/api/v1/namespaces/ops/configmaps/"+names.Questions("chat"), &corev1.ConfigMap{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, ObjectMeta: metav1.ObjectMeta{Namespace: "ops", Name: names.Questions("chat")},
		Data: map[string]string{names.KeyQuestions: string(raw)},
	})
	return run
}

// A reaction names a message only. The adapter lists no runs: which of them it may
// be for stands in one ConfigMap of the Trigger.
func TestAReactionDecides(t *testing.T) {
	t.Parallel()
	const question = "1700000001.000200"
	a := newCluster(t).start()
	react := func(to, reaction string) int {
		body := fakeslack.ReactionEvent(channel, user, to, reaction, "1700000002.000300")
		return a.do(fakeslack.SignedRequest(t.Context(), a.url+"/ops/chat", slackSecret, a.clock.Now(), body))
	}
	require.Equal(t, http.StatusOK, react(question, "x"), "before anybody has asked it is an event like others")
	a.asking(question)
	require.Equal(t, http.StatusOK, react("1700000001.999999", "x"), "another message")
	require.Equal(t, http.StatusOK, react(question, "eyes"), "it means nothing here")
	var run aofv1.FlowRun
	require.True(t, a.api.Get(runs+"/asks", &run))
	assert.Empty(t, run.Spec.Decisions)

	require.Equal(t, http.StatusOK, react(question, "white_check_mark"))
	require.NoError(t, a.end())
	require.True(t, a.api.Get(runs+"/asks", &run))
	require.Len(t, run.Spec.Decisions, 1)
	assert.Equal(t, "slack:"+user, run.Spec.Decisions[0].User)
	assert.True(t, run.Spec.Decisions[0].Approved)
	counted := a.counted("chat")
	assert.Equal(t, []int64{4, 1, 3}, []int64{counted.Received, counted.Processed, counted.Dropped})
}
