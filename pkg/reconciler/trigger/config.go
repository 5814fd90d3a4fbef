// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
)

// references gives a config in which every {secretKeyRef: {name, key}} about the
// namespace's credentials is written as ${KEY}, and lists the Secrets that other
// ones name: nobody of ours may read those.
func references(config aofv1.JSONObject) (map[string]any, []string) {
	var others []string
	resolved, _ := reference(map[string]any(config), &others).(map[string]any)
	return resolved, others
}

func reference(value any, others *[]string) any {
	switch v := value.(type) {
	case map[string]any:
		if ref, ok := v["secretKeyRef"].(map[string]any); ok && len(v) == 1 {
			name, _ := ref["name"].(string)
			key, _ := ref["key"].(string)
			if name == names.Credentials && key != "" {
				return "${" + key + "}"
			}
			*others = append(*others, name)
		}
		out := make(map[string]any, len(v))
		for key, item := range v {
			out[key] = reference(item, others)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = reference(item, others)
		}
		return out
	default:
		return v
	}
}
