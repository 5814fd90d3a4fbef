// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestAuditIsStoredInOneForm(t *testing.T) {
	t.Parallel()
	yes := true
	for name, test := range map[string]struct{ written, stored ContextAudit }{
		"nothing said":          {ContextAudit{}, ContextAudit{Sink: "stdout"}},
		"a sink in capitals":    {ContextAudit{Sink: "STDOUT"}, ContextAudit{Sink: "stdout"}},
		"the seed's webhook":    {ContextAudit{Sink: "webhook"}, ContextAudit{Sink: "webhook", URL: "${AUDIT_WEBHOOK_URL}"}},
		"a URL as sink":         {ContextAudit{Sink: "https://a.example/x"}, ContextAudit{Sink: "webhook", URL: "https://a.example/x"}},
		"a file as sink":        {ContextAudit{Sink: "file:///var/log/a"}, ContextAudit{Sink: "file", Path: "/var/log/a"}},
		"stdout as URL":         {ContextAudit{Sink: "stdout://"}, ContextAudit{Sink: "stdout"}},
		"a destination":         {ContextAudit{Sink: "stdout", Destination: "http://a.example"}, ContextAudit{Sink: "webhook", URL: "http://a.example"}},
		"a word as destination": {ContextAudit{Destination: "Webhook", URL: "https://a.example"}, ContextAudit{Sink: "webhook", URL: "https://a.example"}},
		"what there is no sink for": {
			ContextAudit{Sink: "stdout", Destination: "s3://bucket/x"}, ContextAudit{Sink: "stdout", Destination: "s3://bucket/x"},
		},
		"a destination that says otherwise": {
			ContextAudit{Sink: "file", Path: "/a", Destination: "file:///b"}, ContextAudit{Sink: "file", Path: "/a", Destination: "file:///b"},
		},
		"other spellings": {
			ContextAudit{Sink: "file", LogPath: "/a", IncludePayloadCamel: &yes, Events: []string{" Tool_Call "}},
			ContextAudit{Sink: "file", Path: "/a", IncludePayload: &yes, Events: []string{"tool_call"}},
		},
		"another spelling of the url": {
			ContextAudit{Sink: "webhook", WebhookURL: "https://a.example"}, ContextAudit{Sink: "webhook", URL: "https://a.example"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &Context{Spec: ContextSpec{Audit: test.written.DeepCopy()}}
			c.SetDefaults(t.Context())
			assert.Equal(t, test.stored, *c.Spec.Audit)
			c.SetDefaults(t.Context())
			assert.Equal(t, test.stored, *c.Spec.Audit, "and stays so")
		})
	}
}

func TestAuditDue(t *testing.T) {
	t.Parallel()
	at := metav1.NewMicroTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	for name, test := range map[string]struct {
		phase     FlowRunPhase
		audit     *RunAudit
		decisions int
		due       bool
		at        time.Time
	}{
		"none":                     {phase: FlowRunPhaseSucceeded, decisions: 3},
		"all delivered":            {phase: FlowRunPhaseSucceeded, audit: &RunAudit{Records: 3, Delivered: 2, Omitted: 1, Ended: true}},
		"some pending":             {phase: FlowRunPhaseRunning, audit: &RunAudit{Records: 3, Delivered: 2}, due: true},
		"later":                    {phase: FlowRunPhaseFailed, audit: &RunAudit{Records: 3, Ended: true, NextTry: &at}, due: true, at: at.Time},
		"the end is not on record": {phase: FlowRunPhaseCancelled, audit: &RunAudit{}, due: true},
		"a late answer":            {phase: FlowRunPhaseSucceeded, audit: &RunAudit{Ended: true, Decisions: 1}, decisions: 2, due: true},
		"an answer to what waits":  {phase: FlowRunPhaseWaiting, audit: &RunAudit{}, decisions: 1, due: true},
		"an answer while it works": {phase: FlowRunPhaseRunning, audit: &RunAudit{}, decisions: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := &FlowRun{Spec: FlowRunSpec{Decisions: make([]RunDecision, test.decisions)}, Status: FlowRunStatus{Phase: test.phase, Audit: test.audit}}
			got, due := run.AuditDue()
			assert.Equal(t, test.due, due)
			assert.Equal(t, test.at, got)
		})
	}
}
