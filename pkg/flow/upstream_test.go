// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"aof.dev/operator/pkg/flow"
)

// upstream reads an AgentFlow of the project that AOF's kinds come from.
func upstream(t *testing.T, name string) *flow.Plan {
	t.Helper()
	file := filepath.Join("..", "..", "..", "shared", "upstream", filepath.FromSlash(name))
	text, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		t.Skip("the upstream material is not beside this repository")
	}
	require.NoError(t, err)
	var doc struct {
		Metadata struct{ Name string }
		Spec     struct {
			Nodes []struct {
				ID     string
				Type   string
				Config map[string]any
			}
			Connections []flow.Edge
		}
	}
	require.NoError(t, yaml.Unmarshal(text, &doc))
	f := flow.Flow{Name: doc.Metadata.Name, Edges: doc.Spec.Connections}
	for _, n := range doc.Spec.Nodes {
		f.Nodes = append(f.Nodes, flow.Node{ID: n.ID, Kind: flow.Kind(n.Type), Config: n.Config})
	}
	p := compile(t, f)
	assert.Empty(t, p.Warnings())
	return p
}

func TestUpstreamFlows(t *testing.T) {
	t.Parallel()
	event := flow.Facts{Event: map[string]any{"text": "scale the api", "user": map[string]any{"id": "U1"}}}
	reply := func(fields map[string]any) answer { return answer{output: fields} }
	tests := []struct {
		name    string
		file    string
		answers map[string]answer
		skipped []string
		waiting string
	}{
		{
			name:    "k8s-ops answers at once when nothing needs approval",
			file:    "seed-era/flows/k8s-ops-flow.yaml",
			answers: map[string]answer{"k8s-process": reply(map[string]any{"output": "3 pods", "requires_approval": false})},
			skipped: []string{"request-approval", "execute-command", "send-result"},
		},
		{
			name:    "k8s-ops answers at once when the agent says nothing about approval",
			file:    "seed-era/flows/k8s-ops-flow.yaml",
			answers: map[string]answer{"k8s-process": reply(map[string]any{"output": "3 pods"})},
			skipped: []string{"request-approval", "execute-command", "send-result"},
		},
		{
			name: "k8s-ops asks and executes",
			file: "seed-era/flows/k8s-ops-flow.yaml",
			answers: map[string]answer{
				"k8s-process":      reply(map[string]any{"output": "shall I?", "requires_approval": "true", "command": "kubectl scale"}),
				"request-approval": reply(map[string]any{"approved": true}),
			},
			skipped: []string{"send-response"},
		},
		{
			name: "deploy waits for approval when both checks passed",
			file: "seed-era/flows/deploy-flow.yaml",
			answers: map[string]answer{
				"security-scan":    reply(map[string]any{"output": map[string]any{"passed": true}}),
				"validate-config":  reply(map[string]any{"passed": "true", "output": "fine"}),
				"request-approval": {wait: true},
			},
			waiting: "request-approval",
		},
		{
			name: "deploy stops when one check did not pass",
			file: "seed-era/flows/deploy-flow.yaml",
			answers: map[string]answer{
				"security-scan":   reply(map[string]any{"passed": true}),
				"validate-config": reply(map[string]any{"passed": false}),
			},
			skipped: []string{"request-approval", "execute-deployment", "verify-deployment", "send-success"},
		},
		{
			name:    "incident reports and ends when there is nothing to remedy",
			file:    "seed-era/flows/incident-flow.yaml",
			answers: map[string]answer{"investigate": reply(map[string]any{"output": "unclear"})},
			skipped: []string{"execute-remediation", "send-resolution"},
		},
		{
			name:    "incident remedies",
			file:    "seed-era/flows/incident-flow.yaml",
			answers: map[string]answer{"investigate": reply(map[string]any{"remediation_available": true, "output": "restart it"})},
		},
		{name: "data-pipeline", file: "head/flows/data-pipeline.yaml"},
		{name: "docker-troubleshoot-script", file: "head/flows/docker-troubleshoot-script.yaml"},
		{name: "k8s-health-check", file: "head/flows/k8s-health-check.yaml"},
		{name: "docker-troubleshoot", file: "head/quickstart/docker-troubleshoot-flow.yaml"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := play(t, upstream(t, tt.file), event, tt.answers)
			var skipped []string
			for _, n := range s.Nodes {
				if n.Phase == skip {
					skipped = append(skipped, n.ID)
				}
			}
			if tt.waiting != "" {
				assert.Equal(t, flow.PhaseWaiting, s.Phase)
				assert.Equal(t, flow.PhaseWaiting, phases(s)[tt.waiting])
				return
			}
			assert.ElementsMatch(t, tt.skipped, skipped)
			assert.Equal(t, ok, s.Phase)
		})
	}
}
