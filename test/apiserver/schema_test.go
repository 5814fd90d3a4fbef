// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/test/apiserver"
)

// kind is one of ours with the least that can be said of it.
type kind struct {
	kind, plural, spec string
	// short is its short name, columns are its columns, as kubectl shows them.
	short   string
	columns []string
	// status is what the columns are read from, row what they then show, without
	// the age.
	status string
	row    []string
}

var kinds = []kind{
	{
		"Context", "contexts", "{namespace: payments, approval: {required: true}}", "ctx",
		[]string{"NAME", "READY", "NAMESPACE", "APPROVAL", "AGE"},
		"{ready: true}",
		[]string{"x", "true", "payments", "true"},
	},
	{
		"Trigger", "triggers", "{type: Slack, config: {bot_token: x}}", "trg",
		[]string{"NAME", "TYPE", "CONNECTED", "PHASE", "EVENTS", "AGE"},
		"{connected: true, phase: Active, eventCount: 7}",
		[]string{"x", "Slack", "true", "Active", "7"},
	},
	{
		"FlowBinding", "flowbindings", "{trigger: {name: t}, context: {name: c}, flow: {name: f}}", "fb",
		[]string{"NAME", "TRIGGER", "CONTEXT", "FLOW", "ACTIVE", "EXECUTIONS", "SUCCESS RATE", "AGE"},
		"{active: true, executionCount: 4, metrics: {successRate: 0.75}}",
		[]string{"x", "t", "c", "f", "true", "4", "0.75"},
	},
	{
		"Agent", "agents", "{model: 'openai:gpt-4o', instructions: help}", "",
		[]string{"NAME", "MODEL", "READY", "TOTAL RUNS", "AGE"},
		"{ready: true, totalRuns: 3}",
		[]string{"x", "openai:gpt-4o", "true", "3"},
	},
	{
		"AgentFleet", "agentfleets", "{agents: [{name: a, ref: {name: a}, replicas: 2}], coordination: {mode: peer}}", "fleet",
		[]string{"NAME", "READY", "AGENTS", "MODE", "AGE"},
		"{ready: true}",
		[]string{"x", "true", "2", "peer"},
	},
	{
		"AgentFlow", "agentflows", "{trigger: {type: HTTP, config: {}}, nodes: [{id: a, type: Response, config: {message: hi}}], connections: [{from: trigger, to: a}]}", "flow",
		[]string{"NAME", "TRIGGER", "READY", "EXECUTIONS", "AGE"},
		"{ready: true, totalExecutions: 9}",
		[]string{"x", "HTTP", "true", "9"},
	},
	{
		"FlowRun", "flowruns", "{flow: {name: f}, binding: {name: b}, event: {specversion: '1.0', id: '1', source: /s, type: t}}", "run",
		[]string{"NAME", "FLOW", "BINDING", "PHASE", "STARTED", "DURATION", "AGE"},
		"{phase: Succeeded, duration: 2.3s}",
		[]string{"x", "f", "b", "Succeeded", "2.3s"},
	},
}

func (k kind) object(t *testing.T, namespace string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{Object: map[string]any{"spec": parse(t, k.spec)}}
	u.SetGroupVersionKind(aofv1.SchemeGroupVersion.WithKind(k.kind))
	u.SetNamespace(namespace)
	u.SetName("x")
	return u
}

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	out := map[string]any{}
	require.NoError(t, yaml.Unmarshal([]byte(text), &out))
	return out
}

var namespaceOfDocument = regexp.MustCompile(`(?m)^\s+namespace: ([a-z0-9-]+)\s*(#.*)?$`)

