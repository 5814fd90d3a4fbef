// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package local_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/local"
	fakeslack "aof.dev/operator/test/fake/slack"
)

const (
	patience = 20 * time.Second // how long a condition may take to come true
	secret   = "8f742231b10e8888abcd99yyyzzz85a5"
	token    = "xoxb-test-token"
)

// world is a Server that serves, as aof dev runs it.
type world struct {
	t      *testing.T
	server *local.Server
	url    string
	stop   func()
}

func settings(files []string, env map[string]string) local.Settings {
	return local.Settings{Files: files, Getenv: func(name string) string { return env[name] }, Clock: clock.RealClock{}, HTTPClient: &http.Client{}}
}

// serve starts a server; stop is called at the end of the test unless before.
func serve(t *testing.T, s local.Settings, data string) *world {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	server, err := local.Open(ctx, s, data, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, listener) }()
	w := &world{t: t, server: server, url: "http://" + listener.Addr().String()}
	stopped := false
	w.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		assert.NoError(t, <-done)
		assert.NoError(t, server.Close())
	}
	t.Cleanup(w.stop)
	return w
}

func (w *world) do(method, path string, header http.Header, body []byte) (int, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, bytes.NewReader(body))
	require.NoError(w.t, err)
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(w.t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	return resp.StatusCode, string(answer)
}

// event posts a signed Slack request that was signed at the given time.
func (w *world) slack(path, key string, at time.Time, body []byte) int {
	w.t.Helper()
	code, _ := w.do(http.MethodPost, path, fakeslack.Header(key, at, body), body)
	return code
}

func (w *world) runs() []aofv1.FlowRun {
	w.t.Helper()
	_, body := w.do(http.MethodGet, "/apis/aof.dev/v1/flowruns", nil, nil)
	var list aofv1.FlowRunList
	require.NoError(w.t, json.Unmarshal([]byte(body), &list))
	return list.Items
}

// waitRuns waits until there are n runs and all of them are over or wait.
func (w *world) waitRuns(n int) []aofv1.FlowRun {
	w.t.Helper()
	var runs []aofv1.FlowRun
	require.Eventually(w.t, func() bool {
		runs = w.runs()
		if len(runs) != n {
			return false
		}
		for i := range runs {
			if p := runs[i].Status.Phase; !p.IsFinal() && p != aofv1.FlowRunPhaseWaiting {
				return false
			}
		}
		return true
	}, patience, 10*time.Millisecond, "want %d runs that are settled", n)
	return runs
}

func (w *world) object(path string, into any) {
	w.t.Helper()
	code, body := w.do(http.MethodGet, "/apis/aof.dev/v1/"+path, nil, nil)
	require.Equal(w.t, http.StatusOK, code, body)
	require.NoError(w.t, json.Unmarshal([]byte(body), into))
}

func quickstart(t *testing.T) []string {
	t.Helper()
	dir, err := filepath.Abs("../../examples/quickstart")
	require.NoError(t, err)
	return []string{dir}
}

func structured(t *testing.T, id, text string) []byte {
	t.Helper()
	raw, err := json.Marshal(map[string]any{
		"specversion": "1.0", "id": id, "source": "/test", "type": "test.message", "aoftrigger": "web",
		"datacontenttype": "application/json", "data": map[string]any{"text": text, "user": "alice"},
	})
	require.NoError(t, err)
	return raw
}

var mergePatch = http.Header{"Content-Type": {"application/merge-patch+json"}}

var cloudEvents = http.Header{"Content-Type": {"application/cloudevents+json"}}

