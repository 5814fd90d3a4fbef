// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"knative.dev/pkg/apis"
)

const someEvent = `event: {specversion: "1.0", id: "1", source: /s, type: dev.aof.test, data: {x: 1}}` + "\n"

func TestValidateFlowRun(t *testing.T) {
	t.Parallel()
	checkRefusals(t, "FlowRun", []refusal{
		{name: "a flow and an event", spec: someEvent + `flow: {name: f}`},
		{name: "everything", spec: someEvent + "flow: f\nbinding: b\ntrigger: ns/t\ncontext: c\nplan: p"},
		{name: "no spec", paths: []string{"spec.flow.name", "spec.event"}},
		{name: "an event that is none", spec: `{flow: f, event: {specversion: "1.0", id: ""}}`, paths: []string{"spec.event.id", "spec.event.source", "spec.event.type"}},
		{name: "a run that continues another", spec: someEvent + "flow: f\nretry: {run: r, uid: u, from: [a, b]}"},
		{name: "one that does not say of what", spec: someEvent + "flow: f\nretry: {}", paths: []string{"spec.retry.run", "spec.retry.uid", "spec.retry.from"}},
		{name: "one from no node", spec: someEvent + "flow: f\nretry: {run: r, uid: u, from: [a, a, \"\"]}", paths: []string{"spec.retry.from[1]", "spec.retry.from[2]"}},
		{name: "an empty reference", spec: someEvent + "flow: f\nbinding: {}", paths: []string{"spec.binding.name"}},
		{name: "an endless event", spec: `{flow: f, event: {data: "` + strings.Repeat("x", MaxEventBytes) + `"}}`, paths: []string{"spec.event"}},
	})
}

func TestARunKeepsWhatItRuns(t *testing.T) {
	t.Parallel()
	old := read(t, "FlowRun", someEvent+"flow: {name: f}\nplan: p1").(*FlowRun)
	ctx := apis.WithinUpdate(t.Context(), old)

	moved := old.DeepCopy()
	moved.Spec.Plan = "p2"
	assert.Equal(t, []string{"spec"}, paths(moved.Validate(ctx)))
	assert.Empty(t, paths(moved.Validate(t.Context())), "a new run may have any plan")

	turned := old.DeepCopy()
	turned.Spec.Retry = &RunRetry{Run: "r", UID: "u", From: []string{"a"}}
	assert.Equal(t, []string{"spec"}, paths(turned.Validate(ctx)))
}

func TestARunIsAnsweredAfterItAsked(t *testing.T) {
	t.Parallel()
	old := read(t, "FlowRun", someEvent+"flow: {name: f}\ndecisions: [{node: a, approved: true, user: ann}]").(*FlowRun)
	assert.Equal(t, []string{"spec.decisions"}, paths(old.Validate(apis.WithinCreate(t.Context()))), "nothing was asked yet")

	for name, c := range map[string]struct {
		change func(*FlowRunSpec)
		want   []string
	}{
		"a decision is added":   {func(s *FlowRunSpec) { s.Decisions = append(s.Decisions, RunDecision{Node: "b"}) }, nil},
		"the run is cancelled":  {func(s *FlowRunSpec) { s.Cancel = &RunCancel{Reason: "wrong cluster"} }, nil},
		"a decision is changed": {func(s *FlowRunSpec) { s.Decisions[0].Approved = false }, []string{"spec.decisions"}},
		"a decision is removed": {func(s *FlowRunSpec) { s.Decisions = nil }, []string{"spec.decisions"}},
		"one is put before":     {func(s *FlowRunSpec) { s.Decisions = append([]RunDecision{{Node: "b"}}, s.Decisions...) }, []string{"spec.decisions"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := old.DeepCopy()
			c.change(&run.Spec)
			assert.Equal(t, c.want, paths(run.Validate(apis.WithinUpdate(t.Context(), old))))
		})
	}

	cancelled := old.DeepCopy()
	cancelled.Spec.Cancel = &RunCancel{User: "ann"}
	alive := old.DeepCopy()
	assert.Equal(t, []string{"spec.cancel"}, paths(alive.Validate(apis.WithinUpdate(t.Context(), cancelled))), "it stays cancelled")
	alive.Spec.Decisions, alive.Spec.Cancel = nil, &RunCancel{User: "ann"}
	assert.Equal(t, []string{"spec.cancel"}, paths(alive.Validate(apis.WithinCreate(t.Context()))), "not from the start")
}
