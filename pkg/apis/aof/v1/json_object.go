// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// JSONObject is an open JSON object: its keys are not declared in the schema,
// because they belong to a platform, a node type or a tool rather than to the
// API. Whole numbers are int64, other numbers float64, as in apimachinery's
// unstructured objects. A nil JSONObject is an absent one, an empty one is `{}`.
//
// +kubebuilder:validation:Type=object
// +kubebuilder:pruning:PreserveUnknownFields
// +k8s:deepcopy-gen=false
type JSONObject map[string]any

var errNotAnObject = errors.New("must be a JSON object")

// UnmarshalJSON reads an object, or null as an absent one. Anything else is an error.
func (o *JSONObject) UnmarshalJSON(data []byte) error {
	m, err := decodeObject(data)
	if err != nil {
		return err
	}
	*o = m
	return nil
}

// MarshalJSON writes the object; an absent one is null.
func (o JSONObject) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any(o))
}

// DeepCopy returns a copy that shares no map or slice with the receiver.
func (o JSONObject) DeepCopy() JSONObject {
	if o == nil {
		return nil
	}
	return deepCopyObject(o)
}

// DeepCopyInto copies the object into out.
func (o *JSONObject) DeepCopyInto(out *JSONObject) {
	*out = o.DeepCopy()
}

func decodeObject(data []byte) (map[string]any, error) {
	data = bytes.TrimSpace(data)
	if bytes.Equal(data, []byte("null")) {
		return nil, nil //nolint:nilnil // JSON null is an absent object, which is not an error.
	}
	if len(data) == 0 || data[0] != '{' {
		return nil, errNotAnObject
	}
	m := map[string]any{}
	if err := utiljson.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("read JSON object: %w", err)
	}
	return m, nil
}

func deepCopyObject(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = deepCopyValue(v)
	}
	return out
}

// deepCopyValue copies JSON containers and passes everything else on: unlike
// runtime.DeepCopyJSONValue it does not panic on an int put there by Go code.
func deepCopyValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if v == nil {
			return v
		}
		return deepCopyObject(v)
	case JSONObject:
		return v.DeepCopy()
	case []any:
		if v == nil {
			return v
		}
		out := make([]any, len(v))
		for i := range v {
			out[i] = deepCopyValue(v[i])
		}
		return out
	default:
		return v
	}
}