func TestACloudEventBecomesOneRun(t *testing.T) {
	t.Parallel()
	w := serve(t, settings(quickstart(t), nil), t.TempDir())

	for range 3 { // the same event, delivered again and again
		code, body := w.do(http.MethodPost, "/events/quickstart", cloudEvents, structured(t, "one", "the disk is full"))
		require.Equal(t, http.StatusAccepted, code, body)
		require.Empty(t, body, "a broker takes a body for a broken reply")
	}
	run := w.waitRuns(1)[0]
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase)
	assert.Contains(t, run.Status.Result.Text, "URGENT (demo)")
	assert.Equal(t, "web-triage", run.Spec.Binding.Name)

	var binding aofv1.FlowBinding
	require.Eventually(t, func() bool {
		w.object("namespaces/quickstart/flowbindings/web-triage", &binding)
		return binding.Status.ExecutionCount == 1
	}, patience, 10*time.Millisecond)
	assert.Equal(t, int64(1), binding.Status.SuccessCount)
	assert.Equal(t, int64(1), binding.Status.MatchCount, "a duplicate is no further match")
	assert.Equal(t, aofv1.FlowBindingPhaseBound, binding.Status.Phase)
	assert.True(t, binding.Status.Active)
	assert.Equal(t, "one", binding.Status.LastTriggered.EventID)
	var again aofv1.FlowBinding
	w.object("namespaces/quickstart/flowbindings/web-triage", &again)
	assert.Equal(t, binding.Status.Conditions, again.Status.Conditions, "a reading changes nothing")
	var agent aofv1.Agent
	w.object("namespaces/quickstart/agents/triage", &agent)
	assert.Equal(t, int64(1), agent.Status.TotalRuns)
	var flow aofv1.AgentFlow
	w.object("namespaces/quickstart/agentflows/triage", &flow)
	assert.Equal(t, int64(1), flow.Status.TotalExecutions)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := serve(t, settings(quickstart(t), nil), t.TempDir())
	mebibyte := bytes.Repeat([]byte("x"), 1<<20)
	bearer := http.Header{"Authorization": {"Bearer quickstart"}}
	for name, tc := range map[string]struct {
		method, path string
		header       http.Header
		body         []byte
		code         int
		says         string
	}{
		"a CloudEvent without a trigger":  {http.MethodPost, "/events/quickstart", cloudEvents, []byte(`{"specversion":"1.0","id":"1","source":"/s","type":"t"}`), 400, "aoftrigger"},
		"a CloudEvent for nobody":         {http.MethodPost, "/events/quickstart", cloudEvents, []byte(`{"specversion":"1.0","id":"1","source":"/s","type":"t","aoftrigger":"x"}`), 400, "does not exist"},
		"a CloudEvent without an id":      {http.MethodPost, "/events/quickstart", cloudEvents, []byte(`{"specversion":"1.0"}`), 400, "id"},
		"a CloudEvent of a mebibyte":      {http.MethodPost, "/events/quickstart", cloudEvents, mebibyte, 413, "262144"},
		"a webhook of a mebibyte":         {http.MethodPost, "/quickstart/web", bearer, mebibyte, 413, "262144"},
		"a webhook with the wrong secret": {http.MethodPost, "/quickstart/web", http.Header{"Authorization": {"Bearer no"}}, []byte(`{}`), 401, "secret"},
		"a trigger nobody knows":          {http.MethodPost, "/quickstart/nope", bearer, []byte(`{}`), 404, "no trigger"},
		"a write to the API":              {http.MethodPost, "/apis/aof.dev/v1/namespaces/quickstart/agents", nil, []byte(`{}`), 405, "read-only"},
		"a run from a page":               {http.MethodPost, "/apis/aof.dev/v1/namespaces/quickstart/flowruns", http.Header{"Content-Type": {"text/plain"}}, []byte(`{}`), 415, "application/json"},
		"a run of nothing":                {http.MethodPost, "/apis/aof.dev/v1/namespaces/quickstart/flowruns", http.Header{"Content-Type": {"application/json"}}, []byte(`{}`), 400, "spec"},
		"a decision about nothing":        {http.MethodPatch, "/apis/aof.dev/v1/namespaces/quickstart/flowruns/x", mergePatch, []byte(`{}`), 404, "not found"},
		"a patch of everything":           {http.MethodPatch, "/apis/aof.dev/v1/namespaces/quickstart/flowruns", mergePatch, []byte(`{}`), 405, "read-only"},
		"a kind nobody knows":             {http.MethodGet, "/apis/aof.dev/v1/pigeons", nil, nil, 404, ""},
		"an object that is not there":     {http.MethodGet, "/apis/aof.dev/v1/namespaces/quickstart/triggers/x", nil, nil, 404, "not found"},
	} {
		code, body := w.do(tc.method, tc.path, tc.header, tc.body)
		assert.Equal(t, tc.code, code, name)
		assert.Contains(t, body, tc.says, name)
		assert.Less(t, len(body), 1024, "%s: the answer is bounded", name)
	}
	assert.Empty(t, w.runs())
}

