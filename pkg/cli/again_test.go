// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// alerting is a flow that calls somebody, bound twice; one of the bindings takes
// events of one text for one thing.
const alerting = `
apiVersion: aof.dev/v1
kind: Context
metadata: {name: c, namespace: ops}
spec: {}
---
apiVersion: aof.dev/v1
kind: Trigger
metadata: {name: alerts, namespace: ops}
spec: {type: Manual, config: {}}
---
apiVersion: aof.dev/v1
kind: AgentFlow
metadata: {name: work, namespace: ops}
spec:
  trigger: {type: Manual, config: {}}
  nodes:
    - {id: look, type: HTTP, config: {method: POST, url: "SERVER/look"}}
    - {id: call, type: HTTP, config: {method: POST, url: "SERVER/call"}}
    - {id: tell, type: Response, config: {message: "done with ${event.text}"}}
  connections: [{from: trigger, to: look}, {from: look, to: call}, {from: call, to: tell}]
---
apiVersion: aof.dev/v1
kind: FlowBinding
metadata: {name: each, namespace: ops}
spec: {trigger: {name: alerts}, context: {name: c}, flow: {name: work}}
---
apiVersion: aof.dev/v1
kind: FlowBinding
metadata: {name: once, namespace: ops}
spec: {trigger: {name: alerts}, context: {name: c}, flow: {name: work}, match: {dedupe: {key: "${event.text}", window: 10m}}}
`

// pager counts who called it, and is broken until it is mended.
type pager struct {
	look, call atomic.Int64
	mended     atomic.Bool
}

func (p *pager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/look" {
		p.look.Add(1)
		return
	}
	p.call.Add(1)
	if !p.mended.Load() {
		w.WriteHeader(http.StatusNotImplemented)
	}
}

func servedPager(t *testing.T) (*pager, person) {
	t.Helper()
	p := &pager{}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	someone, _ := dev(t, writeFile(t, "alerting.yaml", strings.ReplaceAll(alerting, "SERVER", server.URL)))
	return p, someone
}

var runName = regexp.MustCompile(`(each|once)-\w{26}`)

func TestARunIsContinuedWhereItFailed(t *testing.T) {
	t.Parallel()
	pager, someone := servedPager(t)
	got := someone.aof(t, "send", "--binding", "each", "--text", "disk", "--wait", patience.String())
	require.Equal(t, ExitFailed, got.code, got.errs)
	broken := runName.FindString(got.out)
	pager.mended.Store(true)
	got = someone.aof(t, "retry", broken, "--from", "tell")
	assert.Contains(t, got.errs, `the run did not come to node "tell"; it came to "look", "call"`)

	got = someone.aof(t, "retry", broken, "--from", "call")
	require.Equal(t, ExitOK, got.code, got.errs)
	again := runName.FindString(got.out)
	got = someone.aof(t, "logs", "-f", again)
	require.Equal(t, ExitOK, got.code, got.out+got.errs)
	assert.Contains(t, got.out, "succeeded in run "+broken+", taken over from there")
	assert.Equal(t, int64(1), pager.look.Load(), "what was done is not done again")
	assert.Equal(t, int64(2), pager.call.Load())
	got = someone.aof(t, "describe", again)
	assert.Contains(t, got.out, "  retries  "+broken+" from call\n")
	assert.Regexp(t, `Succeeded  look \(HTTP\).*  taken over from `+broken, got.out)

	got = someone.aof(t, "retry", broken, "--from", "call")
	assert.Equal(t, ExitFailed, got.code)
	assert.Contains(t, got.errs, "was retried from call already, by "+again+", which succeeded")
}

