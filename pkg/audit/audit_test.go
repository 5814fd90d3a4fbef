// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/audit"
)

var began = time.Date(2025, 12, 18, 10, 0, 0, 0, time.UTC)

func after(seconds int) time.Time { return began.Add(time.Duration(seconds) * time.Second) }

// told are records in short: event, status, node and what else tells them apart.
func told(records []audit.Record) []string {
	out := make([]string, len(records))
	for i := range records {
		r := &records[i]
		parts := []string{string(r.Event), string(r.Status)}
		for _, part := range []string{r.Node, r.Command, r.Answer, r.ApprovedBy, r.DeniedBy, r.Reason} {
			if part != "" {
				parts = append(parts, part)
			}
		}
		out[i] = strings.Join(parts, " ")
	}
	return out
}

func running(nodes ...audit.NodeState) audit.RunState {
	return audit.RunState{Phase: "Running", Started: began, Nodes: nodes}
}

func waiting(nodes ...audit.NodeState) audit.RunState {
	return audit.RunState{Phase: "Waiting", Started: began, Message: "node ask waits for approval", Nodes: nodes}
}

func node(id, nodeType, phase string, attempt int64) audit.NodeState {
	n := audit.NodeState{ID: id, Type: nodeType, Phase: phase, Attempt: attempt}
	if attempt > 0 {
		n.Started = after(int(attempt))
	}
	switch phase {
	case "Succeeded", "Failed", "Skipped":
		n.Ended = after(int(attempt) + 1)
	}
	return n
}

