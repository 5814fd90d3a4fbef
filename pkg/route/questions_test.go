// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/route"
)

func TestQuestionsOf(t *testing.T) {
	t.Parallel()
	run := &aofv1.FlowRun{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "r"}}
	run.Status.Waiting = []aofv1.WaitStatus{
		{Node: "asked", Kind: "Approval", Details: aofv1.JSONObject{"channel": "C1", "thread": "1.0", "ts": "1.2"}},
		{Node: "nobody was told", Kind: "Approval", Details: aofv1.JSONObject{"channel": "C1", "thread": "1.0", "notified": false}},
		{Node: "reaction", Kind: "Reaction", Details: aofv1.JSONObject{"channel": "C2", "thread": "2.0"}},
		{Node: "timer", Kind: "Timer"},
	}
	asked := []route.Question{{Channel: "C1", Message: "1.2", Namespace: "team", Run: "r"}, {Channel: "C2", Message: "2.0", Namespace: "team", Run: "r"}}
	assert.Equal(t, asked, route.QuestionsOf(run))
	run.Status.MarkCancelled("")
	assert.Empty(t, route.QuestionsOf(run), "whoever is over asks nothing")
}

func TestQuestionsAreStoredInOneOrderAndBounded(t *testing.T) {
	t.Parallel()
	var many []route.Question
	for i := range 3000 {
		many = append(many, route.Question{Channel: "C", Message: fmt.Sprintf("%04d.1", i), Namespace: "n", Run: "r"})
	}
	raw, err := route.EncodeQuestions(many)
	require.NoError(t, err)
	back, err := route.DecodeQuestions(string(raw))
	require.NoError(t, err)
	assert.Len(t, back, 2000)
	assert.Equal(t, "2999.1", back[0].Message, "the newest first")
	for i, j := 0, len(many)-1; i < j; i, j = i+1, j-1 {
		many[i], many[j] = many[j], many[i]
	}
	again, err := route.EncodeQuestions(many)
	require.NoError(t, err)
	assert.Equal(t, string(raw), string(again))
	none, err := route.DecodeQuestions("")
	require.NoError(t, err)
	assert.Empty(t, none)
	_, err = route.DecodeQuestions("{")
	require.Error(t, err)
}
