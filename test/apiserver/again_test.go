// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/cli"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/test/screen"
)

// retry runs aof retry as an administrator.
func (tn *tenant) retry(t *testing.T, args ...string) (code int, said string) {
	t.Helper()
	var out screen.Screen
	env := &cli.Env{
		In: strings.NewReader(""), Out: &out, Err: &out, Clock: clock.RealClock{}, Program: "kubectl-aof",
		Getenv: func(string) string { return "" },
	}
	code = cli.Main(t.Context(), env, append(append([]string{"retry"}, args...), "--kubeconfig", tn.server.Kubeconfig, "-n", tn.namespace))
	return code, out.String()
}

// retried has the run that retries another carried on, as the controller has it.
func (tn *tenant) retried(t *testing.T, h http.Handler, of string) *aofv1.FlowRun {
	t.Helper()
	runs := tn.server.AOF(t).AofV1().FlowRuns(tn.namespace)
	list, err := runs.List(t.Context(), metav1.ListOptions{LabelSelector: names.LabelRetryOf + "=" + of})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
	e := tn.event(t, "resume-"+list.Items[0].Name)
	e.SetType(names.TypeResume)
	e.SetExtension(names.ExtensionRun, list.Items[0].Name)
	tn.deliver(t, h, e)
	run, err := runs.Get(t.Context(), list.Items[0].Name, metav1.GetOptions{})
	require.NoError(t, err)
	return run
}

// An event that a broker gave up is a failed run, which runs after all when
// somebody retries it; and what that did is taken over from it in turn.
func TestADeadLetterIsRunAfterAll(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	aof := tn.server.AOF(t).AofV1()
	_, err := aof.FlowBindings(tn.namespace).Create(t.Context(), &aofv1.FlowBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec:       aofv1.FlowBindingSpec{Trigger: aofv1.ObjectReference{Name: "intake"}, Context: aofv1.ObjectReference{Name: "c"}, Flow: aofv1.ObjectReference{Name: "f"}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	h := tn.runner(t)
	e := tn.event(t, "1")
	e.SetExtension("knativeerrorcode", "503")
	body, err := json.Marshal(e)
	require.NoError(t, err)
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, names.DeadLetterPath("web", tn.planName), bytes.NewReader(body))
	request.Header.Set("Content-Type", cloudevents.ApplicationCloudEventsJSON)
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, request)
	require.Equal(t, http.StatusOK, answer.Code, answer.Body.String())
	dead := tn.onlyRun(t)
	require.Equal(t, aofv1.FlowRunPhaseFailed, dead.Status.Phase)
	assert.Equal(t, "DeadLettered", dead.Status.Error.Reason)
	assert.Contains(t, dead.Status.Error.Message, "status 503")

	code, said := tn.retry(t, dead.Name, "--from", "ask")
	assert.Equal(t, cli.ExitFailed, code)
	assert.Contains(t, said, "it came to none")
	code, said = tn.retry(t, dead.Name)
	require.Equal(t, cli.ExitOK, code, said)
	run := tn.retried(t, h, dead.Name)
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase, run.Status.Error)
	assert.Contains(t, string(run.Status.Nodes[0].Output.Raw), "echo: the disk is full")
}
