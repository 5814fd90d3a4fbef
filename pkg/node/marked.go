// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/flow"
)

// marked renders the first of the keys that has a value, and tells which parts of
// the text values gave.
func (s settings) marked(keys ...string) (expr.Marked, error) {
	v, ok := s.first(keys...)
	if !ok {
		return expr.Marked{}, nil
	}
	src, isText := v.(string)
	if !isText {
		text, err := s.asText(v)
		return expr.Value(text), at(keys[0], err)
	}
	m, err := s.markedText(src)
	return m, at(keys[0], err)
}

func (r *renderer) markedText(src string) (expr.Marked, error) {
	t, err := expr.ParseTemplate(src)
	if err != nil {
		return expr.Marked{}, templateError(err)
	}
	m, err := t.RenderMarked(r.scope)
	if err != nil {
		return expr.Marked{}, templateError(err)
	}
	return m, r.spend(m.Text)
}

// deepMarked is deep that marks every text that is a value or holds one.
func (r *renderer) deepMarked(v any) (any, error) { return everyText(v, r.markedValue, 0) }

// markedValue renders one text; a lone reference keeps the type of its value.
func (r *renderer) markedValue(src string) (any, error) {
	if lone(src) {
		v, err := r.value(src)
		if _, isText := v.(string); err != nil || !isText {
			return valueMarked(v, 0), err
		}
	}
	m, err := r.markedText(src)
	if err == nil && len(m.Data) == 0 {
		return m.Text, nil
	}
	return m, err
}

// valueMarked marks every text in a value, which is JSON-like or becomes text.
func valueMarked(v any, depth int) any {
	switch t := v.(type) {
	case nil, bool, int, int64, float64:
		return v
	case map[string]any:
		if depth > flow.MaxDepth {
			return nil
		}
		out := make(map[string]any, len(t))
		for key, item := range t {
			out[key] = valueMarked(item, depth+1)
		}
		return out
	case []any:
		if depth > flow.MaxDepth {
			return nil
		}
		out := make([]any, len(t))
		for i := range t {
			out[i] = valueMarked(t[i], depth+1)
		}
		return out
	default:
		return expr.Value(expr.Text(v))
	}
}
