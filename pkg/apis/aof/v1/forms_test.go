// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"
)

func TestParseReference(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]ObjectReference{
		"prod":                       {Name: "prod"},
		"prod\n":                     {Name: "prod"},
		"shared/prod":                {Namespace: "shared", Name: "prod"},
		"contexts/prod.yaml":         {Name: "prod"},
		"./a/b/c/slack-prod.yml":     {Name: "slack-prod"},
		"agents/k8s-ops.v2.json":     {Name: "k8s-ops.v2"},
		"prod.yaml":                  {Name: "prod"},
		"":                           {},
		"shared/":                    {Namespace: "shared"},
		"../../../etc/passwd":        {Namespace: "..", Name: "../../etc/passwd"},
		"https://example.com/x.yaml": {Name: "x"},
	} {
		assert.Equal(t, want, ParseReference(written), "%q", written)
	}
}

func TestReferenceForms(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		written string
		want    ObjectReference
		stored  string
	}{
		{written: `"ns/a"`, want: ObjectReference{Name: "a", Namespace: "ns"}, stored: `{"name":"a","namespace":"ns"}`},
		{written: `{"name":"a"}`, want: ObjectReference{Name: "a"}, stored: `{"name":"a"}`},
		{written: `{"ref":"a/b.yaml"}`, want: ObjectReference{Name: "b"}, stored: `{"name":"b"}`},
		{written: `{"ref":"b","name":"b","namespace":"ns"}`, want: ObjectReference{Name: "b", Namespace: "ns"}, stored: `{"name":"b","namespace":"ns"}`},
		{written: `{"ref":"x/b","namespace":"y"}`, want: ObjectReference{Ref: "x/b", Namespace: "y"}, stored: `{"namespace":"y","ref":"x/b"}`},
		{written: `{"ref":"c","name":"b"}`, want: ObjectReference{Name: "b", Ref: "c"}, stored: `{"name":"b","ref":"c"}`},
	} {
		var got ObjectReference
		require.NoError(t, json.Unmarshal([]byte(tc.written), &got), tc.written)
		assert.Equal(t, tc.want, got, tc.written)
		stored, err := json.Marshal(got)
		require.NoError(t, err)
		assert.JSONEq(t, tc.stored, string(stored))
	}
	for _, wrong := range []string{`3`, `[]`, `true`, `{"name":3}`} {
		var got ObjectReference
		assert.Error(t, json.Unmarshal([]byte(wrong), &got), wrong)
	}
}

func TestReferencesFollowTheObjectTheyStandIn(t *testing.T) {
	t.Parallel()
	assert.Equal(t, types.NamespacedName{Namespace: "here", Name: "a"}, ObjectReference{Name: "a"}.NamespacedName("here"))
	assert.Equal(t, types.NamespacedName{Namespace: "there", Name: "a"}, ObjectReference{Name: "a", Namespace: "there"}.NamespacedName("here"))
	assert.Equal(t, "a", ObjectReference{Name: "a"}.String())
	assert.Equal(t, "there/a", ObjectReference{Name: "a", Namespace: "there"}.String())
}

func TestMemoryForms(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]AgentMemory{
		`"InMemory"`:              {Type: "InMemory"},
		`"File:./m.json"`:         {Type: "File", Config: JSONObject{"path": "./m.json"}},
		`"File:./m.json:100"`:     {Type: "File", Config: JSONObject{"path": "./m.json", "max_messages": int64(100)}},
		`"File:C:/m.json"`:        {Type: "File", Config: JSONObject{"path": "C:/m.json"}},
		`{"type":"SQLite"}`:       {Type: "SQLite"},
		`{"config":{"path":"x"}}`: {Config: JSONObject{"path": "x"}},
	} {
		var got AgentMemory
		require.NoError(t, json.Unmarshal([]byte(written), &got), written)
		assert.Equal(t, want, got, written)
	}
	assert.Error(t, json.Unmarshal([]byte(`[1]`), &AgentMemory{}))
}