func TestDerive(t *testing.T) {
	t.Parallel()
	asks := func(n audit.NodeState, digest string) audit.NodeState {
		n.Wait = &audit.Wait{Kind: "Approval", Message: "may I?", Command: "kubectl delete", Digest: digest}
		return n
	}
	fails := func(n audit.NodeState, reason string) audit.NodeState {
		n.Reason, n.Error = reason, "it went wrong"
		return n
	}
	verdict := func(id string, v audit.Verdict) audit.News {
		return audit.News{Verdicts: map[string]audit.Verdict{id: v}}
	}
	ended := func(phase string, nodes ...audit.NodeState) audit.RunState {
		return audit.RunState{Phase: phase, Started: began, Ended: after(9), Nodes: nodes}
	}
	for _, test := range []struct {
		name          string
		before, after audit.RunState
		news          audit.News
		want          []string
	}{
		{"nothing", running(node("s", "Script", "Running", 1)), running(node("s", "Script", "Running", 1)), audit.News{}, []string{}},
		{"a run begins", audit.RunState{}, running(node("s", "Script", "Running", 1)), audit.News{}, []string{"run_started started", "tool_call started s"}},
		{
			"a run that is begun and over within one write",
			audit.RunState{Phase: "Pending"},
			ended("Succeeded", node("a", "Agent", "Succeeded", 1)),
			audit.News{},
			[]string{"run_started started", "agent_start started a", "agent_complete succeeded a", "run_finished succeeded"},
		},
		{
			"every kind of node ends", running(), running(node("t", "Transform", "Succeeded", 1), node("f", "Fleet", "Succeeded", 1), node("m", "Slack", "Succeeded", 1), node("h", "HTTP", "Succeeded", 1)),
			audit.News{},
			[]string{
				"agent_start started f", "message started m", "tool_call started h",
				"node succeeded t", "agent_complete succeeded f", "message succeeded m", "tool_call succeeded h",
			},
		},
		{
			"an attempt fails and another is due", running(node("h", "HTTP", "Running", 1)), running(fails(node("h", "HTTP", "Pending", 2), "Unavailable")),
			audit.News{Now: after(5)},
			[]string{"tool_call retried h Unavailable"},
		},
		{
			"the next attempt begins", running(fails(node("h", "HTTP", "Pending", 2), "Unavailable")), running(fails(node("h", "HTTP", "Running", 2), "Unavailable")),
			audit.News{},
			[]string{"tool_call started h"},
		},
		{
			"a node is begun again after a crash", running(node("a", "Agent", "Pending", 1)), running(node("a", "Agent", "Running", 1)),
			audit.News{},
			[]string{"agent_start started a"},
		},
		{
			"a node fails and takes the run along", running(node("h", "HTTP", "Running", 1), node("r", "Response", "", 0)),
			ended("Failed", fails(node("h", "HTTP", "Failed", 1), "Timeout"), fails(node("r", "Response", "Skipped", 0), "Failed")),
			audit.News{},
			[]string{"node skipped r Failed", "tool_call failed h Timeout", "run_finished failed"},
		},
		{
			"people are asked", running(node("ask", "Approval", "Running", 1)), waiting(asks(node("ask", "Approval", "Waiting", 1), "d")),
			audit.News{},
			[]string{"approval_requested waiting ask kubectl delete", "run_waiting waiting"},
		},
		{
			"a timer is waited for", running(), func() audit.RunState {
				n := node("w", "Wait", "Waiting", 1)
				n.Wait = &audit.Wait{Kind: "Timer"}
				return waiting(n)
			}(), audit.News{}, []string{"node waiting w Timer", "run_waiting waiting"},
		},
		{
			"it still waits", waiting(asks(node("ask", "Approval", "Waiting", 1), "d")), waiting(asks(node("ask", "Approval", "Waiting", 1), "d")),
			audit.News{Said: []audit.Said{{Node: "ask", User: "mallory", Approved: true, Answer: "foreign", At: after(3)}}},
			[]string{"decision approved ask foreign"},
		},
		{
			"they say yes", waiting(asks(node("ask", "Script", "Waiting", 1), "d")), running(node("ask", "Script", "Pending", 1)),
			verdict("ask", audit.Verdict{Outcome: audit.Approved, By: []string{"ann", "bob"}, At: after(3)}),
			[]string{"run_resumed resumed", "approval_granted approved ask kubectl delete ann, bob"},
		},
		{
			"they say no", waiting(asks(node("ask", "Script", "Waiting", 1), "d")), ended("Failed", fails(node("ask", "Script", "Failed", 1), "Denied")),
			verdict("ask", audit.Verdict{Outcome: audit.Denied, By: []string{"ann"}, At: after(1)}),
			[]string{"run_resumed resumed", "approval_denied denied ask kubectl delete ann", "tool_call failed ask Denied", "run_finished failed"},
		},
		{
			"they say nothing", waiting(asks(node("ask", "Approval", "Waiting", 1), "d")), running(node("ask", "Approval", "Succeeded", 1)),
			verdict("ask", audit.Verdict{Outcome: audit.Timeout, At: after(1)}),
			[]string{"run_resumed resumed", "approval_denied timeout ask kubectl delete Timeout", "node succeeded ask"},
		},
		{
			"silence is a yes", waiting(asks(node("ask", "Approval", "Waiting", 1), "d")), running(node("ask", "Approval", "Succeeded", 1)),
			verdict("ask", audit.Verdict{Outcome: audit.Timeout, Approves: true, At: after(1)}),
			[]string{"run_resumed resumed", "approval_granted timeout ask kubectl delete Timeout", "node succeeded ask"},
		},
		{
			"a run is cancelled while it waits", waiting(asks(node("ask", "Approval", "Waiting", 1), "d")), ended("Cancelled", fails(node("ask", "Approval", "Skipped", 1), "Cancelled")),
			audit.News{},
			[]string{"node skipped ask Cancelled", "run_finished cancelled"},
		},
		{
			"another runner takes over", running(), func() audit.RunState { s := running(); s.Takeovers = 1; return s }(),
			audit.News{},
			[]string{"run_resumed taken_over TakenOver"},
		},
		{
			"a node that did several things", running(node("l", "Loop", "Running", 1)), running(node("l", "Loop", "Succeeded", 1)),
			audit.News{Commands: map[string][]string{"l": {"one", "two"}}},
			[]string{"tool_call called l one", "tool_call called l two", "node succeeded l"},
		},
		{
			"and one that did one", running(node("s", "Script", "Running", 1)), running(node("s", "Script", "Succeeded", 1)),
			audit.News{Commands: map[string][]string{"s": {"df -h"}}},
			[]string{"tool_call succeeded s df -h"},
		},
		{
			"what another run did is on record there",
			audit.RunState{},
			running(func() audit.NodeState { n := node("s", "Script", "Succeeded", 1); n.Taken = true; return n }()),
			audit.News{Retry: "continues run x from y"},
			[]string{"run_started started Retry"},
		},
		{
			"what follows from no state", running(), running(),
			audit.News{Extra: []audit.Record{{Event: audit.Limited, Status: audit.Refused, Reason: "TokensPerDay"}}},
			[]string{"limited refused TokensPerDay"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.news.Now.IsZero() {
				test.news.Now = after(10)
			}
			records := audit.Derive(test.before, test.after, test.news)
			assert.Equal(t, test.want, told(records))
			for i := range records {
				assert.False(t, records[i].Timestamp.IsZero())
			}
			assert.Equal(t, records, audit.Derive(test.before, test.after, test.news), "the same change, the same records")
		})
	}
}

