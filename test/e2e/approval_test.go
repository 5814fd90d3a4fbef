// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
)

const slackTrigger = `apiVersion: aof.dev/v1
kind: Trigger
metadata: {name: slack}
spec:
  type: Slack
  config: {bot_token: "${SLACK_BOT_TOKEN}", signing_secret: "${SLACK_SIGNING_SECRET}"}`

const approvalFlow = `apiVersion: aof.dev/v1
kind: Context
metadata: {name: demo}
spec: {namespace: default, approval: {allowed_users: [UAPPROVER, UOTHER]}}
---
apiVersion: aof.dev/v1
kind: AgentFlow
metadata: {name: answer}
spec:
  trigger: {type: Slack, config: {}}
  nodes:
  - {id: ask, type: Approval, config: {message: "May I ${event.text}?", timeout_seconds: 3600}}
  - {id: reply, type: Response, config: {message: "done: ${event.text}"}}
  connections: [{from: trigger, to: ask}, {from: ask, to: reply}]
---
apiVersion: aof.dev/v1
kind: FlowBinding
metadata: {name: local}
spec: {trigger: {name: slack}, context: {name: demo}, flow: {name: answer}}`

// approval is a run that waits for a person from the beginning of the suite on, in a namespace of its own.
type approval struct {
	slack    slack
	endpoint string
	question slackMessage
	// emptied is closed when its namespace had no pod any more, or that could not
	// be found out; since is when that was, sightings are the pods that were seen
	// there since then.
	emptied   chan struct{}
	err       error
	since     time.Time
	sightings *sightings
}

// sightings collects pods that appear in a namespace.
type sightings struct {
	mu   sync.Mutex
	pods []string
	stop func()
}

func (s *sightings) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.pods)
}

// watchPods sees every pod that appears from now on, however short it lives and even if the API server is away for a
// while: it watches, and does not look now and then.
func (c *cluster) watchPods(ctx context.Context, namespace string) (*sightings, error) {
	now, err := c.kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	watcher, err := watchtools.NewRetryWatcherWithContext(ctx, now.ResourceVersion, &cache.ListWatch{
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return c.kube.CoreV1().Pods(namespace).Watch(ctx, o)
		},
	})
	if err != nil {
		return nil, err
	}
	s := &sightings{stop: watcher.Stop}
	for i := range now.Items {
		s.see(watch.Added, &now.Items[i])
	}
	go func() {
		for e := range watcher.ResultChan() {
			s.see(e.Type, e.Object)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.pods = append(s.pods, "(the watch has ended)")
	}()
	return s, nil
}

func (s *sightings) see(event watch.EventType, o runtime.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch pod, ok := o.(*corev1.Pod); {
	case !ok:
		s.pods = append(s.pods, "(the watch says "+string(event)+")")
	case event == watch.Added:
		s.pods = append(s.pods, pod.Namespace+"/"+pod.Name)
	}
}

var (
	askOnce sync.Once
	asked   *approval
)

// TestApprovalIsAsked is the first of the suite: it has somebody ask for something in Slack, and the run wait until
// the end of the suite, whatever else happens to the operator. See approvalAfterTenMinutes.
func TestApprovalIsAsked(t *testing.T) { askForApproval(t) }

// askForApproval has the run wait, once for the suite.
func askForApproval(t *testing.T) *approval {
	t.Helper()
	askOnce.Do(func() {
		e := newLastingEnv(t)
		a := &approval{slack: e.startSlack(), emptied: make(chan struct{})}
		t.Cleanup(func() {
			if asked == nil {
				e.remove()
			}
		})
		e.apply(slackTrigger + "\n---\n" + approvalFlow)
		e.untilReady(aofTriggers, "slack")
		e.untilReady(flowBindings, "local")
		a.endpoint = field(e.object(aofTriggers, "slack"), "status", "webhookEndpoint")
		require.NotEmpty(t, a.endpoint)
		e.until("Slack's event is taken", func(context.Context) (bool, error) {
			return a.slack.does("say", a.endpoint, "user", "UASKS", "ts", "1700000000.000100", "text", "drop the table") == nil, nil
		})
		a.question = a.slack.untilMessages(1)[0]
		assert.Contains(t, a.question.Text, "May I drop the table?")
		e.until("the run waits", func(context.Context) (bool, error) {
			runs := e.runs()
			return len(runs) == 1 && field(&runs[0], "status", "phase") == "Waiting", nil
		})
		go a.observe(e)
		asked = a
	})
	require.NotNil(t, asked, "nobody could be asked for approval")
	return asked
}

