// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package local_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	fakeslack "aof.dev/operator/test/fake/slack"
)

const asking = `
apiVersion: aof.dev/v1
kind: Trigger
metadata: {name: web, namespace: ops}
spec: {type: HTTP, config: {secret: s}}
---
apiVersion: aof.dev/v1
kind: Context
metadata: {name: prod, namespace: ops}
spec:
  namespace: prod
  approval: {required: false, allowed_users: [alice, bob], timeout_seconds: 3600}
---
apiVersion: aof.dev/v1
kind: AgentFlow
metadata: {name: ask, namespace: ops}
spec:
  trigger: {type: HTTP}
  nodes:
    - {id: ask, type: Approval, config: {message: "Restart ${event.text}?"}}
    - {id: end, type: End, config: {output: "${ask.status} by ${ask.decided_by}"}}
  connections:
    - {from: ask, to: end, when: status != 'none'}
---
apiVersion: aof.dev/v1
kind: FlowBinding
metadata: {name: web-ask, namespace: ops}
spec:
  trigger: web
  context: prod
  flow: ask
`

// asked is a server with one run that waits for an approval.
func asked(t *testing.T) (*world, aofv1.FlowRun) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "all.yaml"), []byte(asking), 0o600))
	w := serve(t, settings([]string{dir}, map[string]string{"USER": "alice"}), t.TempDir())
	code, body := w.do(http.MethodPost, "/events/ops", cloudEvents, structured(t, "one", "api"))
	require.Equal(t, http.StatusAccepted, code, body)
	run := w.waitRuns(1)[0]
	require.Equal(t, aofv1.FlowRunPhaseWaiting, run.Status.Phase, "%+v", run.Status)
	return w, run
}

// patch changes a run's spec as a user; by the version given, or any.
func (w *world) patch(run *aofv1.FlowRun, user, version string, spec map[string]any) (int, string) {
	w.t.Helper()
	patch := map[string]any{"spec": spec}
	if version != "" {
		patch["metadata"] = map[string]any{"resourceVersion": version}
	}
	raw, err := json.Marshal(patch)
	require.NoError(w.t, err)
	header := mergePatch.Clone()
	if user != "" {
		header.Set("Impersonate-User", user)
	}
	return w.do(http.MethodPatch, "/apis/aof.dev/v1/namespaces/"+run.Namespace+"/flowruns/"+run.Name, header, raw)
}

func (w *world) decide(run *aofv1.FlowRun, user string, approved bool, digest any) (int, string) {
	w.t.Helper()
	return w.patch(run, user, "", map[string]any{"decisions": []any{map[string]any{
		"node": "ask", "digest": digest, "approved": approved, "user": "somebody else",
	}}})
}

// over waits until a run is over.
func (w *world) over(name string) aofv1.FlowRun {
	w.t.Helper()
	var run aofv1.FlowRun
	require.Eventually(w.t, func() bool {
		w.object("namespaces/ops/flowruns/"+name, &run)
		return run.IsDone()
	}, patience, 10*time.Millisecond)
	return run
}

func TestRunsAreDecidedByTheAPI(t *testing.T) {
	t.Parallel()
	w, run := asked(t)
	digest := run.Status.Waiting[0].Details["digest"]
	for name, try := range map[string]struct {
		user   string
		digest any
		code   int
		says   string
	}{
		"a foreigner":        {"mallory", digest, http.StatusForbidden, "not among those"},
		"who asked for it":   {"cloudevent:alice", digest, http.StatusForbidden, "asked for this yourself"},
		"about another text": {"bob", "other", http.StatusBadRequest, "not asked any more"},
	} {
		code, body := w.decide(&run, try.user, true, try.digest)
		assert.Equal(t, try.code, code, "%s: %s", name, body)
		assert.Contains(t, body, try.says, name)
	}
	code, _ := w.patch(&run, "bob", "1", map[string]any{"decisions": []any{map[string]any{"node": "ask", "digest": digest, "approved": true}}})
	assert.Equal(t, http.StatusConflict, code, "of a version that is gone")

	code, body := w.decide(&run, "bob", true, digest)
	require.Equal(t, http.StatusOK, code, body)
	done := w.over(run.Name)
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, done.Status.Phase)
	assert.Equal(t, "approved by bob", done.Status.Result.Text)
	require.Len(t, done.Spec.Decisions, 1)
	assert.Equal(t, "bob", done.Spec.Decisions[0].User, "who asks is stamped")

	code, body = w.patch(&run, "alice", "", map[string]any{"decisions": []any{map[string]any{}, map[string]any{"node": "ask", "digest": digest}}})
	assert.Equal(t, http.StatusBadRequest, code)
	assert.Contains(t, body, "decided or had timed out before")
	code, _ = w.patch(&run, "alice", "", map[string]any{"cancel": map[string]any{}})
	assert.Equal(t, http.StatusBadRequest, code, "it is over")
}