func TestSelection(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		words []string
		r     audit.Record
		want  bool
	}{
		{nil, audit.Record{Event: audit.Node}, true},
		{[]string{"all"}, audit.Record{Event: audit.Node}, true},
		{[]string{"tool_call"}, audit.Record{Event: audit.ToolCall}, true},
		{[]string{"tool_call"}, audit.Record{Event: audit.Node}, false},
		{[]string{"error"}, audit.Record{Event: audit.Node, Status: audit.Failed}, true},
		{[]string{"error"}, audit.Record{Event: audit.Node, Status: audit.Retried, Error: "x"}, true},
		{[]string{"error"}, audit.Record{Event: audit.Node, Status: audit.Succeeded}, false},
	} {
		assert.Equal(t, test.want, audit.Selection(test.words).Wants(&test.r), "%v %v", test.words, test.r.Event)
	}
	for _, word := range strings.Split(audit.Words(), ", ") {
		assert.True(t, audit.Known(word), word)
	}
	assert.False(t, audit.Known("everything"))
}

func TestALineIsOneBoundedJSONObject(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("äöü\n", 20000)
	r := audit.Record{
		Event: audit.ToolCall, Timestamp: began.In(time.FixedZone("", 3600)), Command: long, Message: long, Error: long, Comment: long,
		Input: json.RawMessage(`{"a":"` + strings.Repeat("x", 100000) + `"}`), Output: json.RawMessage(`{"b":1}`), About: audit.About{User: long},
	}
	r.Number("uid", 7)
	line, err := r.Line()
	require.NoError(t, err)
	assert.NotContains(t, line, "\n")
	assert.Less(t, len(line), 40<<10)
	var back audit.Record
	require.NoError(t, json.Unmarshal([]byte(line), &back))
	assert.Equal(t, "uid-7", back.ID)
	assert.Equal(t, began, back.Timestamp)
	assert.True(t, back.Truncated)
	assert.JSONEq(t, `{"b":1}`, string(back.Output))
	assert.True(t, strings.HasSuffix(back.Command, "…"), "one sees that it was cut")

	r = audit.Record{Event: audit.Message, Message: "\u009b31m\u007f\x1b[2J\u2028{\"id\":\"x\"}\n{"}
	line, err = r.Line()
	require.NoError(t, err)
	assert.NotContains(t, line, "\u009b")
	assert.NotContains(t, line, "\x1b")
	require.NoError(t, json.Unmarshal([]byte(line), &back))
	assert.Equal(t, "\u009b31m\u007f\x1b[2J\u2028{\"id\":\"x\"}\n{", back.Message, "nothing is lost by it")
}

func TestRedact(t *testing.T) {
	t.Parallel()
	r := audit.Record{
		Command: "curl -H hunter22", Error: "hunter22", Comment: "hunter22", Message: strings.Repeat("x", audit.MaxText-9) + " hunter22",
		Input: json.RawMessage(`{"hunter22":["hunter22",1.50]}`), Output: json.RawMessage(`not json hunter22`),
		About: audit.About{Cluster: "hunter22", User: "hunter22"},
	}
	r.Redact(func(s string) string { return strings.ReplaceAll(s, "hunter22", "***") })
	line, err := r.Line()
	require.NoError(t, err)
	assert.NotContains(t, line, "hunter")
	assert.Contains(t, line, `{"***":["***",1.50]}`)
}

func TestFitsAndBackoff(t *testing.T) {
	t.Parallel()
	var pending []string
	for audit.Fits(pending, "x") {
		pending = append(pending, "x")
	}
	assert.Len(t, pending, audit.MaxPending)
	assert.False(t, audit.Fits(nil, strings.Repeat("x", audit.MaxPendingBytes+1)))
	var got []string
	for _, n := range []int64{-1, 0, 1, 2, 3, 7, 8, 1 << 40} {
		got = append(got, fmt.Sprint(audit.Backoff(n)))
	}
	assert.Equal(t, []string{"5s", "5s", "5s", "10s", "20s", "5m20s", "10m0s", "10m0s"}, got)
}