// observe waits until the runner has gone, and sees every pod that comes from then on. The suite goes on meanwhile.
func (a *approval) observe(e *env) {
	defer close(a.emptied)
	ctx := context.Background() // it outlives the test that asked
	a.err = wait.PollUntilContextTimeout(ctx, pollInterval, 3*time.Minute, true, func(ctx context.Context) (bool, error) {
		pods, err := e.kube.CoreV1().Pods(e.namespace).List(ctx, metav1.ListOptions{})
		return err == nil && len(pods.Items) == 0, nil
	})
	if a.err == nil {
		a.since = time.Now()
		a.sightings, a.err = e.watchPods(ctx, e.namespace)
	}
}

// approvalAfterTenMinutes is the end of what TestApprovalIsAsked began: the run has waited for ten minutes without a
// pod. One press of the button ends it; a second one is told that it comes too late.
func approvalAfterTenMinutes(t *testing.T) {
	a := askForApproval(t)
	e := a.slack.e.on(t)
	t.Cleanup(func() {
		if t.Failed() {
			e.dump()
		}
	})
	s := a.slack.on(e)
	<-a.emptied
	require.NoError(t, a.err, "waiting until the namespace has no pod")
	timer := time.NewTimer(time.Until(a.since.Add(patience(10 * time.Minute))))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
	waited := time.Since(a.since)
	require.Empty(t, a.sightings.all(), "no pod stands while the run waits")
	run := e.runs()[0]
	require.Equal(t, "Waiting", field(&run, "status", "phase"), "%v", run.Object["status"])
	t.Logf("the run has waited for %s, and there was no pod", waited.Round(time.Second))

	question := s.messages()[0]
	button := a.button(t, question)
	begin := time.Now()
	require.NoError(t, s.does("press", a.endpoint, "user", "UAPPROVER", "ts", question.TS, "action", "aof_approve"))
	run = e.untilRuns(1)[0]
	t.Logf("it was over %s after the button was pressed", time.Since(begin).Round(time.Millisecond))
	assert.Equal(t, "Succeeded", field(&run, "status", "phase"), "%v", run.Object["status"])
	assert.Equal(t, "done: drop the table", field(&run, "status", "result", "text"))
	a.decidedBy(t, &run, "slack:UAPPROVER")

	e.until("the answer and the message that was changed are in Slack", func(context.Context) (bool, error) {
		list := s.messages()
		return len(list) == 2 && list[0].Edits == 1, nil
	})
	list := s.messages()
	assert.Contains(t, a.text(t, list[0]), "<@UAPPROVER> has approved this.")
	assert.NotContains(t, a.text(t, list[0]), "aof_approve", "its buttons are gone")
	assert.Equal(t, "done: drop the table", list[1].Text)

	require.NoError(t, s.does("press", a.endpoint, "user", "UOTHER", "ts", question.TS, "action", "aof_deny", "value", button))
	late := s.untilMessages(3)[2]
	assert.Contains(t, late.Text, "This was decided")
	run = e.runs()[0]
	a.decidedBy(t, &run, "slack:UAPPROVER")
	assert.Equal(t, 1, s.messages()[0].Edits)
}

// decidedBy wants one decision in a run, and who made it.
func (a *approval) decidedBy(t *testing.T, run *unstructured.Unstructured, user string) {
	t.Helper()
	decisions, _, err := unstructured.NestedSlice(run.Object, "spec", "decisions")
	require.NoError(t, err)
	require.Len(t, decisions, 1)
	decision, _ := decisions[0].(map[string]any)
	assert.Equal(t, user, decision["user"])
	assert.Equal(t, true, decision["approved"])
}

// text is all of a message that people see.
func (a *approval) text(t *testing.T, m slackMessage) string {
	t.Helper()
	raw, err := json.Marshal(m.Blocks)
	require.NoError(t, err)
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(raw))
}

// button is the value of the button that says yes.
func (a *approval) button(t *testing.T, m slackMessage) string {
	t.Helper()
	for _, block := range m.Blocks {
		b, _ := block.(map[string]any)
		elements, _ := b["elements"].([]any)
		for _, element := range elements {
			if e, _ := element.(map[string]any); e["action_id"] == "aof_approve" {
				return e["value"].(string)
			}
		}
	}
	require.Fail(t, "the question has no button", "%v", m)
	return ""
}
