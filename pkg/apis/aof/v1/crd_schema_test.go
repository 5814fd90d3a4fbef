// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	crdvalidation "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
)

// server treats objects of one kind as the API server does.
type server struct {
	structural *schema.Structural
	validator  validation.SchemaValidator
}

func newServer(t *testing.T, kind string) server {
	t.Helper()
	crd := internalCRD(t, kind)
	require.NotNil(t, crd.Spec.Validation)
	structural, err := schema.NewStructural(crd.Spec.Validation.OpenAPIV3Schema)
	require.NoError(t, err)
	validator, _, err := validation.NewSchemaValidator(crd.Spec.Validation.OpenAPIV3Schema)
	require.NoError(t, err)
	return server{structural: structural, validator: validator}
}

func internalCRD(t *testing.T, kind string) *apiextensions.CustomResourceDefinition {
	t.Helper()
	data, err := json.Marshal(ourCRD(t, kind))
	require.NoError(t, err)
	var external apiextensionsv1.CustomResourceDefinition
	require.NoError(t, json.Unmarshal(data, &external))
	apiextensionsv1.SetDefaults_CustomResourceDefinition(&external)
	apiextensionsv1.SetDefaults_CustomResourceDefinitionSpec(&external.Spec)
	scheme := runtime.NewScheme()
	require.NoError(t, apiextensions.AddToScheme(scheme))
	require.NoError(t, apiextensionsv1.AddToScheme(scheme))
	var internal apiextensions.CustomResourceDefinition
	require.NoError(t, scheme.Convert(&external, &internal, nil))
	internal.Status.StoredVersions = []string{"v1"}
	return &internal
}

func TestCRDsAreValid(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			crd := internalCRD(t, kind)
			assert.Empty(t, crdvalidation.ValidateCustomResourceDefinition(t.Context(), crd))
			structural, err := schema.NewStructural(crd.Spec.Validation.OpenAPIV3Schema)
			require.NoError(t, err)
			assert.Empty(t, schema.ValidateStructural(nil, structural))
		})
	}
}

