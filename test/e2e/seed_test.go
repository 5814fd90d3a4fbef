// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// seedFlow is the flow that the seed's examples name and leave out.
const seedFlow = `apiVersion: aof.dev/v1
kind: AgentFlow
metadata: {name: k8s-troubleshoot}
spec:
  trigger: {type: Slack, config: {}}
  nodes:
  - {id: reply, type: Response, config: {message: "looking into ${event.text}"}}
  connections: [{from: trigger, to: reply}]`

// TestSeedExamples applies the examples of the document the product was ordered from, as they stand but for the
// names of the namespaces, and reads what its commands read.
func TestSeedExamples(t *testing.T) {
	t.Parallel()
	e := newOperatorEnv(t)
	raw, err := os.ReadFile(filepath.Join(top, "pkg/apis/aof/v1/testdata/seed-examples.yaml"))
	require.NoError(t, err)
	manifest := string(raw)
	workflows, shared, teamA := e.addNamespace("workflows"), e.addNamespace("shared"), e.addNamespace("team-a")
	for seed, ours := range map[string]*env{"aof-system": e, "workflows": workflows, "shared-contexts": shared, "team-a": teamA} {
		manifest = strings.ReplaceAll(manifest, "namespace: "+seed+"\n", "namespace: "+ours.namespace+"\n")
		manifest = strings.ReplaceAll(manifest, "namespace: "+seed+" ", "namespace: "+ours.namespace+" ")
	}
	file := filepath.Join(t.TempDir(), "aof-resources.yaml")
	require.NoError(t, os.WriteFile(file, []byte(manifest), 0o600))
	e.kubectl("create", "secret", "generic", "aof-credentials", "--from-literal=SLACK_BOT_TOKEN=xoxb-1", "--from-literal=SLACK_APP_TOKEN=xapp-1",
		"--from-literal=SLACK_SIGNING_SECRET=s")
	out, err := exec.CommandContext(t.Context(), "kubectl", "apply", "-f", file).CombinedOutput()
	require.NoError(t, err, "%s", out)
	workflows.apply(seedFlow)
	teamA.apply(seedFlow)

	e.until("the seed's context is ready", func(context.Context) (bool, error) {
		return e.kubectl("get", "context", "prod", "-o", "jsonpath={.status.ready}") == "true", nil
	})
	e.until("the seed's binding has been looked at", func(context.Context) (bool, error) {
		return field(workflows.object(flowBindings, "prod-slack"), "status", "phase") != "", nil
	})
	assert.Contains(t, workflows.kubectl("describe", "flowbinding", "prod-slack"), "Phase:")
	e.until("the team's trigger has been looked at", func(context.Context) (bool, error) {
		return field(teamA.object(aofTriggers, "slack"), "status", "phase") != "", nil
	})
}