func TestToolForms(t *testing.T) {
	t.Parallel()
	var tools []AgentTool
	require.NoError(t, json.Unmarshal([]byte(`["kubectl",{"type":"Shell","config":{"allowed_commands":["ls"]},"enabled":false}]`), &tools))
	require.Len(t, tools, 2)
	assert.Equal(t, "kubectl", tools[0].Name())
	assert.Empty(t, tools[0].Type())
	assert.True(t, tools[0].IsEnabled())
	assert.Nil(t, tools[0].Config())
	assert.Equal(t, "Shell", tools[1].Type())
	assert.False(t, tools[1].IsEnabled())
	assert.Equal(t, JSONObject{"allowed_commands": []any{"ls"}}, tools[1].Config())
	assert.Error(t, json.Unmarshal([]byte(`[3]`), &tools))

	shared := tools[1].DeepCopy()
	shared.Config()["allowed_commands"].([]any)[0] = "rm"
	assert.Equal(t, "ls", tools[1].Config()["allowed_commands"].([]any)[0])
}

func TestFlowContextKeepsWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	written := `{"namespace":"n","cluster_name":"c","workingDir":"/w","env":{"A":"b"},"ref":"prod","colour":{"red":[1]}}`
	var c FlowContext
	require.NoError(t, json.Unmarshal([]byte(written), &c))
	assert.Equal(t, FlowContext{
		Namespace: "n", Cluster: "c", WorkingDir: "/w", Env: map[string]string{"A": "b"}, Ref: &ObjectReference{Name: "prod"},
		Extra: JSONObject{"colour": map[string]any{"red": []any{int64(1)}}},
	}, c)
	stored, err := json.Marshal(c)
	require.NoError(t, err)
	assert.JSONEq(t, `{"namespace":"n","cluster":"c","working_dir":"/w","env":{"A":"b"},"ref":{"name":"prod"},"colour":{"red":[1]}}`, string(stored))
}

func TestConditionValueIsAnyScalar(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]ConditionValue{`"yes"`: "yes", `true`: "true", `3`: "3", `1.5`: "1.5"} {
		var got ConditionValue
		require.NoError(t, json.Unmarshal([]byte(written), &got), written)
		assert.Equal(t, want, got)
	}
	for _, wrong := range []string{`{}`, `[]`} {
		var got ConditionValue
		assert.Error(t, json.Unmarshal([]byte(wrong), &got), wrong)
	}
}

func TestJSONObject(t *testing.T) {
	t.Parallel()
	var o JSONObject
	require.NoError(t, json.Unmarshal([]byte(`{"id":-1001234567890123,"half":0.5}`), &o))
	assert.Equal(t, JSONObject{"id": int64(-1001234567890123), "half": 0.5}, o, "ids keep all their digits")
	require.NoError(t, json.Unmarshal([]byte(`null`), &o))
	assert.Nil(t, o)
	for _, wrong := range []string{`[]`, `"x"`, `3`} {
		assert.Error(t, json.Unmarshal([]byte(wrong), &o), wrong)
	}

	written := JSONObject{"int": 3, "inner": JSONObject{"a": []any{1}}}
	copied := written.DeepCopy()
	assert.Equal(t, written, copied, "what Go code put there is copied as well")
	copied["inner"].(JSONObject)["a"].([]any)[0] = 2
	assert.Equal(t, 1, written["inner"].(JSONObject)["a"].([]any)[0])
}

func TestMembersAndNodesDescribeAgentsAsAgentsDo(t *testing.T) {
	t.Parallel()
	member := FleetMember{Name: "a", Spec: JSONObject{"model": "Google:gemini", "system_prompt": "x", "tools": []any{"kubectl"}, "theirs": 1}}
	spec, err := member.AgentSpec()
	require.NoError(t, err)
	assert.Equal(t, AgentSpec{Model: "google:gemini", Instructions: "x", Tools: []AgentTool{{"name": "kubectl"}}}, spec)
	_, err = (&FleetMember{Ref: &ObjectReference{Name: "a"}}).AgentSpec()
	assert.Error(t, err)
	_, err = DecodeAgentSpec(JSONObject{"model": []any{}})
	assert.Error(t, err)
}