// apply does what happens to `kubectl apply`: unknown fields are refused, the
// webhook sets defaults, the schema is held, the webhook validates.
func (s server) apply(t *testing.T, kind string, object map[string]any) (stored map[string]any, unknown []string, errs []string) {
	t.Helper()
	object = runtime.DeepCopyJSON(viaJSON(t, object))
	unknown = pruning.PruneWithOptions(object, s.structural, true, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	typed := newObject(kind)
	data, err := json.Marshal(object)
	require.NoError(t, err)
	if err := json.Unmarshal(data, typed); err != nil {
		return nil, unknown, []string{err.Error()}
	}
	typed.SetDefaults(context.WithoutCancel(t.Context()))
	stored = viaJSON(t, typed)
	defaulting.Default(stored, s.structural)
	for _, err := range validation.ValidateCustomResource(nil, stored, s.validator) {
		errs = append(errs, "schema: "+err.Error())
	}
	if err := typed.Validate(t.Context()).Filter(apis.ErrorLevel); err != nil {
		errs = append(errs, "webhook: "+err.Error())
	}
	return stored, unknown, errs
}

// object is what every kind can do.
type object interface {
	runtime.Object
	duckv1.KRShaped
	apis.Defaultable
	apis.Validatable
}

func newObject(kind string) object {
	scheme := runtime.NewScheme()
	if err := AddToScheme(scheme); err != nil {
		panic(err)
	}
	o, err := scheme.New(SchemeGroupVersion.WithKind(kind))
	if err != nil {
		return nil
	}
	return o.(object)
}

func viaJSON(t *testing.T, v any) map[string]any {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	out, err := decodeObject(data)
	require.NoError(t, err)
	return out
}

func TestSeedExamplesAreAccepted(t *testing.T) {
	t.Parallel()
	examples := documents(t, filepath.Join("testdata", "seed-examples.yaml"))
	require.Len(t, examples, 8)
	for _, example := range examples {
		kind := example["kind"].(string)
		t.Run(kind+" "+pick(example, "metadata", "namespace").(string)+" "+pick(example, "metadata", "name").(string), func(t *testing.T) {
			t.Parallel()
			stored, unknown, errs := newServer(t, kind).apply(t, kind, example)
			assert.Empty(t, unknown)
			assert.Empty(t, errs)
			contains(t, "", stored, example)
		})
	}
}

// contains checks that all that was written is stored.
func contains(t *testing.T, path string, stored, written map[string]any) {
	t.Helper()
	for key, want := range written {
		if inner, ok := want.(map[string]any); ok {
			got, _ := stored[key].(map[string]any)
			contains(t, path+"."+key, got, inner)
			continue
		}
		assert.EqualValues(t, want, stored[key], path+"."+key)
	}
}

// Strings in place of objects reach the webhook, because the API server holds
// the schema only after it (ADR 0003).
func TestOtherFormsAreStoredCanonically(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, kind string
		spec, want string
	}{
		{
			name: "references as strings", kind: "FlowBinding",
			spec: `{"trigger":"slack","context":"shared/prod","flow":{"ref":"flows/k8s-ops-flow.yaml"}}`,
			want: `{"trigger":{"name":"slack"},"context":{"name":"prod","namespace":"shared"},"flow":{"name":"k8s-ops-flow"}}`,
		},
		{
			name: "tools, memory and camelCase of an agent", kind: "Agent",
			spec: `{"model":"Google:gemini-2.5-flash","system_prompt":"Help.","tools":["kubectl",{"type":"Shell"}],"memory":"File:./m.json:100","maxTokens":10}`,
			want: `{"model":"google:gemini-2.5-flash","instructions":"Help.","tools":[{"name":"kubectl"},{"type":"Shell"}],` +
				`"memory":{"type":"File","config":{"path":"./m.json","max_messages":100}},"max_tokens":10}`,
		},
		{
			name: "a provider beside the model", kind: "Agent",
			spec: `{"model":"llama3:8b","provider":"ollama","instructions":"x","memory":"in_memory"}`,
			want: `{"model":"ollama:llama3:8b","instructions":"x","memory":{"type":"InMemory"}}`,
		},
		{
			name: "a consensus as an object", kind: "AgentFleet",
			spec: `{"agents":[{"ref":"agents/a.yaml"},{"ref":{"name":"b"},"replicas":2}],"coordination":{"distribution":"round_robin","consensus":{"algorithm":"first_wins","min_votes":2}}}`,
			want: `{"agents":[{"name":"a","ref":{"name":"a"},"replicas":1,"role":"worker"},{"name":"b","ref":{"name":"b"},"replicas":2,"role":"worker"}],` +
				`"coordination":{"mode":"peer","distribution":"round-robin","consensus":"first","consensus_options":{"min_votes":2}}}`,
		},
		{
			name: "a trigger type in another case", kind: "Trigger",
			spec: `{"type":"cron","config":{"cron":"0 9 * * MON-FRI"}}`,
			want: `{"type":"Schedule","config":{"cron":"0 9 * * MON-FRI"}}`,
		},
		{
			name: "a webhook is HTTP", kind: "Trigger",
			spec: `{"type":"webhook","config":{}}`, want: `{"type":"HTTP","config":{}}`,
		},
		{
			name: "node and connection spellings", kind: "AgentFlow",
			spec: `{"trigger":{},"nodes":[{"name":"a","type":"shell","config":{"command":"true"}},` +
				`{"id":"b","type":"end","condition":"a.exit_code == 0","dependsOn":["a"],"conditions":[{"from":"a","value":true}]}],` +
				`"connections":[{"from":"start","to":"a"},{"from":"a","to":"b","condition":"success == true"}]}`,
			want: `{"trigger":{"config":{}},"nodes":[{"id":"a","type":"Script","config":{"command":"true"}},` +
				`{"id":"b","type":"End","when":"a.exit_code == 0","depends_on":["a"],"conditions":[{"from":"a","value":"true"}]}],` +
				`"connections":[{"from":"start","to":"a"},{"from":"a","to":"b","when":"success == true"}]}`,
		},
		{
			name: "a run", kind: "FlowRun",
			spec: `{"flow":"f","binding":"b","event":{"specversion":"1.0","id":"1","source":"s","type":"t","data":{"a":[1]}}}`,
			want: `{"flow":{"name":"f"},"binding":{"name":"b"},"event":{"specversion":"1.0","id":"1","source":"s","type":"t","data":{"a":[1]}}}`,
		},
		{
			name: "approval and limits under other names", kind: "Context",
			spec: `{"cluster_name":"c","approval":{"enabled":true,"required_for":["delete"]},"limits":{"rate_limit_per_minute":20}}`,
			want: `{"namespace":"default","cluster":"c","approval":{"required":true,"require_for":["delete"],"timeout_seconds":300},"limits":{"max_requests_per_minute":20}}`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var spec map[string]any
			require.NoError(t, json.Unmarshal([]byte(tc.spec), &spec))
			stored, unknown, errs := newServer(t, tc.kind).apply(t, tc.kind, map[string]any{
				"apiVersion": "aof.dev/v1", "kind": tc.kind, "metadata": map[string]any{"name": "x"}, "spec": spec,
			})
			assert.Empty(t, unknown)
			assert.Empty(t, errs)
			got, err := json.Marshal(stored["spec"])
			require.NoError(t, err)
			assert.JSONEq(t, tc.want, string(got))
		})
	}
}