func TestEventsAboutOneThingStartOneRun(t *testing.T) {
	t.Parallel()
	pager, someone := servedPager(t)
	pager.mended.Store(true)
	for range 3 {
		got := someone.aof(t, "send", "-n", "ops", "--trigger", "alerts", "--text", "disk")
		require.Equal(t, ExitOK, got.code, got.errs)
	}
	got := someone.aof(t, "send", "-n", "ops", "--trigger", "alerts", "--text", "memory", "--wait", patience.String())
	require.Equal(t, ExitOK, got.code, got.errs)
	got = someone.aof(t, "runs", "--binding", "once", "-o", "name")
	assert.Len(t, runName.FindAllString(got.out, -1), 2, "one for the disk, one for memory: %s", got.out)
	got = someone.aof(t, "runs", "--binding", "each", "-o", "name")
	assert.Len(t, runName.FindAllString(got.out, -1), 4)

	got = someone.aof(t, "explain", "-n", "ops", "--text", "disk", "--binding", "once")
	assert.Contains(t, got.out, `; a duplicate if another with the key "disk" came within 10m0s`)

	var binding struct {
		Status struct{ MatchCount, DuplicateCount int }
	}
	got = someone.aof(t, "get", "flowbindings", "once", "-n", "ops", "-o", "json")
	require.NoError(t, json.Unmarshal([]byte(got.out), &binding))
	assert.Equal(t, 2, binding.Status.DuplicateCount)
	assert.Equal(t, 2, binding.Status.MatchCount)
}

func TestReplayOnDev(t *testing.T) {
	t.Parallel()
	pager, someone := servedPager(t)
	pager.mended.Store(true)
	got := someone.aof(t, "send", "-n", "ops", "--trigger", "alerts", "--text", "disk", "--wait", patience.String())
	require.Equal(t, ExitOK, got.code, got.errs)
	first := regexp.MustCompile(`once-\w{26}`).FindString(got.out)
	require.NotEmpty(t, first, got.out)

	// Again, of all bindings one wants it.
	got = someone.aof(t, "replay", "--event", first)
	require.Equal(t, ExitOK, got.code, got.errs)
	assert.Regexp(t, `^run ops/each-\w{26} of binding each\n$`, got.out)
	assert.Regexp(t, `^sent cli-\S+\+replay-\w{8}\n`, got.errs)

	// For the one that has seen it nothing comes of it, unless it must.
	got = someone.aof(t, "replay", "--event", first, "--binding", "once")
	assert.Equal(t, ExitFailed, got.code)
	assert.Contains(t, got.errs, "no run was started in namespace ops: `aof explain` says which bindings match; one with match.dedupe starts none")
	got = someone.aof(t, "replay", "--event", first, "--binding", "once", "--force", "-o", "json")
	require.Equal(t, ExitOK, got.code, got.errs)
	var list struct {
		Kind  string
		Items []struct {
			Spec struct {
				Event map[string]any
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(got.out), &list))
	require.Len(t, list.Items, 1)
	sent := list.Items[0].Spec.Event
	original, _, _ := strings.Cut(sent["id"].(string), "+replay-")
	assert.Equal(t, original, sent["aofreplayof"])
	assert.Equal(t, "|ops/once|", sent["aofmatch"])

	// An event of a file, and of standard input.
	raw, err := json.Marshal(sent)
	require.NoError(t, err)
	got = someone.aof(t, "replay", "-n", "ops", "--event", writeFile(t, "event.json", string(raw)), "-o", "name")
	assert.Equal(t, ExitOK, got.code, got.errs)
	assert.Regexp(t, `^flowrun.aof.dev/each-\w{26}\n$`, got.out)
	assert.Contains(t, got.errs, "sent "+original+"+replay-", "ids don't grow")
	someone.in = string(raw)
	got = someone.aof(t, "replay", "-n", "ops", "--event", "-", "--trigger", "alerts", "--wait", "0")
	assert.Equal(t, ExitOK, got.code, got.errs)
	assert.Empty(t, got.out)
	got = someone.aof(t, "replay", "--event", "nobody")
	assert.Equal(t, ExitFailed, got.code)
	assert.Contains(t, got.errs, `"nobody" not found`)
	got = someone.aof(t, "replay")
	assert.Equal(t, ExitBadInput, got.code)
}
