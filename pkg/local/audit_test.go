// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package local_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/audit"
	"aof.dev/operator/pkg/local"
	"aof.dev/operator/pkg/manifest"
	fakeaudit "aof.dev/operator/test/fake/audit"
)

// audited is the quickstart with an audit in its Context.
func audited(t *testing.T, config string) []string {
	t.Helper()
	dir, from := t.TempDir(), quickstart(t)[0]
	for _, name := range []string{"quickstart.yaml", "replies.yaml"} {
		raw, err := os.ReadFile(filepath.Join(from, name))
		require.NoError(t, err)
		text := strings.Replace(string(raw), "    ENVIRONMENT: demo\n", "    ENVIRONMENT: demo\n  audit: "+config+"\n", 1)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return []string{dir}
}

func events(records []audit.Record) []string {
	out := make([]string, len(records))
	for i := range records {
		out[i] = strings.TrimSpace(string(records[i].Event) + " " + string(records[i].Status) + " " + records[i].Node)
	}
	return out
}

var ofTheQuickstart = []string{
	"run_started started", "node succeeded read", "agent_start started think", "agent_complete succeeded think", "node succeeded urgent",
	"message started page", "node skipped answer", "message succeeded page", "run_finished succeeded",
}

// A webhook that is down while the run goes on, and while the process ends, has
// all records in the end; the run knows nothing of it.
func TestAuditWebhookThatIsDown(t *testing.T) {
	t.Parallel()
	sink := fakeaudit.New()
	t.Cleanup(sink.Close)
	sink.Next(fakeaudit.Status(http.StatusServiceUnavailable), fakeaudit.Status(http.StatusServiceUnavailable))
	files := audited(t, `{enabled: true, sink: webhook, url: "`+sink.URL+`/${AUDIT_PATH}", headers: {Authorization: "Bearer ${AUDIT_TOKEN}"}}`)
	data, s := t.TempDir(), settings(files, map[string]string{"AUDIT_PATH": "secret-path", "AUDIT_TOKEN": "secret-token"})
	w := serve(t, s, data)
	code, _ := w.do(http.MethodPost, "/events/quickstart", cloudEvents, structured(t, "1", "the disk is full"))
	require.Equal(t, http.StatusAccepted, code)
	run := w.waitRuns(1)[0]
	require.EqualValues(t, "Succeeded", run.Status.Phase)
	w.stop()

	w = serve(t, s, data)
	require.Eventually(t, func() bool {
		run = w.runs()[0]
		return run.Status.Audit != nil && run.Status.Audit.Ended && run.Status.Audit.Undelivered() == 0
	}, 2*patience, 20*time.Millisecond)
	assert.ElementsMatch(t, ofTheQuickstart, events(sink.Records()))
	assert.Empty(t, sink.Wrong())
	assert.Equal(t, "Bearer secret-token", sink.Header().Get("Authorization"))
	raw, err := json.Marshal(run)
	require.NoError(t, err)
	assert.NotContains(t, string(raw), "secret-")
}

func TestAuditFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	files := audited(t, `{enabled: true, sink: "file://`+path+`", include_payload: true}`)
	s := settings(files, nil)
	world, problems := local.Load(files, manifest.Options{})
	require.Empty(t, manifest.Errors(problems))
	for range 2 {
		e, err := local.TextEvent(s, "the disk is full")
		require.NoError(t, err)
		run, err := local.Once(t.Context(), s, world, "triage", "", e)
		require.NoError(t, err)
		assert.Zero(t, run.Status.Audit.Undelivered())
	}
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	var records []audit.Record
	for line := range strings.Lines(string(raw)) {
		var r audit.Record
		require.NoError(t, json.Unmarshal([]byte(line), &r), line)
		records = append(records, r)
	}
	require.Len(t, records, 2*len(ofTheQuickstart))
	assert.ElementsMatch(t, ofTheQuickstart, events(records[:len(ofTheQuickstart)]))
	assert.Contains(t, string(records[0].Input), "the disk is full")
	assert.NotEqual(t, records[0].ID, records[len(ofTheQuickstart)].ID)
}

func TestAuditOnStandardOutput(t *testing.T) {
	t.Parallel()
	files := audited(t, `{enabled: true, events: [agent_complete]}`)
	s := settings(files, nil)
	var out strings.Builder
	s.Audit = &out
	world, problems := local.Load(files, manifest.Options{})
	require.Empty(t, manifest.Errors(problems))
	e, err := local.TextEvent(s, "the disk is full")
	require.NoError(t, err)
	_, err = local.Once(t.Context(), s, world, "triage", "", e)
	require.NoError(t, err)
	var r audit.Record
	require.NoError(t, json.Unmarshal([]byte(out.String()), &r), out.String())
	assert.Equal(t, "triage", r.Agent)
}