func TestRunsAreCancelledAndRetriedByTheAPI(t *testing.T) {
	t.Parallel()
	w, run := asked(t)
	code, body := w.patch(&run, "", "", map[string]any{"cancel": map[string]any{"user": "mallory", "reason": "wrong one"}})
	require.Equal(t, http.StatusOK, code, body)
	done := w.over(run.Name)
	assert.Equal(t, aofv1.FlowRunPhaseCancelled, done.Status.Phase)
	assert.Equal(t, &aofv1.RunCancel{User: "alice", Reason: "wrong one"}, done.Spec.Cancel, "the user of the process, not who it says")

	again := aofv1.FlowRun{Spec: run.Spec}
	again.Name = "again"
	raw, err := json.Marshal(again)
	require.NoError(t, err)
	path := "/apis/aof.dev/v1/namespaces/ops/flowruns"
	code, body = w.do(http.MethodPost, path, http.Header{"Content-Type": {"application/json"}}, raw)
	require.Equal(t, http.StatusCreated, code, body)
	code, _ = w.do(http.MethodPost, path, http.Header{"Content-Type": {"application/json"}}, raw)
	assert.Equal(t, http.StatusConflict, code)
	require.Eventually(t, func() bool {
		var made aofv1.FlowRun
		w.object("namespaces/ops/flowruns/again", &made)
		return made.Status.Phase == aofv1.FlowRunPhaseWaiting
	}, patience, 10*time.Millisecond)
	again.Spec.Plan = "gone"
	again.Name = "lost"
	raw, err = json.Marshal(again)
	require.NoError(t, err)
	code, body = w.do(http.MethodPost, path, http.Header{"Content-Type": {"application/json"}}, raw)
	assert.Equal(t, http.StatusBadRequest, code)
	assert.Contains(t, body, "no such plan")
}

// press is a button of the bot's message that somebody presses.
func press(t *testing.T, m fakeslack.Message, user, action string) []byte {
	t.Helper()
	value := ""
	for _, b := range m.Blocks {
		raw, err := json.Marshal(b)
		require.NoError(t, err)
		var block struct {
			Elements []struct {
				ID    string `json:"action_id"`
				Value string `json:"value"`
			} `json:"elements"`
		}
		require.NoError(t, json.Unmarshal(raw, &block))
		for _, e := range block.Elements {
			if e.ID == action {
				value = e.Value
			}
		}
	}
	require.NotEmpty(t, value, "the message has no button %s", action)
	payload, err := json.Marshal(map[string]any{
		"type": "block_actions", "team": map[string]any{"id": fakeslack.Team}, "user": map[string]any{"id": user, "username": "u"},
		"channel": map[string]any{"id": m.Channel}, "message": map[string]any{"ts": m.TS, "thread_ts": m.Thread},
		"actions": []any{map[string]any{"action_id": action, "value": value}},
	})
	require.NoError(t, err)
	return []byte(url.Values{"payload": {string(payload)}}.Encode())
}

func (b slackbot) press(now time.Time, body []byte) int {
	b.t.Helper()
	header := fakeslack.Header(secret, now, body)
	header.Set("Content-Type", "application/x-www-form-urlencoded")
	code, _ := b.do(http.MethodPost, b.path, header, body)
	return code
}

// askInSlack has somebody ask for something that needs approval, and gives the
// question as it stands in Slack.
func askInSlack(t *testing.T, user string) (slackbot, fakeslack.Message) {
	t.Helper()
	example, err := filepath.Abs("../../examples/slack-k8s")
	require.NoError(t, err)
	b := startSlackbot(t, example, "/ops/slack")
	require.Equal(t, http.StatusOK, b.send(secret, time.Now(), fakeslack.MessageEvent("C0PROD0001", user, "1700000009.000100", "scale the web deployment to 3")))
	require.Equal(t, aofv1.FlowRunPhaseWaiting, b.waitRuns(1)[0].Status.Phase)
	messages := b.slack.Messages()
	require.Len(t, messages, 1)
	assert.Equal(t, "1700000009.000100", messages[0].Thread)
	return b, messages[0]
}

func TestApprovedInSlack(t *testing.T) {
	t.Parallel()
	const asks, decides, foreign = "U012PLATFORM2", "U012PLATFORM1", "U0MALLORY01"
	for _, how := range []string{"button", "reaction"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			b, question := askInSlack(t, asks)
			now := time.Now()
			answer := func(user string, n int) int {
				if how == "button" {
					return b.press(now, press(t, question, user, "aof_approve"))
				}
				return b.send(secret, now, fakeslack.ReactionEvent(question.Channel, user, question.TS, "white_check_mark", fmt.Sprintf("170000010%d.000100", n)))
			}
			for i, user := range []string{foreign, asks} {
				require.Equal(t, http.StatusOK, answer(user, i))
			}
			messages, err := b.slack.WaitMessages(t.Context(), 3)
			require.NoError(t, err)
			assert.Contains(t, messages[1].Text, "not among those who may decide")
			assert.Contains(t, messages[2].Text, "not among those who may decide")
			assert.Equal(t, aofv1.FlowRunPhaseWaiting, b.runs()[0].Status.Phase)

			require.Equal(t, http.StatusOK, answer(decides, 2))
			run := b.over(b.runs()[0].Name)
			assert.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase, "%+v", run.Status.Error)
			require.Len(t, run.Spec.Decisions, 1)
			assert.Equal(t, "slack:"+decides, run.Spec.Decisions[0].User)
			settled := b.slack.Messages()[0]
			shown, err := json.Marshal(settled.Blocks)
			require.NoError(t, err)
			assert.Equal(t, 1, settled.Edits)
			assert.Equal(t, "<@"+decides+"> has approved this.", settled.Text)
			assert.Contains(t, string(shown), "kubectl scale", "what was asked")
			assert.NotContains(t, string(shown), "aof_approve", "nobody can press any more")
			require.Equal(t, http.StatusOK, answer(decides, 3), "once more, too late")
			assert.Len(t, b.over(run.Name).Spec.Decisions, 1)
			assert.Len(t, b.runs(), 1, "an answer is no event of its own")
		})
	}
}