// The seed's schemas of Agent, AgentFleet and AgentFlow leave the fields of a
// condition open, and the API server then drops all of them.
func TestConditionsSurvivePruning(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, kind)
			condition := map[string]any{
				"type": "Ready", "status": "False", "severity": "Info", "lastTransitionTime": "2026-01-02T03:04:05Z", "reason": "R", "message": "M",
			}
			object := map[string]any{"status": map[string]any{"observedGeneration": int64(3), "conditions": []any{condition}}}
			want := runtime.DeepCopyJSON(object)
			pruning.Prune(object, s.structural, true)
			assert.Equal(t, want, object)
			assert.Empty(t, validation.ValidateCustomResource(nil, object, s.validator))
			condition["status"] = "maybe"
			assert.NotEmpty(t, validation.ValidateCustomResource(nil, object, s.validator))
		})
	}
}

// The journal of a run is read by whoever takes the run over: nothing of it may
// be lost on the way through the API server.
func TestJournalSurvivesTheAPIServer(t *testing.T) {
	t.Parallel()
	at := metav1.NewMicroTime(time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC))
	wait := WaitStatus{Node: "a", Kind: "Approval", Message: "?", Until: &at, Details: JSONObject{"approvers": []any{"x"}}}
	run := &FlowRun{}
	run.Name = "r"
	run.Spec = FlowRunSpec{
		Flow: ObjectReference{Name: "f"}, Plan: "p",
		Event: runtime.RawExtension{Raw: []byte(`{"specversion":"1.0","id":"1","source":"s","type":"t"}`)},
	}
	run.Status = FlowRunStatus{
		StartTime: &at, CompletionTime: &at, Duration: "2.3s", Usage: &TokenUsage{InputTokens: 1, OutputTokens: 2},
		Lease:  &RunLease{Holder: "h", RenewedAt: &at, ExpiresAt: &at, Takeovers: 1},
		Audit:  &RunAudit{Records: 5, Delivered: 2, Omitted: 1, Decisions: 1, Limited: 1, Ended: true, Pending: []string{`{"id":"r-4"}`, `{"id":"r-5","output":"<&>"}`}, Failures: 2, NextTry: &at, LastError: "it is down"},
		Result: &RunResult{Text: "done", Output: &runtime.RawExtension{Raw: []byte(`"done"`)}}, Waiting: []WaitStatus{wait},
	}
	for _, output := range []string{`"text"`, `3`, `true`, `[1,{"a":null}]`, `{"a":{"b":[]}}`} {
		run.Status.Nodes = append(run.Status.Nodes, NodeStatus{
			ID: "n", Type: "Script", Phase: NodePhaseFailed, Attempt: 2, StartTime: &at, EndTime: &at, Duration: "45ms",
			Output: &runtime.RawExtension{Raw: []byte(output)}, Exports: map[string]string{"A": "b"},
			Error: &RunError{Node: "n", Reason: "R", Message: "M"}, Usage: &TokenUsage{InputTokens: 3}, Wait: &wait,
		})
	}
	run.Status.MarkFailed(RunError{Node: "n", Reason: "R", Message: "M"})
	s := newServer(t, "FlowRun")
	stored := viaJSON(t, run)
	assert.Empty(t, pruning.PruneWithOptions(stored, s.structural, true, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}))
	assert.Empty(t, validation.ValidateCustomResource(nil, stored, s.validator))
	var again FlowRun
	require.NoError(t, json.Unmarshal([]byte(asJSON(t, stored)), &again))
	assert.JSONEq(t, asJSON(t, run), asJSON(t, again))
	assert.True(t, equality.Semantic.DeepEqual(run.Status.Nodes[0].StartTime, again.Status.Nodes[0].StartTime), "microseconds stay")
}

// Upstream's own files, where they are at hand.
func TestUpstreamFilesOfOurKindsAreAccepted(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("..", "..", "..", "..", "..", "shared", "upstream")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("upstream's files are not at hand: ", err)
	}
	seen := 0
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" {
			return err
		}
		for _, doc := range documents(t, path) {
			kind, _ := doc["kind"].(string)
			if kind == "Binding" {
				kind = "FlowBinding"
			}
			typed := newObject(kind)
			if typed == nil {
				continue // other kinds are the importer's business
			}
			seen++
			t.Run(strings.TrimPrefix(path, dir+string(filepath.Separator)), func(t *testing.T) {
				if kind == "AgentFlow" && pick(doc, "spec", "trigger") == nil {
					doc["spec"].(map[string]any)["trigger"] = map[string]any{"type": "Manual", "config": map[string]any{}}
				}
				_, _, errs := newServer(t, kind).apply(t, kind, doc)
				assert.Empty(t, errs)
			})
		}
		return nil
	}))
	assert.Greater(t, seen, 10)
}
