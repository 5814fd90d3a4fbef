// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package injection

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/cli"
	"aof.dev/operator/pkg/local"
	fakeslack "aof.dev/operator/test/fake/slack"
	"aof.dev/operator/test/screen"
)

const composition = `
apiVersion: aof.dev/v1
kind: Context
metadata: {name: here}
spec: {namespace: default, env: {LEVEL: info}}
---
apiVersion: aof.dev/v1
kind: Trigger
metadata: {name: chat}
spec: {type: Slack, config: {bot_token: "${SLACK_BOT_TOKEN}", signing_secret: "${SLACK_SIGNING_SECRET}"}}
---
apiVersion: aof.dev/v1
kind: Agent
metadata: {name: helper}
spec: {model: "mock:replies.yaml", instructions: Answer.}
---
# Texts come in by the event, a model, a program and a server, and go on by
# variables, merged objects and lists.
apiVersion: aof.dev/v1
kind: AgentFlow
metadata: {name: many}
spec:
  trigger: {type: HTTP}
  nodes:
    - {id: ask, type: Agent, config: {agent: helper, input: "key ${event.key}."}}
    - {id: emit, type: Script, config: {script_config: {command: "emit ${event.key}", parse: json}}}
    - {id: fetch, type: HTTP, config: {url: "@BASE@/texts/${event.key}"}}
    - {id: merge, type: Script, config: {script_config: {tool: json, action: merge, args: {objects: ["${ask.output.texts}", {event: "${event.texts}", emitted: "${emit.output}"}]}}}}
    - id: keep
      type: Loop
      config: {for_each: "${event.texts}", max_iterations: 100, node: {type: Transform, config: {script: 'export KEPT="<${item}>"'}}}
    - {id: send, type: HTTP, config: {url: "@BASE@/sink/${event.key}", method: POST, body: {event: "${event.texts}", model: "${ask.output}", program: "${emit.output}", server: "${fetch.json}", merged: "${merge.output}", kept: "${keep.results}", headers: "${event.headers}"}}}
  connections:
    - {from: trigger, to: ask}
    - {from: ask, to: emit}
    - {from: emit, to: fetch}
    - {from: fetch, to: merge}
    - {from: merge, to: keep}
    - {from: keep, to: send}
---
# One text at a time, as what somebody says and as who says it.
apiVersion: aof.dev/v1
kind: AgentFlow
metadata: {name: one}
spec:
  trigger: {type: Slack}
  nodes:
    - {id: parse, type: Transform, config: {script: "export TEXT=\"${event.text}\" WHO=\"${event.user.name}\""}}
    - {id: gate, type: Conditional, config: {condition: "${TEXT} == ${parse.TEXT}"}}
    - {id: say, type: Response, config: {message: "<!here> ${TEXT} <@U9>"}}
    - {id: confirm, type: Approval, config: {message: "Do ${TEXT} for ${WHO}?"}}
  connections:
    - {from: trigger, to: parse}
    - {from: parse, to: gate}
    - {from: gate, to: say, when: "result == true"}
    - {from: say, to: confirm}
---
apiVersion: aof.dev/v1
kind: Trigger
metadata: {name: hook}
spec: {type: HTTP, config: {path: /hook}}
---
apiVersion: aof.dev/v1
kind: FlowBinding
metadata: {name: hook-many}
spec: {trigger: hook, context: here, flow: many}
---
apiVersion: aof.dev/v1
kind: FlowBinding
metadata: {name: chat-one}
spec: {trigger: chat, context: here, flow: one}
`

// journey is aof dev with everything around it fake.
type journey struct {
	*ground

	slack  *fakeslack.Server
	url    string
	log    *screen.Screen
	chunks [][]Entry

	mu   sync.Mutex
	sunk map[string]map[string]any
}

// texts are the texts of a chunk as JSON can hold them.
func texts(t *testing.T, chunk []Entry) []any {
	t.Helper()
	var out []any
	for _, e := range chunk {
		out = append(out, asJSON(t, e.Text))
	}
	return out
}

