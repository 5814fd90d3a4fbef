// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// AgentTool is one tool of an agent: an open object, since its keys belong to
// the tool. A tool is known by name ({name: kubectl}) or by type ({type: Shell,
// config: {…}}); the string "kubectl" is stored as {name: kubectl}.
//
// +kubebuilder:validation:Type=object
// +kubebuilder:pruning:PreserveUnknownFields
// +k8s:deepcopy-gen=false
type AgentTool map[string]any

var errToolForm = errors.New("a tool must be a string or an object")

// UnmarshalJSON accepts the string form and the object form.
func (t *AgentTool) UnmarshalJSON(data []byte) error {
	data = bytes.TrimSpace(data)
	if len(data) > 0 && data[0] == '"' {
		var name string
		if err := json.Unmarshal(data, &name); err != nil {
			return fmt.Errorf("read tool: %w", err)
		}
		*t = AgentTool{"name": strings.TrimSpace(name)}
		return nil
	}
	m, err := decodeObject(data)
	if err != nil {
		return fmt.Errorf("%w: %w", errToolForm, err)
	}
	*t = m
	return nil
}

// MarshalJSON writes the object form.
func (t AgentTool) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any(t))
}

// DeepCopy returns a copy that shares nothing with the receiver.
func (t AgentTool) DeepCopy() AgentTool {
	return AgentTool(JSONObject(t).DeepCopy())
}

// DeepCopyInto copies the tool into out.
func (t *AgentTool) DeepCopyInto(out *AgentTool) {
	*out = t.DeepCopy()
}

// Name is the tool's name, empty for a tool known by its type only.
func (t AgentTool) Name() string { return stringAt(t, "name") }

// Type is the tool's type as written, empty for a tool known by its name.
func (t AgentTool) Type() string { return stringAt(t, "type") }

// Config holds the settings that belong to the tool.
func (t AgentTool) Config() JSONObject {
	switch config := t["config"].(type) {
	case map[string]any:
		return config
	case JSONObject:
		return config
	default:
		return nil
	}
}

// IsEnabled reports whether the agent may use the tool: yes unless `enabled` is false.
func (t AgentTool) IsEnabled() bool {
	enabled, ok := t["enabled"].(bool)
	return !ok || enabled
}

// UnmarshalJSON accepts the string form and the object form.
func (m *AgentMemory) UnmarshalJSON(data []byte) error {
	data = bytes.TrimSpace(data)
	if len(data) > 0 && data[0] == '"' {
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return fmt.Errorf("read memory: %w", err)
		}
		*m = parseMemory(s)
		return nil
	}
	type plain AgentMemory
	var p plain
	if err := json.Unmarshal(data, &p); err != nil {
		return fmt.Errorf("read memory: %w", err)
	}
	*m = AgentMemory(p)
	return nil
}

// parseMemory reads "Type", "Type:path" and "Type:path:N".
func parseMemory(s string) AgentMemory {
	kind, rest, _ := strings.Cut(strings.TrimSpace(s), ":")
	m := AgentMemory{Type: MemoryType(kind)}
	if rest == "" {
		return m
	}
	m.Config = JSONObject{"path": rest}
	if i := strings.LastIndexByte(rest, ':'); i > 0 {
		if n, err := strconv.ParseInt(rest[i+1:], 10, 64); err == nil {
			m.Config = JSONObject{"path": rest[:i], "max_messages": n}
		}
	}
	return m
}

func stringAt(m map[string]any, key string) string {
	s, _ := m[key].(string)
	return s
}
