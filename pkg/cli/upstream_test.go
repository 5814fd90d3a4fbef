// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
)

// importUpstream imports a folder of the project that AOF's kinds come from.
func importUpstream(t *testing.T, folder string) string {
	t.Helper()
	from := filepath.Join("..", "..", "..", "shared", "upstream", filepath.FromSlash(folder))
	if _, err := os.Stat(from); err != nil {
		t.Skip("the upstream material is not beside this repository")
	}
	to := t.TempDir()
	got := aof(t, "import", "-f", from, "-o", to)
	require.Equal(t, ExitOK, got.code, got.errs)
	return to
}

// upstreamReplies is the script of the model that plays upstream's agents.
const upstreamReplies = `rules:
  - agent: security
    json: {passed: true, summary: no findings}
  - agent: k8s-ops
    matches: '^Validate .*broken'
    json: {passed: false, summary: no such image}
  - agent: k8s-ops
    matches: '^Validate '
    json: {passed: true, summary: config is fine}
  - agent: k8s-ops
    matches: '^Execute remediation: '
    json: {output: restarted db-1}
  - agent: incident
    matches: '^Classify '
    json: {classification: outage, severity: p1}
  - agent: k8s-ops
    matches: '^scale '
    json: {requires_approval: true, command: kubectl scale deployment/web}
  - agent: k8s-ops
    json: {requires_approval: false, output: three pods run}
default:
  json: {summary: looked, timeline: 10:00 began, remediation_available: true, remediation_steps: restart db-1}
`

func TestUpstreamFlowsRun(t *testing.T) {
	t.Parallel()
	dir := importUpstream(t, "seed-era")
	model := "mock:" + writeFile(t, "replies.yaml", upstreamReplies)
	for name, tc := range map[string]struct {
		args []string
		code int
		says []string
		node map[string]aofv1.NodePhase
	}{
		"a deployment that is validated waits for consent": {
			[]string{"deploy-flow", "--text", "deploy web"},
			ExitWaiting,
			[]string{"User: cli_user", "Request: deploy web", "Security Scan: no findings", "Config Validation: config is fine"},
			map[string]aofv1.NodePhase{"request-approval": "Waiting", "execute-deployment": "Pending"},
		},
		"a deployment that is not validated is not done": {
			[]string{"deploy-flow", "--text", "deploy the broken web"},
			ExitOK, nil,
			map[string]aofv1.NodePhase{"request-approval": "Skipped", "execute-deployment": "Skipped"},
		},
		"an incident is looked into and remedied": {
			[]string{"incident-flow", "--text", "the database is down"},
			ExitOK,
			[]string{"**Incident Resolved**", "restarted db-1"},
			map[string]aofv1.NodePhase{"investigate": "Succeeded", "send-status": "Succeeded", "execute-remediation": "Succeeded", "send-resolution": "Succeeded"},
		},
		"a question is answered": {
			[]string{"k8s-ops-flow", "--context", "prod", "--text", "show the pods"},
			ExitOK,
			[]string{"three pods run"},
			map[string]aofv1.NodePhase{"send-response": "Succeeded", "request-approval": "Skipped", "execute-command": "Skipped"},
		},
		"a change waits for consent": {
			[]string{"k8s-ops-flow", "--context", "prod", "--text", "scale web"},
			ExitWaiting,
			[]string{"User: cli_user", "Command: `kubectl scale deployment/web`"},
			map[string]aofv1.NodePhase{"request-approval": "Waiting", "send-response": "Skipped", "execute-command": "Pending"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"run", "-f", dir, "--model", model}, tc.args...)
			got := aof(t, args...)
			assert.Equal(t, tc.code, got.code, got.errs)
			for _, part := range tc.says {
				assert.Contains(t, got.out, part)
			}
			got = aof(t, append(args, "-o", "json")...)
			assert.Equal(t, tc.code, got.code, got.errs)
			var run aofv1.FlowRun
			require.NoError(t, json.Unmarshal([]byte(got.out), &run))
			phases := map[string]aofv1.NodePhase{}
			for i := range run.Status.Nodes {
				if id := run.Status.Nodes[i].ID; tc.node[id] != "" {
					phases[id] = run.Status.Nodes[i].Phase
				}
			}
			for id, phase := range tc.node { // a node not reached yet may be left out
				if phase == "Pending" && phases[id] == "" {
					phases[id] = phase
				}
			}
			assert.Equal(t, tc.node, phases)
		})
	}
}

func TestUpstreamScriptFlowsRun(t *testing.T) {
	t.Parallel()
	dir := importUpstream(t, "head/flows")
	scratch, bin := t.TempDir(), t.TempDir()
	tool := "#!/bin/sh\necho '[{\"Names\":\"web\",\"State\":\"running\"}]'\n"
	for _, name := range []string{"docker", "kubectl"} {
		// Not while another test forks: the file would be busy when it is started.
		syscall.ForkLock.RLock()
		err := os.WriteFile(filepath.Join(bin, name), []byte(tool), 0o700)
		syscall.ForkLock.RUnlock()
		require.NoError(t, err)
	}
	input, results := filepath.Join(scratch, "input.json"), filepath.Join(scratch, "results.txt")
	require.NoError(t, os.WriteFile(input, []byte(`{"items":[{"name":"it's","value":1},{"name":"b","value":3}]}`), 0o600))
	pipeline := filepath.Join(dir, "agentflow-data-pipeline.yaml")
	raw, err := os.ReadFile(pipeline)
	require.NoError(t, err)
	text := strings.NewReplacer("/tmp/input-data.json", input, "/tmp/analysis-results.txt", results).Replace(string(raw))
	require.NoError(t, os.WriteFile(pipeline, []byte(text), 0o600))

	someone := person{vars: map[string]string{"PATH": bin + ":/usr/bin:/bin"}}
	for flow, says := range map[string]string{
		"data-pipeline":              `"path":"` + results + `"`,
		"docker-troubleshoot-script": `"State":"running"`,
		"k8s-health-check":           `Node Status: [{"Names":"web","State":"running"}]`,
	} {
		got := someone.aof(t, "run", flow, "-f", dir, "--model", "mock:echo")
		assert.Equal(t, ExitOK, got.code, "%s: %s", flow, got.errs)
		assert.Contains(t, got.out, " Succeeded in ", flow)
		assert.Contains(t, got.out, says, flow)
	}
	written, err := os.ReadFile(results)
	require.NoError(t, err)
	assert.Contains(t, string(written), "it's", "an apostrophe in the data does not end the script's quotes")
}