func setOut(t *testing.T) *journey {
	t.Helper()
	j := &journey{ground: newGround(t), slack: fakeslack.New(t, fakeslack.WithToken("xoxb-1")), log: &screen.Screen{}, sunk: map[string]map[string]any{}}
	j.chunks = slices.Collect(slices.Chunk(j.corpus(t), 60))
	peer := httptest.NewServer(http.HandlerFunc(j.serve))
	t.Cleanup(peer.Close)

	dir := t.TempDir()
	var rules []any
	for i, chunk := range j.chunks {
		// The model and the program say the same texts, each in its way.
		rules = append(rules, map[string]any{"matches": fmt.Sprintf(`^key %d\.`, i), "json": map[string]any{"texts": map[string]any{"model": texts(t, chunk)}}})
		raw, err := json.Marshal(texts(t, chunk))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("said-%d.json", i)), raw, 0o600))
	}
	j.program(t, "emit", "cat '"+dir+"'/said-\"$1\".json\n")
	raw, err := json.Marshal(map[string]any{"rules": rules})
	require.NoError(t, err)
	var escaped strings.Builder // JSON may hold characters that YAML may not
	for _, c := range string(raw) {
		if c >= 0x7f && c <= 0xffff {
			fmt.Fprintf(&escaped, `\u%04x`, c)
		} else {
			escaped.WriteRune(c)
		}
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "replies.yaml"), []byte(escaped.String()), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "all.yaml"), []byte(strings.ReplaceAll(composition, "@BASE@", peer.URL)), 0o600))
	j.start(t, local.Settings{
		Files: []string{dir}, Clock: clock.RealClock{}, HTTPClient: &http.Client{},
		Getenv: func(name string) string {
			return map[string]string{
				"PATH": j.bin + ":/usr/bin:/bin", "SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "s", "SLACK_API_URL": j.slack.URL(), SecretName: Secret,
			}[name]
		},
	})
	return j
}

func (j *journey) start(t *testing.T, settings local.Settings) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	server, err := local.Open(ctx, settings, t.TempDir(), slog.New(slog.NewTextHandler(j.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	require.NoError(t, err)
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, listener) }()
	j.url = "http://" + listener.Addr().String()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-done)
		assert.NoError(t, server.Close())
	})
}

// serve gives texts out and takes what comes of them.
func (j *journey) serve(w http.ResponseWriter, r *http.Request) {
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if r.Method == http.MethodGet {
		var i int
		_, _ = fmt.Sscan(key, &i)
		var out []any
		for _, e := range j.chunks[i] {
			out = append(out, e.Text)
		}
		_ = json.NewEncoder(w).Encode(out)
		return
	}
	var got map[string]any
	_ = json.NewDecoder(r.Body).Decode(&got)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.sunk[key] = got
}

func (j *journey) post(t *testing.T, path, contentType string, header http.Header, body any) {
	t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, j.url+path, bytes.NewReader(raw))
	require.NoError(t, err)
	req.Header = header
	req.Header.Set("Content-Type", contentType)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusAccepted, resp.StatusCode)
}

// settled waits until there are n runs and none is at work.
func (j *journey) settled(t *testing.T, n int) []aofv1.FlowRun {
	t.Helper()
	var list aofv1.FlowRunList
	phases := map[aofv1.FlowRunPhase]int{}
	if !assert.Eventually(t, func() bool {
		code, out, _ := j.aof(t, "get", "runs", "-A", "-o", "json")
		list = aofv1.FlowRunList{}
		if code != 0 || json.Unmarshal([]byte(out), &list) != nil {
			return false
		}
		clear(phases)
		for i := range list.Items {
			phases[list.Items[i].Status.Phase]++
		}
		return len(list.Items) == n && phases[""]+phases[aofv1.FlowRunPhasePending]+phases[aofv1.FlowRunPhaseRunning] == 0
	}, 40*time.Second, 200*time.Millisecond) {
		require.Fail(t, "not settled", "%v", phases)
	}
	return list.Items
}

// aof is the command line, at work on this server.
func (j *journey) aof(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	env := &cli.Env{In: strings.NewReader(""), Out: &o, Err: &e, Getenv: func(string) string { return "" }, Clock: clock.RealClock{}, Server: j.url, Terminal: true, Width: 200}
	code = cli.Main(t.Context(), env, args)
	return code, o.String(), e.String()
}

// tame asserts that a text for a terminal holds nothing that drives one.
func tame(t *testing.T, what, text string) {
	t.Helper()
	for i, c := range text {
		if c != '\n' && c != '\t' && (unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c)) {
			assert.Fail(t, "a character drives the terminal", "%s: %q in %q", what, c, text[max(0, i-40):min(len(text), i+40)])
			return
		}
	}
	assert.NotContains(t, text, Secret, what)
}

