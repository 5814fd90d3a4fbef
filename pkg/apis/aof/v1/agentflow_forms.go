// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// UnmarshalJSON reads a trigger. An empty one, which is any trigger, gets an
// empty config, so that it is not taken for an absent one.
func (t *FlowTrigger) UnmarshalJSON(data []byte) error {
	type plain FlowTrigger
	var p plain
	if err := json.Unmarshal(data, &p); err != nil {
		return fmt.Errorf("read flow trigger: %w", err)
	}
	*t = FlowTrigger(p)
	if t.IsZero() && isObject(data) {
		t.Config = JSONObject{}
	}
	return nil
}

// IsZero reports whether the flow says nothing about a trigger.
func (t FlowTrigger) IsZero() bool {
	return t.Type == "" && t.Config == nil && len(t.Patterns) == 0
}

// UnmarshalJSON reads the fields of a flow's context and keeps what has none.
func (c *FlowContext) UnmarshalJSON(data []byte) error {
	type plain FlowContext
	var p plain
	if err := json.Unmarshal(data, &p); err != nil {
		return fmt.Errorf("read flow context: %w", err)
	}
	all, err := decodeObject(data)
	if err != nil {
		return fmt.Errorf("read flow context: %w", err)
	}
	if p.Cluster == "" {
		p.Cluster = stringAt(all, "cluster_name")
	}
	if p.WorkingDir == "" {
		p.WorkingDir = stringAt(all, "workingDir")
	}
	for _, known := range []string{"kubeconfig", "namespace", "cluster", "cluster_name", "working_dir", "workingDir", "env", "ref"} {
		delete(all, known)
	}
	if len(all) > 0 {
		p.Extra = all
	}
	*c = FlowContext(p)
	return nil
}

// MarshalJSON writes the fields and, beside them, the keys that have none.
func (c FlowContext) MarshalJSON() ([]byte, error) {
	type plain FlowContext
	data, err := json.Marshal(plain(c))
	if err != nil || len(c.Extra) == 0 {
		return data, err
	}
	all := c.Extra.DeepCopy()
	fields, err := decodeObject(data)
	if err != nil {
		return nil, err
	}
	for k, v := range fields {
		all[k] = v
	}
	return json.Marshal(all)
}

var errNotAScalar = errors.New("must be a string, a boolean or a number")

// UnmarshalJSON accepts any scalar and keeps its text.
func (v *ConditionValue) UnmarshalJSON(data []byte) error {
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return errNotAScalar
	}
	switch data[0] {
	case '"':
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return fmt.Errorf("read value: %w", err)
		}
		*v = ConditionValue(s)
	case '{', '[', 'n':
		return errNotAScalar
	default:
		*v = ConditionValue(data)
	}
	return nil
}
