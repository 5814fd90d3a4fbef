// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package delivery_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
)

var deadLetters = "/dead-letters/web?plan=web-1"

func TestADeadLetterIsAFailedRun(t *testing.T) {
	t.Parallel()
	s := setScene(t)
	answer := s.post(t, deadLetters, event(t, "1", "disk", "knativeerrorcode", "503"))
	assert.Equal(t, http.StatusOK, answer.Code)
	assert.Empty(t, answer.Body.String())
	runs := s.stored(t)
	require.Len(t, runs, 1)
	assert.Equal(t, aofv1.FlowRunPhaseFailed, runs[0].Status.Phase)
	assert.Equal(t, "DeadLettered", runs[0].Status.Error.Reason)
	assert.Contains(t, runs[0].Status.Error.Message, "503")
	assert.NotNil(t, runs[0].Status.CompletionTime)
	assert.Empty(t, s.runs.carried)

	s.post(t, path, event(t, "1", "disk"))
	assert.Len(t, s.stored(t), 1, "a late delivery finds the event claimed")
}

func TestADeadLetterLeavesARunAlone(t *testing.T) {
	t.Parallel()
	s := setScene(t)
	s.post(t, path, event(t, "1", "disk"))
	assert.Equal(t, http.StatusOK, s.post(t, deadLetters, event(t, "1", "disk")).Code)
	runs := s.stored(t)
	require.Len(t, runs, 1)
	assert.Empty(t, runs[0].Status.Error)
}

func TestWhatAnErrorCodeSaysIsChecked(t *testing.T) {
	t.Parallel()
	s := setScene(t)
	s.post(t, deadLetters, event(t, "1", "disk", "knativeerrorcode", "<b>"))
	assert.Equal(t, "the broker gave the event up", s.stored(t)[0].Status.Error.Message)
}

func TestADeadLetterIsTakenUnlessTheLedgerIsAway(t *testing.T) {
	t.Parallel()
	s := setScene(t)
	assert.Equal(t, http.StatusOK, s.post(t, deadLetters, event(t, "1", "all is well")).Code, "no match")
	assert.Equal(t, http.StatusOK, s.post(t, "/dead-letters/web?plan=gone", event(t, "1", "disk")).Code, "plan gone")
	assert.Equal(t, http.StatusOK, s.post(t, deadLetters, resume(t, "web-1")).Code, "resume")
	assert.Empty(t, s.stored(t))
	s.store.err = errDown
	assert.Equal(t, http.StatusServiceUnavailable, s.post(t, deadLetters, event(t, "1", "disk")).Code)
}