func TestTextsFromEverywhere(t *testing.T) {
	t.Parallel()
	j := setOut(t)
	for i, chunk := range j.chunks {
		header := http.Header{}
		var values []any
		for n, e := range chunk {
			values = append(values, e.Text)
			if !strings.ContainsFunc(e.Text, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
				header.Set(fmt.Sprintf("X-Text-%d", n), e.Text)
			}
		}
		j.post(t, "/default/hook", "application/json", header, map[string]any{"text": "go", "key": i, "texts": values})
	}
	for _, run := range j.settled(t, len(j.chunks)) {
		require.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase, "%+v", run.Status.Error)
		_, out, _ := j.aof(t, "describe", "-n", "default", run.Name)
		tame(t, "describe", out)
		for _, args := range [][]string{{"logs", "-n", "default", run.Name}, {"logs", "-n", "default", run.Name, "-o", "json"}, {"get", "run", "-n", "default", run.Name, "-o", "json"}} {
			_, out, errs := j.aof(t, args...)
			tame(t, strings.Join(args, " "), out+errs)
		}
	}
	for i, chunk := range j.chunks {
		got, want := j.sunk[strconv.Itoa(i)], texts(t, chunk)
		require.NotNil(t, got)
		assert.Equal(t, want, got["event"], "by the event")
		assert.Equal(t, want, got["server"], "by a server")
		assert.Equal(t, want, got["program"], "by a program")
		said, ok := got["model"].(string)
		require.True(t, ok, "what a model says is a text")
		var model map[string]any
		require.NoError(t, json.Unmarshal([]byte(said), &model))
		assert.Equal(t, map[string]any{"model": want}, model["texts"], "by a model")
		assert.Equal(t, map[string]any{"model": want, "event": want, "emitted": want}, got["merged"], "merged")
		kept, err := json.Marshal(got["kept"])
		require.NoError(t, err)
		for n, e := range chunk {
			assert.Contains(t, string(kept), strings.Trim(quoted(t, "<"+plain(asJSON(t, e.Text))+">"), `"`), e.Line)
			headers, ok := got["headers"].(map[string]any)
			require.True(t, ok)
			if v, sent := headers[fmt.Sprintf("x-text-%d", n)]; sent {
				assert.Equal(t, asJSON(t, strings.Trim(e.Text, " \t")), v, e.Line)
			}
		}
	}
	j.quiet(t)
}

func TestTextsOfPeople(t *testing.T) {
	t.Parallel()
	j := setOut(t)
	entries := j.corpus(t)
	for i := 0; i < len(entries); i += 2 { // one speaks, the next is who speaks
		e, who := entries[i], entries[(i+1)%len(entries)]
		j.post(t, "/events/default", "application/cloudevents+json", http.Header{}, map[string]any{
			"specversion": "1.0", "id": strconv.Itoa(i), "source": "/test", "type": "dev.aof.slack.message", "aoftrigger": "chat", "datacontenttype": "application/json",
			"data": map[string]any{"text": e.Text, "user": map[string]any{"id": "U1", "name": who.Text}, "channel": "C1", "thread_id": strconv.Itoa(i)},
		})
	}
	_, err := j.slack.WaitMessages(t.Context(), len(entries)/2*2)
	require.NoError(t, err)
	for _, run := range j.settled(t, (len(entries)+1)/2) {
		require.Equal(t, aofv1.FlowRunPhaseWaiting, run.Status.Phase, "%+v", run.Status.Error)
		var ce struct{ ID string }
		require.NoError(t, json.Unmarshal(run.Spec.Event.Raw, &ce))
		var i int
		_, _ = fmt.Sscan(ce.ID, &i)
		e, text, who := entries[i], asJSON(t, entries[i].Text), asJSON(t, entries[(i+1)%len(entries)].Text)
		if text == "" {
			continue // of an event without a text the data are the text
		}
		require.Len(t, run.Status.Waiting, 1)
		assert.Equal(t, "Do "+plain(text)+" for "+plain(who)+"?", run.Status.Waiting[0].Message, e.Line)
		_, out, _ := j.aof(t, "describe", "-n", "default", run.Name)
		tame(t, e.Line+": describe", out)
		assert.Contains(t, out, "confirm (Approval)")
		assert.NotRegexp(t, `(?m)^run default/\S+ Succeeded`, out, e.Line)
	}
	for _, args := range [][]string{{"runs", "-A"}, {"runs", "-A", "-o", "wide", "--limit", "0"}, {"get", "bindings", "-A"}, {"get", "triggers", "-A", "-o", "json"}} {
		code, out, errs := j.aof(t, args...)
		assert.Zero(t, code, errs)
		tame(t, strings.Join(args, " "), out+errs)
	}
	messages := j.slack.Messages()
	require.Len(t, messages, len(entries)/2*2, "what was said and what was asked")
	for _, m := range messages {
		var i int
		_, _ = fmt.Sscan(m.Thread, &i)
		if strings.HasPrefix(m.Text, "<!here>") && entries[i].Text != "" {
			harmless(t, Entry{Line: entries[i].Line, Text: plain(asJSON(t, entries[i].Text))}, "<!here> ", " <@U9>", m.Text)
		}
		assert.Equal(t, "C1", m.Channel)
	}
	for _, line := range strings.Split(strings.TrimSpace(j.log.String()), "\n") {
		assert.Regexp(t, `^time=\S+ level=(DEBUG|INFO|WARN) msg=`, line, "a text forged a line of the log")
		tame(t, "log", line)
	}
	j.quiet(t)
}