// The documents that users begin with are taken as they stand, and nothing in
// them is overlooked.
func TestExamplesApplyStrictly(t *testing.T) {
	t.Parallel()
	s := apiserver.Shared(t)
	files, err := filepath.Glob(filepath.Join(apiserver.Root(), "examples", "*", "*.yaml"))
	require.NoError(t, err)
	files = append(files, filepath.Join(apiserver.Root(), "pkg", "apis", "aof", "v1", "testdata", "seed-examples.yaml"))
	applied := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		if !strings.Contains(string(raw), "aof.dev/v1") {
			continue // replies of a scripted model
		}
		applied++
		for _, m := range namespaceOfDocument.FindAllSubmatch(raw, -1) {
			s.MakeNamespace(t, string(m[1]))
		}
		_, err = s.Kubectl(t.Context(), raw, "apply", "--validate=strict", "--dry-run=server", "-f", "-")
		assert.NoError(t, err, file)
	}
	assert.GreaterOrEqual(t, applied, 3)
}

func TestUnknownFieldsAreRefused(t *testing.T) {
	t.Parallel()
	s := apiserver.Shared(t)
	namespace := s.Namespace(t)
	client, err := dynamic.NewForConfig(s.Config)
	require.NoError(t, err)
	for _, k := range kinds {
		t.Run(k.kind, func(t *testing.T) {
			t.Parallel()
			resource := client.Resource(aofv1.SchemeGroupVersion.WithResource(k.plural)).Namespace(namespace)
			for _, field := range []string{"nonsense", "Namespace"} {
				object := k.object(t, namespace)
				require.NoError(t, unstructured.SetNestedField(object.Object, "x", "spec", field))
				_, err := resource.Create(t.Context(), object, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
				require.ErrorContains(t, err, fmt.Sprintf("unknown field %q", "spec."+field))
			}
		})
	}
}

// A condition whose fields the schema does not spell out is stored as {}.
func TestStatusesAreKept(t *testing.T) {
	t.Parallel()
	s := apiserver.Shared(t)
	namespace := s.Namespace(t)
	client, err := dynamic.NewForConfig(s.Config)
	require.NoError(t, err)
	conditions := []any{map[string]any{
		"type": "Ready", "status": "False", "severity": "Info", "reason": "Testing", "message": "a message",
		"lastTransitionTime": "2025-12-18T10:00:00Z",
	}}
	for _, k := range kinds {
		t.Run(k.kind, func(t *testing.T) {
			t.Parallel()
			resource := client.Resource(aofv1.SchemeGroupVersion.WithResource(k.plural)).Namespace(namespace)
			stored, err := resource.Create(t.Context(), k.object(t, namespace), metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
			require.NoError(t, err)
			status := parse(t, k.status)
			status["conditions"], status["observedGeneration"] = conditions, int64(1)
			stored.Object["status"] = status
			stored.Object["spec"].(map[string]any)["nonsense"] = "x" // of a status update only the status counts
			into := []string{"status"}
			if k.kind == "FlowRun" { // its status is written with the rest
				into = nil
			}
			stored, err = resource.Update(t.Context(), stored, metav1.UpdateOptions{FieldValidation: metav1.FieldValidationIgnore}, into...)
			require.NoError(t, err)
			assert.Equal(t, conditions, stored.Object["status"].(map[string]any)["conditions"])
			assert.NotContains(t, stored.Object["spec"], "nonsense")

			out, err := s.Kubectl(t.Context(), nil, "get", k.plural+".aof.dev", "-n", namespace)
			require.NoError(t, err)
			lines := strings.Split(strings.TrimSpace(out), "\n")
			require.Len(t, lines, 2)
			assert.Equal(t, k.columns, cells(lines[0]))
			assert.Equal(t, k.row, withoutEmpty(cells(lines[1]))[:len(k.row)])
			if k.short != "" {
				short, err := s.Kubectl(t.Context(), nil, "get", k.short, "-n", namespace, "-o", "name")
				require.NoError(t, err)
				assert.Equal(t, strings.ToLower(k.kind)+".aof.dev/x", strings.TrimSpace(short))
			}
		})
	}
}

// cells splits a line of a table, whose columns stand three spaces apart.
func cells(line string) []string {
	return regexp.MustCompile(`\s{3,}`).Split(strings.TrimSpace(line), -1)
}

func withoutEmpty(in []string) []string {
	var out []string
	for _, cell := range in {
		if cell != "" {
			out = append(out, cell)
		}
	}
	return out
}
