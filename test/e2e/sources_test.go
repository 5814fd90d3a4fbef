// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}

const everyMinute = `apiVersion: aof.dev/v1
kind: Trigger
metadata: {name: web}
spec: {type: Schedule, config: {cron: "* * * * *"}}`

// TestSchedule has a Trigger fire every minute: each time is one run, and between them no runner stands.
func TestSchedule(t *testing.T) {
	t.Parallel()
	e := newOperatorEnv(t)
	_, flow, _ := strings.Cut(oneNode, "\n---\n")
	e.apply(strings.Join([]string{everyMinute, strings.ReplaceAll(flow, "type: HTTP", "type: Schedule"), demoContext, localBinding}, "\n---\n"))
	e.untilReady(aofTriggers, "web")
	e.untilReady(flowBindings, "local")
	e.within(2*time.Minute, "the minute is over and its run, too", func(context.Context) (bool, error) {
		for _, run := range e.runs() {
			if field(&run, "status", "phase") == "Succeeded" {
				return true, nil
			}
		}
		return false, nil
	})
	assert.Contains(t, e.kubectl("get", "triggers.aof.dev", "web"), "Schedule")
	e.kubectl("delete", "triggers.aof.dev", "web")
	e.until("the PingSource is gone", func(context.Context) (bool, error) {
		return strings.TrimSpace(e.kubectl("get", "pingsources", "-o", "name")) == "", nil
	})
	// Each run is of another minute.
	minutes := map[string]int{}
	for _, run := range e.runs() {
		minutes[field(&run, "spec", "event", "time")[:len("2006-01-02T15:04")]]++
	}
	for minute, n := range minutes {
		assert.Equal(t, 1, n, minute)
	}
	e.untilPods(runnerPods, 0)
}

const socketTrigger = `apiVersion: aof.dev/v1
kind: Trigger
metadata: {name: slack}
spec:
  type: Slack
  config: {bot_token: "${SLACK_BOT_TOKEN}", app_token: "${SLACK_APP_TOKEN}"}`

// TestSocketMode has Slack's events come over a connection of ours: the process that keeps it runs while a Trigger
// needs it, and both messages and buttons come that way.
func TestSocketMode(t *testing.T) {
	t.Parallel()
	e := newOperatorEnv(t)
	s := e.startSlack()
	system := e.in(systemNamespace)
	e.apply(socketTrigger + "\n---\n" + approvalFlow)
	e.untilReady(aofTriggers, "slack")
	e.untilReady(flowBindings, "local")
	e.until("the Deployment of streams runs", func(context.Context) (bool, error) {
		return field(system.object(deployments, "aof-stream"), "status", "readyReplicas") == "1", nil
	})
	// Other tests' Triggers come and go, and with each the connection is made anew: what was sent on the one before is
	// sent again, as Slack does.
	question := e.untilAsked(s, "1700000000.000200", "restart it")
	e.until("a button that is pressed settles the question", func(context.Context) (bool, error) {
		_ = s.does("press", "", "user", "UAPPROVER", "ts", question.TS, "action", "aof_approve")
		return s.message(question.TS).Edits == 1, nil
	})
	run := e.untilRuns(1)[0]
	assert.Equal(t, "Succeeded", field(&run, "status", "phase"), "%v", run.Object["status"])
	e.until("the trigger counts the answer", func(context.Context) (bool, error) {
		return field(e.object(aofTriggers, "slack"), "status", "lastEvent", "type") == "answer", nil
	})

	// A reaction answers as a button does. The controller writes down a moment later which run it may be for.
	question = e.untilAsked(s, "1700000000.000300", "stop it")
	e.until("a reaction ends the second run", func(context.Context) (bool, error) {
		_ = s.does("react", "", "user", "UAPPROVER", "ts", question.TS, "reaction", "x")
		return s.message(question.TS).Edits == 1, nil
	})
	e.untilRuns(2)
	for _, run := range e.runs() {
		if strings.Contains(field(&run, "spec", "event"), "stop it") {
			assert.Contains(t, field(&run, "status", "nodes"), "denied")
		}
	}

	e.kubectl("delete", "triggers.aof.dev", "slack")
	e.until("no stream runs without a Trigger for it", func(context.Context) (bool, error) {
		return system.pods("app.kubernetes.io/name=aof-stream") == 0 && field(system.object(deployments, "aof-stream"), "spec", "replicas") == "0", nil
	})
}

// untilAsked has somebody write a text until a run asks about it, and gives the question.
func (e *env) untilAsked(s slack, ts, text string) (question slackMessage) {
	e.t.Helper()
	e.until("a message over the socket becomes a question", func(context.Context) (bool, error) {
		_ = s.does("say", "", "user", "UASKS", "ts", ts, "text", text)
		for _, m := range s.messages() {
			if strings.Contains(m.Text, "May I "+text) {
				question = m
			}
		}
		return question.TS != "", nil
	})
	return question
}