func TestRunsOutliveTheProcess(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	first := serve(t, settings(quickstart(t), nil), data)
	code, _ := first.do(http.MethodPost, "/events/quickstart", cloudEvents, structured(t, "one", "latency"))
	require.Equal(t, http.StatusAccepted, code)
	before := first.waitRuns(1)
	first.stop()

	second := serve(t, settings(quickstart(t), nil), data)
	assert.Equal(t, before[0].Status.Result, second.runs()[0].Status.Result)
	code, _ = second.do(http.MethodPost, "/events/quickstart", cloudEvents, structured(t, "one", "latency"))
	assert.Equal(t, http.StatusAccepted, code, "a duplicate is acknowledged, also by the next process")
	second.waitRuns(1)
	var trigger aofv1.Trigger
	second.object("namespaces/quickstart/triggers/web", &trigger)
	assert.Equal(t, int64(2), trigger.Status.EventCount, "event counts outlive the process as well")
}

func TestFilesAreFollowed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"quickstart.yaml", "replies.yaml"} {
		raw, err := os.ReadFile(filepath.Join(quickstart(t)[0], name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), raw, 0o600))
	}
	w := serve(t, settings([]string{dir}, nil), t.TempDir())
	path := filepath.Join(dir, "quickstart.yaml")
	good, err := os.ReadFile(path)
	require.NoError(t, err)

	// A file with an error leaves what is served as it is.
	require.NoError(t, os.WriteFile(path, append(good, []byte("\n---\nkind: Nonsense\napiVersion: aof.dev/v1\n")...), 0o600))
	require.Error(t, w.server.Reload(t.Context()))
	code, _ := w.do(http.MethodPost, "/events/quickstart", cloudEvents, structured(t, "one", "latency"))
	assert.Equal(t, http.StatusAccepted, code)
	w.waitRuns(1)

	changed := bytes.ReplaceAll(good, []byte("ENVIRONMENT: demo"), []byte("ENVIRONMENT: changed"))
	require.NoError(t, os.WriteFile(path, changed, 0o600))
	require.Eventually(t, func() bool {
		var c aofv1.Context
		w.object("namespaces/quickstart/contexts/demo", &c)
		return c.Spec.Env["ENVIRONMENT"] == "changed"
	}, patience, 20*time.Millisecond)
}

// A webhook whose secret is not in the environment is shut, and not open to all.
func TestAWebhookWithoutItsSecretIsShut(t *testing.T) {
	t.Parallel()
	for name, secret := range map[string]string{
		"the secret": "${HOOK}", "a part of the secret": "team-${HOOK}", "by its key": "{secretKeyRef: {name: aof-credentials, key: HOOK}}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "hook.yaml")
			require.NoError(t, os.WriteFile(file, []byte("apiVersion: aof.dev/v1\nkind: Trigger\nmetadata: {name: hook, namespace: ns}\n"+
				"spec:\n  type: HTTP\n  config:\n    secret: "+secret+"\n"), 0o600))
			post := func(env map[string]string, bearer string) int {
				w := serve(t, settings([]string{file}, env), t.TempDir())
				request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/ns/hook", bytes.NewReader([]byte(`{"text":"hi"}`)))
				require.NoError(t, err)
				request.Header.Set("Authorization", "Bearer "+bearer)
				response, err := http.DefaultTransport.RoundTrip(request)
				require.NoError(t, err)
				require.NoError(t, response.Body.Close())
				return response.StatusCode
			}
			for _, bearer := range []string{"", "team-", "${HOOK}"} {
				assert.Equal(t, http.StatusServiceUnavailable, post(nil, bearer), "%q", bearer)
			}
			env := map[string]string{"HOOK": "s3cret"}
			assert.Equal(t, http.StatusUnauthorized, post(env, "team-"))
			assert.Less(t, min(post(env, "s3cret"), post(env, "team-s3cret")), 300)
		})
	}
}
